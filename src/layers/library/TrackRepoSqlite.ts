/** TrackRepo on SQLite. Albums and artists are rows of their own, brought up to date with every change of their tracks. */
import { SqlClient } from "@effect/sql"
import { Clock, Effect, Layer } from "effect"
import { dirname } from "node:path/posix"
import { foldWords, sortLast, sortText } from "../../domain/library/SearchText.ts"
import {
  type FileVersion,
  type Track,
  type TrackFile,
  TrackId,
  TrackNotFound,
  type TrackTags
} from "../../domain/library/Track.ts"
import { type FileLocation, type Scanned, type ScannedTrack, TrackRepo } from "../../services/TrackRepo.ts"
import { turnOfEventLoop } from "../process/eventLoop.ts"

export interface TrackRow extends Omit<TrackTags, "has_art"> {
  readonly id: number
  readonly folder: string
  readonly path: string
  readonly size: number
  readonly mtime_ms: number
  readonly has_art: number
  readonly added_at: number
}

export const toTrack = (row: TrackRow): Track => ({
  id: TrackId.make(row.id),
  title: row.title,
  artist: row.artist,
  album: row.album,
  album_artist: row.album_artist,
  track_number: row.track_number,
  disc_number: row.disc_number,
  year: row.year,
  duration: row.duration,
  sample_rate: row.sample_rate,
  channels: row.channels,
  has_art: row.has_art === 1,
  added_at: new Date(row.added_at).toISOString()
})

const toTrackFile = (row: TrackRow): TrackFile => ({
  track: toTrack(row),
  folder: row.folder,
  relativePath: row.path,
  version: { size: row.size, mtime_ms: row.mtime_ms }
})

/** What a track belongs to; what it leaves and what it joins both change with it. */
interface Groups {
  readonly album_id: number | null
  readonly artist_id: number | null
}

/** Rows read in one go: a few milliseconds. */
const rowsPerTurn = 2000

