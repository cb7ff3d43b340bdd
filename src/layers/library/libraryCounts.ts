/** How many tracks are there, and how many of them have a fingerprint. */
import type { SqlClient } from "@effect/sql"
import { Effect } from "effect"
import type { StoredFingerprints } from "../../services/LibraryCatalog.ts"
import { all, countOf } from "./listing.ts"

export const countTracks = (sql: SqlClient.SqlClient) =>
  countOf(sql, "SELECT count(*) AS count FROM tracks WHERE present = 1")

export const countFingerprints = (sql: SqlClient.SqlClient) =>
  all<{ readonly state: keyof StoredFingerprints; readonly count: number }>(
    sql,
    "SELECT fingerprint_state AS state, count(*) AS count FROM tracks WHERE present = 1 GROUP BY fingerprint_state"
  ).pipe(
    Effect.map((rows): StoredFingerprints => {
      const countIn = (state: keyof StoredFingerprints) => rows.find((row) => row.state === state)?.count ?? 0
      return { ready: countIn("ready"), pending: countIn("pending"), failed: countIn("failed") }
    })
  )
