import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, it } from "@effect/vitest"
import { Chunk, Context, Deferred, Effect, Exit, Fiber, Layer, Schedule, Scope, Stream } from "effect"
import { TrackUnreadable } from "../../../src/domain/audio/AnalysisError.ts"
import { fallbackPlan } from "../../../src/domain/mastering/FallbackPlan.ts"
import * as ChunkMasteringProcessPool from "../../../src/layers/mastering/ChunkMasteringProcessPool.ts"
import * as ChunkMasteringRenderer from "../../../src/layers/mastering/ChunkMasteringRenderer.ts"
import { ChunkMastering, type PcmPacket, type RenderRequest } from "../../../src/services/ChunkMastering.ts"
import { assert } from "../../support/assert.ts"
import { built } from "../../support/built.ts"
import { faultAt, scriptedMastering, scriptedSong, songRate } from "../../support/scriptedSong.ts"

const scriptedWorker = built("scriptedRenderWorker")

const plan = fallbackPlan({ preset: "punchy", intensity: 1 })
const otherPlan = fallbackPlan({ preset: "warm", intensity: 0.5 })
const quieterPlan = { ...plan, settings: { ...plan.settings, gain_db: -9 } }
/** Where a rendering was begun anew it had 5 s to come to the same state. */
const inaudibleDbfs = -90

const temporaryFolder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "lathe-render-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
)

const setUp = (options: Omit<ChunkMasteringProcessPool.ProcessPoolOptions, "workerCommand">) =>
  Effect.gen(function* () {
    const folder = yield* temporaryFolder
    const scope = yield* Scope.fork(yield* Effect.scope, { _tag: "Sequential" } as never)
    const context = yield* Layer.buildWithScope(
      ChunkMasteringProcessPool.layer({ reserve: false, ...options, workerCommand: [scriptedWorker, folder] }),
      scope
    )
    return { folder, scope, pool: Context.get(context, ChunkMastering) }
  })

const inProcess = Effect.map(Layer.build(scriptedMastering(ChunkMasteringRenderer.layer)), (context) =>
  Context.get(context, ChunkMastering)
)

/** Kept: none is given back. */
const kept = (packets: Chunk.Chunk<PcmPacket>): ReadonlyArray<PcmPacket> =>
  Chunk.toReadonlyArray(packets).map(({ sampleCount, sampleOffset, samples, state }) => ({
    sampleOffset,
    sampleCount,
    samples,
    state
  }))

const render = (mastering: ChunkMastering["Type"], request: RenderRequest) =>
  mastering.open(request).pipe(
    Effect.flatMap(({ packets }) => Stream.runCollect(packets)),
    Effect.map(kept),
    Effect.scoped
  )

/** All samples in their order; fails where two packets do not meet. */
const joined = (packets: ReadonlyArray<PcmPacket>): Float32Array => {
  let position = packets[0]?.sampleOffset ?? 0
  for (const { sampleCount, sampleOffset, samples } of packets) {
    assert.strictEqual(samples.length, 2 * sampleCount)
    assert.strictEqual(sampleOffset, position)
    position += sampleCount
  }
  return Float32Array.from(packets.flatMap(({ samples }) => [...samples]))
}

const largestDifferenceDbfs = (a: Float32Array, b: Float32Array): number => {
  assert.strictEqual(a.length, b.length)
  return 20 * Math.log10(a.reduce((largest, value, n) => Math.max(largest, Math.abs(value - b[n]!)), 0))
}

const processesOf = (folder: string) => readdirSync(folder).flatMap((name) => name.match(/^(\d+)\.pid$/)?.[1] ?? [])

const isRunning = (pid: number | string) => existsSync(`/proc/${pid}`)

const until = (condition: () => boolean) =>
  Effect.suspend(() => (condition() ? Effect.void : Effect.fail("not yet"))).pipe(
    Effect.retry(Schedule.spaced("10 millis")),
    Effect.timeout("60 seconds"),
    Effect.orDie
  )

