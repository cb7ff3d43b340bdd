/** LibraryCatalog on SQLite: pages by keyset on indexed sort keys, search by FTS5. */
import { SqlClient } from "@effect/sql"
import { Effect, Either, Layer, Schema } from "effect"
import { basename } from "node:path/posix"
import { type DimensionName, dimensionNames } from "../../domain/fingerprint/Fingerprint.ts"
import { type LibrarySpread, type Percentiles, percentilesOf } from "../../domain/fingerprint/LibrarySpread.ts"
import type { Album, Artist, ListedTrack, UnreadableFile } from "../../domain/library/Library.ts"
import type { SortOrder } from "../../domain/library/LibrarySort.ts"
import { foldWords } from "../../domain/library/SearchText.ts"
import { TrackId, TrackNotFound } from "../../domain/library/Track.ts"
import {
  type AlbumRequest,
  InvalidCursor,
  LibraryCatalog,
  type Page,
  type PageRequest,
  type SearchRequest,
  type StoredFingerprints,
  type TrackRequest
} from "../../services/LibraryCatalog.ts"
import { turnOfEventLoop } from "../process/eventLoop.ts"
import { toTrack, type TrackRow } from "./TrackRepoSqlite.ts"

/** Of one list: what rows it has, and how they are sorted. Texts are SQL, never a client's. */
interface Listing<Row> {
  /** Names the list in its cursors. */
  readonly name: string
  readonly from: string
  readonly columns: string
  readonly where: ReadonlyArray<string>
  readonly parameters: ReadonlyArray<string | number>
  /** An indexed expression; ties are broken by `id`. */
  readonly sort: string
  readonly id: string
  readonly order: SortOrder
  readonly sortOf: (row: Row) => string | number
  readonly idOf: (row: Row) => number
  /** Where the rows of all pages are counted more cheaply than by asking for them. */
  readonly total?: number
}

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

/** More matches are not sorted for a page. */
const mostFoundToSort = 1000

const Cursor = Schema.parseJson(Schema.Tuple(Schema.String, Schema.Union(Schema.String, Schema.Finite), Schema.Int))
const encodeCursor = Schema.encodeSync(Cursor)
const decodeCursor = Schema.decodeUnknownEither(Cursor)

