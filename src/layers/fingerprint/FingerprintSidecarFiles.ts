/** FingerprintSidecar as `<audio file>.25d`, JSON. */
import { Effect, Either, Layer, Option } from "effect"
import { createHash, randomUUID } from "node:crypto"
import { createReadStream } from "node:fs"
import { access, rename, rm, stat, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { pipeline } from "node:stream/promises"
import { algorithmVersion, type TrackAnalysis } from "../../domain/fingerprint/Fingerprint.ts"
import { FolderReadOnly } from "../../domain/fingerprint/FolderReadOnly.ts"
import { sidecarText } from "../../domain/fingerprint/Sidecar.ts"
import type { FileVersion } from "../../domain/library/Track.ts"
import { FingerprintSidecar } from "../../services/FingerprintSidecar.ts"
import { TrackFileReader } from "../../services/TrackFileReader.ts"

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

const hashOf = (path: string) =>
  Effect.tryPromise(async (signal) => {
    const hash = createHash("sha256")
    await pipeline(createReadStream(path), hash, { signal })
    return hash.digest("hex")
  })

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

const make = Effect.gen(function* () {
  const reader = yield* TrackFileReader

  const find = Effect.fn("FingerprintSidecar.find")(function* (path: string, version: FileVersion) {
    // Most have none: that is found out here, what one holds is not.
    if (!(yield* exists(sidecarPath(path)))) return Option.none<TrackAnalysis>()
    const read = yield* reader.sidecar(sidecarPath(path))
    if (Either.isLeft(read)) {
      yield* Effect.logWarning("A sidecar is invalid; it is made again", read.left).pipe(
        Effect.annotateLogs({ path: sidecarPath(path) })
      )
      return Option.none<TrackAnalysis>()
    }
    const { fingerprint, measurements, provenance } = read.right
    if (provenance.algorithm_version !== algorithmVersion || provenance.file_size !== version.size) return Option.none()
    // A copy keeps its content but not always its time: then the content decides.
    const isOfContent =
      provenance.file_mtime_ms === version.mtime_ms ||
      (yield* hashOf(path).pipe(
        Effect.map((hash) => hash === provenance.content_sha256),
        Effect.orElseSucceed(() => false)
      ))
    return isOfContent ? Option.some({ fingerprint, measurements, provenance }) : Option.none()
  })

  const store = Effect.fn("FingerprintSidecar.store")(function* (path: string, analysis: TrackAnalysis) {
    const target = sidecarPath(path)
    const temporary = `${target}.${randomUUID()}.tmp`
    const text = sidecarText(analysis)
    yield* Effect.tryPromise(async () => {
      await writeFile(temporary, text)
      await rename(temporary, target)
    }).pipe(
      Effect.onError(() => Effect.promise(() => rm(temporary, { force: true }).catch(() => undefined))),
      Effect.uninterruptible,
      Effect.catchAll(({ cause }) => (isReadOnly(cause) ? new FolderReadOnly() : Effect.die(cause)))
    )
  })

  return FingerprintSidecar.of({ find, store })
})

export const layer = Layer.effect(FingerprintSidecar, make)

/** Finds nothing, writes nothing: for music folders that must stay as they are. */
export const layerNone = Layer.succeed(FingerprintSidecar, {
  find: () => Effect.succeedNone,
  store: () => Effect.void
})