/** Renders the whole file, and waits in its middle until it may go on; done when it is there. */
const halfWay = (pool: ChunkMastering["Type"], path: string, go: Deferred.Deferred<void>) =>
  Effect.gen(function* () {
    const reached = yield* Deferred.make<void>()
    const waitThere = Effect.zipRight(Deferred.succeed(reached, undefined), Deferred.await(go))
    const fiber = yield* pool.open({ path, startFrame: 0, plan }).pipe(
      Effect.flatMap(({ packets }) =>
        packets.pipe(
          Stream.tap(({ sampleOffset }) => (sampleOffset === 6 * songRate ? waitThere : Effect.void)),
          Stream.runCollect
        )
      ),
      Effect.map(Chunk.toReadonlyArray),
      Effect.scoped,
      Effect.fork
    )
    yield* Deferred.await(reached)
    return fiber
  })

/** Some tests start several processes after each other, which takes as long as the machine is busy. */
const patience = 90_000

describe("ChunkMasteringProcessPool", { timeout: patience }, () => {
  it.scopedLive("renders in another process what is rendered in this one, bit for bit", () =>
    Effect.gen(function* () {
      const { pool } = yield* setUp({ workers: 1 })
      const local = yield* inProcess
      for (const request of [
        { path: "/song", startFrame: 0, plan: null },
        { path: "/song", startFrame: 0, plan },
        { path: "/song", startFrame: 70_001, plan, packetSeconds: 0.1 },
        { path: "/song", startFrame: 3, plan, sampleRate: 48_000 as const },
        { path: "/song", startFrame: 1e9, plan }
      ]) {
        assert.deepStrictEqual(yield* render(pool, request), yield* render(local, request))
      }
      const rendering = yield* pool.open({ path: "/song", startFrame: 0, plan })
      const { channels, sampleRate, totalFrames } = rendering
      assert.deepStrictEqual(
        { channels, sampleRate, totalFrames },
        { channels: 2, sampleRate: songRate, totalFrames: scriptedSong[0]!.length }
      )
    })
  )

  it.scopedLive("glides to another plan at the sample where a rendering in this process does", () =>
    Effect.gen(function* () {
      const { pool } = yield* setUp({ workers: 1 })
      const local = yield* inProcess
      const renderWithChange = (mastering: ChunkMastering["Type"]) =>
        Effect.gen(function* () {
          const { packets, setPlan } = yield* mastering.open({ path: "/song", startFrame: 0, plan })
          return yield* packets.pipe(
            Stream.tap(({ sampleOffset }) => (sampleOffset === 2 * songRate ? setPlan(otherPlan, 0.5) : Effect.void)),
            Stream.runCollect
          )
        }).pipe(Effect.scoped, Effect.map(kept))
      assert.deepStrictEqual(yield* renderWithChange(pool), yield* renderWithChange(local))
    })
  )

  it.scopedLive("passes on why a file cannot be read, and a defect as a defect, and goes on", () =>
    Effect.gen(function* () {
      const { folder, pool } = yield* setUp({ workers: 1 })
      const error = yield* Effect.flip(render(pool, { path: "/missing", startFrame: 0, plan }))
      assert.instanceOf(error, TrackUnreadable)
      assert.strictEqual(error.reason, "missing")
      const exit = yield* Effect.exit(render(pool, { path: "/broken", startFrame: 0, plan }))
      assert.isTrue(Exit.isFailure(exit) && exit.cause._tag === "Die")
      const fifo = yield* Effect.flip(render(pool, { path: folder, startFrame: 0, plan }))
      assert.strictEqual(fifo.reason, "directory")
      assert.isNotEmpty(yield* render(pool, { path: "/song", startFrame: 0, plan }))
    })
  )

  it.scopedLive("goes on at the next sample when its worker is lost, as do others that it had", () =>
    Effect.gen(function* () {
      const { folder, pool } = yield* setUp({ workers: 1 })
      const local = yield* inProcess
      const whole = joined(yield* render(local, { path: "/song", startFrame: 0, plan }))
      for (const [n, fault] of ["crash-once", "stuck-once", "garbage-once"].entries()) {
        const results = yield* Effect.all(
          [fault, "song"].map((name) => render(pool, { path: join(folder, name), startFrame: 0, plan })),
          { concurrency: "unbounded" }
        )
        for (const packets of results) {
          const samples = joined(packets)
          assert.deepStrictEqual(samples.subarray(0, 2 * faultAt - 1), whole.subarray(0, 2 * faultAt - 1))
          assert.isBelow(largestDifferenceDbfs(samples, whole), inaudibleDbfs)
        }
        yield* until(() => processesOf(folder).length === n + 2)
      }
    })
  )

  it.scopedLive("goes on with the gains where they were when its worker is lost in the middle of a glide", () =>
    Effect.gen(function* () {
      const { folder, pool } = yield* setUp({ workers: 1 })
      const local = yield* inProcess
      const changeAt = faultAt - songRate
      const glide = (mastering: ChunkMastering["Type"], path: string) =>
        Effect.gen(function* () {
          const { packets, setPlan } = yield* mastering.open({ path, startFrame: 0, plan })
          return yield* packets.pipe(
            Stream.tap(({ sampleOffset }) => (sampleOffset === changeAt ? setPlan(quieterPlan, 3) : Effect.void)),
            Stream.runCollect
          )
        }).pipe(Effect.scoped, Effect.map(kept), Effect.map(joined))
      const whole = yield* glide(local, "/song")
      assert.isBelow(largestDifferenceDbfs(yield* glide(pool, join(folder, "crash-once")), whole), -60)
    })
  )

  it.scopedLive(
    "lets renderings on other workers alone when one is stopped or killed from outside, and blames nobody",
    () =>
      Effect.gen(function* () {
        const { folder, pool } = yield* setUp({ workers: 2, reserve: true })
        const local = yield* inProcess
        const path = join(folder, "song")
        writeFileSync(path, "music")
        const whole = joined(yield* render(local, { path, startFrame: 0, plan }))
        const go = yield* Deferred.make<void>()
        const first = yield* halfWay(pool, path, go)
        // The second one is started with the first rendering.
        yield* until(() => processesOf(folder).length === 2)
        const second = yield* halfWay(pool, path, go)
        const victims = processesOf(folder).map(Number)
        process.kill(victims[0]!, "SIGSTOP")
        process.kill(victims[1]!, "SIGKILL")
        yield* Deferred.succeed(go, undefined)
        for (const fiber of [first, second]) {
          assert.isBelow(largestDifferenceDbfs(joined(yield* Fiber.join(fiber)), whole), inaudibleDbfs)
        }
        yield* until(() => victims.every((pid) => !isRunning(pid)))
        // Had the file been blamed, it would have gone to the reserve, a process more.
        assert.isAtMost(processesOf(folder).length, 4)
      })
  )

  it.scopedLive("keeps a file that has cost a worker away from all others", () =>
    Effect.gen(function* () {
      const { folder, pool } = yield* setUp({ workers: 1, reserve: true, stallTimeout: "500 millis" })
      const [stuck, well] = [join(folder, "stuck"), join(folder, "well")]
      writeFileSync(stuck, "deadly")
      const error = yield* render(pool, { path: stuck, startFrame: 0, plan: null }).pipe(Effect.flip, Effect.fork)
      // The only one is lost; another one takes its place, and the reserve takes the file, again and again.
      yield* until(() => processesOf(folder).length === 4)
      const packets = yield* render(pool, { path: well, startFrame: 0, plan: null })
      assert.strictEqual(joined(packets).length, 2 * scriptedSong[0]!.length)
      assert.strictEqual((yield* Fiber.join(error)).reason, "corrupt")
      yield* until(() => processesOf(folder).filter(isRunning).length >= 1)
      assert.isAtMost(processesOf(folder).length, 5, "the common worker was lost once")
    })
  )

  it.scopedLive("does not forgive a file for what lies in front of its bad spot", () =>
    Effect.gen(function* () {
      const { folder, pool } = yield* setUp({ workers: 1, stallTimeout: "500 millis" })
      const path = join(folder, "crash")
      writeFileSync(path, "deadly")
      /** Hears two seconds, and goes. */
      const inFront = pool.open({ path, startFrame: 0, plan: null }).pipe(
        Effect.flatMap(({ packets }) => Stream.runCount(Stream.take(packets, 8))),
        Effect.scoped
      )
      const playing = yield* render(pool, { path, startFrame: faultAt - songRate, plan: null }).pipe(
        Effect.flip,
        Effect.fork
      )
      const heard = yield* inFront.pipe(
        Effect.repeat({ while: () => processesOf(folder).length < 3 }),
        Effect.catchAll(() => Effect.succeed(8))
      )
      assert.strictEqual(heard, 8)
      assert.strictEqual((yield* Fiber.join(playing)).reason, "corrupt")
    })
  )

  it.scopedLive("replaces a worker that holds too much memory; a file that does that alone is refused, no other", () =>
    Effect.gen(function* () {
      const megabytes = (soft: number, hard: number) => ({ soft: soft * 2 ** 20, hard: hard * 2 ** 20 })
      const { folder, pool } = yield* setUp({ workers: 1, reserve: true, memory: megabytes(300, 400) })
      const local = yield* inProcess
      const [swell, once, song] = ["swell", "swell-once", "song"].map((name) => join(folder, name)) as [
        string,
        string,
        string
      ]
      const whole = joined(yield* render(local, { path: song, startFrame: 0, plan: null }))
      for (const path of [swell, once, song]) writeFileSync(path, "music")
      const together = yield* Effect.all(
        [once, song].map((path) => render(pool, { path, startFrame: 0, plan: null })),
        { concurrency: "unbounded" }
      )
      for (const packets of together) assert.deepStrictEqual(joined(packets), whole)
      const error = yield* Effect.flip(render(pool, { path: swell, startFrame: 0, plan: null }))
      assert.strictEqual(error.reason, "too_demanding")
      assert.deepStrictEqual(joined(yield* render(pool, { path: song, startFrame: 0, plan: null })), whole)
    })
  )

  it.scopedLive("starts one worker, the others with work, and ends them when they are idle", () =>
    Effect.gen(function* () {
      const { folder, pool } = yield* setUp({ workers: 2, idleTimeout: "300 millis" })
      yield* render(pool, { path: "/song", startFrame: 0, plan: null })
      yield* until(() => processesOf(folder).length === 2 && processesOf(folder).filter(isRunning).length === 1)
      yield* render(pool, { path: "/song", startFrame: 0, plan: null })
      assert.isAtLeast(processesOf(folder).filter(isRunning).length, 1)
    })
  )

  it.scopedLive("gives a worker a short environment, and no secret of this process", () =>
    Effect.gen(function* () {
      yield* Effect.acquireRelease(
        Effect.sync(() => void (process.env["LATHE_TOKEN"] = "a secret of thirty-two characters")),
        () => Effect.sync(() => void delete process.env["LATHE_TOKEN"])
      )
      const { folder, pool } = yield* setUp({ workers: 1 })
      yield* render(pool, { path: "/song", startFrame: 1e9, plan: null })
      const [pid] = processesOf(folder)
      const environment = JSON.parse(readFileSync(join(folder, `${pid}.pid`), "utf8"))
      assert.strictEqual(environment.PATH, process.env["PATH"])
      assert.excludes(Object.keys(environment), "LATHE_TOKEN")
      assert.excludes(JSON.stringify(environment), "a secret of")
    })
  )

  it.scopedLive("refuses a file that has taken three workers with it, until its content changes", () =>
    Effect.gen(function* () {
      const { folder, pool } = yield* setUp({ workers: 1 })
      const path = join(folder, "crash")
      writeFileSync(path, "deadly")
      const rendering = yield* pool.open({ path, startFrame: 0, plan: null })
      const delivered: Array<PcmPacket> = []
      const error = yield* rendering.packets.pipe(
        Stream.runForEach((packet) => Effect.sync(() => void delivered.push(packet))),
        Effect.flip
      )
      assert.strictEqual(error.reason, "corrupt")
      assert.strictEqual(joined(delivered).length, 2 * faultAt)
      const again = yield* Effect.flip(Effect.scoped(pool.open({ path, startFrame: 0, plan: null })))
      assert.strictEqual(again.reason, "corrupt")
      yield* until(() => processesOf(folder).length === 4)
      writeFileSync(path, "another content")
      assert.isNotNull(yield* Effect.scoped(pool.open({ path, startFrame: 0, plan: null })))
    })
  )

  it.scopedLive("ends its workers with its scope, even one that hangs in a native call", () =>
    Effect.gen(function* () {
      const { folder, pool, scope } = yield* setUp({ workers: 2, stallTimeout: "1 minute" })
      const reached = yield* Deferred.make<void>()
      yield* pool.open({ path: join(folder, "stuck"), startFrame: faultAt - songRate / 4, plan: null }).pipe(
        Effect.flatMap(({ packets }) => Stream.runForEach(packets, () => Deferred.succeed(reached, undefined))),
        Effect.scoped,
        Effect.fork
      )
      yield* Deferred.await(reached)
      yield* until(() => processesOf(folder).length === 2)
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(processesOf(folder).filter(isRunning), [])
    })
  )
})
