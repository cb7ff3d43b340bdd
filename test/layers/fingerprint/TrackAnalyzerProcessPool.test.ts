import { spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Schedule, Scope } from "effect"
import type { AnalysisProgress } from "../../../src/domain/fingerprint/Fingerprint.ts"
import { FingerprintServerQueue } from "../../../src/layers/fingerprint/server/FingerprintServerQueue.ts"
import * as TrackAnalyzerProcessPool from "../../../src/layers/fingerprint/TrackAnalyzerProcessPool.ts"
import { TrackAnalyzer } from "../../../src/services/TrackAnalyzer.ts"
import { assert } from "../../support/assert.ts"
import { someAnalysis } from "../../support/analyses.ts"
import { built } from "../../support/built.ts"
import { layer } from "../../support/sharedLayer.ts"

const scriptedWorker = built("scriptedAnalysisWorker")

const musicFolder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "lathe-pool-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
)

const track = (folder: string, name: string) => {
  const path = join(folder, `${name}.flac`)
  writeFileSync(path, "audio")
  return path
}

const runsOf = (path: string) => readFileSync(`${path}.runs`, "utf8").length / 2

const oneWorker: TrackAnalyzerProcessPool.ProcessPoolOptions = { workers: 1, workerCommand: [scriptedWorker] }

/** Starting a process takes a while: what needs no pool of its own has this one. */
const sharedPool = TrackAnalyzerProcessPool.layer(oneWorker)

const makePool = (options: TrackAnalyzerProcessPool.ProcessPoolOptions) =>
  Layer.build(TrackAnalyzerProcessPool.layer({ ...oneWorker, ...options })).pipe(
    Effect.map((context) => ({
      ...Context.get(context, TrackAnalyzer),
      queue: Context.get(context, FingerprintServerQueue)
    }))
  )

const setUp = (options: TrackAnalyzerProcessPool.ProcessPoolOptions) =>
  Effect.all({ folder: musicFolder, pool: makePool(options) })

/** Runs it in a fiber; done once its worker is at it. */
const startAnalysis = (pool: TrackAnalyzer["Type"], path: string) =>
  Effect.gen(function* () {
    const begun = yield* Deferred.make<void>()
    const fiber = yield* Effect.fork(
      pool.analyze(path, ({ stage }) => (stage === "decoding" ? Deferred.succeed(begun, undefined) : Effect.void))
    )
    yield* Deferred.await(begun)
    return fiber
  })

const workerOf = (pool: TrackAnalyzer["Type"], path: string) =>
  Effect.map(pool.analyze(path), ({ provenance }) => Number(provenance.decoder_version))

const isRunning = (pid: number) => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

