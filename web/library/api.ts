/** The library's HTTP API, typed. */
import type { TrackAnalysis } from "../../src/domain/fingerprint/Fingerprint.ts"
import type { AlbumSort, SortOrder, TrackSort } from "../../src/domain/library/LibrarySort.ts"
import type {
  Album,
  Artist,
  LibrarySpread,
  Page,
  ScanStatus,
  ServiceStatus,
  Track,
  UnreadableFile,
  Waveform
} from "./Track.ts"

export type { AlbumSort, TrackSort }
export const trackSorts: ReadonlyArray<TrackSort> = ["artist", "album", "title", "added", "duration"]
export const albumSorts: ReadonlyArray<AlbumSort> = ["title", "artist", "year", "added"]

/** An answer that is no success, in the service's own words where it has some. */
export class ApiError extends Error {
  /** 0 where the service could not be reached. */
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.name = "ApiError"
    this.status = status
  }
}

type Query = Readonly<Record<string, string | number | null | undefined>>

const pathOf = (path: string, query: Query): string => {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "")
  const search = new URLSearchParams(given.map(([name, value]) => [name, String(value)]))
  return search.size === 0 ? path : `${path}?${search}`
}

const messageOf = (body: unknown): string | undefined => {
  if (typeof body !== "object" || body === null) return undefined
  if ("message" in body && typeof body.message === "string") return body.message
  return "error" in body ? messageOf(body.error) : undefined
}

const request = async (path: string, query: Query, init: RequestInit): Promise<unknown> => {
  const response = await fetch(pathOf(path, query), { ...init, headers: { accept: "application/json" } }).catch(
    (fault: unknown) => {
      if (init.signal?.aborted === true) throw fault
      throw new ApiError(0, "The service does not answer.")
    }
  )
  const body: unknown = await response.json().catch(() => undefined)
  if (!response.ok)
    throw new ApiError(response.status, messageOf(body) ?? `The service answered with ${response.status}.`)
  return body
}

// The shapes are those of the service of the same version: they are not checked again here.
const get = async <T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> =>
  (await request(path, query, signal === undefined ? {} : { signal })) as T

export interface PageRequest {
  readonly cursor?: string | undefined
  readonly limit?: number
  readonly signal?: AbortSignal
}

export interface TrackQuery {
  readonly search?: string
  readonly sort?: TrackSort
  readonly order?: SortOrder
  readonly album_id?: string
  readonly artist_id?: string
}

export const api = {
  tracks: (query: TrackQuery, { cursor, limit, signal }: PageRequest = {}) =>
    get<Page<Track>>("/api/tracks", { ...query, cursor, limit }, signal),
  albums: (
    query: { readonly search?: string; readonly sort?: AlbumSort },
    { cursor, limit, signal }: PageRequest = {}
  ) => get<Page<Album>>("/api/albums", { ...query, cursor, limit }, signal),
  artists: (query: { readonly search?: string }, { cursor, limit, signal }: PageRequest = {}) =>
    get<Page<Artist>>("/api/artists", { ...query, cursor, limit }, signal),
  analysis: (id: number, signal?: AbortSignal) => get<TrackAnalysis>(`/api/tracks/${id}/fingerprint`, {}, signal),
  waveform: (id: number, points: number, signal?: AbortSignal) =>
    get<Waveform>(`/api/tracks/${id}/waveform`, { points }, signal),
  spread: (signal?: AbortSignal) => get<LibrarySpread>("/api/library/spread", {}, signal),
  scan: () => get<ScanStatus>("/api/scan"),
  startScan: () => request("/api/scan", {}, { method: "POST" }),
  status: () => get<ServiceStatus>("/api/status"),
  unreadable: (limit: number) => get<Page<UnreadableFile>>("/api/unreadable", { limit })
}

export const artUrl = (trackId: number): string => `/api/tracks/${trackId}/art`
