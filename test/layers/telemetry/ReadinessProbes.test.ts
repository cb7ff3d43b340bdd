import { describe, it } from "@effect/vitest"
import { SqlClient } from "@effect/sql"
import { Effect, Fiber, Layer, Stream, TestClock } from "effect"
import { TrackUnreadable } from "../../../src/domain/audio/AnalysisError.ts"
import { TrackId } from "../../../src/domain/library/Track.ts"
import * as DatabaseSqlite from "../../../src/layers/database/DatabaseSqlite.ts"
import * as ReadinessProbes from "../../../src/layers/telemetry/ReadinessProbes.ts"
import { ChunkMastering } from "../../../src/services/ChunkMastering.ts"
import { FingerprintGenerator } from "../../../src/services/FingerprintGenerator.ts"
import { LibraryCatalog } from "../../../src/services/LibraryCatalog.ts"
import { isReady, Readiness } from "../../../src/services/Readiness.ts"
import { TrackLibrary } from "../../../src/services/TrackLibrary.ts"
import { assert } from "../../support/assert.ts"
import { someTrackFile } from "../../support/analyses.ts"

interface World {
  trackCount: number
  /** Ids of the tracks whose files are gone. */
  gone: ReadonlyArray<number>
  renderer: "well" | "broken" | "hanging"
  serverUp: boolean
  /** Renderings that were opened. */
  opened: number
}

const goodWorld = (): World => ({ trackCount: 5, gone: [], renderer: "well", serverUp: true, opened: 0 })

const missing = new TrackUnreadable({ file: "a.flac", stage: "open", reason: "missing" })

const withWorld = <A, E>(
  world: World,
  use: (readiness: Readiness["Type"], sql: SqlClient.SqlClient) => Effect.Effect<A, E>
) => {
  const file = someTrackFile()
  const catalog = Layer.mock(LibraryCatalog, {
    tracks: ({ limit }) =>
      Effect.sync(() => ({
        items: Array.from({ length: Math.min(limit, world.trackCount) }, (_, n) => ({
          ...file.track,
          id: TrackId.make(n + 1)
        })) as never,
        next_cursor: null,
        total: world.trackCount
      }))
  })
  const library = Layer.mock(TrackLibrary, {
    folders: [],
    resolve: (id) => (world.gone.includes(id) ? missing : Effect.succeed(file))
  })
  const mastering = Layer.mock(ChunkMastering, {
    open: () => {
      world.opened += 1
      if (world.renderer === "hanging") return Effect.never
      if (world.renderer === "broken") return Effect.dieMessage("no worker")
      return Effect.succeed({ packets: Stream.empty } as never)
    }
  })
  const generator = Layer.mock(FingerprintGenerator, { isServerAvailable: Effect.sync(() => world.serverUp) })
  return Effect.gen(function* () {
    return yield* use(yield* Readiness, yield* SqlClient.SqlClient)
  }).pipe(
    Effect.provide(
      ReadinessProbes.layer.pipe(
        Layer.provide([catalog, library, mastering, generator]),
        Layer.provideMerge(DatabaseSqlite.layerMemory)
      )
    )
  )
}

describe("The service", () => {
  it.effect("is ready once its library has been read, with or without a fingerprint server", () =>
    Effect.gen(function* () {
      for (const serverUp of [true, false])
        yield* withWorld({ ...goodWorld(), serverUp }, (readiness) =>
          Effect.gen(function* () {
            assert.isFalse(isReady(yield* readiness.report))
            yield* readiness.libraryLoaded
            const report = yield* readiness.report
            assert.isTrue(isReady(report))
            assert.strictEqual(report.fingerprintServer, serverUp)
          })
        )
    })
  )

  it.effect("is ready with an empty library, and with files that are gone among others", () =>
    Effect.gen(function* () {
      for (const world of [
        { ...goodWorld(), trackCount: 0 },
        { ...goodWorld(), gone: [1, 2] }
      ])
        yield* withWorld(world, ({ report }) => Effect.map(report, ({ rendering }) => assert.isTrue(rendering)))
    })
  )

  it.effect("is not ready while nothing can be rendered, and is again a few seconds after it can", () => {
    const world: World = { ...goodWorld(), renderer: "broken" }
    return withWorld(world, ({ report }) =>
      Effect.gen(function* () {
        assert.isFalse((yield* report).rendering)
        world.renderer = "well"
        yield* TestClock.adjust("6 seconds")
        assert.isTrue((yield* report).rendering)
      })
    )
  })

  it.effect("says so within seconds when a renderer hangs, and tries once for many who ask", () => {
    const world: World = { ...goodWorld(), renderer: "hanging" }
    return withWorld(world, ({ report }) =>
      Effect.gen(function* () {
        const asking = yield* Effect.fork(Effect.all([report, report, report], { concurrency: "unbounded" }))
        yield* TestClock.adjust("3 seconds")
        const reports = yield* Fiber.join(asking)
        assert.isTrue(reports.every(({ rendering }) => !rendering))
        assert.strictEqual(world.opened, 1)
      })
    )
  })
})
