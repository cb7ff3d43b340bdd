import { assert, describe, it } from "@effect/vitest"
import { Chunk, Effect, Fiber, Layer, Option, Stream, TestClock } from "effect"
import type { TrackAnalysis } from "../../src/domain/Fingerprint.ts"
import * as FingerprintGeneratorTiered from "../../src/layers/FingerprintGeneratorTiered.ts"
import * as FingerprintRepoMemory from "../../src/layers/FingerprintRepoMemory.ts"
import * as Scripted from "../../src/layers/FingerprintServerClientScripted.ts"
import { FingerprintGenerator } from "../../src/services/FingerprintGenerator.ts"
import { FingerprintRepo } from "../../src/services/FingerprintRepo.ts"
import { FingerprintSidecar } from "../../src/services/FingerprintSidecar.ts"
import { pathOf } from "../../src/services/TrackLibrary.ts"
import { someAnalysis, someTrackFile } from "../support/analyses.ts"

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

/** The generator over a memory repo, a memory sidecar and a scripted server. */
const withScript = <A, E>(
  script: Script,
  use: (parts: {
    readonly generator: FingerprintGenerator["Type"]
    readonly repo: FingerprintRepo["Type"]
    readonly sidecar: Map<string, TrackAnalysis>
    readonly requests: ReadonlyArray<unknown>
  }) => Effect.Effect<A, E>,
  repoLayer: Layer.Layer<FingerprintRepo> = FingerprintRepoMemory.layer,
  answer = analysis
) =>
  Effect.suspend(() => {
    const client = Scripted.make({ script, analysis: answer })
    const sidecar = makeSidecar()
    return Effect.gen(function* () {
      const generator = yield* FingerprintGenerator
      const repo = yield* FingerprintRepo
      return yield* use({ generator, repo, sidecar: sidecar.stored, requests: client.requests })
    }).pipe(
      Effect.provide(
        FingerprintGeneratorTiered.layer.pipe(
          Layer.provideMerge(repoLayer),
          Layer.provide([sidecar.layer, client.layer])
        )
      )
    )
  })

const last = (generator: FingerprintGenerator["Type"]) =>
  generator.events(file).pipe(Stream.runLast, Effect.map(Option.getOrThrow))

describe("FingerprintGenerator", () => {
  it.effect("takes a stored fingerprint and does not ask the server", () =>
    withScript(["ok"], ({ generator, repo, requests }) =>
      Effect.gen(function* () {
        yield* repo.store(key, analysis)
        assert.deepStrictEqual(yield* generator.getOrGenerate(file), Option.some(analysis))
        assert.deepInclude((yield* last(generator)).status, { status: "cached", source: "database" })
        assert.lengthOf(requests, 0)
      })
    )
  )

  it.effect("takes the sidecar where the database has none, and stores it there", () =>
    withScript(["ok"], ({ generator, repo, sidecar, requests }) =>
      Effect.gen(function* () {
        sidecar.set(pathOf(file), analysis)
        assert.deepInclude((yield* last(generator)).status, { status: "cached", source: "sidecar" })
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
        assert.deepInclude((yield* last(generator)).status, { status: "cached" })
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

  it.effect("ends in none where there is no server at all, after five attempts, and asks again the next time", () =>
    withScript(["unreachable"], ({ generator, requests }) =>
      Effect.gen(function* () {
        const fiber = yield* Effect.fork(last(generator))
        yield* TestClock.adjust("60 seconds")
        assert.strictEqual((yield* Fiber.join(fiber)).status.status, "unavailable")
        assert.lengthOf(requests, 5)
        const again = yield* Effect.fork(generator.getOrGenerate(file))
        yield* TestClock.adjust("60 seconds")
        assert.deepStrictEqual(yield* Fiber.join(again), Option.none())
        assert.lengthOf(requests, 10)
      })
    )
  )

  it.effect("asks once about a file that cannot have a fingerprint, and remembers why", () =>
    withScript(["refused"], ({ generator, repo, requests }) =>
      Effect.gen(function* () {
        const first = yield* last(generator)
        assert.deepInclude(first.status, { status: "failed", message: "The track is silent." })
        const second = yield* last(generator)
        assert.deepInclude(second.status, { status: "failed", message: "The track is silent." })
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
      FingerprintRepoMemory.layer,
      ofOther
    )
  })

  it.effect("goes past a database that fails, to the server, and still gives its answer", () => {
    const broken = Effect.dieMessage("disk I/O error")
    const repo = Layer.succeed(FingerprintRepo, {
      find: () => broken,
      store: () => broken,
      findFailure: () => broken,
      storeFailure: () => broken
    })
    return withScript(
      ["ok"],
      ({ generator }) =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* generator.getOrGenerate(file), Option.some(analysis))
        }),
      repo
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
