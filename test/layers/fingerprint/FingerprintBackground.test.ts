import { describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Option, TestClock } from "effect"
import { TrackUnreadable } from "../../../src/domain/audio/AnalysisError.ts"
import * as DatabaseSqlite from "../../../src/layers/database/DatabaseSqlite.ts"
import * as FingerprintBackground from "../../../src/layers/fingerprint/FingerprintBackground.ts"
import * as FingerprintGeneratorTiered from "../../../src/layers/fingerprint/FingerprintGeneratorTiered.ts"
import * as FingerprintRepoSqlite from "../../../src/layers/fingerprint/FingerprintRepoSqlite.ts"
import * as Scripted from "../../support/layers/FingerprintServerClientScripted.ts"
import * as LibraryCatalogSqlite from "../../../src/layers/library/LibraryCatalogSqlite.ts"
import * as TrackRepoSqlite from "../../../src/layers/library/TrackRepoSqlite.ts"
import { FingerprintGenerator } from "../../../src/services/FingerprintGenerator.ts"
import { FingerprintSidecar } from "../../../src/services/FingerprintSidecar.ts"
import { LibraryCatalog } from "../../../src/services/LibraryCatalog.ts"
import { TrackLibrary } from "../../../src/services/TrackLibrary.ts"
import { TrackRepo } from "../../../src/services/TrackRepo.ts"
import { assert } from "../../support/assert.ts"
import { someAnalysis } from "../../support/analyses.ts"
import { someScanned } from "../../support/catalog.ts"

const sidecar = Layer.succeed(FingerprintSidecar, { find: () => Effect.succeedNone, store: () => Effect.void })

/** A library that takes every file to be as it is stored; the titles in `missing` are not there. */
const libraryWithout = (missing: ReadonlyArray<string>) =>
  Layer.effect(
    TrackLibrary,
    Effect.map(TrackRepo, (repo) => ({
      folders: ["/music"],
      list: repo.list,
      resolve: (id) =>
        Effect.filterOrFail(
          repo.get(id),
          ({ track }) => !missing.includes(track.title),
          ({ track }) => new TrackUnreadable({ file: track.title, stage: "open", reason: "missing" })
        ),
      scan: Effect.dieMessage("not part of this test"),
      scanStatus: Effect.dieMessage("not part of this test")
    }))
  )

interface Parts {
  readonly background: Fiber.RuntimeFiber<unknown>
  /** The titles that the server was asked about, in order. */
  readonly asked: () => ReadonlyArray<string>
}

const withBackground = <A, E, R>(
  titles: ReadonlyArray<string>,
  script: Scripted.ScriptedClientOptions["script"],
  use: (parts: Parts) => Effect.Effect<A, E, R>,
  options: FingerprintBackground.FingerprintBackgroundOptions & {
    readonly missing?: ReadonlyArray<string>
    readonly isFull?: () => boolean
  } = {}
) =>
  Effect.suspend(() => {
    const client = Scripted.make({ script, analysis: someAnalysis(), slowBy: "20 seconds" })
    const repositories = Layer.mergeAll(
      TrackRepoSqlite.layer,
      FingerprintRepoSqlite.layer,
      LibraryCatalogSqlite.layer
    ).pipe(Layer.provideMerge(DatabaseSqlite.layerMemory))
    const services = Layer.merge(
      libraryWithout(options.missing ?? []),
      FingerprintGeneratorTiered.layer.pipe(
        Layer.provide([client.layer, sidecar]),
        Layer.map((context) => {
          const generator = Context.get(context, FingerprintGenerator)
          const owed = Effect.sync(() => ({ count: 0, isFull: options.isFull?.() === true }))
          return Context.make(FingerprintGenerator, { ...generator, owed })
        })
      )
    ).pipe(Layer.provideMerge(repositories))
    const asked = () => client.requests.map(({ path }) => path.replace("/music/", ""))
    return Effect.gen(function* () {
      yield* Effect.flatMap(TrackRepo, (repo) => repo.store(titles.map((title) => someScanned({ title }))))
      const background = yield* Effect.forkScoped(Layer.launch(FingerprintBackground.layer(options)))
      yield* TestClock.adjust("30 seconds")
      return yield* use({ background, asked })
    }).pipe(Effect.scoped, Effect.provide(services))
  })

const states = Effect.flatMap(LibraryCatalog, (catalog) => catalog.fingerprints)

