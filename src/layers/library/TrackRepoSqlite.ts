/** TrackRepo on SQLite. Albums and artists are rows of their own, brought up to date with every change of their tracks. */
import { SqlClient } from "@effect/sql"
import { Clock, Effect, Layer, Option } from "effect"
import { dirname, relative, sep } from "node:path"
import { type FileVersion, TrackId, TrackNotFound } from "../../domain/library/Track.ts"
import { type FileLocation, type Scanned, type ScannedTrack, TrackRepo } from "../../services/TrackRepo.ts"
import { turnOfEventLoop } from "../process/eventLoop.ts"
import { toTrack, toTrackFile, type TrackRow, versionIn } from "./trackRow.ts"
import { forgetFile, refreshGroups, storeTrack, storeUnreadable } from "./trackStore.ts"

/** Rows read in one go: a few milliseconds. */
const rowsPerTurn = 2000

const filesPerTransaction = 50

const make = Effect.map(SqlClient.SqlClient, (sql) =>
  TrackRepo.of({
    list: Effect.withSpan(list(sql), "TrackRepo.list"),
    get: Effect.fn("TrackRepo.get")((id) => get(sql, id)),
    store: Effect.fn("TrackRepo.store")((batch) => store(sql, batch)),
    knownVersions: Effect.fn("TrackRepo.knownVersions")((folder, below) => knownVersions(sql, folder, below)),
    findAlike: Effect.fn("TrackRepo.findAlike")((scanned) => findAlike(sql, scanned)),
    findAt: Effect.fn("TrackRepo.findAt")((path) => findAt(sql, path)),
    forget: (files) => forget(sql, files),
    forgetOutside: Effect.fn("TrackRepo.forgetOutside")((folders) => forgetOutside(sql, folders))
  })
)

const list = (sql: SqlClient.SqlClient) =>
  sql<TrackRow>`SELECT * FROM tracks WHERE present = 1 ORDER BY artist_sort, id`.pipe(
    Effect.map((rows) => rows.map(toTrack)),
    Effect.orDie
  )

const get = (sql: SqlClient.SqlClient, id: TrackId) =>
  Effect.flatMap(Effect.orDie(sql<TrackRow>`SELECT * FROM tracks WHERE id = ${id} AND present = 1`), ([row]) =>
    row === undefined ? new TrackNotFound({ track_id: id }) : Effect.succeed(toTrackFile(row))
  )

const store = (sql: SqlClient.SqlClient, batch: ReadonlyArray<Scanned>) =>
  Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const groups = yield* Effect.forEach(batch, (scanned) =>
      "tags" in scanned ? storeTrack(sql, scanned, now) : storeUnreadable(sql, scanned)
    )
    yield* refreshGroups(sql, groups.flat())
  }).pipe(sql.withTransaction, Effect.orDie)

const knownVersions = (sql: SqlClient.SqlClient, folder: string, below?: string) =>
  Effect.gen(function* () {
    const known = new Map<string, FileVersion>()
    const isBelow =
      below === undefined ? sql`1` : sql`(path = ${below} OR (path > ${`${below}/`} AND path < ${`${below}0`}))` // "0" comes behind "/".
    const readAll = (table: string, which: string) =>
      Effect.gen(function* () {
        let last = ""
        for (;;) {
          const rows = yield* sql<FileVersion & Pick<TrackRow, "path">>`
            SELECT path, size, mtime_ms, inode, ctime_ms FROM ${sql.literal(table)}
            WHERE folder = ${folder} AND path > ${last} AND ${isBelow} ${sql.literal(which)}
            ORDER BY path LIMIT ${rowsPerTurn}`
          for (const row of rows) known.set(row.path, versionIn(row))
          if (rows.length < rowsPerTurn) return
          last = rows.at(-1)!.path
          yield* turnOfEventLoop
        }
      })
    yield* readAll("unreadable_files", "")
    yield* readAll("tracks", "AND present = 1")
    return known
  }).pipe(Effect.orDie)

const findAlike = (sql: SqlClient.SqlClient, scanned: ScannedTrack) =>
  Effect.gen(function* () {
    const { size, mtime_ms } = scanned.version
    const { duration, sample_rate, channels } = scanned.tags
    const rows = yield* sql<Pick<TrackRow, "id" | "folder" | "path">>`
      SELECT id, folder, path FROM tracks
      WHERE size = ${size} AND mtime_ms = ${mtime_ms} AND duration = ${duration}
        AND sample_rate = ${sample_rate} AND channels = ${channels}
      LIMIT 10`
    const isHere = (row: (typeof rows)[number]) => row.folder === scanned.folder && row.path === scanned.relativePath
    if (rows.some(isHere)) return []
    return rows.map(toLocation)
  }).pipe(Effect.orDie)

const toLocation = ({ id, folder, path }: Pick<TrackRow, "id" | "folder" | "path">) => ({
  id: TrackId.make(id),
  folder,
  relativePath: path
})

/** One that is listed rather than one that was: both may be there from when each folder had its own. */
const findAt = (sql: SqlClient.SqlClient, path: string) =>
  sql<Pick<TrackRow, "id" | "folder" | "path">>`
    SELECT id, folder, path FROM tracks
    WHERE (folder, path) IN (VALUES ${sql.csv(locationsOf(path).map(([folder, below]) => sql`(${folder}, ${below})`))})
    ORDER BY present DESC LIMIT 1`.pipe(
    Effect.map(([row]) => Option.map(Option.fromNullable(row), toLocation)),
    Effect.orDie
  )

/** A path in every way in which a music folder above it has it. */
const locationsOf = (path: string) => {
  const locations: Array<readonly [folder: string, below: string]> = []
  for (let below = path, folder = dirname(path); folder !== below; below = folder, folder = dirname(folder)) {
    locations.push([folder, relative(folder, path).replaceAll(sep, "/")])
  }
  return locations
}

const forget = (sql: SqlClient.SqlClient, files: ReadonlyArray<FileLocation>) =>
  Effect.gen(function* () {
    for (let start = 0; start < files.length; start += filesPerTransaction) {
      yield* forgetSome(sql, files.slice(start, start + filesPerTransaction))
      yield* turnOfEventLoop
    }
  })

const forgetSome = (sql: SqlClient.SqlClient, files: ReadonlyArray<FileLocation>) =>
  Effect.forEach(files, (file) => forgetFile(sql, file)).pipe(
    Effect.flatMap((groups) => refreshGroups(sql, groups.flat())),
    sql.withTransaction,
    Effect.orDie,
    Effect.withSpan("TrackRepo.forget")
  )

const forgetOutside = (sql: SqlClient.SqlClient, folders: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const isOutside = folders.length === 0 ? sql`1` : sql`folder NOT IN ${sql.in(folders)}`
    const gone = yield* sql<Pick<TrackRow, "folder" | "path">>`
      SELECT folder, path FROM tracks WHERE present = 1 AND ${isOutside}
      UNION SELECT folder, path FROM unreadable_files WHERE ${isOutside}`.pipe(Effect.orDie)
    yield* forget(
      sql,
      gone.map(({ folder, path }) => ({ folder, relativePath: path }))
    )
  })

export const layer = Layer.effect(TrackRepo, make)
