import { describe, it } from "@effect/vitest"
import { SqlClient } from "@effect/sql"
import { SqliteClient } from "@effect/sql-sqlite-node"
import { Context, Effect, Either, Fiber, Layer, Option } from "effect"
import { join } from "node:path"
import { dimensionNames } from "../../../src/domain/fingerprint/Fingerprint.ts"
import { TrackId } from "../../../src/domain/library/Track.ts"
import * as DatabaseSqlite from "../../../src/layers/database/DatabaseSqlite.ts"
import * as FingerprintRepoMemory from "../../support/layers/FingerprintRepoMemory.ts"
import * as FingerprintRepoSqlite from "../../../src/layers/fingerprint/FingerprintRepoSqlite.ts"
import { FingerprintRepo, type TrackKey } from "../../../src/services/FingerprintRepo.ts"
import { assert } from "../../support/assert.ts"
import { temporaryFolder } from "../../support/audioFiles.ts"
import { fileVersion, someAnalysis, someFingerprint } from "../../support/analyses.ts"

const key: TrackKey = { trackId: TrackId.make(7), version: fileVersion }

const insertTrack = Effect.flatMap(
  SqlClient.SqlClient,
  (sql) => sql`INSERT INTO tracks (id, folder, path, size, mtime_ms, title, duration, sample_rate, channels)
    VALUES (7, '/music', 'a.flac', 1, 1, 'A', 1, 44100, 2)`
)

const sqlite = FingerprintRepoSqlite.layer.pipe(
  Layer.provideMerge(Layer.tap(DatabaseSqlite.layerMemory, (context) => Effect.provide(insertTrack, context))),
  Layer.orDie
)

for (const [name, layer] of [
  ["SQLite", sqlite],
  ["memory", FingerprintRepoMemory.layer]
] as const) {
  describe(`FingerprintRepo in ${name}`, () => {
    const test = (sentence: string, effect: Effect.Effect<void, never, FingerprintRepo>) =>
      it.effect(sentence, () => Effect.provide(effect, layer))

    test(
      "gives back all that was stored, to the last bit",
      Effect.gen(function* () {
        const repo = yield* FingerprintRepo
        yield* repo.store(key, someAnalysis())
        assert.deepStrictEqual(yield* repo.find(key), Option.some(someAnalysis()))
      })
    )

    test(
      "finds nothing where nothing was stored",
      Effect.gen(function* () {
        const repo = yield* FingerprintRepo
        assert.deepStrictEqual(yield* repo.find(key), Option.none())
        assert.deepStrictEqual(yield* repo.findFailure(key), Option.none())
      })
    )

    test(
      "finds nothing of another version of the file",
      Effect.gen(function* () {
        const repo = yield* FingerprintRepo
        yield* repo.store(key, someAnalysis())
        yield* repo.storeFailure(key, { code: "TrackSilent", message: "It is silent." })
        for (const version of [
          { ...fileVersion, size: fileVersion.size + 1 },
          { ...fileVersion, mtime_ms: fileVersion.mtime_ms + 0.001 }
        ]) {
          assert.deepStrictEqual(yield* repo.find({ ...key, version }), Option.none())
          assert.deepStrictEqual(yield* repo.findFailure({ ...key, version }), Option.none())
        }
      })
    )

    test(
      "replaces an older analysis of the same track",
      Effect.gen(function* () {
        const repo = yield* FingerprintRepo
        yield* repo.store(key, someAnalysis())
        const version = { ...fileVersion, mtime_ms: fileVersion.mtime_ms + 1 }
        const newer = someAnalysis({ lufs: -9.25 })
        yield* repo.store({ ...key, version }, newer)
        assert.deepStrictEqual(yield* repo.find(key), Option.none())
        assert.deepStrictEqual(yield* repo.find({ ...key, version }), Option.some(newer))
      })
    )

    test(
      "remembers a failure until a fingerprint is stored",
      Effect.gen(function* () {
        const repo = yield* FingerprintRepo
        const failure = { code: "TrackSilent", message: "It is silent." }
        yield* repo.storeFailure(key, failure)
        assert.deepStrictEqual(yield* repo.findFailure(key), Option.some(failure))
        yield* repo.store(key, someAnalysis())
        assert.deepStrictEqual(yield* repo.findFailure(key), Option.none())
      })
    )

    test(
      "does not give out what an older algorithm measured",
      Effect.gen(function* () {
        const repo = yield* FingerprintRepo
        const { provenance, ...rest } = someAnalysis()
        yield* repo.store(key, { ...rest, provenance: { ...provenance, algorithm_version: 999 } })
        assert.deepStrictEqual(yield* repo.find(key), Option.none())
      })
    )
  })
}

