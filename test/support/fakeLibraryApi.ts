/** The library's HTTP API out of memory, answered within the browser: any number of tracks, any state. */
import type { TrackAnalysis } from "../../src/domain/fingerprint/Fingerprint.ts"
import { noDetails, TrackId } from "../../src/domain/library/Track.ts"
import type {
  Album,
  Artist,
  Page as ApiPage,
  LibrarySpread,
  ScanStatus,
  ServiceStatus,
  Track,
  UnreadableFile,
  Waveform
} from "../../web/library/Track.ts"
import type { Page } from "./browser.ts"

export interface FakeLibrary {
  readonly tracks: ReadonlyArray<Track>
  readonly analyses?: ReadonlyMap<number, TrackAnalysis>
  readonly spread?: LibrarySpread
  readonly waveform?: Waveform
  readonly scan?: Partial<ScanStatus>
  readonly unreadable?: ReadonlyArray<UnreadableFile>
  /** Every route fails so. */
  readonly fault?: { readonly status: number; readonly message: string }
}

const firstWords = ["Slow", "Paper", "Northern", "Copper", "Hollow", "Second", "Quiet", "Glass", "Evening", "Distant"]
const lastWords = [
  "Harbour",
  "Lanterns",
  "Signals",
  "Weather",
  "Rooms",
  "Orchard",
  "Machines",
  "Ferry",
  "Gardens",
  "Static"
]
const artists = ["Ida Holm", "The Overpass", "Marlow & Finch", "Tessel", "Konrad Weiss Trio", "Aya Nakamori"]

const pick = (words: ReadonlyArray<string>, n: number): string => words[n % words.length]!

/** Made up: albums of twelve, the same at every call. */
export const makeTracks = (count: number): ReadonlyArray<Track> =>
  Array.from({ length: count }, (_, i): Track => {
    const album = Math.floor(i / 12)
    const artist = pick(artists, album)
    return {
      ...noDetails,
      id: TrackId.make(i + 1),
      title: `${pick(firstWords, i * 7 + album)} ${pick(lastWords, i * 3 + album)}${i < 100 ? "" : ` ${i + 1}`}`,
      artist,
      album: `${pick(firstWords, album * 3)} ${pick(lastWords, album)}`,
      album_artist: artist,
      track_number: (i % 12) + 1,
      disc_number: 1,
      year: 1994 + (album % 30),
      duration: 140 + ((i * 37) % 220),
      sample_rate: 44_100,
      channels: 2,
      has_art: album % 3 !== 2,
      fingerprint: i % 9 === 4 ? "pending" : i % 31 === 7 ? "failed" : i === 5 ? "analyzing" : "ready",
      added_at: "2026-01-01T00:00:00Z"
    }
  })

const groupBy = <T>(items: ReadonlyArray<T>, keyOf: (item: T) => string): Map<string, Array<T>> => {
  const groups = new Map<string, Array<T>>()
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item])
  return groups
}

const albumsOf = (tracks: ReadonlyArray<Track>): ReadonlyArray<Album> =>
  [...groupBy(tracks, ({ album }) => album ?? "").entries()].map(([title, of], i) => ({
    id: TrackId.make(i + 1),
    title,
    artist: of[0]!.album_artist,
    year: of[0]!.year,
    tracks: of.length,
    duration: of.reduce((sum, { duration }) => sum + duration, 0),
    art_track_id: of.find(({ has_art }) => has_art)?.id ?? null
  }))

const artistsOf = (tracks: ReadonlyArray<Track>): ReadonlyArray<Artist> =>
  [...groupBy(tracks, ({ artist }) => artist ?? "").entries()].map(([name, of], i) => ({
    id: TrackId.make(i + 1),
    name,
    albums: new Set(of.map(({ album }) => album)).size,
    tracks: of.length
  }))

const pageOf = <T>(items: ReadonlyArray<T>, query: URLSearchParams): ApiPage<T> => {
  const first = Number(query.get("cursor") ?? 0)
  const limit = Number(query.get("limit") ?? 100)
  const end = first + limit
  return { items: items.slice(first, end), next_cursor: end < items.length ? String(end) : null, total: items.length }
}

