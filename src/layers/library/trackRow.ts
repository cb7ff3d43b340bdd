/** A row of the table of tracks, as what the domain calls it. */
import { type Track, type TrackFile, TrackId, type TrackTags } from "../../domain/library/Track.ts"

export interface TrackRow extends Omit<TrackTags, "has_art"> {
  readonly id: number
  readonly folder: string
  readonly path: string
  readonly size: number
  readonly mtime_ms: number
  readonly has_art: number
  readonly added_at: number
}

export const toTrack = (row: TrackRow): Track => ({
  id: TrackId.make(row.id),
  title: row.title,
  artist: row.artist,
  album: row.album,
  album_artist: row.album_artist,
  track_number: row.track_number,
  disc_number: row.disc_number,
  year: row.year,
  duration: row.duration,
  sample_rate: row.sample_rate,
  channels: row.channels,
  has_art: row.has_art === 1,
  added_at: new Date(row.added_at).toISOString()
})

export const toTrackFile = (row: TrackRow): TrackFile => ({
  track: toTrack(row),
  folder: row.folder,
  relativePath: row.path,
  version: { size: row.size, mtime_ms: row.mtime_ms }
})