const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const all = <Row extends object>(text: string, parameters: ReadonlyArray<string | number>) =>
    Effect.orDie(sql.unsafe<Row>(text, parameters))
  const countOf = (text: string, parameters: ReadonlyArray<string | number>) =>
    Effect.map(all<{ readonly count: number }>(text, parameters), (rows) => rows[0]!.count)

  const page = <Row extends object, Item>(
    listing: Listing<Row>,
    { cursor, limit }: PageRequest,
    toItem: (row: Row) => Item
  ) =>
    Effect.gen(function* () {
      const { name, from, columns, where, parameters, sort, id, order, sortOf, idOf } = listing
      const list = `${name} ${order}`
      const beyond = order === "asc" ? ">" : "<"
      const start = cursor === undefined ? undefined : yield* readCursor(list, cursor)
      const conditions = start === undefined ? where : [...where, `(${sort}, ${id}) ${beyond} (?, ?)`]
      const rows = yield* all<Row>(
        `SELECT ${columns} FROM ${from} WHERE ${conditions.join(" AND ")}
         ORDER BY ${sort} ${order}, ${id} ${order} LIMIT ?`,
        [...parameters, ...(start ?? []), limit + 1]
      )
      const total =
        listing.total ??
        (yield* countOf(`SELECT count(*) AS count FROM ${from} WHERE ${where.join(" AND ")}`, parameters))
      const shown = rows.slice(0, limit)
      const last = rows.length > limit ? shown.at(-1) : undefined
      const next_cursor = last === undefined ? null : writeCursor(list, sortOf(last), idOf(last))
      return { items: shown.map(toItem), next_cursor, total } satisfies Page<Item>
    })

  const count = countOf("SELECT count(*) AS count FROM tracks WHERE present = 1", [])

  /**
   * Few matches: their ids, of which the page is sorted. Many: the page walks its sort index and picks them, from the
   * set of all matches; or, where most tracks match, by looking at the text of each.
   */
  const find = (words: ReadonlyArray<string>) =>
    Effect.gen(function* () {
      // FTS5: each word begins one of the track's. Words hold letters and digits only.
      const match = words.map((word) => `"${word}"*`).join(" ")
      const matches = "SELECT rowid FROM track_search WHERE track_search MATCH ?"
      const some = yield* all<{ readonly rowid: number }>(`${matches} LIMIT ${mostFoundToSort + 1}`, [match])
      if (some.length <= mostFoundToSort) {
        const ids = JSON.stringify(some.map(({ rowid }) => rowid))
        const where = ["tracks.id IN (SELECT value FROM json_each(?))"]
        return { by: "ids", total: some.length, where, parameters: [ids] } as const
      }
      const total = yield* countOf(`SELECT count(*) AS count FROM (${matches})`, [match])
      if (total <= (yield* count) / 2) {
        return { by: "set", total, where: [`tracks.id IN (${matches})`], parameters: [match] } as const
      }
      return { by: "text", total, ...wordConditions("tracks.search_text", words) } as const
    })

  const tracks = Effect.fn("LibraryCatalog.tracks")(function* (request: TrackRequest) {
    const { search, sort, order, albumId, artistId } = request
    const words = wordsOf(search)
    if (words === null) return nothing
    const where = ["tracks.present = 1"]
    const parameters: Array<string | number> = []
    if (albumId !== undefined) {
      where.push("tracks.album_id = ?")
      parameters.push(albumId)
    }
    if (artistId !== undefined) {
      where.push("tracks.artist_id = ?")
      parameters.push(artistId)
    }
    const isAll = where.length === 1
    let from = "tracks"
    let total: number | undefined
    if (words !== undefined) {
      const found = yield* find(words)
      if (isAll) total = found.total
      if (isAll && found.by !== "ids") from = `tracks INDEXED BY tracks_by_${trackSorts[sort]}_id`
      where.push(...found.where)
      parameters.push(...found.parameters)
    }
    const column = trackSorts[sort]
    return yield* page<ListedRow, ListedTrack>(
      {
        name: `tracks ${sort}`,
        from,
        columns: "tracks.*",
        where,
        parameters,
        sort: `tracks.${column}`,
        id: "tracks.id",
        order,
        sortOf: (row) => row[column],
        idOf: (row) => row.id,
        ...(total === undefined ? {} : { total })
      },
      request,
      toListed
    )
  })

  const track = Effect.fn("LibraryCatalog.track")(function* (id: TrackId) {
    const rows = yield* all<ListedRow>("SELECT * FROM tracks WHERE id = ? AND present = 1", [id])
    return rows[0] === undefined ? yield* new TrackNotFound({ track_id: id }) : toListed(rows[0])
  })

  const albums = Effect.fn("LibraryCatalog.albums")(function* (request: AlbumRequest) {
    const words = wordsOf(request.search)
    if (words === null) return nothing
    const found = wordConditions("albums.search_text", words ?? [])
    const column = albumSorts[request.sort]
    return yield* page<AlbumRow, Album>(
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

  const artists = Effect.fn("LibraryCatalog.artists")(function* (request: SearchRequest) {
    const words = wordsOf(request.search)
    if (words === null) return nothing
    const found = wordConditions("artists.search_text", words ?? [])
    return yield* page<ArtistRow, Artist>(
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

  const unreadable = Effect.fn("LibraryCatalog.unreadable")((request: PageRequest) =>
    page<{ readonly rowid: number; readonly path: string; readonly message: string }, UnreadableFile>(
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
  )

  const fingerprints = all<{ readonly state: keyof StoredFingerprints; readonly count: number }>(
    "SELECT fingerprint_state AS state, count(*) AS count FROM tracks WHERE present = 1 GROUP BY fingerprint_state",
    []
  ).pipe(
    Effect.map((rows): StoredFingerprints => {
      const countIn = (state: keyof StoredFingerprints) => rows.find((row) => row.state === state)?.count ?? 0
      return { ready: countIn("ready"), pending: countIn("pending"), failed: countIn("failed") }
    })
  )

  const pending = ({ after, limit }: { readonly after: number; readonly limit: number }) =>
    Effect.map(
      all<{ readonly id: number }>(
        `SELECT id FROM tracks WHERE present = 1 AND fingerprint_state = 'pending' AND id > ? ORDER BY id LIMIT ?`,
        [after, limit]
      ),
      (rows) => rows.map(({ id }) => TrackId.make(id))
    )

  const measureSpread = Effect.gen(function* () {
    const columns = dimensionNames.map(() => [] as Array<number>)
    for (let last = 0; ;) {
      const rows = yield* all<Record<DimensionName, number> & { readonly track_id: number }>(
        `SELECT track_id, ${dimensionNames.map((name) => `f.${name}`).join(", ")}
         FROM fingerprints f JOIN tracks ON tracks.id = f.track_id
         WHERE tracks.present = 1 AND tracks.fingerprint_state = 'ready' AND f.track_id > ?
         ORDER BY f.track_id LIMIT ${rowsPerTurn}`,
        [last]
      )
      for (const row of rows) {
        for (const [n, name] of dimensionNames.entries()) columns[n]!.push(row[name])
      }
      if (rows.length < rowsPerTurn) break
      last = rows.at(-1)!.track_id
      yield* turnOfEventLoop
    }
    const dimensions: Partial<Record<DimensionName, Percentiles>> = {}
    const tracks = columns[0]!.length
    if (tracks === 0) return { tracks, dimensions }
    for (const [n, name] of dimensionNames.entries()) {
      dimensions[name] = percentilesOf(Float64Array.from(columns[n]!))
      yield* turnOfEventLoop
    }
    return { tracks, dimensions }
  })

  const spreadLock = yield* Effect.makeSemaphore(1)
  let kept: { readonly of: string; readonly spread: LibrarySpread } | undefined

  const spread = Effect.gen(function* () {
    const revision = yield* countOf("SELECT revision AS count FROM fingerprint_epoch", [])
    const { ready } = yield* fingerprints
    const of = `${revision} ${ready}`
    if (kept?.of !== of) kept = { of, spread: yield* measureSpread }
    return kept.spread
  }).pipe(spreadLock.withPermits(1), Effect.withSpan("LibraryCatalog.spread"))

  return LibraryCatalog.of({ tracks, track, albums, artists, unreadable, count, fingerprints, pending, spread })
})

/** Rows read in one go: a few milliseconds. */
const rowsPerTurn = 1000

const trackSorts = {
  artist: "artist_sort",
  album: "album_sort",
  title: "title_sort",
  added: "added_at",
  duration: "duration"
} as const

const albumSorts = { title: "title_sort", artist: "artist_sort", year: "year_sort", added: "added_at" } as const

const nothing: Page<never> = { items: [], next_cursor: null, total: 0 }

const toListed = (row: ListedRow): ListedTrack => ({ ...toTrack(row), fingerprint: row.fingerprint_state })

const writeCursor = (list: string, sort: string | number, id: number): string =>
  Buffer.from(encodeCursor([list, sort, id])).toString("base64url")

const readCursor = (list: string, cursor: string) =>
  Either.match(decodeCursor(Buffer.from(cursor, "base64url").toString()), {
    onLeft: () => Effect.fail(new InvalidCursor()),
    onRight: ([of, sort, id]) => (of === list ? Effect.succeed([sort, id] as const) : Effect.fail(new InvalidCursor()))
  })

/** A longer search is cut here: more words find nothing that fewer do not. */
const mostWords = 16

/** undefined: not searched at all; null: searched for what has no word. */
const wordsOf = (search: string | undefined): ReadonlyArray<string> | null | undefined => {
  if (search === undefined || search.trim() === "") return undefined
  const words = foldWords(search).split(" ").filter(Boolean).slice(0, mostWords)
  return words.length === 0 ? null : words
}

/** Without an index: every word of a text is behind a space. */
const wordConditions = (column: string, words: ReadonlyArray<string>) => ({
  where: words.map(() => `instr(${column}, ?) > 0`),
  parameters: words.map((word) => ` ${word}`)
})

export const layer = Layer.effect(LibraryCatalog, make)
