/** A track of the library: one audio file below a music folder. */
import { Schema } from "effect"

export const TrackId = Schema.Int.pipe(Schema.positive(), Schema.brand("TrackId"))
export type TrackId = typeof TrackId.Type

/** What tells one content of a file from the next: a file replaced on disk has another version. */
export const FileVersion = Schema.Struct({
  /** Bytes. */
  size: Schema.Int.pipe(Schema.nonNegative()),
  /** Milliseconds since 1970, with the fraction that the file system gives. */
  mtime_ms: Schema.Finite,
  /** As far as a number holds it; null where the file system has none that stays. */
  inode: Schema.NullOr(Schema.Finite),
  /** When content, name or rights changed last, milliseconds since 1970; null where the file system does not keep it. */
  ctime_ms: Schema.NullOr(Schema.Finite)
})
export type FileVersion = typeof FileVersion.Type

export type SizeAndTime = Pick<FileVersion, "size" | "mtime_ms">

/** What every file system keeps, and others can tell of a file: almost always the same content. */
export const isSameSizeAndTime = (a: SizeAndTime, b: SizeAndTime): boolean =>
  a.size === b.size && a.mtime_ms === b.mtime_ms

/** Nothing has been done to the file in between. */
export const isSameVersion = (a: FileVersion, b: FileVersion): boolean =>
  isSameSizeAndTime(a, b) && a.inode === b.inode && a.ctime_ms === b.ctime_ms

/** Another one for each version; letters, digits, points and hyphens. */
export const versionText = ({ ctime_ms, inode, mtime_ms, size }: FileVersion): string =>
  [size, mtime_ms, inode ?? 0, ctime_ms ?? 0].map((part) => part.toString(36)).join("-")

const Text = Schema.NullOr(Schema.String)
const Whole = Schema.NullOr(Schema.Int)
const Number = Schema.NullOr(Schema.Finite)

/** null: the file does not say. Several values of one tag are joined with "; ". */
const details = {
  artist: Text,
  album: Text,
  album_artist: Text,
  track_number: Whole,
  disc_number: Whole,
  year: Whole,
  genre: Text,
  composer: Text,
  /** As FFmpeg calls it: `flac`, `pcm_s24le`. */
  codec: Text,
  /** Bits a sample; of lossless audio only. */
  bit_depth: Whole,
  /** Bits a second. */
  bit_rate: Whole,
  musicbrainz_recording_id: Text,
  musicbrainz_track_id: Text,
  musicbrainz_album_id: Text,
  musicbrainz_release_group_id: Text,
  musicbrainz_artist_id: Text,
  musicbrainz_album_artist_id: Text,
  /** Towards -18 LUFS; shown, not applied: what is played is measured by lathe itself. */
  replaygain_track_gain_db: Number,
  /** Of full scale. */
  replaygain_track_peak: Number,
  replaygain_album_gain_db: Number,
  replaygain_album_peak: Number,
  /** Towards -23 LUFS (RFC 7845, 5.2.1); shown, not applied. */
  r128_track_gain_db: Number,
  r128_album_gain_db: Number
}

const TrackDetails = Schema.Struct(details)
export type TrackDetails = typeof TrackDetails.Type

/** Of a file that says nothing about itself. */
export const noDetails: TrackDetails = {
  artist: null,
  album: null,
  album_artist: null,
  track_number: null,
  disc_number: null,
  year: null,
  genre: null,
  composer: null,
  codec: null,
  bit_depth: null,
  bit_rate: null,
  musicbrainz_recording_id: null,
  musicbrainz_track_id: null,
  musicbrainz_album_id: null,
  musicbrainz_release_group_id: null,
  musicbrainz_artist_id: null,
  musicbrainz_album_artist_id: null,
  replaygain_track_gain_db: null,
  replaygain_track_peak: null,
  replaygain_album_gain_db: null,
  replaygain_album_peak: null,
  r128_track_gain_db: null,
  r128_album_gain_db: null
}

const tags = {
  title: Schema.String,
  ...details,
  /** Seconds. */
  duration: Schema.Finite.pipe(Schema.nonNegative()),
  sample_rate: Schema.Int.pipe(Schema.positive()),
  channels: Schema.Int.pipe(Schema.positive()),
  /** Whether a picture comes with the file, in it or beside it. */
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