const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  const list = sql<TrackRow>`SELECT * FROM tracks WHERE present = 1 ORDER BY artist_sort, id`.pipe(
    Effect.map((rows) => rows.map(toTrack)),
    Effect.orDie,
    Effect.withSpan("TrackRepo.list")
  )

  const get = Effect.fn("TrackRepo.get")(function* (id: TrackId) {
    const rows = yield* sql<TrackRow>`SELECT * FROM tracks WHERE id = ${id} AND present = 1`.pipe(Effect.orDie)
    const row = rows[0]
    return row === undefined ? yield* new TrackNotFound({ track_id: id }) : toTrackFile(row)
  })

  /** Inserted, or found by its key and told the newest way to write it. */
  const idOfGroup = (table: "artists" | "albums", name: "name" | "title", record: Record<string, string> | null) =>
    record === null
      ? Effect.succeed(null)
      : Effect.map(
          sql<{ readonly id: number }>`
            INSERT INTO ${sql(table)} ${sql.insert(record)}
            ON CONFLICT (key) DO UPDATE SET ${sql(name)} = ${sql(`excluded.${name}`)} RETURNING id`,
          (rows) => rows[0]!.id
        )

  const at = ({ folder, relativePath }: FileLocation) => sql`folder = ${folder} AND path = ${relativePath}`

  const move = (id: TrackId, to: FileLocation) =>
    Effect.zipRight(
      sql`DELETE FROM tracks WHERE ${at(to)} AND present = 0 AND id <> ${id}`,
      sql`UPDATE tracks SET folder = ${to.folder}, path = ${to.relativePath} WHERE id = ${id}`
    )

  const storeTrack = (scanned: ScannedTrack, now: number) =>
    Effect.gen(function* () {
      if (scanned.movedFrom !== undefined) yield* move(scanned.movedFrom, scanned)
      const before = yield* sql<Groups>`SELECT album_id, artist_id FROM tracks WHERE ${at(scanned)}`
      const groups: Groups = {
        album_id: yield* idOfGroup("albums", "title", albumRecordOf(scanned)),
        artist_id: yield* idOfGroup("artists", "name", artistRecordOf(scanned))
      }
      const record = { ...trackRecordOf(scanned), ...groups }
      const replaced = Object.keys(record).map((name) => `${name} = excluded.${name}`)
      yield* sql`
        INSERT INTO tracks ${sql.insert({ ...record, added_at: now })}
        ON CONFLICT (folder, path) DO UPDATE SET ${sql.csv(replaced)}`
      yield* sql`DELETE FROM unreadable_files WHERE ${at(scanned)}`
      return [...before, groups]
    })

  const hide = (file: FileLocation) =>
    sql<Groups>`UPDATE tracks SET present = 0 WHERE ${at(file)} AND present = 1 RETURNING album_id, artist_id`

  const refresh = (groups: ReadonlyArray<Groups>) =>
    Effect.gen(function* () {
      const distinct = (name: keyof Groups) => [
        ...new Set(groups.map((group) => group[name]).filter((id) => id !== null))
      ]
      yield* Effect.forEach(distinct("album_id"), (id) => sql.unsafe(refreshAlbum, [id, id]), { discard: true })
      yield* Effect.forEach(distinct("artist_id"), (id) => sql.unsafe(refreshArtist, [id, id]), { discard: true })
    })

  const store = Effect.fn("TrackRepo.store")(
    function* (batch: ReadonlyArray<Scanned>) {
      const now = yield* Clock.currentTimeMillis
      const groups = yield* Effect.forEach(batch, (scanned) => {
        if ("tags" in scanned) return storeTrack(scanned, now)
        const { folder, relativePath, version, message } = scanned
        return Effect.zipRight(
          sql`INSERT OR REPLACE INTO unreadable_files ${sql.insert({ folder, path: relativePath, ...version, message })}`,
          hide(scanned)
        )
      })
      yield* refresh(groups.flat())
    },
    sql.withTransaction,
    Effect.orDie
  )

  const knownVersions = Effect.fn("TrackRepo.knownVersions")(function* (folder: string, below?: string) {
    const known = new Map<string, FileVersion>()
    const isBelow =
      below === undefined ? sql`1` : sql`(path = ${below} OR (path > ${`${below}/`} AND path < ${`${below}0`}))` // "0" comes behind "/".
    const readAll = (table: string, which: string) =>
      Effect.gen(function* () {
        let last = ""
        for (;;) {
          const rows = yield* sql<Pick<TrackRow, "path" | "size" | "mtime_ms">>`
            SELECT path, size, mtime_ms FROM ${sql.literal(table)}
            WHERE folder = ${folder} AND path > ${last} AND ${isBelow} ${sql.literal(which)}
            ORDER BY path LIMIT ${rowsPerTurn}`
          for (const { path, size, mtime_ms } of rows) known.set(path, { size, mtime_ms })
          if (rows.length < rowsPerTurn) return
          last = rows.at(-1)!.path
          yield* turnOfEventLoop
        }
      })
    yield* readAll("unreadable_files", "")
    yield* readAll("tracks", "AND present = 1")
    return known
  }, Effect.orDie)

  const findAlike = Effect.fn("TrackRepo.findAlike")(function* (scanned: ScannedTrack) {
    const { size, mtime_ms } = scanned.version
    const { duration, sample_rate, channels } = scanned.tags
    const rows = yield* sql<Pick<TrackRow, "id" | "folder" | "path">>`
      SELECT id, folder, path FROM tracks
      WHERE size = ${size} AND mtime_ms = ${mtime_ms} AND duration = ${duration}
        AND sample_rate = ${sample_rate} AND channels = ${channels}
      LIMIT 10`
    const isHere = (row: (typeof rows)[number]) => row.folder === scanned.folder && row.path === scanned.relativePath
    if (rows.some(isHere)) return []
    return rows.map(({ id, folder, path }) => ({ id: TrackId.make(id), folder, relativePath: path }))
  }, Effect.orDie)

  const forgetSome = Effect.fn("TrackRepo.forget")(
    function* (files: ReadonlyArray<FileLocation>) {
      const groups = yield* Effect.forEach(files, (file) =>
        Effect.zipRight(sql`DELETE FROM unreadable_files WHERE ${at(file)}`, hide(file))
      )
      yield* refresh(groups.flat())
    },
    sql.withTransaction,
    Effect.orDie
  )

  const forget = (files: ReadonlyArray<FileLocation>) =>
    Effect.gen(function* () {
      for (let start = 0; start < files.length; start += filesPerTransaction) {
        yield* forgetSome(files.slice(start, start + filesPerTransaction))
        yield* turnOfEventLoop
      }
    })

  const forgetOutside = Effect.fn("TrackRepo.forgetOutside")(function* (folders: ReadonlyArray<string>) {
    const isOutside = folders.length === 0 ? sql`1` : sql`folder NOT IN ${sql.in(folders)}`
    const gone = yield* sql<Pick<TrackRow, "folder" | "path">>`
      SELECT folder, path FROM tracks WHERE present = 1 AND ${isOutside}
      UNION SELECT folder, path FROM unreadable_files WHERE ${isOutside}`.pipe(Effect.orDie)
    yield* forget(gone.map(({ folder, path }) => ({ folder, relativePath: path })))
  })

  return TrackRepo.of({ list, get, store, knownVersions, findAlike, forget, forgetOutside })
})

