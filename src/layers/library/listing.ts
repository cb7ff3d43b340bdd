/** Lists of the database, page by page: by keyset on an indexed sort key. */
import type { SqlClient } from "@effect/sql"
import { Effect, Either, Schema } from "effect"
import type { SortOrder } from "../../domain/library/LibrarySort.ts"
import { InvalidCursor, type Page, type PageRequest } from "../../services/LibraryCatalog.ts"

type Parameters = ReadonlyArray<string | number>

/** Of one list: what rows it has, and how they are sorted. Texts are SQL, never a client's. */
export interface Listing<Row> {
  /** Names the list in its cursors. */
  readonly name: string
  readonly from: string
  readonly columns: string
  readonly where: ReadonlyArray<string>
  readonly parameters: Parameters
  /** An indexed expression; ties are broken by `id`. */
  readonly sort: string
  readonly id: string
  readonly order: SortOrder
  readonly sortOf: (row: Row) => string | number
  readonly idOf: (row: Row) => number
  /** Where the rows of all pages are counted more cheaply than by asking for them. */
  readonly total?: number
}

const Cursor = Schema.parseJson(Schema.Tuple(Schema.String, Schema.Union(Schema.String, Schema.Finite), Schema.Int))
const encodeCursor = Schema.encodeSync(Cursor)
const decodeCursor = Schema.decodeUnknownEither(Cursor)

export const all = <Row extends object>(sql: SqlClient.SqlClient, text: string, parameters: Parameters = []) =>
  Effect.orDie(sql.unsafe<Row>(text, parameters))

/** Of a query whose one row has one column `count`. */
export const countOf = (sql: SqlClient.SqlClient, text: string, parameters: Parameters = []) =>
  Effect.map(all<{ readonly count: number }>(sql, text, parameters), (rows) => rows[0]!.count)

export const page = <Row extends object, Item>(
  sql: SqlClient.SqlClient,
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
      sql,
      `SELECT ${columns} FROM ${from} WHERE ${conditions.join(" AND ")}
       ORDER BY ${sort} ${order}, ${id} ${order} LIMIT ?`,
      [...parameters, ...(start ?? []), limit + 1]
    )
    const total =
      listing.total ??
      (yield* countOf(sql, `SELECT count(*) AS count FROM ${from} WHERE ${where.join(" AND ")}`, parameters))
    const shown = rows.slice(0, limit)
    const last = rows.length > limit ? shown.at(-1) : undefined
    const next_cursor = last === undefined ? null : writeCursor(list, sortOf(last), idOf(last))
    return { items: shown.map(toItem), next_cursor, total } satisfies Page<Item>
  })

export const nothing: Page<never> = { items: [], next_cursor: null, total: 0 }

const writeCursor = (list: string, sort: string | number, id: number): string =>
  Buffer.from(encodeCursor([list, sort, id])).toString("base64url")

const readCursor = (list: string, cursor: string) =>
  Either.match(decodeCursor(Buffer.from(cursor, "base64url").toString()), {
    onLeft: () => Effect.fail(new InvalidCursor()),
    onRight: ([of, sort, id]) => (of === list ? Effect.succeed([sort, id] as const) : Effect.fail(new InvalidCursor()))
  })
