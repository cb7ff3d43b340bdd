/** A track of the library: one audio file below a music folder. */
import { Schema } from "effect"

export const TrackId = Schema.Int.pipe(Schema.positive(), Schema.brand("TrackId"))
export type TrackId = typeof TrackId.Type

/** What tells one content of a file from the next: a file replaced on disk has another version. */
export const FileVersion = Schema.Struct({
  /** Bytes. */
  size: Schema.Int.pipe(Schema.nonNegative()),
  /** Milliseconds since 1970, with the fraction that the file system gives. */
  mtime_ms: Schema.Finite
})
export type FileVersion = typeof FileVersion.Type

export const isSameVersion = (a: FileVersion, b: FileVersion): boolean => a.size === b.size && a.mtime_ms === b.mtime_ms

const tags = {
  title: Schema.String,
  artist: Schema.NullOr(Schema.String),
  album: Schema.NullOr(Schema.String),
  album_artist: Schema.NullOr(Schema.String),
  track_number: Schema.NullOr(Schema.Int),
  disc_number: Schema.NullOr(Schema.Int),
  year: Schema.NullOr(Schema.Int),
  /** Seconds. */
  duration: Schema.Finite.pipe(Schema.nonNegative()),
  sample_rate: Schema.Int.pipe(Schema.positive()),
  channels: Schema.Int.pipe(Schema.positive()),
  /** Whether a picture comes with the file. */
  has_art: Schema.Boolean
}

/** What a file says about itself. */
export const TrackTags = Schema.Struct(tags)
export type TrackTags = typeof TrackTags.Type

/** What other services see of a track. */
export const Track = Schema.Struct({
  id: TrackId,
  ...tags,
  /** When it was first read. ISO 8601, UTC. */
  added_at: Schema.String
}).annotations({ identifier: "Track" })
export type Track = typeof Track.Type

/** A track together with its file. Stays inside the service: paths never leave it. */
export interface TrackFile {
  readonly track: Track
  /** Absolute path of the music folder. */
  readonly folder: string
  /** Path below the folder, with `/`. */
  readonly relativePath: string
  readonly version: FileVersion
}

export class TrackNotFound extends Schema.TaggedError<TrackNotFound>()("TrackNotFound", { track_id: Schema.Number }) {
  override get message(): string {
    return `There is no track ${this.track_id} in the library. List the tracks again.`
  }
}
