import { Context, type Effect } from "effect"
import type { TrackUnreadable } from "../domain/audio/AnalysisError.ts"
import type { ScanStatus } from "../domain/library/Library.ts"
import type { Track, TrackFile, TrackId, TrackNotFound } from "../domain/library/Track.ts"

export interface ScanReport {
  readonly added: number
  readonly updated: number
  readonly unchanged: number
  readonly unreadable: number
}

/** Owns the music folders: which audio files are below them, and that what is known of a file is of its present content. */
export class TrackLibrary extends Context.Tag("lathe/TrackLibrary")<
  TrackLibrary,
  {
    /** Absolute, symlinks resolved. */
    readonly folders: ReadonlyArray<string>
    readonly list: Effect.Effect<ReadonlyArray<Track>>
    /**
     * The track and its file as it is now: a file replaced since the last scan is read again first. Fails where the
     * file is gone, or leads out of its music folder.
     */
    readonly resolve: (id: TrackId) => Effect.Effect<TrackFile, TrackNotFound | TrackUnreadable>
    /**
     * Walks all folders, reads what is new or changed, forgets what is gone. A broken file stops nothing. One at a
     * time: who asks while one runs gets its report. It lives in the library, not in its caller.
     */
    readonly scan: Effect.Effect<ScanReport>
    readonly scanStatus: Effect.Effect<ScanStatus>
  }
>() {}

/** Absolute path of a track's file. */
export const pathOf = (file: TrackFile): string => `${file.folder}/${file.relativePath}`
