/** Walks a music folder, one directory in memory at a time. */
import { Effect } from "effect"
import type { Dirent } from "node:fs"
import { readdir } from "node:fs/promises"
import { join } from "node:path"
import type { FileVersion } from "../../domain/library/Track.ts"
import type { FileLocation } from "../../services/TrackRepo.ts"
import { removeAbandoned } from "../fingerprint/FingerprintSidecarFiles.ts"
import { isAudioName, isHidden, lookBelow, saysGone } from "./audioFiles.ts"

export interface FoundFile extends FileLocation {
  readonly version: FileVersion
}

export interface Visitor {
  /** A directory's absolute path, before it is read. */
  readonly onDirectory: (path: string) => Effect.Effect<void>
  readonly onFile: (file: FoundFile) => Effect.Effect<void>
  /** A directory, relative to the folder, that is there but cannot be read. */
  readonly onUnreadableDirectory: (relativePath: string) => Effect.Effect<void>
  /** An audio file, relative to the folder, that is there but cannot be looked at. */
  readonly onUnseenFile: (relativePath: string) => Effect.Effect<void>
}

/** Files looked at together. */
const filesAtOnce = 16

/** The audio files at or below `below`, names ascending within each directory. Hidden files and linked directories are left out. */
export const walk = (folder: string, below: string, visitor: Visitor): Effect.Effect<void> =>
  Effect.gen(function* () {
    const path = join(folder, below)
    const within = (entry: Dirent) => (below === "" ? entry.name : `${below}/${entry.name}`)
    yield* visitor.onDirectory(path)
    const entries = yield* Effect.tryPromise(() => readdir(path, { withFileTypes: true })).pipe(
      Effect.catchAll(({ cause }) =>
        Effect.gen(function* () {
          yield* Effect.logWarning("A music folder cannot be read", cause).pipe(Effect.annotateLogs({ folder: path }))
          if (!saysGone(cause)) yield* visitor.onUnreadableDirectory(below)
          return [] as Array<Dirent>
        })
      )
    )
    yield* removeAbandoned(
      path,
      entries.filter((entry) => entry.isFile()).map(({ name }) => name)
    )
    const wanted = entries
      .filter((entry) => !isHidden(entry.name) && (entry.isDirectory() || isAudioName(entry.name)))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
    for (let start = 0; start < wanted.length; start += filesAtOnce) {
      const some = wanted.slice(start, start + filesAtOnce)
      const looks = yield* Effect.promise(() =>
        Promise.all(some.map((entry) => (entry.isDirectory() ? undefined : lookBelow(folder, join(path, entry.name)))))
      )
      for (const [n, entry] of some.entries()) {
        const look = looks[n]
        const relativePath = within(entry)
        if (entry.isDirectory()) yield* walk(folder, relativePath, visitor)
        else if (look?.is === "file") yield* visitor.onFile({ folder, relativePath, version: look.version })
        else if (look?.is === "unseen") yield* visitor.onUnseenFile(relativePath)
      }
    }
  })
