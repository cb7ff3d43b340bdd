/** A library of any size as rows, without files: 50 tracks an artist, on 5 albums. */
import { SqlClient } from "@effect/sql"
import { Effect } from "effect"
import { albumRecordOf, artistRecordOf, trackRecordOf } from "../../src/layers/library/trackRecords.ts"
import { someScanned } from "./catalog.ts"

export const tracksPerArtist = 50
const tracksPerAlbum = 10
/** Rows in one statement: SQLite binds 32766 values at most. */
const artistsAtOnce = 10

const tracksOf = (artist: number) =>
  Array.from({ length: tracksPerArtist }, (_, n) => ({
    ...someScanned({
      title: `Song ${n} of ${artist}`,
      artist: `Artist ${artist}`,
      album_artist: `Artist ${artist}`,
      album: `Album ${Math.floor(n / tracksPerAlbum)} of ${artist}`,
      track_number: (n % tracksPerAlbum) + 1,
      year: 1960 + (artist % 60),
      duration: 100 + ((artist * 7919 + n * 104_729) % 300)
    }),
    relativePath: `${artist}/${n}.flac`
  }))

/** "Song 0 of 0" by "Artist 0" and so on; ids ascend. */
export const fillLibrary = (artists: number) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    for (let first = 0; first < artists; first += artistsAtOnce) {
      const numbers = Array.from({ length: Math.min(artistsAtOnce, artists - first) }, (_, n) => first + n)
      yield* sql`INSERT INTO artists ${sql.insert(
        numbers.map((artist) => ({
          id: artist + 1,
          ...artistRecordOf(tracksOf(artist)[0]!)!,
          albums: tracksPerArtist / tracksPerAlbum,
          tracks: tracksPerArtist
        }))
      )}`
      const tracks = numbers.flatMap(tracksOf)
      const albumId = (n: number) => Math.floor((first * tracksPerArtist + n) / tracksPerAlbum) + 1
      const albums = tracks.flatMap((track, n) => {
        if (n % tracksPerAlbum !== 0) return []
        const artist = artistRecordOf(track)!
        return {
          id: albumId(n),
          ...albumRecordOf(track)!,
          artist_id: first + Math.floor(n / tracksPerArtist) + 1,
          artist_sort: artist.name_sort,
          search_text: `${albumRecordOf(track)!.title_text}${artist.search_text}`,
          year: track.tags.year,
          year_sort: track.tags.year,
          tracks: tracksPerAlbum,
          duration: 2000
        }
      })
      yield* sql`INSERT INTO albums ${sql.insert(albums)}`
      yield* sql`INSERT INTO tracks ${sql.insert(
        tracks.map((track, n) => ({
          ...trackRecordOf(track),
          album_id: albumId(n),
          artist_id: first + Math.floor(n / tracksPerArtist) + 1,
          added_at: first * tracksPerArtist + n
        }))
      )}`
    }
  }).pipe((fill) => Effect.flatMap(SqlClient.SqlClient, (sql) => sql.withTransaction(fill)), Effect.orDie)