describe("A fingerprint's record", () => {
  it.effect("corrects the listed duration of the measured version, and that of its album", () =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const repo = yield* FingerprintRepo
      yield* sql`INSERT INTO albums (id, key, title, title_sort, title_text, duration) VALUES (3, 'k', 'B', 'b', 'b', 101)`
      yield* sql`UPDATE tracks SET size = ${fileVersion.size}, mtime_ms = ${fileVersion.mtime_ms}, album_id = 3`
      const { duration_seconds } = someAnalysis().measurements
      const durations = sql`SELECT tracks.duration, albums.duration AS album FROM tracks JOIN albums ON albums.id = album_id`
      yield* repo.store({ ...key, version: { ...key.version, size: 5, mtime_ms: 5 } }, someAnalysis())
      assert.deepStrictEqual({ ...(yield* durations)[0] }, { duration: 1, album: 101 })
      yield* repo.store(key, someAnalysis())
      assert.deepStrictEqual(
        { ...(yield* durations)[0] },
        { duration: duration_seconds, album: 100 + duration_seconds }
      )
      yield* sql`UPDATE tracks SET duration = ${duration_seconds + 0.01}`
      yield* repo.store(key, someAnalysis())
      assert.strictEqual((yield* durations)[0]!["duration"], duration_seconds + 0.01)
    }).pipe(Effect.provide(sqlite), Effect.orDie)
  )

  it("keeps all 25 dimensions, each under its own name", () => {
    const record = FingerprintRepoSqlite.toRecord(key, someAnalysis())
    assert.strictEqual(dimensionNames.length, 25)
    for (const name of dimensionNames) assert.strictEqual(record[name], someFingerprint[name])
    assert.deepStrictEqual(Either.getOrThrow(FingerprintRepoSqlite.fromRecord(record)), someAnalysis())
  })

  it("is refused with a dimension missing, not finite, out of range, or bands that do not sum to 100", () => {
    const record = FingerprintRepoSqlite.toRecord(key, someAnalysis())
    for (const name of dimensionNames) {
      for (const value of [undefined, null, Number.NaN, Number.POSITIVE_INFINITY, "1", 1e9, -1e9]) {
        assert(Either.isLeft(FingerprintRepoSqlite.fromRecord({ ...record, [name]: value })), `${name} = ${value}`)
      }
    }
    assert(Either.isLeft(FingerprintRepoSqlite.fromRecord({ ...record, mid_pct: record.mid_pct + 0.2 })))
    assert(Either.isRight(FingerprintRepoSqlite.fromRecord({ ...record, mid_pct: record.mid_pct + 0.05 })))
  })

  it.effect("that turned invalid on disk is dropped, not used, and makes room for a new one", () =>
    Effect.gen(function* () {
      const repo = yield* FingerprintRepo
      const sql = yield* SqlClient.SqlClient
      const spoilers = [
        sql`UPDATE fingerprints SET lufs = -100`,
        sql`UPDATE fingerprints SET tempo = 'fast'`,
        sql`UPDATE fingerprints SET mid_pct = mid_pct + 1`,
        sql`UPDATE fingerprints SET phase_correlation = 9e999`,
        sql`UPDATE fingerprints SET measurements = '{'`,
        sql`UPDATE fingerprints SET provenance = json_set(provenance, '$.algorithm_version', 999)`,
        sql`UPDATE fingerprints SET provenance = json_set(provenance, '$.file_size', 1)`
      ]
      for (const spoil of spoilers) {
        yield* repo.store(key, someAnalysis())
        yield* spoil
        assert.deepStrictEqual(yield* repo.find(key), Option.none())
        assert.deepStrictEqual(yield* sql`SELECT track_id FROM fingerprints`, [])
      }
      yield* repo.store(key, someAnalysis())
      assert.deepStrictEqual(yield* repo.find(key), Option.some(someAnalysis()))
    }).pipe(Effect.provide(sqlite))
  )

  it.scopedLive("is stored as soon as another process lets go of the database", () =>
    Effect.gen(function* () {
      const filename = join(yield* temporaryFolder, "lathe.db")
      const repoLayer = FingerprintRepoSqlite.layer.pipe(
        Layer.provideMerge(Layer.tap(DatabaseSqlite.layer(filename), (context) => Effect.provide(insertTrack, context)))
      )
      const context = yield* Layer.build(repoLayer)
      const other = Context.get(yield* Layer.build(SqliteClient.layer({ filename })), SqlClient.SqlClient)
      yield* other`BEGIN IMMEDIATE`
      const repo = Context.get(context, FingerprintRepo)
      const storing = yield* Effect.fork(repo.store(key, someAnalysis()))
      // The first attempt has given up by the time that a look-up gets its turn.
      assert.deepStrictEqual(yield* repo.find(key), Option.none())
      yield* other`COMMIT`
      yield* Fiber.join(storing)
      assert.deepStrictEqual(yield* repo.find(key), Option.some(someAnalysis()))
    })
  )
})
