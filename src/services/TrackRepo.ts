import { Context, type Effect, type Option } from "effect"
import type { FileVersion, Track, TrackFile, TrackId, TrackNotFound, TrackTags } from "../domain/library/Track.ts"

/** Where a file is: its music folder (absolute) and its path below it, with `/`. */
export interface FileLocation {
  readonly folder: string
  readonly relativePath: string
}

/** What was learned of a readable file. */
export interface ScannedTrack extends FileLocation {
  readonly version: FileVersion
  readonly tags: TrackTags
  /** The track whose file this is by its content, moved here from elsewhere. */
  readonly movedFrom?: TrackId
}

/** What was learned of a file that cannot be read as audio. */
export interface ScannedUnreadable extends FileLocation {
  readonly version: FileVersion
  /** A sentence for a person. */
  readonly message: string
}

export type Scanned = ScannedTrack | ScannedUnreadable

/** Owns the stored tracks and what they add up to: albums, artists. Looks at no file: see TrackLibrary. Storage faults are defects. */
export class TrackRepo extends Context.Tag("lathe/TrackRepo")<
  TrackRepo,
  {
    /** Every present track, by artist and album. To browse a large library: LibraryCatalog. */
    readonly list: Effect.Effect<ReadonlyArray<Track>>
    readonly get: (id: TrackId) => Effect.Effect<TrackFile, TrackNotFound>
    /**
     * All in one go. Inserts, or replaces what was known of a location; the id of a location never changes, and a moved
     * track takes its id along.
     */
    readonly store: (scanned: ReadonlyArray<Scanned>) => Effect.Effect<void>
    /**
     * The version each known file of a folder had when it was last read, readable or not, by relative path. With
     * `below`: only that path itself and what is below it.
     */
    readonly knownVersions: (folder: string, below?: string) => Effect.Effect<ReadonlyMap<string, FileVersion>>
    /**
     * Tracks at other locations whose file had this version and these properties: where this file may have come from.
     * None where this location had the same version before.
     */
    readonly findAlike: (scanned: ScannedTrack) => Effect.Effect<ReadonlyArray<FileLocation & { readonly id: TrackId }>>
    /** The track that is, or was, listed by this absolute path, of whichever music folder. */
    readonly findAt: (path: string) => Effect.Effect<Option.Option<FileLocation & { readonly id: TrackId }>>
    /** Takes files out of the list. Each keeps its id and its fingerprint, and is there again when its file is. */
    readonly forget: (files: ReadonlyArray<FileLocation>) => Effect.Effect<void>
    /** The same for all that is below none of these folders. */
    readonly forgetOutside: (folders: ReadonlyArray<string>) => Effect.Effect<void>
  }
>() {}
