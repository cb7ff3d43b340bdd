import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, it } from "@effect/vitest"
import { Chunk, Context, Deferred, Effect, Exit, Fiber, Layer, Schedule, Scope, Stream } from "effect"
import { TrackUnreadable } from "../../../src/domain/audio/AnalysisError.ts"
import { fallbackPlan } from "../../../src/domain/mastering/MasteringDecision.ts"
import * as ChunkMasteringProcessPool from "../../../src/layers/mastering/ChunkMasteringProcessPool.ts"
import { encodeMessage, makeMessageSplitter } from "../../../src/layers/mastering/ChunkMasteringProcessProtocol.ts"
import * as ChunkMasteringRenderer from "../../../src/layers/mastering/ChunkMasteringRenderer.ts"
import { ChunkMastering, type PcmPacket, type RenderRequest } from "../../../src/services/ChunkMastering.ts"
import { assert } from "../../support/assert.ts"
import { built } from "../../support/built.ts"
import { faultAt, scriptedMastering, scriptedSong, songRate } from "../../support/scriptedSong.ts"

const scriptedWorker = built("scriptedRenderWorker")

const plan = fallbackPlan({ preset: "punchy", intensity: 1 })
const otherPlan = fallbackPlan({ preset: "warm", intensity: 0.5 })
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
  Chunk.toReadonlyArray(packets).map(({ sampleCount, sampleOffset, samples }) => ({
    sampleOffset,
    sampleCount,
    samples
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
    Effect.timeout("20 seconds"),
    Effect.orDie
  )

describe("ChunkMasteringProcessPool", () => {
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
      assert.strictEqual(fifo.reason, "not_audio")
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

  it.scopedLive("lets renderings on other workers alone when one is stopped or killed from outside", () =>
    Effect.gen(function* () {
      const { folder, pool } = yield* setUp({ workers: 2 })
      const local = yield* inProcess
      const whole = joined(yield* render(local, { path: "/song", startFrame: 0, plan }))
      yield* until(() => processesOf(folder).length === 2)
      const victims = processesOf(folder).map(Number)
      const halfWay = yield* Effect.all([Deferred.make<void>(), Deferred.make<void>()])
      const go = yield* Deferred.make<void>()
      const fibers = yield* Effect.forEach(halfWay, (reached) =>
        pool.open({ path: "/song", startFrame: 0, plan }).pipe(
          Effect.flatMap(({ packets }) =>
            packets.pipe(
              Stream.tap(({ sampleOffset }) =>
                sampleOffset === 6 * songRate
                  ? Effect.zipRight(Deferred.succeed(reached, undefined), Deferred.await(go))
                  : Effect.void
              ),
              Stream.runCollect
            )
          ),
          Effect.map(Chunk.toReadonlyArray),
          Effect.scoped,
          Effect.fork
        )
      )
      yield* Effect.forEach(halfWay, Deferred.await)
      process.kill(victims[0]!, "SIGSTOP")
      process.kill(victims[1]!, "SIGKILL")
      yield* Deferred.succeed(go, undefined)
      for (const fiber of fibers) {
        assert.isBelow(largestDifferenceDbfs(joined(yield* Fiber.join(fiber)), whole), inaudibleDbfs)
      }
      yield* until(() => victims.every((pid) => !isRunning(pid)))
    })
  )

  it.scopedLive("keeps a file that has cost a worker away from all others", () =>
    Effect.gen(function* () {
      const { folder, pool } = yield* setUp({ workers: 1, reserve: true, stallTimeout: "500 millis" })
      yield* until(() => processesOf(folder).length === 2)
      const [stuck, well] = [join(folder, "stuck"), join(folder, "well")]
      writeFileSync(stuck, "deadly")
      const error = yield* render(pool, { path: stuck, startFrame: 0, plan: null }).pipe(Effect.flip, Effect.fork)
      // One of the two that are there to begin with is lost; from then on it is the reserve, again and again.
      yield* until(() => processesOf(folder).length === 3)
      const common = processesOf(folder).filter(isRunning)
      yield* until(() => processesOf(folder).length === 4)
      const packets = yield* render(pool, { path: well, startFrame: 0, plan: null })
      assert.strictEqual(joined(packets).length, 2 * scriptedSong[0]!.length)
      assert.strictEqual((yield* Fiber.join(error)).reason, "corrupt")
      assert.lengthOf(common.filter(isRunning), 1, "the worker that took the first one's place has lived since then")
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

describe("The messages of a render worker", () => {
  it("come whole, however their bytes are split", () => {
    const samples = Uint8Array.from({ length: 1000 }, (_, n) => n % 251)
    const bytes = Buffer.concat([
      ...encodeMessage('{"first":"ä"}', undefined),
      ...encodeMessage('{"second":2}', samples),
      ...encodeMessage("{}", new Uint8Array(0))
    ])
    for (const size of [1, 7, 64, bytes.length]) {
      const got: Array<readonly [string, Uint8Array]> = []
      const split = makeMessageSplitter((report, payload) => void got.push([report, payload]))
      for (let at = 0; at < bytes.length; at += size) assert.isTrue(split(bytes.subarray(at, at + size)))
      assert.deepStrictEqual(got, [
        ['{"first":"ä"}', new Uint8Array(0)],
        ['{"second":2}', samples],
        ["{}", new Uint8Array(0)]
      ])
    }
  })

  it("that promise more than any message has are refused before memory is taken for them", () => {
    const split = makeMessageSplitter(() => assert.fail("there is no message"))
    assert.isFalse(split(Buffer.alloc(8, 0xff)))
  })
})
