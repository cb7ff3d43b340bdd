import { Context, type Effect, Schema } from "effect"
import type { LibrarySpread } from "../domain/fingerprint/LibrarySpread.ts"
import type { Album, Artist, ListedTrack, UnreadableFile } from "../domain/library/Library.ts"
import type { AlbumSort, SortOrder, TrackSort } from "../domain/library/LibrarySort.ts"
import type { TrackId, TrackNotFound } from "../domain/library/Track.ts"

export interface Page<T> {
  readonly items: ReadonlyArray<T>
  /** Opaque; null behind the last page. What is added or removed meanwhile shifts nothing. */
  readonly next_cursor: string | null
  /** Of all pages. */
  readonly total: number
}

export interface PageRequest {
  /** As `next_cursor` gave it, for the same sort and order. */
  readonly cursor?: string | undefined
  readonly limit: number
}

export interface SearchRequest extends PageRequest {
  /** Words, of which each begins a word of the title, an artist or the album. Without any letter or digit: nothing is found. */
  readonly search?: string | undefined
}

export interface TrackRequest extends SearchRequest {
  readonly sort: TrackSort
  readonly order: SortOrder
  readonly albumId?: number | undefined
  readonly artistId?: number | undefined
}

export interface AlbumRequest extends SearchRequest {
  readonly sort: AlbumSort
}

export class InvalidCursor extends Schema.TaggedError<InvalidCursor>()("InvalidCursor", {}) {
  override get message(): string {
    return "The cursor is not one of this list and this order. Begin with the first page again."
  }
}

/** As it is stored: what is being measured at the moment, FingerprintGenerator knows. */
export interface StoredFingerprints {
  readonly ready: number
  readonly pending: number
  readonly failed: number
}

/** Owns browsing the library: pages of it in an order, in a few milliseconds whatever its size. Changes nothing. */
export class LibraryCatalog extends Context.Tag("lathe/LibraryCatalog")<
  LibraryCatalog,
  {
    readonly tracks: (request: TrackRequest) => Effect.Effect<Page<ListedTrack>, InvalidCursor>
    readonly track: (id: TrackId) => Effect.Effect<ListedTrack, TrackNotFound>
    readonly albums: (request: AlbumRequest) => Effect.Effect<Page<Album>, InvalidCursor>
    readonly artists: (request: SearchRequest) => Effect.Effect<Page<Artist>, InvalidCursor>
    readonly unreadable: (request: PageRequest) => Effect.Effect<Page<UnreadableFile>, InvalidCursor>
    readonly count: Effect.Effect<number>
    readonly fingerprints: Effect.Effect<StoredFingerprints>
    /** Present tracks without a fingerprint and without a remembered failure, by id, behind `after`. */
    readonly pending: (request: {
      readonly after: number
      readonly limit: number
    }) => Effect.Effect<ReadonlyArray<TrackId>>
    /** Over the stored fingerprints of the current algorithm. Kept until one is stored or goes. */
    readonly spread: Effect.Effect<LibrarySpread>
  }
>() {}