const filesPerTransaction = 50

/** The same name in another case, or with other punctuation, is the same. */
const keyOf = (name: string): string => foldWords(name) || name.toLowerCase()

/** The folder that holds the album's discs, where each has one of its own. */
const albumFolder = (relativePath: string): string => dirname(relativePath).replace(/(^|\/)(cd|dis[ck])[ _-]*\d+$/i, "")

/** What is searched: every word behind a space. */
const searchTextOf = (...names: ReadonlyArray<string | null>): string =>
  ` ${foldWords(names.filter(Boolean).join(" "))}`

/** Who a track is listed under. */
const artistOf = ({ tags }: ScannedTrack): string | null => tags.album_artist ?? tags.artist

/** The row of its artist; null where it names none. */
export const artistRecordOf = (scanned: ScannedTrack) => {
  const name = artistOf(scanned)
  return name === null ? null : { key: keyOf(name), name, name_sort: sortText(name), search_text: searchTextOf(name) }
}

/** The row of its album; null where it names none. */
export const albumRecordOf = ({ folder, relativePath, tags: { album, album_artist } }: ScannedTrack) => {
  if (album === null) return null
  const owner = album_artist === null ? `in ${folder}/${albumFolder(relativePath)}` : `by ${keyOf(album_artist)}`
  return {
    key: `${keyOf(album)}\n${owner}`,
    title: album,
    title_sort: sortText(album),
    title_text: searchTextOf(album)
  }
}

/** The row of the track, but for its ids and the time it was added. */
export const trackRecordOf = (scanned: ScannedTrack) => {
  const { folder, relativePath, version, tags } = scanned
  const text = (name: string | null) => (name === null ? sortLast : sortText(name))
  const number = (n: number | null) => String(n ?? 0).padStart(4, "0")
  const keyFrom = (...parts: ReadonlyArray<string>) => parts.join("\u0001")
  const [artist, album, title] = [text(artistOf(scanned)), text(tags.album), text(tags.title)]
  const place = [number(tags.disc_number), number(tags.track_number), title]
  return {
    folder,
    path: relativePath,
    ...version,
    ...tags,
    has_art: tags.has_art ? 1 : 0,
    artist_sort: keyFrom(artist, album, ...place),
    album_sort: keyFrom(album, artist, ...place),
    title_sort: keyFrom(title, artist),
    search_text: searchTextOf(tags.title, tags.artist, tags.album_artist, tags.album),
    present: 1
  }
}

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

export const layer = Layer.effect(TrackRepo, make)
