/**
 * Watches directories one by one and tells of paths in them that changed and have been still since. (Node's own
 * recursive watch visits the whole tree at once, synchronously, and watches every file in it.)
 */
import { Duration, Effect, type Scope } from "effect"
import { type FSWatcher, watch } from "node:fs"
import { join, sep } from "node:path"
import { isAudioName, isHidden } from "./audioFiles.ts"
import { isCoverName } from "./pictures.ts"

export interface DirectoryWatch {
  /** From now on. Watching what is watched, or is no directory, changes nothing. */
  readonly add: (directory: string) => Effect.Effect<void>
  /** Ends the watch of a directory and of all below it. */
  readonly remove: (directory: string) => Effect.Effect<void>
  /** As if the path had changed now, or `after` so long. */
  readonly touch: (path: string, after?: Duration.Duration) => Effect.Effect<void>
  /** Waits until there are paths that changed and then were still, and takes them. */
  readonly take: Effect.Effect<ReadonlyArray<string>>
}

export const makeDirectoryWatch = (stillness: Duration.Duration): Effect.Effect<DirectoryWatch, never, Scope.Scope> =>
  Effect.gen(function* () {
    const watchers = new Map<string, FSWatcher>()
    /** When each path changed last, milliseconds since 1970. */
    const changed = new Map<string, number>()
    const hasChanged = yield* Effect.makeLatch(false)
    const stillMs = Duration.toMillis(stillness)
    let isLimitTold = false

    const touch = (path: string, afterMs = 0) => {
      changed.set(path, Date.now() + afterMs)
      hasChanged.unsafeOpen()
    }
    const end = (directory: string) => {
      watchers.get(directory)?.close()
      watchers.delete(directory)
    }
    yield* Effect.addFinalizer(() => Effect.sync(() => [...watchers.keys()].forEach(end)))

    const add = (directory: string) =>
      Effect.suspend(() => {
        if (watchers.has(directory)) return Effect.void
        try {
          const watcher = watch(directory, { persistent: false })
          watchers.set(directory, watcher)
          watcher.on("error", () => end(directory))
          watcher.on("change", (event, name) => {
            if (typeof name !== "string" || isHidden(name)) return
            // What appears or goes may be a directory; what is written to is a file.
            if (event === "rename" || isAudioName(name) || isCoverName(name)) touch(join(directory, name))
          })
          return Effect.void
        } catch (error) {
          if (isLimitTold) return Effect.void
          isLimitTold = true
          return Effect.logWarning("A folder cannot be watched; changes in it show at the next full scan", error)
        }
      })

    const remove = (directory: string) =>
      Effect.sync(() => {
        for (const other of watchers.keys()) {
          if (other === directory || other.startsWith(directory + sep)) end(other)
        }
      })

    const takeStill = Effect.sync(() => {
      const now = Date.now()
      const still = [...changed].filter(([, at]) => now - at >= stillMs).map(([path]) => path)
      for (const path of still) changed.delete(path)
      if (changed.size === 0) hasChanged.unsafeClose()
      return still
    })

    const take = hasChanged.await.pipe(
      Effect.zipRight(Effect.sleep(Duration.times(stillness, 0.5))),
      Effect.zipRight(takeStill),
      Effect.repeat({ until: (paths) => paths.length > 0 })
    )

    const touchAfter = (path: string, after = Duration.zero) => Effect.sync(() => touch(path, Duration.toMillis(after)))

    return { add, remove, touch: touchAfter, take }
  })
