/** How the library spreads over the dimensions of the fingerprint: measured from what is stored, and kept until that changes. */
import type { SqlClient } from "@effect/sql"
import { Effect } from "effect"
import { type DimensionName, dimensionNames } from "../../domain/fingerprint/Fingerprint.ts"
import { type LibrarySpread, type Percentiles, percentilesOf } from "../../domain/fingerprint/LibrarySpread.ts"
import { turnOfEventLoop } from "../process/eventLoop.ts"
import { countFingerprints } from "./libraryCounts.ts"
import { all, countOf } from "./listing.ts"

/** Rows read in one go: a few milliseconds. */
const rowsPerTurn = 1000

/** One at a time measures; who comes meanwhile waits for what it found. */
export const makeSpread = (sql: SqlClient.SqlClient) =>
  Effect.map(Effect.makeSemaphore(1), (lock) => {
    let kept: { readonly of: string; readonly spread: LibrarySpread } | undefined
    return Effect.gen(function* () {
      const revision = yield* countOf(sql, "SELECT revision AS count FROM fingerprint_epoch")
      const { ready } = yield* countFingerprints(sql)
      const of = `${revision} ${ready}`
      if (kept?.of !== of) kept = { of, spread: yield* measureSpread(sql) }
      return kept.spread
    }).pipe(lock.withPermits(1))
  })

const measureSpread = (sql: SqlClient.SqlClient) =>
  Effect.gen(function* () {
    const columns = dimensionNames.map(() => [] as Array<number>)
    for (let last = 0; ;) {
      const rows = yield* all<Record<DimensionName, number> & { readonly track_id: number }>(
        sql,
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