describe("TrackAnalyzerProcessPool", () => {
  layer(sharedPool)("with one worker", (it) => {
    it.scoped("returns the analysis of a worker process, with its progress on the way", () =>
      Effect.gen(function* () {
        const folder = yield* musicFolder
        const pool = yield* TrackAnalyzer
        const heard: Array<AnalysisProgress> = []
        const analysis = yield* pool.analyze(track(folder, "ok"), (progress) =>
          Effect.sync(() => void heard.push(progress))
        )
        assert.deepStrictEqual(heard, [{ stage: "decoding", percent: 50 }])
        assert.deepStrictEqual(analysis.fingerprint, someAnalysis().fingerprint)
        assert.notStrictEqual(Number(analysis.provenance.decoder_version), process.pid)
      })
    )

    it.scoped("keeps a worker from job to job, also after a refusal or a defect in one", () =>
      Effect.gen(function* () {
        const folder = yield* musicFolder
        const pool = yield* TrackAnalyzer
        const worker = yield* workerOf(pool, track(folder, "ok"))
        const refusal = yield* Effect.flip(pool.analyze(track(folder, "silent")))
        assert.strictEqual(refusal._tag, "TrackSilent")
        assert.includes(refusal.message, "silent.flac is silent")
        const defect = yield* Effect.exit(pool.analyze(track(folder, "broken")))
        assert.isTrue(Exit.isFailure(defect) && defect.cause._tag === "Die")
        assert.strictEqual(yield* workerOf(pool, track(folder, "ok")), worker)
      })
    )

    it.scoped("cancels an interrupted job and goes on with the same worker", () =>
      Effect.gen(function* () {
        const folder = yield* musicFolder
        const pool = yield* TrackAnalyzer
        const worker = yield* workerOf(pool, track(folder, "ok"))
        yield* Fiber.interrupt(yield* startAnalysis(pool, track(folder, "hang")))
        assert.strictEqual(yield* workerOf(pool, track(folder, "ok")), worker)
      })
    )

    it.scoped("kills a worker that does not cancel and goes on with a fresh one", () =>
      Effect.gen(function* () {
        const folder = yield* musicFolder
        const pool = yield* TrackAnalyzer
        const worker = yield* workerOf(pool, track(folder, "ok"))
        yield* Fiber.interrupt(yield* startAnalysis(pool, track(folder, "stuck")))
        assert.notStrictEqual(yield* workerOf(pool, track(folder, "ok")), worker)
        assert.isFalse(isRunning(worker))
      })
    )

    it.scoped("repeats a job on a fresh worker when its worker dies", () =>
      Effect.gen(function* () {
        const folder = yield* musicFolder
        const pool = yield* TrackAnalyzer
        const path = track(folder, "crash-once")
        yield* pool.analyze(path)
        assert.strictEqual(runsOf(path), 2)
      })
    )

    it.scoped("repeats a job when an idle worker was killed in between", () =>
      Effect.gen(function* () {
        const folder = yield* musicFolder
        const pool = yield* TrackAnalyzer
        const worker = yield* workerOf(pool, track(folder, "ok"))
        process.kill(worker, "SIGKILL")
        assert.notStrictEqual(yield* workerOf(pool, track(folder, "ok")), worker)
      })
    )

    it.scoped("refuses a file that has killed three workers, until its content changes", () =>
      Effect.gen(function* () {
        const folder = yield* musicFolder
        const pool = yield* TrackAnalyzer
        const path = track(folder, "crash")
        writeFileSync(path, "deadly")
        const refusal = yield* Effect.flip(pool.analyze(path))
        assert.hasFields(refusal, { _tag: "TrackUnreadable", reason: "corrupt", file: "crash.flac" })
        assert.strictEqual(runsOf(path), 3)
        yield* Effect.flip(pool.analyze(path))
        assert.strictEqual(runsOf(path), 3)
        yield* pool.analyze(track(folder, "ok"))
        writeFileSync(path, "harmless")
        yield* pool.analyze(path)
      })
    )

    it.scoped("takes nothing from a worker that reports garbage, or an analysis that is none", () =>
      Effect.gen(function* () {
        const folder = yield* musicFolder
        const pool = yield* TrackAnalyzer
        for (const name of ["garbage-once", "invalid-once"]) {
          const path = track(folder, name)
          const { fingerprint } = yield* pool.analyze(path)
          assert.deepStrictEqual(fingerprint, someAnalysis().fingerprint)
          assert.strictEqual(runsOf(path), 2)
        }
      })
    )

    it.scoped("does not open what is no regular file", () =>
      Effect.gen(function* () {
        const folder = yield* musicFolder
        const pool = yield* TrackAnalyzer
        assert.hasFields(yield* Effect.flip(pool.analyze(folder)), { _tag: "TrackUnreadable", reason: "directory" })
      })
    )
  })

  it.scopedLive("runs as many analyses at once as it has workers", () =>
    Effect.gen(function* () {
      const { folder, pool } = yield* setUp({ workers: 2 })
      // Each of the two ends only after the other has begun.
      const workers = yield* Effect.forEach(["meet-a", "meet-b"], (name) => workerOf(pool, track(folder, name)), {
        concurrency: "unbounded"
      })
      assert.notStrictEqual(workers[0], workers[1])
    })
  )

  it.scopedLive("tells a job that has to wait that it is queued, and refuses the one beyond the queue", () =>
    Effect.gen(function* () {
      const { folder, pool } = yield* setUp({ queueCapacity: 1 })
      const running = yield* Effect.fork(pool.queue.admit(pool.analyze(track(folder, "hang"))))
      yield* Effect.sync(() => runsOf(join(folder, "hang.flac"))).pipe(
        Effect.sandbox,
        Effect.retry(Schedule.spaced("10 millis"))
      )
      const queued = yield* Deferred.make<AnalysisProgress>()
      const waiting = yield* Effect.fork(
        pool.queue.admit(pool.analyze(track(folder, "ok"), (progress) => Deferred.succeed(queued, progress)))
      )
      assert.strictEqual((yield* Deferred.await(queued)).stage, "queued")
      assert.strictEqual(yield* pool.queue.length, 1)
      const refusal = yield* Effect.flip(pool.queue.admit(pool.analyze(track(folder, "silent"))))
      assert.strictEqual(refusal._tag, "ServerBusy")
      yield* Fiber.interrupt(running)
      yield* Fiber.join(waiting)
      assert.strictEqual(yield* pool.queue.length, 0)
    })
  )

  it.scopedLive("kills a worker that shows no sign of life", () =>
    Effect.gen(function* () {
      const { folder, pool } = yield* setUp({ stallTimeout: "200 millis" })
      const path = track(folder, "stuck-once")
      yield* pool.analyze(path)
      assert.strictEqual(runsOf(path), 2)
    })
  )

  it.scopedLive("keeps trying to start a worker and does not hold its failed starts against the file", () =>
    Effect.gen(function* () {
      const folder = yield* musicFolder
      const pool = yield* makePool({ workerCommand: [scriptedWorker, join(folder, "starts")] })
      const path = track(folder, "ok")
      yield* pool.analyze(path)
      assert.strictEqual(runsOf(path), 1)
      assert.strictEqual(readFileSync(join(folder, "starts"), "utf8").length / 2, 3)
    })
  )

  it.scopedLive("ends its workers with its scope, even one that hangs in a native call", () =>
    Effect.gen(function* () {
      const folder = yield* musicFolder
      const scope = yield* Scope.make()
      const pool = yield* Scope.extend(makePool({}), scope)
      const worker = yield* workerOf(pool, track(folder, "ok"))
      yield* startAnalysis(pool, track(folder, "stuck"))
      yield* Scope.close(scope, Exit.void)
      assert.isFalse(isRunning(worker))
    })
  )

  it.scopedLive("leaves no worker behind when its process is killed, not even one that hangs in a native call", () =>
    Effect.gen(function* () {
      const folder = yield* musicFolder
      // Three generations: this one, one that is killed, and the worker, which holds the pipe that this one reads.
      const parent = spawn(process.execPath, ["-e", parentProgram, scriptedWorker, track(folder, "stuck")], {
        stdio: ["ignore", "pipe", "inherit"]
      })
      yield* Effect.async<void>((resume) => void parent.stdout.once("data", () => resume(Effect.void)))
      parent.kill("SIGKILL")
      yield* Effect.async<void>((resume) => void parent.stdout.once("close", () => resume(Effect.void)))
    })
  )
})

const parentProgram = `
  const [worker, path] = process.argv.slice(1)
  const child = require("node:child_process").spawn(process.execPath, [worker], { stdio: ["pipe", 1, 2, "pipe"] })
  child.stdin.write(JSON.stringify({ _tag: "Begin", job: 1, request: { path, wantsWaveform: false } }) + "\\n")
  child.stdio[3].on("data", (reports) => { if (String(reports).includes("Progress")) console.log("begun") })
`
