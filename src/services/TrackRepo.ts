import { Context, type Effect } from "effect"
import type { FileVersion, Track, TrackFile, TrackId, TrackNotFound } from "../domain/Track.ts"

/** Where a file is: its music folder (absolute) and its path below it, with `/`. */
export interface FileLocation {
  readonly folder: string
  readonly relativePath: string
}

/** What a scan learned of a readable file. */
export interface ScannedTrack extends FileLocation {
  readonly version: FileVersion
  readonly tags: Omit<Track, "id">
}

/** What a scan learned of a file that cannot be read as audio. */
export interface ScannedUnreadable extends FileLocation {
  readonly version: FileVersion
  /** A sentence for a person. */
  readonly message: string
}

/** Owns the stored list of tracks. Looks at no file: see TrackLibrary. Storage faults are defects. */
export class TrackRepo extends Context.Tag("lathe/TrackRepo")<
  TrackRepo,
  {
    /** Every present track, by artist, album, and path. */
    readonly list: Effect.Effect<ReadonlyArray<Track>>
    readonly get: (id: TrackId) => Effect.Effect<TrackFile, TrackNotFound>
    /** Inserts, or replaces what was known of this location; the id of a location never changes. */
    readonly upsert: (scanned: ScannedTrack) => Effect.Effect<TrackId>
    readonly markUnreadable: (scanned: ScannedUnreadable) => Effect.Effect<void>
    readonly listUnreadable: Effect.Effect<ReadonlyArray<ScannedUnreadable>>
    /** The version each known file of a folder had when it was last read, readable or not, by relative path. */
    readonly knownVersions: (folder: string) => Effect.Effect<ReadonlyMap<string, FileVersion>>
    /**
     * Of everything known, only what is below one of `folders` stays in the list, and of `folder` only `seen`. What
     * leaves the list keeps its id and its fingerprint, and is there again when its file is.
     */
    readonly keepOnly: (folders: ReadonlyMap<string, ReadonlySet<string>>) => Effect.Effect<void>
  }
>() {}
