import { describe, it } from "@effect/vitest"
import { Chunk, Context, Effect, Fiber, Layer, Logger, Metric, Option, Stream, TestClock } from "effect"
import type { TrackAnalysis } from "../../../src/domain/fingerprint/Fingerprint.ts"
import { FolderReadOnly } from "../../../src/domain/fingerprint/FolderReadOnly.ts"
import * as Metrics from "../../../src/domain/telemetry/Metrics.ts"
import { TrackId } from "../../../src/domain/library/Track.ts"
import * as FingerprintGeneratorTiered from "../../../src/layers/fingerprint/FingerprintGeneratorTiered.ts"
import * as FingerprintRepoMemory from "../../support/layers/FingerprintRepoMemory.ts"
import * as Scripted from "../../support/layers/FingerprintServerClientScripted.ts"
import { Actors, type ActorsService } from "../../../src/services/Actors.ts"
import { FingerprintGenerator } from "../../../src/services/FingerprintGenerator.ts"
import { FingerprintRepo } from "../../../src/services/FingerprintRepo.ts"
import { FingerprintServerClient } from "../../../src/services/FingerprintServerClient.ts"
import { FingerprintSidecar } from "../../../src/services/FingerprintSidecar.ts"
import { pathOf } from "../../../src/services/TrackLibrary.ts"
import { assert } from "../../support/assert.ts"
import { someAnalysis, someTrackFile } from "../../support/analyses.ts"

const file = someTrackFile()
const key = { trackId: file.track.id, version: file.version }
const analysis = someAnalysis()

const makeSidecar = () => {
  const stored = new Map<string, TrackAnalysis>()
  const layer = Layer.succeed(FingerprintSidecar, {
    find: (path) => Effect.sync(() => Option.fromNullable(stored.get(path))),
    store: (path, analysis) => Effect.sync(() => void stored.set(path, analysis))
  })
  return { stored, layer }
}

type Script = Scripted.ScriptedClientOptions["script"]

const brokenDisk = Effect.dieMessage("disk I/O error")

const brokenRepo = Layer.succeed(FingerprintRepo, {
  find: () => brokenDisk,
  findUnverified: () => brokenDisk,
  drop: () => brokenDisk,
  store: () => brokenDisk,
  findFailure: () => brokenDisk,
  storeFailure: () => brokenDisk
})

const brokenSidecar = Layer.succeed(FingerprintSidecar, { find: () => brokenDisk, store: () => brokenDisk })

const readOnlySidecar = Layer.succeed(FingerprintSidecar, {
  find: () => Effect.succeedNone,
  store: () => new FolderReadOnly({ reason: "read_only" })
})

interface Parts {
  readonly generator: FingerprintGenerator["Type"]
  readonly repo: FingerprintRepo["Type"]
  readonly sidecar: Map<string, TrackAnalysis>
  readonly requests: ReadonlyArray<unknown>
  readonly interrupted: () => number
}

interface Setting {
  readonly repoLayer?: Layer.Layer<FingerprintRepo>
  readonly sidecarLayer?: Layer.Layer<FingerprintSidecar>
  readonly answer?: TrackAnalysis
  /** The server's health; without it what the next step of the script would be. */
  readonly isAvailable?: () => boolean
}

/** The generator over a memory repo, a memory sidecar and a scripted server. */
const withScript = <A, E>(script: Script, use: (parts: Parts) => Effect.Effect<A, E>, setting: Setting = {}) =>
  Effect.suspend(() => {
    const { repoLayer = FingerprintRepoMemory.layer, answer = analysis, isAvailable } = setting
    const client = Scripted.make({ script, analysis: answer })
    const sidecar = makeSidecar()
    const health = Layer.map(client.layer, (context) =>
      isAvailable === undefined
        ? context
        : Context.make(FingerprintServerClient, {
            ...Context.get(context, FingerprintServerClient),
            isServerAvailable: Effect.sync(isAvailable)
          })
    )
    return Effect.gen(function* () {
      const generator = yield* FingerprintGenerator
      const repo = yield* FingerprintRepo
      const { interrupted, requests } = client
      return yield* use({ generator, repo, sidecar: sidecar.stored, requests, interrupted })
    }).pipe(
      Effect.provide(
        FingerprintGeneratorTiered.layer.pipe(
          Layer.provideMerge(repoLayer),
          Layer.provide([setting.sidecarLayer ?? sidecar.layer, health])
        )
      )
    )
  })

