/** A fingerprint server on a real socket, in front of an analyzer that follows the file's name. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { Context, type Duration, Effect, Layer, Queue } from "effect"
import {
  type AnalysisError,
  TrackSilent,
  TrackTooLarge,
  TrackTooShort,
  TrackUnreadable
} from "../../src/domain/audio/AnalysisError.ts"
import type { TrackAnalysis } from "../../src/domain/fingerprint/Fingerprint.ts"
import type { SupervisorSnapshot } from "../../src/domain/supervision/SupervisorSnapshot.ts"
import { FingerprintServer, layer } from "../../src/layers/fingerprint/server/FingerprintServer.ts"
import * as FingerprintServerQueue from "../../src/layers/fingerprint/server/FingerprintServerQueue.ts"
import { SupervisionTree } from "../../src/services/SupervisionTree.ts"
import { TrackAnalyzer } from "../../src/services/TrackAnalyzer.ts"
import { someAnalysis } from "./analyses.ts"

const outcomes = (file: string): Record<string, Effect.Effect<TrackAnalysis, AnalysisError>> => ({
  "ok.flac": Effect.succeed(someAnalysis()),
  "hang.flac": Effect.never,
  "short.flac": new TrackTooShort({ file, duration_seconds: 0.1, minimum_seconds: 0.4 }),
  "silent.flac": new TrackSilent({ file }),
  "long.flac": new TrackTooLarge({ file, duration_seconds: 40_000, maximum_seconds: 36_000 }),
  "corrupt.flac": new TrackUnreadable({ file, stage: "decode", reason: "corrupt" }),
  "nan.flac": Effect.succeed(someAnalysis({ lufs: Number.NaN })),
  "defect.flac": Effect.die(new Error("secret /etc/shadow"))
})

/**
 * A temporary music folder with `ok`, `hang`, `short`, `silent`, `long`, `corrupt`, `nan`, `defect` (.flac) in it, and
 * `album/`; beside it `secret.flac`, to which `escape.flac` inside links, as `way-out` does to the folder around both.
 */
export const musicFolder = Effect.acquireRelease(
  Effect.sync(() => {
    const around = mkdtempSync(join(tmpdir(), "lathe-server-"))
    const folder = join(around, "music")
    mkdirSync(join(folder, "album"), { recursive: true })
    for (const name of Object.keys(outcomes(""))) writeFileSync(join(folder, name), "audio")
    writeFileSync(join(around, "secret.flac"), "audio")
    symlinkSync(join(around, "secret.flac"), join(folder, "escape.flac"))
    symlinkSync(join(around, "nothing.flac"), join(folder, "dangling.flac"))
    symlinkSync(around, join(folder, "way-out"))
    return { around, folder }
  }),
  ({ around }) => Effect.sync(() => rmSync(around, { recursive: true }))
)

export const someTree: SupervisorSnapshot = {
  id: "analysis",
  type: "supervisor",
  status: "running",
  restarts: 0,
  last_failure: null,
  since: 0,
  children: []
}

export interface ServerOptions {
  readonly port?: number
  readonly workers?: number
  readonly queueCapacity?: number
  readonly defaultDeadline?: Duration.DurationInput
}

/** `begun` and `ended` get each analysis' path, `ended` also when it is interrupted. Lives as long as the scope. */
export const makeServer = (folders: ReadonlyArray<string>, options: ServerOptions = {}) =>
  Effect.gen(function* () {
    const begun = yield* Queue.unbounded<string>()
    const ended = yield* Queue.unbounded<string>()
    const analyzer = Layer.succeed(TrackAnalyzer, {
      analyze: (path, onProgress = () => Effect.void) =>
        Effect.gen(function* () {
          yield* onProgress({ stage: "decoding", percent: 0 })
          yield* Queue.offer(begun, path)
          const file = basename(path)
          return yield* outcomes(file)[file] ?? new TrackUnreadable({ file, stage: "open", reason: "missing" })
        }).pipe(Effect.ensuring(Queue.offer(ended, path)))
    })
    const tree = Layer.succeed(SupervisionTree, { snapshot: Effect.succeed(someTree) })
    const { workers = 2, queueCapacity = 0, port = 0, ...rest } = options
    const context = yield* layer({ port, folders, ...rest }).pipe(
      Layer.provide([analyzer, tree, FingerprintServerQueue.layer({ workers, capacity: queueCapacity })]),
      Layer.build
    )
    const { address } = Context.get(context, FingerprintServer)
    return { begun, ended, port: address.port, baseUrl: `http://127.0.0.1:${address.port}` }
  })
