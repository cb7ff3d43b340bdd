/**
 * What a page of a library of 100 000 tracks costs: SQL, rows to objects, and nothing else. CPU time of this process,
 * which is how long its event loop is held on an idle machine; the median of many, with the database in a file.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Layer } from "effect"
import * as DatabaseSqlite from "../src/layers/database/DatabaseSqlite.ts"
import * as LibraryCatalogSqlite from "../src/layers/library/LibraryCatalogSqlite.ts"
import { LibraryCatalog, type Page, type TrackRequest } from "../src/services/LibraryCatalog.ts"
import { fillLibrary, tracksPerArtist } from "../test/support/largeLibrary.ts"
import { median, report } from "./support/measure.ts"

const artists = 2000
const limit = 100
const rounds = 15
/** CPU milliseconds that a page may take, median. */
const target = 10

const folder = mkdtempSync(join(tmpdir(), "lathe-bench-library-"))

const bench = Effect.gen(function* () {
  const catalog = yield* LibraryCatalog
  const start = performance.now()
  yield* fillLibrary(artists)
  const fillSeconds = (performance.now() - start) / 1000

  const tracks = (request: Partial<TrackRequest>) => catalog.tracks({ sort: "artist", order: "asc", limit, ...request })
  /** The cursor behind `pages` pages. */
  const farIn = (request: Partial<TrackRequest>, pages: number) =>
    Effect.gen(function* () {
      let cursor: string | undefined
      for (let page = 0; page < pages; page++) {
        cursor = (yield* tracks({ ...request, limit: 500, cursor })).next_cursor ?? undefined
      }
      return cursor
    })

  const middle = yield* farIn({}, artists / 20)
  const queries: Record<string, Effect.Effect<Page<unknown> | number | object, unknown>> = {
    "first page, by artist": tracks({}),
    "page in the middle, by artist": tracks({ cursor: middle }),
    "first page, by title, descending": tracks({ sort: "title", order: "desc" }),
    "500 tracks, by time of addition": tracks({ sort: "added", order: "desc", limit: 500 }),
    "tracks of an album": tracks({ sort: "album", albumId: 5000 }),
    "tracks of an artist": tracks({ artistId: 1000 }),
    "search that finds all (one letter)": tracks({ search: "s" }),
    "search that finds two thirds (one digit)": tracks({ search: "1" }),
    "search that finds a tenth": tracks({ search: "12" }),
    "three words, two of them in every track": tracks({ search: "song artist 1234" }),
    "search that finds none": tracks({ search: "nothing of the kind" }),
    "albums, by title": catalog.albums({ sort: "title", limit }),
    "albums, by year, searched": catalog.albums({ sort: "year", limit, search: "12" }),
    artists: catalog.artists({ limit }),
    "states of all fingerprints": catalog.fingerprints,
    "pending fingerprints": catalog.pending({ after: 50_000, limit })
  }
  const rows: Array<string> = []
  let slowest = 0
  for (const [name, query] of Object.entries(queries)) {
    const times: Array<number> = []
    let found = ""
    for (let round = 0; round <= rounds; round++) {
      const before = process.cpuUsage()
      const result = yield* query
      const { system, user } = process.cpuUsage(before)
      times.push((system + user) / 1000)
      if (typeof result === "object" && "total" in result) found = String(result.total)
    }
    const [first, ...rest] = times as [number, ...Array<number>]
    slowest = Math.max(slowest, median(rest))
    rows.push(
      `| ${name} | ${found} | ${first.toFixed(1)} | ${median(rest).toFixed(1)} | ${Math.max(...rest).toFixed(1)} |`
    )
  }
  report(
    "library",
    `Pages of a library of ${artists * tracksPerArtist} tracks`,
    [
      `| page of ${limit} | found | first, CPU ms | median of ${rounds} | most |`,
      "|---|---|---|---|---|",
      ...rows,
      "",
      `The slowest median is ${slowest.toFixed(1)} ms; the target is ${target} ms. Filling the database took ${fillSeconds.toFixed(1)} s.`
    ].join("\n")
  )
})

const database = DatabaseSqlite.layer(join(folder, "lathe.db"))
try {
  await Effect.runPromise(Effect.provide(bench, Layer.provideMerge(LibraryCatalogSqlite.layer, database)))
} finally {
  rmSync(folder, { recursive: true })
}
