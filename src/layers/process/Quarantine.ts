/**
 * Which content of which file has cost how many worker processes. A file that takes too many with it is quarantined: it
 * is refused until its content changes, or this process ends.
 */
import { stat } from "node:fs/promises"
import { basename } from "node:path"
import { Effect } from "effect"
import { TrackUnreadable } from "../../domain/audio/AnalysisError.ts"

/** As many workers may a file take with it before it is refused. */
export const strikesToRefuse = 3
/** Bound on what is remembered about such files. */
const mostStruckFiles = 1000

export interface Strikes {
  /** Names a file's content, by its size and time. Fails for what is there but is no regular file. */
  readonly keyOf: (path: string) => Effect.Effect<string, TrackUnreadable>
  readonly add: (file: string) => void
  readonly forgive: (file: string) => void
  readonly hasAny: (file: string) => boolean
  readonly isRefused: (file: string) => boolean
}

export const makeStrikes = (): Strikes => {
  const counts = new Map<string, number>()
  return {
    // Opening a pipe or a device would wait for ever.
    keyOf: (path) =>
      Effect.promise(() => stat(path).catch(() => undefined)).pipe(
        Effect.flatMap((file) =>
          file === undefined || file.isFile()
            ? Effect.succeed(`${path}\0${file?.size}\0${file?.mtimeMs}`)
            : new TrackUnreadable({ file: basename(path), stage: "open", reason: "not_audio" })
        )
      ),
    add: (file) => {
      counts.set(file, (counts.get(file) ?? 0) + 1)
      const [oldest] = counts.keys()
      if (counts.size > mostStruckFiles && oldest !== undefined) counts.delete(oldest)
    },
    forgive: (file) => void counts.delete(file),
    hasAny: (file) => counts.has(file),
    isRefused: (file) => (counts.get(file) ?? 0) >= strikesToRefuse
  }
}

/** What is said of a file that is refused for its strikes. */
export const deadly = (path: string): TrackUnreadable =>
  new TrackUnreadable({ file: basename(path), stage: "decode", reason: "corrupt" })
