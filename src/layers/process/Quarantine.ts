/**
 * Which content of which file has cost how many worker processes, and where in it. A file that takes too many with it is
 * quarantined: it is refused until its content changes, or this process ends.
 */
import { stat } from "node:fs/promises"
import { basename } from "node:path"
import { Effect } from "effect"
import { LRUCache } from "lru-cache"
import { TrackUnreadable, type UnreadableReason } from "../../domain/audio/AnalysisError.ts"

/** As many workers may a file take with it before it is refused. */
export const lossesToRefuse = 3
/** Bound on what is remembered about such files. */
const mostFiles = 1000

/** A file's content, by its path, size and time, and what is done with it. */
export type FileKey = string & { readonly FileKey: unique symbol }

/** Seconds from the start of the track; before it: while it was opened. */
export type Position = number
export const whileOpening: Position = -1

interface Entry {
  /** Where each worker was lost that the file is to blame for. */
  readonly losses: Array<Position>
  /** Why it is refused before it has taken as many as a file may. */
  condemned: UnreadableReason | undefined
}

export interface Quarantine {
  /** Names a file's content, and a kind of work. Fails for what is there but is no regular file. */
  readonly keyOf: (path: string, kind?: string) => Effect.Effect<FileKey, TrackUnreadable>
  /** A worker was lost at work on it. */
  readonly blame: (file: FileKey, at: Position) => void
  /** A worker was lost that had it, which proves nothing: whatever is done with it is done away from others. */
  readonly suspect: (file: FileKey) => void
  /** It is refused from now on, for what it has done alone in a worker of its own. */
  readonly condemn: (file: FileKey, reason: UnreadableReason) => void
  /** A worker opened it and came through from `from` to before `to`, s: what was lost there was not for the file. */
  readonly forgive: (file: FileKey, from: Position, to: Position) => void
  /** Whether it is to be kept away from others. */
  readonly isSuspect: (file: FileKey) => boolean
  readonly refusal: (file: FileKey) => TrackUnreadable | undefined
}

export const makeQuarantine = (): Quarantine => {
  const entries = new LRUCache<FileKey, Entry>({ max: mostFiles })
  const entryOf = (file: FileKey): Entry => {
    const entry = entries.get(file) ?? { losses: [], condemned: undefined }
    entries.set(file, entry)
    return entry
  }
  return {
    // Opening a pipe or a device would wait for ever.
    keyOf: (path, kind = "") =>
      Effect.promise(() => stat(path).catch(() => undefined)).pipe(
        Effect.flatMap((file) =>
          file === undefined || file.isFile()
            ? Effect.succeed(`${path}\0${file?.size}\0${file?.mtimeMs}\0${kind}` as FileKey)
            : new TrackUnreadable({
                file: basename(path),
                stage: "open",
                reason: file.isDirectory() ? "directory" : "not_audio"
              })
        )
      ),
    blame: (file, at) => void entryOf(file).losses.push(at),
    suspect: (file) => void entryOf(file),
    condemn: (file, reason) => {
      entryOf(file).condemned = reason
    },
    forgive: (file, from, to) => {
      const entry = entries.get(file)
      if (entry === undefined || entry.condemned !== undefined) return
      const left = entry.losses.filter((at) => at !== whileOpening && (at < from || at >= to))
      entry.losses.splice(0, Infinity, ...left)
      if (left.length === 0) entries.delete(file)
    },
    isSuspect: (file) => entries.has(file),
    refusal: (file) => {
      const entry = entries.get(file)
      const reason = entry?.condemned ?? ((entry?.losses.length ?? 0) >= lossesToRefuse ? "corrupt" : undefined)
      if (reason === undefined) return undefined
      return new TrackUnreadable({ file: basename(file.split("\0", 1)[0]!), stage: "decode", reason })
    }
  }
}
