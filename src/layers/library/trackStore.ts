/** Writes of tracks, each of which gives the albums and artists it changed: they are brought up to date after it. */
import type { SqlClient } from "@effect/sql"
import { Effect } from "effect"
import { sortLast } from "../../domain/library/SearchText.ts"
import type { TrackId } from "../../domain/library/Track.ts"
import type { FileLocation, Scanned, ScannedTrack } from "../../services/TrackRepo.ts"
import { albumRecordOf, artistRecordOf, trackRecordOf } from "./trackRecords.ts"

/** What a track belongs to; what it leaves and what it joins both change with it. */
interface Groups {
  readonly album_id: number | null
  readonly artist_id: number | null
}

/** A file that was read. `now`: ms since 1970. */
export const storeTrack = (sql: SqlClient.SqlClient, scanned: ScannedTrack, now: number) =>
  Effect.gen(function* () {
    if (scanned.movedFrom !== undefined) yield* move(sql, scanned.movedFrom, scanned)
    const before = yield* sql<Groups>`SELECT album_id, artist_id FROM tracks WHERE ${at(sql, scanned)}`
    const groups: Groups = {
      album_id: yield* idOfGroup(sql, "albums", "title", albumRecordOf(scanned)),
      artist_id: yield* idOfGroup(sql, "artists", "name", artistRecordOf(scanned))
    }
    const record = { ...trackRecordOf(scanned), ...groups }
    const replaced = Object.keys(record).map((name) => `${name} = excluded.${name}`)
    yield* sql`
      INSERT INTO tracks ${sql.insert({ ...record, added_at: now })}
      ON CONFLICT (folder, path) DO UPDATE SET ${sql.csv(replaced)}`
    yield* sql`DELETE FROM unreadable_files WHERE ${at(sql, scanned)}`
    yield* completeVersions(sql, scanned)
    return [...before, groups]
  })

const ofTracks = ["fingerprints", "fingerprint_failures", "waveforms"]

/** What was stored of this file by size and time alone is held to its inode and time of change from now on. */
const completeVersions = (sql: SqlClient.SqlClient, scanned: ScannedTrack) => {
  const { ctime_ms, inode, mtime_ms, size } = scanned.version
  if (inode === null && ctime_ms === null) return Effect.void
  return Effect.forEach(
    ofTracks,
    (table) => sql`
      UPDATE ${sql(table)} SET inode = ${inode}, ctime_ms = ${ctime_ms}
      WHERE track_id = (SELECT id FROM tracks WHERE ${at(sql, scanned)}) AND size = ${size} AND mtime_ms = ${mtime_ms}
        AND inode IS NULL AND ctime_ms IS NULL`,
    { discard: true }
  )
}

/** A file that can be read no more, or never could. */
export const storeUnreadable = (sql: SqlClient.SqlClient, unreadable: Exclude<Scanned, ScannedTrack>) => {
  const { folder, relativePath, version, message } = unreadable
  return Effect.zipRight(
    sql`INSERT OR REPLACE INTO unreadable_files ${sql.insert({ folder, path: relativePath, ...version, message })}`,
    hide(sql, unreadable)
  )
}

/** A file that is there no more. */
export const forgetFile = (sql: SqlClient.SqlClient, file: FileLocation) =>
  Effect.zipRight(sql`DELETE FROM unreadable_files WHERE ${at(sql, file)}`, hide(sql, file))

/** Counts anew what they hold. */
export const refreshGroups = (sql: SqlClient.SqlClient, groups: ReadonlyArray<Groups>) =>
  Effect.gen(function* () {
    const distinct = (name: keyof Groups) => [
      ...new Set(groups.map((group) => group[name]).filter((id) => id !== null))
    ]
    yield* Effect.forEach(distinct("album_id"), (id) => sql.unsafe(refreshAlbum, [id, id]), { discard: true })
    yield* Effect.forEach(distinct("artist_id"), (id) => sql.unsafe(refreshArtist, [id, id]), { discard: true })
  })

const hide = (sql: SqlClient.SqlClient, file: FileLocation) =>
  sql<Groups>`UPDATE tracks SET present = 0 WHERE ${at(sql, file)} AND present = 1 RETURNING album_id, artist_id`

/** Inserted, or found by its key and told the newest way to write it. */
const idOfGroup = (
  sql: SqlClient.SqlClient,
  table: "artists" | "albums",
  name: "name" | "title",
  record: Record<string, string> | null
) =>
  record === null
    ? Effect.succeed(null)
    : Effect.map(
        sql<{ readonly id: number }>`
          INSERT INTO ${sql(table)} ${sql.insert(record)}
          ON CONFLICT (key) DO UPDATE SET ${sql(name)} = ${sql(`excluded.${name}`)} RETURNING id`,
        (rows) => rows[0]!.id
      )

const at = (sql: SqlClient.SqlClient, { folder, relativePath }: FileLocation) =>
  sql`folder = ${folder} AND path = ${relativePath}`

const move = (sql: SqlClient.SqlClient, id: TrackId, to: FileLocation) =>
  Effect.zipRight(
    sql`DELETE FROM tracks WHERE ${at(sql, to)} AND present = 0 AND id <> ${id}`,
    sql`UPDATE tracks SET folder = ${to.folder}, path = ${to.relativePath} WHERE id = ${id}`
  )

const refreshAlbum = `
  UPDATE albums SET
    tracks = sums.tracks,
    duration = sums.duration,
    year = sums.year,
    year_sort = coalesce(sums.year, 100000),
    art_track_id = sums.art_track_id,
    added_at = sums.added_at,
    artist_id = sums.artist_id,
    artist_sort = coalesce((SELECT name_sort FROM artists WHERE id = sums.artist_id), '${sortLast}'),
    search_text = title_text || coalesce((SELECT search_text FROM artists WHERE id = sums.artist_id), '')
  FROM (
    SELECT
      count(*) AS tracks,
      coalesce(sum(duration), 0) AS duration,
      min(year) AS year,
      min(CASE WHEN has_art = 1 THEN id END) AS art_track_id,
      coalesce(min(added_at), 0) AS added_at,
      CASE WHEN count(DISTINCT coalesce(artist_id, 0)) = 1 THEN min(artist_id) END AS artist_id
    FROM tracks WHERE album_id = ? AND present = 1
  ) AS sums
  WHERE id = ?`

const refreshArtist = `
  UPDATE artists SET tracks = sums.tracks, albums = sums.albums
  FROM (
    SELECT count(*) AS tracks, count(DISTINCT album_id) AS albums FROM tracks WHERE artist_id = ? AND present = 1
  ) AS sums
  WHERE id = ?`
