/** FingerprintSidecar as `<audio file>.25d`, JSON; or in a folder of their own. */
import { Effect, Either, Layer, Option } from "effect"
import { LRUCache } from "lru-cache"
import { createHash, randomUUID } from "node:crypto"
import { access, mkdir, rename, rm, stat, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { algorithmVersion, type TrackAnalysis } from "../../domain/fingerprint/Fingerprint.ts"
import { FolderReadOnly } from "../../domain/fingerprint/FolderReadOnly.ts"
import { sidecarText } from "../../domain/fingerprint/Sidecar.ts"
import type { FileVersion } from "../../domain/library/Track.ts"
import { FingerprintSidecar } from "../../services/FingerprintSidecar.ts"
import { TrackFileReader } from "../../services/TrackFileReader.ts"
import { compareContent } from "./contentHash.ts"

/** Path of the sidecar that belongs to an audio file. */
export const sidecarPath = (audioPath: string): string => `${audioPath}.25d`

const exists = (path: string) =>
  Effect.promise(() =>
    access(path).then(
      () => true,
      () => false
    )
  )

/** No permission, or a read-only file system. */
const isReadOnly = (error: unknown): boolean =>
  error instanceof Error && "code" in error && ["EACCES", "EPERM", "EROFS"].includes(String(error.code))

/** A sidecar has some 2 KB: the file of a writer that is still at work is younger. */
const abandonedAfterMs = 1000

/** Removes what writers have left half done that were killed; `names` are those of the directory's files. Never fails. */
export const removeAbandoned = (directory: string, names: ReadonlyArray<string>): Effect.Effect<void> =>
  Effect.forEach(
    names.filter((name) => /\.25d\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tmp$/.test(name)),
    (name) =>
      Effect.promise(async () => {
        const path = join(directory, name)
        try {
          if (Date.now() - (await stat(path)).mtimeMs > abandonedAfterMs) await rm(path, { force: true })
        } catch {
          // Gone already, or not ours to remove.
        }
      }),
    { discard: true }
  )

/** What keeps a sidecar from being written anywhere near this file, for as long as it is called so. */
const whyNot = (error: unknown): FolderReadOnly["reason"] | undefined => {
  if (isReadOnly(error)) return "read_only"
  return error instanceof Error && "code" in error && error.code === "ENAMETOOLONG" ? "name_too_long" : undefined
}

/** Folders that were told of: each once, as far as they are remembered. */
const rememberedFolders = 1000

export interface SidecarOptions {
  /** Where they are kept instead of beside the files, by a hash of the file's path. */
  readonly folder?: string
}

/** Path of an audio file's sidecar in a folder of their own: subfolders keep listings short. */
const pathIn = (folder: string, audioPath: string) => {
  const hash = createHash("sha256").update(audioPath).digest("hex")
  return join(folder, hash.slice(0, 2), `${hash}.25d`)
}

const make = ({ folder }: SidecarOptions) =>
  Effect.gen(function* () {
    const reader = yield* TrackFileReader
    const pathFor = (audioPath: string) => (folder === undefined ? sidecarPath(audioPath) : pathIn(folder, audioPath))
    const toldFolders = new LRUCache<string, true>({ max: rememberedFolders })

    /** One line for each folder and reason. */
    const tell = (path: string, error: FolderReadOnly) =>
      Effect.suspend(() => {
        const place = dirname(path)
        const key = `${error.reason} ${place}`
        if (toldFolders.has(key)) return Effect.void
        toldFolders.set(key, true)
        return Effect.logInfo(error.message).pipe(Effect.annotateLogs({ folder: place }))
      })

    const find = Effect.fn("FingerprintSidecar.find")(function* (path: string, version: FileVersion) {
      // Most have none: that is found out here, what one holds is not.
      const source = pathFor(path)
      if (!(yield* exists(source))) return Option.none<TrackAnalysis>()
      const read = yield* reader.sidecar(source)
      if (Either.isLeft(read)) {
        yield* Effect.logWarning("A sidecar is invalid; it is made again", read.left).pipe(
          Effect.annotateLogs({ path: source })
        )
        return Option.none<TrackAnalysis>()
      }
      const { provenance } = read.right
      if (provenance.algorithm_version !== algorithmVersion || provenance.file_size !== version.size)
        return Option.none()
      // Whoever replaces a file may give it the size and the time of the one before.
      return (yield* compareContent(path, read.right)) === "same"
        ? Option.some(read.right)
        : Option.none<TrackAnalysis>()
    })

    const store = Effect.fn("FingerprintSidecar.store")(function* (path: string, analysis: TrackAnalysis) {
      const target = pathFor(path)
      // As short as it can be: where the name of the sidecar fits, this does.
      const temporary = join(dirname(target), `.25d.${randomUUID()}.tmp`)
      const text = sidecarText(analysis)
      yield* Effect.tryPromise(async () => {
        if (folder !== undefined) await mkdir(dirname(target), { recursive: true })
        await writeFile(temporary, text)
        await rename(temporary, target)
      }).pipe(
        Effect.onError(() => Effect.promise(() => rm(temporary, { force: true }).catch(() => undefined))),
        Effect.uninterruptible,
        Effect.catchAll(({ cause }) => {
          const reason = whyNot(cause)
          return reason === undefined ? Effect.die(cause) : new FolderReadOnly({ reason })
        }),
        Effect.tapError((error) => tell(path, error))
      )
    })

    return FingerprintSidecar.of({ find, store })
  })

export const layerWith = (options: SidecarOptions) => Layer.effect(FingerprintSidecar, make(options))

/** Finds nothing, writes nothing: for music folders that must stay as they are. */
export const layerNone = Layer.succeed(FingerprintSidecar, {
  find: () => Effect.succeedNone,
  store: () => Effect.void
})
