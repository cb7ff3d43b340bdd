/** The library as it is browsed: tracks with the state of their fingerprints, albums, artists, and how a scan stands. */
import { Schema } from "effect"
import { Track } from "./Track.ts"

const Count = Schema.Int.pipe(Schema.nonNegative())

/** `pending`: not measured yet; `failed`: cannot be, and why is remembered. */
const FingerprintState = Schema.Literal("ready", "pending", "analyzing", "failed")
export type FingerprintState = typeof FingerprintState.Type

export const ListedTrack = Schema.Struct({ ...Track.fields, fingerprint: FingerprintState }).annotations({
  identifier: "ListedTrack"
})
export type ListedTrack = typeof ListedTrack.Type

/** Tracks of one album title and one album artist, or of one folder where they name no album artist. */
export const Album = Schema.Struct({
  id: Schema.Int,
  title: Schema.String,
  /** null where its tracks are by several. */
  artist: Schema.NullOr(Schema.String),
  year: Schema.NullOr(Schema.Int),
  tracks: Count,
  /** Seconds. */
  duration: Schema.Finite,
  /** A track whose picture stands for the album. */
  art_track_id: Schema.NullOr(Schema.Int)
}).annotations({ identifier: "Album" })
export type Album = typeof Album.Type

/** By album artist, and by artist where a track names none. */
export const Artist = Schema.Struct({
  id: Schema.Int,
  name: Schema.String,
  albums: Count,
  tracks: Count
}).annotations({ identifier: "Artist" })
export type Artist = typeof Artist.Type

/** A file of the library that cannot be read. Where the music folder itself is stays inside the service. */
export const UnreadableFile = Schema.Struct({
  /** Its name. */
  file: Schema.String,
  /** Below its music folder, with `/` between. */
  path: Schema.String,
  message: Schema.String
}).annotations({ identifier: "UnreadableFile" })
export type UnreadableFile = typeof UnreadableFile.Type

/**
 * Why something in a music folder is not taken in: its ending is not that of audio; it begins with a point; it is a link
 * that is not followed, that leads nowhere, or back into what is listed anyway; it is listed by another path; it is a
 * pipe or a device; the system does not let it be looked at; its name is not UTF-8.
 */
const LeftOutReason = Schema.Literal(
  "no_audio",
  "hidden",
  "link",
  "link_broken",
  "link_back",
  "same_file",
  "no_file",
  "unseen",
  "name"
)
export type LeftOutReason = typeof LeftOutReason.Type

/** What a scan has found in the music folders and not taken in. */
export const LeftOut = Schema.Struct({
  /** Of the names, lower case, without the point; empty for folders and names without one. */
  ending: Schema.String,
  reason: LeftOutReason,
  files: Count
}).annotations({ identifier: "LeftOut" })
export type LeftOut = typeof LeftOut.Type

/** How the running scan stands, or how the last one ended. */
export const ScanStatus = Schema.Struct({
  running: Schema.Boolean,
  /** Audio files that were found so far. */
  files_found: Count,
  /** Of these, how many were looked at: read where they are new or changed. */
  files_read: Count,
  added: Count,
  updated: Count,
  unreadable: Count,
  /** The most first. */
  left_out: Schema.optionalWith(Schema.Array(LeftOut), { default: () => [] }),
  /** Files looked at per second since the start; null before there is anything to tell. */
  rate_per_second: Schema.NullOr(Schema.Finite),
  /** ISO 8601, UTC. */
  finished_at: Schema.NullOr(Schema.String)
}).annotations({ identifier: "ScanStatus" })
export type ScanStatus = typeof ScanStatus.Type

export const noScanYet: ScanStatus = {
  running: false,
  files_found: 0,
  files_read: 0,
  added: 0,
  updated: 0,
  unreadable: 0,
  left_out: [],
  rate_per_second: null,
  finished_at: null
}
