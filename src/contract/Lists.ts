/** What a list can be asked for, and how it answers: by pages. The same for HTTP and RPC. */
import { Schema } from "effect"
import { AlbumSort, SortOrder, TrackSort } from "../domain/library/LibrarySort.ts"
import { expecting } from "./expectations.ts"
import { Id, type NumberAs } from "./Numbers.ts"

/** Items of a page at most, and where the request does not say. */
const largestPage = 500
const defaultPage = 100

/** Characters. */
const longestSearch = 200
const longestCursor = 4000

export const paging = <Encoded>(as: NumberAs<Encoded>) => ({
  /** `next_cursor` of the page before; left out: the first page. */
  cursor: Schema.optional(expecting(Schema.String.pipe(Schema.maxLength(longestCursor)))),
  limit: Schema.optionalWith(as(Schema.Int.pipe(Schema.between(1, largestPage))), { default: () => defaultPage })
})

export const searching = <Encoded>(as: NumberAs<Encoded>) => ({
  search: Schema.optional(expecting(Schema.String.pipe(Schema.maxLength(longestSearch)))),
  ...paging(as)
})

export const TrackQuery = <Encoded>(as: NumberAs<Encoded>) =>
  Schema.Struct({
    ...searching(as),
    sort: Schema.optionalWith(expecting(TrackSort), { default: () => "artist" }),
    order: Schema.optionalWith(expecting(SortOrder), { default: () => "asc" }),
    album_id: Schema.optional(as(Id)),
    artist_id: Schema.optional(as(Id))
  })

export const AlbumQuery = <Encoded>(as: NumberAs<Encoded>) =>
  Schema.Struct({ ...searching(as), sort: Schema.optionalWith(expecting(AlbumSort), { default: () => "title" }) })

export const PageOf = <A, I>(item: Schema.Schema<A, I>) =>
  Schema.Struct({
    items: Schema.Array(item),
    /** For the next page; null on the last one. */
    next_cursor: Schema.NullOr(Schema.String),
    /** Of all pages. */
    total: Schema.Int
  })