const matching = <T>(items: ReadonlyArray<T>, query: URLSearchParams, text: (item: T) => string) => {
  const search = (query.get("search") ?? "").toLowerCase()
  return items.filter((item) => text(item).toLowerCase().includes(search))
}

const art = (id: number): string => {
  const album = Math.floor((id - 1) / 12)
  const hue = (album * 67) % 360
  const shapes = Array.from(
    { length: 5 },
    (_, i) =>
      `<circle cx="${(album * 53 + i * 71) % 300}" cy="${(album * 31 + i * 97) % 300}" r="${30 + ((album + i * 29) % 90)}" fill="hsl(${hue + i * 24} 55% ${28 + i * 9}%)"/>`
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 300"><rect width="300" height="300" fill="hsl(${hue} 40% 18%)"/>${shapes.join("")}</svg>`
}

const resting: ScanStatus = {
  running: false,
  files_found: 0,
  files_read: 0,
  added: 0,
  updated: 0,
  unreadable: 0,
  left_out: [],
  rate_per_second: null,
  finished_at: "2026-01-01T00:00:00Z"
}

const noSpread: LibrarySpread = { tracks: 0, dimensions: {} }

/** Answers the page's requests below /api from `library`. */
export const answerFrom = async (page: Page, library: FakeLibrary): Promise<void> => {
  const { tracks } = library
  const status: ServiceStatus = {
    version: "test",
    tracks: tracks.length,
    fingerprints: {
      ready: tracks.filter(({ fingerprint }) => fingerprint === "ready").length,
      pending: tracks.filter(({ fingerprint }) => fingerprint === "pending").length,
      analyzing: tracks.filter(({ fingerprint }) => fingerprint === "analyzing").length,
      failed: tracks.filter(({ fingerprint }) => fingerprint === "failed").length,
      owed: 0
    },
    left_out: [],
    fingerprint_server: "available",
    streams_active: 0
  }
  const albums = albumsOf(tracks)
  const artists = artistsOf(tracks)
  const answer = (path: string, query: URLSearchParams): unknown => {
    const track = /^\/api\/tracks\/(\d+)\/fingerprint$/.exec(path)
    if (track !== null) return library.analyses?.get(Number(track[1]))
    if (path.endsWith("/waveform")) return library.waveform
    switch (path) {
      case "/api/tracks": {
        const album = albums.find(({ id }) => String(id) === query.get("album_id"))
        const artist = artists.find(({ id }) => String(id) === query.get("artist_id"))
        const within = tracks.filter(
          (track) =>
            (album === undefined || track.album === album.title) &&
            (artist === undefined || track.artist === artist.name)
        )
        return pageOf(
          matching(within, query, ({ album, artist, title }) => `${title} ${artist} ${album}`),
          query
        )
      }
      case "/api/albums":
        return pageOf(
          matching(albums, query, ({ artist, title }) => `${title} ${artist}`),
          query
        )
      case "/api/artists":
        return pageOf(
          matching(artists, query, ({ name }) => name),
          query
        )
      case "/api/unreadable":
        return pageOf(library.unreadable ?? [], query)
      case "/api/library/spread":
        return library.spread ?? noSpread
      case "/api/scan":
        return { ...resting, ...library.scan }
      case "/api/status":
        return status
      default:
        return undefined
    }
  }
  await page.route("**/api/**", async (route) => {
    const url = new URL(route.request().url())
    if (library.fault !== undefined) {
      const { message, status } = library.fault
      return route.fulfill({ status, json: { _tag: "Fault", code: "fault", message } })
    }
    const picture = /^\/api\/tracks\/(\d+)\/art$/.exec(url.pathname)
    if (picture !== null) return route.fulfill({ contentType: "image/svg+xml", body: art(Number(picture[1])) })
    const body = answer(url.pathname, url.searchParams)
    return body === undefined
      ? route.fulfill({ status: 404, json: { _tag: "NotFound", code: "not_analysed", message: "Not measured yet." } })
      : route.fulfill({ json: body })
  })
}
