/** LibraryCatalog on SQLite: lists of tracks, albums, artists and unreadable files. */
import { SqlClient } from "@effect/sql"
import { Effect, Layer } from "effect"
import { basename } from "node:path/posix"
import type { Album, Artist, ListedTrack, UnreadableFile } from "../../domain/library/Library.ts"
import { TrackId, TrackNotFound } from "../../domain/library/Track.ts"
import {
  type AlbumRequest,
  LibraryCatalog,
  type PageRequest,
  type SearchRequest,
  type TrackRequest
} from "../../services/LibraryCatalog.ts"
import { countFingerprints, countTracks } from "./libraryCounts.ts"
import { makeSpread } from "./librarySpread.ts"
import { all, nothing, page } from "./listing.ts"
import { toTrack, type TrackRow } from "./trackRow.ts"
import { findTracks, wordConditions, wordsOf } from "./trackSearch.ts"

const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const spread = yield* makeSpread(sql)
  return LibraryCatalog.of({
    tracks: Effect.fn("LibraryCatalog.tracks")((request) => tracks(sql, request)),
    track: Effect.fn("LibraryCatalog.track")((id) => track(sql, id)),
    albums: Effect.fn("LibraryCatalog.albums")((request) => albums(sql, request)),
    artists: Effect.fn("LibraryCatalog.artists")((request) => artists(sql, request)),
    unreadable: Effect.fn("LibraryCatalog.unreadable")((request) => unreadable(sql, request)),
    count: countTracks(sql),
    fingerprints: countFingerprints(sql),
    pending: (range) => pending(sql, range),
    spread: Effect.withSpan(spread, "LibraryCatalog.spread")
  })
})

interface ListedRow extends TrackRow {
  readonly fingerprint_state: ListedTrack["fingerprint"]
  readonly title_sort: string
  readonly artist_sort: string
  readonly album_sort: string
}

interface AlbumRow extends Album {
  readonly title_sort: string
  readonly artist_sort: string
  readonly year_sort: number
  readonly added_at: number
}

type ArtistRow = Artist & { readonly name_sort: string }

const trackSorts = {
  artist: "artist_sort",
  album: "album_sort",
  title: "title_sort",
  added: "added_at",
  duration: "duration"
} as const

const albumSorts = { title: "title_sort", artist: "artist_sort", year: "year_sort", added: "added_at" } as const

const toListed = (row: ListedRow): ListedTrack => ({ ...toTrack(row), fingerprint: row.fingerprint_state })

/** Which tracks of a list belong to what is asked for. */
const groupConditions = ({ albumId, artistId }: TrackRequest) => ({
  where: [
    ...(albumId === undefined ? [] : ["tracks.album_id = ?"]),
    ...(artistId === undefined ? [] : ["tracks.artist_id = ?"])
  ],
  parameters: [albumId, artistId].filter((id) => id !== undefined)
})

const tracks = (sql: SqlClient.SqlClient, request: TrackRequest) =>
  Effect.gen(function* () {
    const words = wordsOf(request.search)
    if (words === null) return nothing
    const group = groupConditions(request)
    const found = words === undefined ? undefined : yield* findTracks(sql, words)
    const ofAll = group.where.length === 0 ? found : undefined
    const column = trackSorts[request.sort]
    return yield* page<ListedRow, ListedTrack>(
      sql,
      {
        name: `tracks ${request.sort}`,
        from: ofAll === undefined || ofAll.by === "ids" ? "tracks" : `tracks INDEXED BY tracks_by_${column}_id`,
        columns: "tracks.*",
        where: ["tracks.present = 1", ...group.where, ...(found?.where ?? [])],
        parameters: [...group.parameters, ...(found?.parameters ?? [])],
        sort: `tracks.${column}`,
        id: "tracks.id",
        order: request.order,
        sortOf: (row) => row[column],
        idOf: (row) => row.id,
        ...(ofAll === undefined ? {} : { total: ofAll.total })
      },
      request,
      toListed
    )
  })

const track = (sql: SqlClient.SqlClient, id: TrackId) =>
  Effect.flatMap(all<ListedRow>(sql, "SELECT * FROM tracks WHERE id = ? AND present = 1", [id]), ([row]) =>
    row === undefined ? new TrackNotFound({ track_id: id }) : Effect.succeed(toListed(row))
  )

const albums = (sql: SqlClient.SqlClient, request: AlbumRequest) =>
  Effect.gen(function* () {
    const words = wordsOf(request.search)
    if (words === null) return nothing
    const found = wordConditions("albums.search_text", words ?? [])
    const column = albumSorts[request.sort]
    return yield* page<AlbumRow, Album>(
      sql,
      {
        name: `albums ${request.sort}`,
        from: "albums",
        columns: "albums.*, (SELECT name FROM artists WHERE artists.id = albums.artist_id) AS artist",
        where: ["albums.tracks > 0", ...found.where],
        parameters: found.parameters,
        sort: `albums.${column}`,
        id: "albums.id",
        order: request.sort === "added" ? "desc" : "asc",
        sortOf: (row) => row[column],
        idOf: (row) => row.id
      },
      request,
      ({ id, title, artist, year, tracks, duration, art_track_id }) => ({
        id,
        title,
        artist,
        year,
        tracks,
        duration,
        art_track_id
      })
    )
  })

const artists = (sql: SqlClient.SqlClient, request: SearchRequest) =>
  Effect.gen(function* () {
    const words = wordsOf(request.search)
    if (words === null) return nothing
    const found = wordConditions("artists.search_text", words ?? [])
    return yield* page<ArtistRow, Artist>(
      sql,
      {
        name: "artists",
        from: "artists",
        columns: "artists.*",
        where: ["artists.tracks > 0", ...found.where],
        parameters: found.parameters,
        sort: "artists.name_sort",
        id: "artists.id",
        order: "asc",
        sortOf: (row) => row.name_sort,
        idOf: (row) => row.id
      },
      request,
      ({ id, name, albums, tracks }) => ({ id, name, albums, tracks })
    )
  })

const unreadable = (sql: SqlClient.SqlClient, request: PageRequest) =>
  page<{ readonly rowid: number; readonly path: string; readonly message: string }, UnreadableFile>(
    sql,
    {
      name: "unreadable",
      from: "unreadable_files",
      columns: "rowid, path, message",
      where: ["1"],
      parameters: [],
      sort: "rowid",
      id: "rowid",
      order: "asc",
      sortOf: (row) => row.rowid,
      idOf: (row) => row.rowid
    },
    request,
    ({ path, message }) => ({ file: basename(path), path, message })
  )

const pending = (sql: SqlClient.SqlClient, { after, limit }: { readonly after: number; readonly limit: number }) =>
  Effect.map(
    all<{ readonly id: number }>(
      sql,
      `SELECT id FROM tracks WHERE present = 1 AND fingerprint_state = 'pending' AND id > ? ORDER BY id LIMIT ?`,
      [after, limit]
    ),
    (rows) => rows.map(({ id }) => TrackId.make(id))
  )

export const layer = Layer.effect(LibraryCatalog, make)