const last = (generator: FingerprintGenerator["Type"], of = file) =>
  generator.events(of).pipe(Stream.runLast, Effect.map(Option.getOrThrow))

/** Another track with a file of the same version, so that the scripted analysis is of it, too. */
const other = someTrackFile({ track: { ...file.track, id: TrackId.make(8) }, relativePath: "album/other.flac" })

const lookups = (tier: string, outcome: string) =>
  Metric.value(Metrics.fingerprintLookups).pipe(
    Effect.tagMetrics({ tier, outcome }),
    Effect.map(({ count }) => count)
  )

/** Of the server in the test that has it come back. */
let isAway = true

describe("FingerprintGenerator", () => {
  it.effect("takes a stored fingerprint and does not ask the server", () =>
    withScript(["ok"], ({ generator, repo, requests }) =>
      Effect.gen(function* () {
        yield* repo.store(key, analysis)
        assert.deepStrictEqual(yield* generator.getOrGenerate(file), Option.some(analysis))
        assert.hasFields((yield* last(generator)).status, { status: "cached", source: "database" })
        assert.lengthOf(requests, 0)
      })
    )
  )

  it.effect("takes the sidecar where the database has none, and stores it there", () =>
    withScript(["ok"], ({ generator, repo, sidecar, requests }) =>
      Effect.gen(function* () {
        sidecar.set(pathOf(file), analysis)
        assert.hasFields((yield* last(generator)).status, { status: "cached", source: "sidecar" })
        assert.deepStrictEqual(yield* repo.find(key), Option.some(analysis))
        assert.lengthOf(requests, 0)
      })
    )
  )

  it.effect("has the server generate what no cache holds, and stores it in both", () =>
    withScript(["ok"], ({ generator, repo, sidecar, requests }) =>
      Effect.gen(function* () {
        const events = yield* Stream.runCollect(generator.events(file))
        const statuses = Chunk.toReadonlyArray(events).map(({ status }) => status.status)
        assert.strictEqual(statuses.at(-1), "complete")
        assert.deepStrictEqual(Chunk.unsafeLast(events).analysis, Option.some(analysis))
        assert.deepStrictEqual(yield* repo.find(key), Option.some(analysis))
        assert.deepStrictEqual(sidecar.get(pathOf(file)), analysis)
        assert.deepStrictEqual(requests, [{ trackId: "7", path: "/music/album/title.flac" }])
        assert.hasFields((yield* last(generator)).status, { status: "cached" })
        assert.lengthOf(requests, 1)
      })
    )
  )

  it.effect("tells of progress in percent while the server analyses", () =>
    withScript(["hanging"], ({ generator }) =>
      Effect.gen(function* () {
        const analyzing = yield* generator.events(file).pipe(
          Stream.filter(({ status }) => status.status === "analyzing"),
          Stream.runHead,
          Effect.fork
        )
        yield* TestClock.adjust("1 second")
        const { status } = Option.getOrThrow(yield* Fiber.join(analyzing))
        assert.isNumber(status.percent)
      })
    )
  )

  it.effect("gives up on a server that hangs after 60 s, not before, and ends in none", () =>
    withScript(["hanging"], ({ generator, repo }) =>
      Effect.gen(function* () {
        const fiber = yield* Effect.fork(last(generator))
        yield* TestClock.adjust("59 seconds")
        assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
        yield* TestClock.adjust("2 seconds")
        const event = yield* Fiber.join(fiber)
        assert.strictEqual(event.status.status, "unavailable")
        assert.deepStrictEqual(event.analysis, Option.none())
        assert.deepStrictEqual(yield* repo.findFailure(key), Option.none())
      })
    )
  )

  it.effect("answers after 60 s where a file takes longer, and measures it to its end though nobody waits", () =>
    withScript(["long"], ({ generator, repo, requests, interrupted }) =>
      Effect.gen(function* () {
        const fiber = yield* Effect.fork(generator.getOrGenerate(file))
        yield* TestClock.adjust("59 seconds")
        assert.isNull(fiber.unsafePoll())
        yield* TestClock.adjust("2 seconds")
        assert.deepStrictEqual(yield* Fiber.join(fiber), Option.none())
        yield* TestClock.adjust("3 minutes")
        assert.deepStrictEqual(yield* repo.find(key), Option.none())
        yield* TestClock.adjust("2 minutes")
        assert.deepStrictEqual(yield* repo.find(key), Option.some(analysis))
        assert.strictEqual(interrupted(), 0)
        assert.lengthOf(requests, 1)
        assert.deepStrictEqual(yield* generator.getOrGenerate(file), Option.some(analysis))
      })
    )
  )

  it.effect("tries again after connection errors, a full queue and a broken answer", () =>
    withScript(["unreachable", "busy", "invalid", "ok"], ({ generator, requests }) =>
      Effect.gen(function* () {
        const fiber = yield* Effect.fork(generator.getOrGenerate(file))
        yield* TestClock.adjust("30 seconds")
        assert.deepStrictEqual(yield* Fiber.join(fiber), Option.some(analysis))
        assert.lengthOf(requests, 4)
      })
    )
  )

  it.effect("ends in none where there is no server at all, after half a minute of attempts", () =>
    withScript(["unreachable"], ({ generator, requests }) =>
      Effect.gen(function* () {
        const fiber = yield* Effect.fork(last(generator))
        yield* TestClock.adjust("20 seconds")
        assert.isNull(fiber.unsafePoll())
        yield* TestClock.adjust("20 seconds")
        assert.strictEqual((yield* Fiber.join(fiber)).status.status, "unavailable")
        // Five until the circuit opens, and a probe or two.
        assert.includes([6, 7], requests.length)
      })
    )
  )

  it.effect("asks once about a file that cannot have a fingerprint, and remembers why", () =>
    withScript(["refused"], ({ generator, repo, requests }) =>
      Effect.gen(function* () {
        const first = yield* last(generator)
        assert.hasFields(first.status, { status: "failed", message: "The track is silent." })
        const second = yield* last(generator)
        assert.hasFields(second.status, { status: "failed", message: "The track is silent." })
        assert.lengthOf(requests, 1)
        assert.isTrue(Option.isSome(yield* repo.findFailure(key)))
      })
    )
  )

  it.effect("generates once for two plays at the same time, and goes on when one of them leaves", () =>
    withScript(["slow"], ({ generator, requests }) =>
      Effect.gen(function* () {
        const leaver = yield* Effect.fork(generator.getOrGenerate(file))
        const stayer = yield* Effect.fork(generator.getOrGenerate(file))
        yield* TestClock.adjust("1 second")
        yield* Fiber.interrupt(leaver)
        yield* TestClock.adjust("5 seconds")
        assert.deepStrictEqual(yield* Fiber.join(stayer), Option.some(analysis))
        assert.lengthOf(requests, 1)
      })
    )
  )

  it.effect("goes on for a while when nobody waits any longer, for who comes back, and is then given up", () =>
    withScript(["hanging"], ({ generator, requests, interrupted }) =>
      Effect.gen(function* () {
        const first = yield* Effect.fork(generator.getOrGenerate(file))
        yield* TestClock.adjust("1 second")
        yield* Fiber.interrupt(first)
        yield* TestClock.adjust("4 seconds")
        assert.strictEqual(interrupted(), 0)
        const back = yield* Effect.fork(generator.getOrGenerate(file))
        yield* TestClock.adjust("30 seconds")
        assert.isNull(back.unsafePoll())
        assert.strictEqual(interrupted(), 0)
        assert.lengthOf(requests, 1)
        yield* Fiber.interrupt(back)
        yield* TestClock.adjust("6 seconds")
        assert.strictEqual(interrupted(), 1)
        yield* Effect.fork(generator.getOrGenerate(file))
        yield* TestClock.adjust("1 second")
        assert.lengthOf(requests, 2)
      })
    )
  )

  it.effect("goes on for as long after the last who left as after the first", () =>
    withScript(["hanging"], ({ generator, interrupted }) =>
      Effect.gen(function* () {
        const first = yield* Effect.fork(generator.getOrGenerate(file))
        yield* TestClock.adjust("1 second")
        yield* Fiber.interrupt(first)
        yield* TestClock.adjust("4 seconds")
        const second = yield* Effect.fork(generator.getOrGenerate(file))
        yield* TestClock.adjust("500 millis")
        yield* Fiber.interrupt(second)
        yield* TestClock.adjust("4 seconds")
        assert.strictEqual(interrupted(), 0)
        yield* TestClock.adjust("2 seconds")
        assert.strictEqual(interrupted(), 1)
      })
    )
  )

  it.effect("ends where nobody waits for it any longer, and keeps what it has found", () => {
    const generations: Array<Fiber.RuntimeFiber<unknown, unknown>> = []
    const actors: ActorsService = {
      adopt: (_group, _what, fiber) => Effect.sync(() => void generations.push(fiber)),
      keep: () => Effect.void
    }
    return withScript(["slow"], ({ generator, repo, sidecar, requests, interrupted }) =>
      Effect.gen(function* () {
        const leaver = yield* Effect.fork(generator.getOrGenerate(file))
        yield* TestClock.adjust("1 second")
        yield* Fiber.interrupt(leaver)
        // The analysis ends 5 s after its begin; a generation is given up 5 s after the last has left.
        yield* TestClock.adjust("4500 millis")
        assert.lengthOf(generations, 1)
        assert.isNotNull(generations[0]?.unsafePoll(), "the generation has not ended: it waits for its own end")
        assert.strictEqual((yield* generator.running).size, 0)
        assert.strictEqual(interrupted(), 0)
        assert.deepStrictEqual(yield* repo.find(key), Option.some(analysis))
        assert.deepStrictEqual(sidecar.get(pathOf(file)), analysis)
        assert.deepStrictEqual(yield* generator.getOrGenerate(file), Option.some(analysis))
        assert.lengthOf(requests, 1)
      })
    ).pipe(Effect.provideService(Actors, actors))
  })

  it.effect("hands nobody a generation that is being given up", () => {
    const slow = Layer.effect(
      FingerprintRepo,
      Effect.map(FingerprintRepo, (repo) => ({
        ...repo,
        store: (of, stored) => Effect.uninterruptible(Effect.delay(repo.store(of, stored), "20 seconds"))
      }))
    ).pipe(Layer.provide(FingerprintRepoMemory.layer))
    return withScript(
      ["ok"],
      ({ generator }) =>
        Effect.gen(function* () {
          const first = yield* Effect.fork(generator.getOrGenerate(file))
          yield* TestClock.adjust("1 second")
          yield* Fiber.interrupt(first)
          yield* TestClock.adjust("6 seconds")
          const next = yield* Effect.fork(generator.getOrGenerate(file))
          yield* TestClock.adjust("1 minute")
          assert.deepStrictEqual(yield* Fiber.join(next), Option.some(analysis))
        }),
      { repoLayer: slow }
    )
  })

  it.effect("shares the generation that runs, also when one that was given up ends late", () => {
    let looks = 0
    const slowAtFirst = Layer.effect(
      FingerprintRepo,
      Effect.map(FingerprintRepo, (repo) => ({
        ...repo,
        find: (of) =>
          Effect.suspend(() => {
            looks += 1
            return looks === 1 ? Effect.uninterruptible(Effect.delay(repo.find(of), "20 seconds")) : repo.find(of)
          })
      }))
    ).pipe(Layer.provide(FingerprintRepoMemory.layer))
    return withScript(
      ["hanging", "hanging"],
      ({ generator, requests }) =>
        Effect.gen(function* () {
          const givenUp = yield* Effect.fork(generator.getOrGenerate(file))
          yield* TestClock.adjust("1 second")
          yield* Fiber.interrupt(givenUp)
          yield* TestClock.adjust("6 seconds")
          const next = yield* Effect.fork(generator.getOrGenerate(file))
          yield* TestClock.adjust("20 seconds")
          assert.deepStrictEqual(yield* generator.running, new Set([file.track.id]))
          const last = yield* Effect.fork(generator.getOrGenerate(file))
          yield* TestClock.adjust("1 second")
          assert.lengthOf(requests, 1)
          yield* Fiber.interruptAll([next, last])
        }),
      { repoLayer: slowAtFirst }
    )
  })

  it.effect("does not ask the database or the disk about what it has found there", () => {
    let looks = 0
    const counted = <A>(look: Effect.Effect<A>) =>
      Effect.zipRight(
        Effect.sync(() => void (looks += 1)),
        look
      )
    const repoLayer = Layer.effect(
      FingerprintRepo,
      Effect.map(FingerprintRepo, (repo) => ({ ...repo, find: (of) => counted(repo.find(of)) }))
    ).pipe(Layer.provide(FingerprintRepoMemory.layer))
    const onDisk = new Set([pathOf(other)])
    const sidecarLayer = Layer.succeed(FingerprintSidecar, {
      find: (path) => counted(Effect.sync(() => (onDisk.has(path) ? Option.some(analysis) : Option.none()))),
      store: () => Effect.void
    })
    return withScript(
      ["ok"],
      ({ generator, repo, requests }) =>
        Effect.gen(function* () {
          yield* repo.store(key, analysis)
          for (const [of, looksAtFirst] of [
            [file, 1],
            [other, 2]
          ] as const) {
            looks = 0
            for (let time = 0; time < 3; time++) {
              assert.deepStrictEqual(yield* generator.getCached(of), Option.some(analysis))
              assert.strictEqual(looks, looksAtFirst, of.relativePath)
            }
          }
          assert.lengthOf(requests, 0)
        }),
      { repoLayer, sidecarLayer }
    )
  })

  it.effect("leaves a server alone that failed five times in a row, until a probe succeeds", () =>
    withScript(["invalid", "invalid", "invalid", "invalid", "invalid", "slow", "ok"], ({ generator, requests }) =>
      Effect.gen(function* () {
        const first = yield* Effect.fork(last(generator))
        yield* TestClock.adjust("9 seconds")
        assert.lengthOf(requests, 5)
        // At once, without the clock moving: no listener waits for a server that is known to fail.
        const refused = yield* last(generator, other)
        assert.hasFields(refused.status, { status: "unavailable" })
        assert.includes(refused.status.message, "left alone")
        assert.lengthOf(requests, 5)
        // Who has asked before is the probe.
        yield* TestClock.adjust("500 millis").pipe(Effect.repeat({ until: () => requests.length === 6 }))
        const beside = yield* last(generator, other)
        assert.strictEqual(beside.status.status, "unavailable")
        assert.lengthOf(requests, 6)
        yield* TestClock.adjust("5 seconds")
        assert.strictEqual((yield* Fiber.join(first)).status.status, "complete")
        assert.strictEqual((yield* last(generator, other)).status.status, "complete")
      })
    )
  )

  it.effect("uses a server again as soon as it is seen to be back, without a probe", () =>
    withScript(
      ["unreachable", "unreachable", "unreachable", "unreachable", "unreachable", "slow"],
      ({ generator, requests }) =>
        Effect.gen(function* () {
          const waiting = yield* Effect.fork(last(generator))
          yield* TestClock.adjust("9 seconds")
          assert.lengthOf(requests, 5)
          isAway = false
          yield* TestClock.adjust("1 second")
          const files = [file, other]
          const both = yield* Effect.fork(
            Effect.forEach(files, (file) => last(generator, file), { concurrency: "unbounded" })
          )
          yield* TestClock.adjust("12 seconds")
          assert.strictEqual((yield* Fiber.join(waiting)).status.status, "complete")
          assert.deepStrictEqual(
            (yield* Fiber.join(both)).map(({ status }) => status.status),
            ["complete", "complete"]
          )
          assert.lengthOf(requests, 7)
        }),
      { isAvailable: () => !isAway }
    ).pipe(Effect.tap(() => Effect.sync(() => (isAway = true))))
  )

  it.effect("is not put off by a full queue, nor by files that cannot have a fingerprint", () =>
    withScript(["busy", "busy", "busy", "busy", "refused"], ({ generator, requests }) =>
      Effect.gen(function* () {
        const fiber = yield* Effect.fork(Effect.forEach([file, other], (file) => last(generator, file)))
        yield* TestClock.adjust("10 seconds")
        assert.deepStrictEqual(
          (yield* Fiber.join(fiber)).map(({ status }) => status.status),
          ["failed", "failed"]
        )
        assert.lengthOf(requests, 6)
      })
    )
  )

  it.effect("knows from memory what it found or did not, until the file changes", () =>
    withScript(
      ["refused", "ok"],
      ({ generator, requests }) =>
        Effect.gen(function* () {
          const memoryHits = () => lookups("memory", "hit")
          const before = yield* memoryHits()
          assert.strictEqual((yield* last(generator)).status.status, "failed")
          assert.strictEqual((yield* last(generator)).status.status, "failed")
          assert.lengthOf(requests, 1)
          const changed = someTrackFile({ version: { ...file.version, mtime_ms: 1 } })
          // The answer is about the version before: refused, but asked for.
          assert.strictEqual((yield* last(generator, changed)).status.status, "unavailable")
          assert.lengthOf(requests, 2)
          assert.isAbove(yield* memoryHits(), before)
        }),
      { repoLayer: brokenRepo }
    )
  )

  it.effect("keeps the fingerprints of a read-only folder in the database, and makes no noise about it", () => {
    const lines: Array<unknown> = []
    const listen = Logger.replace(
      Logger.defaultLogger,
      Logger.make(({ message }) => void lines.push(message))
    )
    return withScript(
      ["ok"],
      ({ generator, repo }) =>
        Effect.gen(function* () {
          assert.hasFields((yield* last(generator)).status, { status: "complete" })
          assert.deepStrictEqual(yield* repo.find(key), Option.some(analysis))
          assert.deepStrictEqual(lines, [])
        }),
      { sidecarLayer: readOnlySidecar }
    ).pipe(Effect.provide(listen))
  })

  it.effect("counts what each tier had, had not, and failed at", () =>
    withScript(
      ["ok"],
      ({ generator }) =>
        Effect.gen(function* () {
          const tiers = [
            ["memory", "miss"],
            ["database", "error"],
            ["sidecar", "error"],
            ["server", "hit"]
          ] as const
          const counts = () => Effect.forEach(tiers, ([tier, outcome]) => lookups(tier, outcome))
          const before = yield* counts()
          assert.strictEqual((yield* last(generator)).status.status, "complete")
          const after = yield* counts()
          // The database is asked for a fingerprint and for why there is none.
          assert.deepStrictEqual(
            after.map((value, n) => value - before[n]!),
            [1, 2, 1, 1]
          )
          const hits = yield* lookups("memory", "hit")
          assert.deepStrictEqual(yield* generator.getOrGenerate(file), Option.some(analysis))
          assert.strictEqual(yield* lookups("memory", "hit"), hits + 1)
        }),
      { repoLayer: brokenRepo, sidecarLayer: brokenSidecar }
    )
  )

  it.effect("does not take an analysis of another content for that of this file", () => {
    const { provenance, ...rest } = analysis
    const ofOther = { ...rest, provenance: { ...provenance, file_size: provenance.file_size + 1 } }
    return withScript(
      ["ok"],
      ({ generator, repo, sidecar }) =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* generator.getOrGenerate(file), Option.none())
          assert.deepStrictEqual(yield* repo.find(key), Option.none())
          assert.strictEqual(sidecar.size, 0)
        }),
      { answer: ofOther }
    )
  })

  it.effect("goes past a database that fails, to the server, and still gives its answer", () => {
    return withScript(
      ["ok"],
      ({ generator }) =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* generator.getOrGenerate(file), Option.some(analysis))
        }),
      { repoLayer: brokenRepo }
    )
  })

  it.effect("stores later what could not be stored when it was found, and tells how much that is", () => {
    let isFull = true
    const fillable = Layer.map(FingerprintRepoMemory.layer, (context) => {
      const repo = Context.get(context, FingerprintRepo)
      const whenFree = (store: Effect.Effect<void>) => Effect.suspend(() => (isFull ? brokenDisk : store))
      return Context.make(FingerprintRepo, {
        ...repo,
        store: (...args) => whenFree(repo.store(...args)),
        storeFailure: (...args) => whenFree(repo.storeFailure(...args))
      })
    })
    const other = { ...file, relativePath: "other.flac", track: { ...file.track, id: TrackId.make(file.track.id + 1) } }
    return withScript(
      ["ok", "refused"],
      ({ generator, repo }) =>
        Effect.gen(function* () {
          yield* generator.getOrGenerate(file)
          yield* generator.getOrGenerate(other)
          yield* TestClock.adjust("5 minutes")
          assert.deepStrictEqual(yield* repo.find(key), Option.none())
          assert.deepStrictEqual(yield* generator.owed, { count: 2, isFull: false })
          isFull = false
          yield* TestClock.adjust("1 minute")
          assert.deepStrictEqual(yield* repo.find(key), Option.some(analysis))
          assert.isTrue(Option.isSome(yield* repo.findFailure({ ...key, trackId: other.track.id })))
          assert.deepStrictEqual(yield* generator.owed, { count: 0, isFull: false })
        }),
      { repoLayer: fillable }
    )
  })

  it.effect("tells whether a server is available", () =>
    Effect.gen(function* () {
      const isAvailable = (script: Script) => withScript(script, ({ generator }) => generator.isServerAvailable)
      assert.isTrue(yield* isAvailable(["ok"]))
      assert.isFalse(yield* isAvailable(["unreachable"]))
    })
  )
})
