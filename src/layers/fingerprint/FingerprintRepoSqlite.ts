/** FingerprintRepo on SQLite: one row a track, the 25 dimensions as columns. */
import { SqlClient, type SqlError as SqlErrors } from "@effect/sql"
import { Effect, Either, Layer, Option, Schedule, Schema } from "effect"
import {
  algorithmVersion,
  dimensionNames,
  Fingerprint,
  Measurements,
  Provenance,
  TrackAnalysis
} from "../../domain/fingerprint/Fingerprint.ts"
import { isOfSizeAndTime, isOfVersion } from "../database/fileVersions.ts"
import { isBusy } from "../database/sqliteErrors.ts"
import { FingerprintRepo, type RememberedFailure, type TrackKey } from "../../services/FingerprintRepo.ts"

const Record = Schema.Struct({
  measurements: Schema.parseJson(Measurements),
  provenance: Schema.parseJson(Provenance)
})

/** The row that stores an analysis, one column a dimension. */
export const toRecord = (key: TrackKey, analysis: TrackAnalysis) => ({
  track_id: key.trackId,
  ...key.version,
  algorithm_version: analysis.provenance.algorithm_version,
  ...analysis.fingerprint,
  measurements: JSON.stringify(analysis.measurements),
  provenance: JSON.stringify(analysis.provenance)
})

/** The analysis in a row, all 25 dimensions checked; Left where the row is no valid fingerprint. */
export const fromRecord = (row: object) =>
  Either.all({
    fingerprint: Schema.decodeUnknownEither(Fingerprint)(row),
    stored: Schema.decodeUnknownEither(Record)(row)
  }).pipe(Either.map(({ fingerprint, stored }): TrackAnalysis => ({ fingerprint, ...stored })))

/** Samples per channel: a frame of the common codecs. */
const negligibleFrames = 2048

const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  /** All of a write or nothing of it, tried again while somebody else writes. */
  const whenFree = <A, E>(write: Effect.Effect<A, E | SqlErrors.SqlError>) =>
    sql.withTransaction(write).pipe(Effect.retry({ schedule: busyPolicy, while: isBusy }), Effect.orDie)

  const isOfKey = (key: TrackKey) => sql`
    track_id = ${key.trackId} AND ${isOfVersion(sql, key.version)} AND algorithm_version = ${algorithmVersion}`

  const find = Effect.fn("FingerprintRepo.find")(function* (key: TrackKey) {
    const rows = yield* sql<object>`SELECT * FROM fingerprints WHERE ${isOfKey(key)}`
    const row = rows[0]
    if (row === undefined) return Option.none<TrackAnalysis>()
    const analysis = fromRecord(row)
    if (Either.isRight(analysis) && isAbout(key, analysis.right)) return Option.some(analysis.right)
    const reason = Either.isLeft(analysis) ? analysis.left.message : "it is about another content or algorithm"
    yield* Effect.logWarning("A stored fingerprint is invalid; it is dropped and made again", reason)
    yield* sql`DELETE FROM fingerprints WHERE track_id = ${key.trackId}`
    return Option.none<TrackAnalysis>()
  }, Effect.orDie)

  /** What was listed is what the file says, which may be wrong; here it was decoded to its end. */
  const correctDuration = ({ trackId, version }: TrackKey, { duration_seconds, sample_rate }: Measurements) =>
    Effect.gen(function* () {
      const [listed] = yield* sql<{ readonly duration: number; readonly album_id: number | null }>`
        SELECT duration, album_id FROM tracks
        WHERE id = ${trackId} AND size = ${version.size} AND mtime_ms = ${version.mtime_ms}`
      if (listed === undefined) return
      const error = duration_seconds - listed.duration
      if (Math.abs(error) * sample_rate <= negligibleFrames) return
      yield* sql`UPDATE tracks SET duration = ${duration_seconds} WHERE id = ${trackId}`
      yield* sql`UPDATE albums SET duration = duration + ${error} WHERE id = ${listed.album_id}`
    })

  const findUnverified = Effect.fn("FingerprintRepo.findUnverified")(function* (key: TrackKey) {
    const rows = yield* sql<object>`
      SELECT * FROM fingerprints WHERE track_id = ${key.trackId} AND ${isOfSizeAndTime(sql, key.version)}
        AND algorithm_version = ${algorithmVersion}`
    const analysis = rows[0] === undefined ? Option.none<TrackAnalysis>() : Either.getRight(fromRecord(rows[0]))
    return Option.filter(analysis, (found) => isAbout(key, found))
  }, Effect.orDie)

  const drop = Effect.fn("FingerprintRepo.drop")(
    (key: TrackKey) => sql`DELETE FROM fingerprints WHERE track_id = ${key.trackId}`,
    whenFree,
    Effect.asVoid
  )

  const store = Effect.fn("FingerprintRepo.store")(function* (key: TrackKey, analysis: TrackAnalysis) {
    const valid = yield* Schema.decodeUnknown(TrackAnalysis)(analysis)
    const record = toRecord(key, valid)
    yield* sql`INSERT INTO fingerprints ${sql.insert(record)}
      ON CONFLICT (track_id) DO UPDATE SET ${sql.csv(replaceableColumns)}`
    yield* sql`DELETE FROM fingerprint_failures WHERE track_id = ${key.trackId}`
    yield* correctDuration(key, valid.measurements)
  }, whenFree)

  const findFailure = Effect.fn("FingerprintRepo.findFailure")(function* (key: TrackKey) {
    const rows = yield* sql<RememberedFailure>`SELECT code, message FROM fingerprint_failures WHERE ${isOfKey(key)}`
    return Option.fromNullable(rows[0])
  }, Effect.orDie)

  const storeFailure = Effect.fn("FingerprintRepo.storeFailure")(function* (key: TrackKey, failure: RememberedFailure) {
    const record = {
      track_id: key.trackId,
      ...key.version,
      algorithm_version: algorithmVersion,
      code: failure.code,
      message: failure.message
    }
    yield* sql`INSERT OR REPLACE INTO fingerprint_failures ${sql.insert(record)}`
  }, whenFree)

  return FingerprintRepo.of({ find, findUnverified, drop, store, findFailure, storeFailure })
})

/** What the columns say and what the analysis says of itself agree. A copied file has another time, but no other size. */
const isAbout = (key: TrackKey, { provenance }: TrackAnalysis): boolean =>
  provenance.algorithm_version === algorithmVersion && provenance.file_size === key.version.size

/** A backup or a shell that holds the database for a moment; each attempt waits for DatabaseSqlite's busy timeout. */
const busyPolicy = Schedule.exponential("50 millis").pipe(Schedule.jittered, Schedule.intersect(Schedule.recurs(4)))

const replaceableColumns = [
  "size",
  "mtime_ms",
  "inode",
  "ctime_ms",
  "algorithm_version",
  ...dimensionNames,
  "measurements",
  "provenance"
].map((name) => `${name} = excluded.${name}`)

export const layer = Layer.effect(FingerprintRepo, make)
