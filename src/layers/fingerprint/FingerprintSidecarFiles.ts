/** FingerprintSidecar as `<audio file>.25d`, JSON. */
import { Effect, Either, Layer, Option, Schema } from "effect"
import { createHash, randomUUID } from "node:crypto"
import { createReadStream } from "node:fs"
import { readFile, rename, rm, stat, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { pipeline } from "node:stream/promises"
import { algorithmVersion, TrackAnalysis } from "../../domain/fingerprint/Fingerprint.ts"
import type { FileVersion } from "../../domain/library/Track.ts"
import { FingerprintSidecar } from "../../services/FingerprintSidecar.ts"

const Sidecar = Schema.parseJson(Schema.Struct({ format: Schema.Literal("lathe.25d"), ...TrackAnalysis.fields }))
const decodeSidecar = Schema.decodeUnknownEither(Sidecar)
const encodeSidecar = Schema.encodeSync(Sidecar)

/** Path of the sidecar that belongs to an audio file. */
export const sidecarPath = (audioPath: string): string => `${audioPath}.25d`

/** Bytes; one of ours has about 2000. What is larger is no sidecar, and is not read into memory. */
const largestSidecar = 64 * 1024

const isMissing = (error: unknown): boolean =>
  typeof error === "object" && error !== null && "code" in error && error.code === "ENOENT"

const readText = (path: string) =>
  Effect.tryPromise({
    try: async () => ((await stat(path)).size > largestSidecar ? "" : await readFile(path, "utf8")),
    catch: (error) => error
  }).pipe(
    Effect.asSome,
    Effect.catchIf(isMissing, () => Effect.succeedNone),
    Effect.orDie
  )

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

const make = () => {
  const find = Effect.fn("FingerprintSidecar.find")(function* (path: string, version: FileVersion) {
    const text = yield* readText(sidecarPath(path))
    if (Option.isNone(text)) return Option.none<TrackAnalysis>()
    const decoded = decodeSidecar(text.value)
    if (Either.isLeft(decoded)) {
      yield* Effect.logWarning("A sidecar is invalid; it is made again", decoded.left.message).pipe(
        Effect.annotateLogs({ path: sidecarPath(path) })
      )
      return Option.none<TrackAnalysis>()
    }
    const { fingerprint, measurements, provenance } = decoded.right
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
    const text = encodeSidecar({ format: "lathe.25d", ...analysis })
    yield* Effect.tryPromise(async () => {
      await writeFile(temporary, text)
      await rename(temporary, target)
    }).pipe(
      Effect.onError(() => Effect.promise(() => rm(temporary, { force: true }).catch(() => undefined))),
      Effect.uninterruptible,
      Effect.orDie
    )
  })

  return FingerprintSidecar.of({ find, store })
}

export const layer = Layer.sync(FingerprintSidecar, make)

/** Finds nothing, writes nothing: for music folders that must stay as they are. */
export const layerNone = Layer.succeed(FingerprintSidecar, {
  find: () => Effect.succeedNone,
  store: () => Effect.void
})
