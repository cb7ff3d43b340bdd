/** The orders in which the library can be listed. What is unknown comes last. */
import { Schema } from "effect"

export const TrackSort = Schema.Literal("artist", "album", "title", "added", "duration")
export type TrackSort = typeof TrackSort.Type

export const AlbumSort = Schema.Literal("title", "artist", "year", "added")
export type AlbumSort = typeof AlbumSort.Type

export const SortOrder = Schema.Literal("asc", "desc")
export type SortOrder = typeof SortOrder.Type
