import { Context, type Effect, type Option } from "effect"
import type { TrackAnalysis } from "../domain/fingerprint/Fingerprint.ts"
import type { FolderReadOnly } from "../domain/fingerprint/FolderReadOnly.ts"
import type { FileVersion } from "../domain/library/Track.ts"

/**
 * Owns the `.25d` files beside the audio: the second cache, which survives the database and travels with the music.
 * Faults of the disk are defects, as those of FingerprintRepo are.
 */
export class FingerprintSidecar extends Context.Tag("lathe/FingerprintSidecar")<
  FingerprintSidecar,
  {
    /**
     * The analysis beside `path`, if it is valid, of the current algorithm and of this content: same size, same SHA-256.
     * Anything else is none. Reads the whole file.
     */
    readonly find: (path: string, version: FileVersion) => Effect.Effect<Option.Option<TrackAnalysis>>
    /** Writes it beside `path`, atomically, in place of whatever is there. */
    readonly store: (path: string, analysis: TrackAnalysis) => Effect.Effect<void, FolderReadOnly>
  }
>() {}
