/** A row of the table of tracks, as what the domain calls it. */
import {
  type FileVersion,
  type Track,
  type TrackDetails,
  type TrackFile,
  TrackId,
  type TrackTags
} from "../../domain/library/Track.ts"

export interface TrackRow extends Omit<TrackTags, "has_art"> {
  readonly id: number
  readonly folder: string
  readonly path: string
  readonly size: number
  readonly mtime_ms: number
  readonly inode: number | null
  readonly ctime_ms: number | null
  readonly has_art: number
  readonly added_at: number
}

const detailsIn = (row: TrackDetails): TrackDetails => {
  const { album, album_artist, artist, bit_depth, bit_rate, codec, composer, disc_number, genre, track_number, year } =
    row
  return {
    artist,
    album,
    album_artist,
    track_number,
    disc_number,
    year,
    genre,
    composer,
    codec,
    bit_depth,
    bit_rate,
    musicbrainz_recording_id: row.musicbrainz_recording_id,
    musicbrainz_track_id: row.musicbrainz_track_id,
    musicbrainz_album_id: row.musicbrainz_album_id,
    musicbrainz_release_group_id: row.musicbrainz_release_group_id,
    musicbrainz_artist_id: row.musicbrainz_artist_id,
    musicbrainz_album_artist_id: row.musicbrainz_album_artist_id,
    replaygain_track_gain_db: row.replaygain_track_gain_db,
    replaygain_track_peak: row.replaygain_track_peak,
    replaygain_album_gain_db: row.replaygain_album_gain_db,
    replaygain_album_peak: row.replaygain_album_peak,
    r128_track_gain_db: row.r128_track_gain_db,
    r128_album_gain_db: row.r128_album_gain_db
  }
}

export const toTrack = (row: TrackRow): Track => ({
  id: TrackId.make(row.id),
  title: row.title,
  ...detailsIn(row),
  duration: row.duration,
  sample_rate: row.sample_rate,
  channels: row.channels,
  has_art: row.has_art === 1,
  added_at: new Date(row.added_at).toISOString()
})

export const versionIn = ({ ctime_ms, inode, mtime_ms, size }: FileVersion): FileVersion => ({
  size,
  mtime_ms,
  inode,
  ctime_ms
})

export const toTrackFile = (row: TrackRow): TrackFile => ({
  track: toTrack(row),
  folder: row.folder,
  relativePath: row.path,
  version: versionIn(row)
})
