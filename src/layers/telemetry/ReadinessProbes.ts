/** Readiness by trying: a query, a packet of music, a health check. */
import { SqlClient } from "@effect/sql"
import { Duration, Effect, Layer, Ref, Stream } from "effect"
import type { TrackId } from "../../domain/library/Track.ts"
import { ChunkMastering } from "../../services/ChunkMastering.ts"
import { FingerprintGenerator } from "../../services/FingerprintGenerator.ts"
import { LibraryCatalog } from "../../services/LibraryCatalog.ts"
import { Readiness } from "../../services/Readiness.ts"
import { pathOf, TrackLibrary } from "../../services/TrackLibrary.ts"

/** A probe that takes longer has failed. */
const probeTimeout = Duration.seconds(2)

/** A report holds for so long: probing costs a listener nothing, however often somebody asks. */
const reportLifetime = Duration.seconds(5)

/** Files that are gone or damaged say nothing about rendering: others are tried. */
const tracksTried = 3

/** True where it succeeds in time; what it fails of is a log line. */
const succeeds = (name: string, probe: Effect.Effect<unknown, unknown>): Effect.Effect<boolean> =>
  probe.pipe(
    Effect.as(true),
    Effect.disconnect,
    Effect.timeout(probeTimeout),
    Effect.catchAllCause((cause) => Effect.as(Effect.logWarning(`Not ready: ${name}`, cause), false))
  )

const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const library = yield* TrackLibrary
  const catalog = yield* LibraryCatalog
  const mastering = yield* ChunkMastering
  const generator = yield* FingerprintGenerator
  const isLoaded = yield* Ref.make(false)

  const renderPacket = (id: TrackId) =>
    library.resolve(id).pipe(
      Effect.flatMap((file) => mastering.open({ path: pathOf(file), startFrame: 0, plan: null })),
      Effect.flatMap(({ packets }) => Stream.runHead(packets)),
      Effect.scoped
    )

  const some = catalog.tracks({ sort: "artist", order: "asc", limit: tracksTried })
  const render = Effect.flatMap(some, ({ items }) =>
    items.length === 0 ? Effect.void : Effect.firstSuccessOf(items.map(({ id }) => renderPacket(id)))
  )

  const report = Effect.all(
    {
      database: succeeds("the database does not answer", sql`SELECT 1`),
      library: Ref.get(isLoaded),
      rendering: succeeds("nothing can be rendered", render),
      fingerprintServer: generator.isServerAvailable
    },
    { concurrency: "unbounded" }
  )

  const libraryLoaded = Ref.set(isLoaded, true)
  const held = yield* Effect.cachedWithTTL(report, reportLifetime)
  return Readiness.of({
    // The scan is the one that changes from no to yes under somebody's eyes: it is looked at afresh.
    report: Effect.zipWith(held, Ref.get(isLoaded), (report, library) => ({ ...report, library })),
    libraryLoaded
  })
})

export const layer = Layer.effect(Readiness, make)