describe("FingerprintBackground", () => {
  it.effect("has every track measured once, one after the other", () =>
    withBackground(["a", "b", "c"], ["slow"], ({ asked }) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(asked(), ["a", "b"])
        yield* TestClock.adjust("5 minutes")
        assert.deepStrictEqual(asked(), ["a", "b", "c"])
        assert.deepStrictEqual(yield* states, { ready: 3, pending: 0, failed: 0 })
      })
    )
  )

  it.effect("has no more than one measured at a time, or as many as it is told", () =>
    Effect.gen(function* () {
      const asked = ({ asked }: Parts) => Effect.sync(asked)
      assert.deepStrictEqual(yield* withBackground(["a", "b", "c"], ["hanging"], asked), ["a"])
      assert.deepStrictEqual(yield* withBackground(["a", "b", "c"], ["hanging"], asked, { atOnce: 2 }), ["a", "b"])
    })
  )

  it.effect("takes up tracks that come later", () =>
    withBackground(["a"], ["ok"], ({ asked }) =>
      Effect.gen(function* () {
        yield* Effect.flatMap(TrackRepo, (repo) => repo.store([someScanned({ title: "new" })]))
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(asked(), ["a", "new"])
      })
    )
  )

  it.effect("measures a track again when its file is another", () =>
    withBackground(["a"], ["ok"], ({ asked }) =>
      Effect.gen(function* () {
        const repo = yield* TrackRepo
        yield* repo.store([
          { ...someScanned({ title: "a" }), version: { ...someScanned().version, size: 5, mtime_ms: 6 } }
        ])
        assert.deepStrictEqual(yield* states, { ready: 0, pending: 1, failed: 0 })
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(asked(), ["a", "a"])
      })
    )
  )

  it.effect("does not ask again about what cannot be measured", () =>
    withBackground(["silent", "b"], ["refused", "ok"], ({ asked }) =>
      Effect.gen(function* () {
        yield* TestClock.adjust("5 minutes")
        assert.deepStrictEqual(asked(), ["silent", "b"])
        assert.deepStrictEqual(yield* states, { ready: 1, pending: 0, failed: 1 })
      })
    )
  )

  it.effect("measures nothing while no more can be kept of what cannot be stored", () => {
    let isFull = true
    return withBackground(
      ["a"],
      ["ok"],
      ({ asked }) =>
        Effect.gen(function* () {
          assert.deepStrictEqual(asked(), [])
          isFull = false
          yield* TestClock.adjust("10 seconds")
          assert.deepStrictEqual(asked(), ["a"])
        }),
      { isFull: () => isFull }
    )
  })

  it.effect("goes past a file that is missing, and looks for it again much later", () =>
    withBackground(
      ["a", "b"],
      ["ok"],
      ({ asked }) =>
        Effect.gen(function* () {
          assert.deepStrictEqual(asked(), ["b"])
          assert.deepStrictEqual(yield* states, { ready: 1, pending: 1, failed: 0 })
        }),
      { missing: ["a"] }
    )
  )

  it.effect("leaves a track alone for a while that the server gives no answer about", () =>
    withBackground(["a", "b"], ["timed_out", "ok"], ({ asked }) =>
      Effect.gen(function* () {
        yield* TestClock.adjust("9 minutes")
        assert.deepStrictEqual(asked(), ["a", "b"])
        yield* TestClock.adjust("2 minutes")
        assert.deepStrictEqual(asked(), ["a", "b", "a"])
        assert.deepStrictEqual(yield* states, { ready: 2, pending: 0, failed: 0 })
      })
    )
  )

  it.effect("waits while no server answers, and asks for nothing", () =>
    withBackground(["a"], ["unreachable"], ({ asked }) =>
      Effect.gen(function* () {
        yield* TestClock.adjust("5 minutes")
        assert.deepStrictEqual(asked(), [])
        assert.deepStrictEqual(yield* states, { ready: 0, pending: 1, failed: 0 })
      })
    )
  )

  it.effect("does not keep a played track waiting for the one it has measured", () =>
    withBackground(["a", "played"], ["hanging", "ok"], ({ asked }) =>
      Effect.gen(function* () {
        const repo = yield* TrackRepo
        const generator = yield* FingerprintGenerator
        const [, played] = yield* repo.list
        const file = yield* Effect.orDie(repo.get(played!.id))
        assert.isTrue(Option.isSome(yield* generator.getOrGenerate(file)))
        assert.deepStrictEqual(asked(), ["a", "played"])
      })
    )
  )

  it.effect("stops with its scope", () =>
    withBackground(["a"], ["ok"], ({ asked, background }) =>
      Effect.gen(function* () {
        yield* Fiber.interrupt(background)
        yield* Effect.flatMap(TrackRepo, (repo) => repo.store([someScanned({ title: "new" })]))
        yield* TestClock.adjust("5 minutes")
        assert.deepStrictEqual(asked(), ["a"])
      })
    )
  )

  it.effect("does nothing where it is switched off", () =>
    withBackground(
      ["a"],
      ["ok"],
      ({ asked }) =>
        Effect.gen(function* () {
          yield* TestClock.adjust("5 minutes")
          assert.deepStrictEqual(asked(), [])
        }),
      { background: false }
    )
  )
})
