/** TrackRepo on SQLite. */
import { SqlClient } from "@effect/sql"
import { Effect, Layer } from "effect"
import { type FileVersion, type Track, type TrackFile, TrackId, TrackNotFound } from "../domain/Track.ts"
import { TrackRepo, type ScannedTrack, type ScannedUnreadable } from "../services/TrackRepo.ts"

interface TrackRow {
  readonly id: number
  readonly folder: string
  readonly path: string
  readonly size: number
  readonly mtime_ms: number
  readonly title: string
  readonly artist: string | null
  readonly album: string | null
  readonly duration: number
  readonly sample_rate: number
  readonly channels: number
}

type UnreadableRow = Pick<TrackRow, "folder" | "path" | "size" | "mtime_ms"> & { readonly message: string }

const toTrack = ({ id, title, artist, album, duration, sample_rate, channels }: TrackRow): Track => ({
  id: TrackId.make(id),
  title,
  artist,
  album,
  duration,
  sample_rate,
  channels
})

const toTrackFile = (row: TrackRow): TrackFile => ({
  track: toTrack(row),
  folder: row.folder,
  relativePath: row.path,
  version: { size: row.size, mtime_ms: row.mtime_ms }
})

const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  const list = sql<TrackRow>`
    SELECT * FROM tracks WHERE present = 1
    ORDER BY artist COLLATE NOCASE, album COLLATE NOCASE, path COLLATE NOCASE`.pipe(
    Effect.map((rows) => rows.map(toTrack)),
    Effect.orDie,
    Effect.withSpan("TrackRepo.list")
  )

  const get = Effect.fn("TrackRepo.get")(function* (id: TrackId) {
    const rows = yield* sql<TrackRow>`SELECT * FROM tracks WHERE id = ${id} AND present = 1`.pipe(Effect.orDie)
    const row = rows[0]
    return row === undefined ? yield* new TrackNotFound({ track_id: id }) : toTrackFile(row)
  })

  const upsert = Effect.fn("TrackRepo.upsert")(
    function* ({ folder, relativePath, version, tags }: ScannedTrack) {
      const record = { folder, path: relativePath, ...version, ...tags, present: 1 }
      const rows = yield* sql<{ readonly id: number }>`
        INSERT INTO tracks ${sql.insert(record)}
        ON CONFLICT (folder, path) DO UPDATE SET ${sql.csv(replaceableColumns)}
        RETURNING id`
      yield* sql`DELETE FROM unreadable_files WHERE folder = ${folder} AND path = ${relativePath}`
      return TrackId.make(rows[0]!.id)
    },
    sql.withTransaction,
    Effect.orDie
  )

  const markUnreadable = Effect.fn("TrackRepo.markUnreadable")(
    function* ({ folder, relativePath, version, message }: ScannedUnreadable) {
      const record = { folder, path: relativePath, ...version, message }
      yield* sql`INSERT OR REPLACE INTO unreadable_files ${sql.insert(record)}`
      yield* sql`UPDATE tracks SET present = 0 WHERE folder = ${folder} AND path = ${relativePath}`
    },
    sql.withTransaction,
    Effect.orDie
  )

  const listUnreadable = sql<UnreadableRow>`SELECT * FROM unreadable_files ORDER BY folder, path`.pipe(
    Effect.map((rows) =>
      rows.map(({ folder, path, size, mtime_ms, message }): ScannedUnreadable => ({
        folder,
        relativePath: path,
        version: { size, mtime_ms },
        message
      }))
    ),
    Effect.orDie
  )

  const knownVersions = Effect.fn("TrackRepo.knownVersions")(function* (folder: string) {
    const rows = yield* sql<Pick<TrackRow, "path" | "size" | "mtime_ms">>`
      SELECT path, size, mtime_ms FROM tracks WHERE folder = ${folder} AND present = 1
      UNION ALL SELECT path, size, mtime_ms FROM unreadable_files WHERE folder = ${folder}`
    return new Map(rows.map(({ path, size, mtime_ms }): [string, FileVersion] => [path, { size, mtime_ms }]))
  }, Effect.orDie)

  const keepOnly = Effect.fn("TrackRepo.keepOnly")(
    function* (folders: ReadonlyMap<string, ReadonlySet<string>>) {
      const rows = yield* sql<Pick<TrackRow, "folder" | "path">>`
        SELECT folder, path FROM tracks WHERE present = 1 UNION ALL SELECT folder, path FROM unreadable_files`
      const gone = rows.filter(({ folder, path }) => !folders.get(folder)?.has(path))
      yield* Effect.forEach(
        gone,
        ({ folder, path }) =>
          Effect.zipRight(
            sql`UPDATE tracks SET present = 0 WHERE folder = ${folder} AND path = ${path}`,
            sql`DELETE FROM unreadable_files WHERE folder = ${folder} AND path = ${path}`
          ),
        { discard: true }
      )
    },
    sql.withTransaction,
    Effect.orDie
  )

  return TrackRepo.of({ list, get, upsert, markUnreadable, listUnreadable, knownVersions, keepOnly })
})

const replaceableColumns = [
  "size",
  "mtime_ms",
  "title",
  "artist",
  "album",
  "duration",
  "sample_rate",
  "channels",
  "present"
].map((name) => `${name} = excluded.${name}`)

export const layer = Layer.effect(TrackRepo, make)
