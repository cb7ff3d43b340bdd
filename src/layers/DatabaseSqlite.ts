/** The service's one SQLite file: opened, migrated, tuned. Everything stored goes through its client. */
import { SqlClient } from "@effect/sql"
import { SqliteClient, SqliteMigrator } from "@effect/sql-sqlite-node"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { Cause, Effect, Layer } from "effect"
import { mkdirSync } from "node:fs"
import { dirname } from "node:path"
import { DatabaseUnavailable } from "../domain/DatabaseUnavailable.ts"
import { dimensionNames } from "../domain/Fingerprint.ts"

const initial = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    CREATE TABLE tracks (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      folder TEXT NOT NULL,
      path TEXT NOT NULL,
      size INTEGER NOT NULL,
      mtime_ms REAL NOT NULL,
      title TEXT NOT NULL,
      artist TEXT,
      album TEXT,
      duration REAL NOT NULL,
      sample_rate INTEGER NOT NULL,
      channels INTEGER NOT NULL,
      present INTEGER NOT NULL DEFAULT 1,
      UNIQUE (folder, path)
    )`
  yield* sql`
    CREATE TABLE unreadable_files (
      folder TEXT NOT NULL,
      path TEXT NOT NULL,
      size INTEGER NOT NULL,
      mtime_ms REAL NOT NULL,
      message TEXT NOT NULL,
      PRIMARY KEY (folder, path)
    )`
  yield* sql.unsafe(`
    CREATE TABLE fingerprints (
      track_id INTEGER PRIMARY KEY REFERENCES tracks (id) ON DELETE CASCADE,
      size INTEGER NOT NULL,
      mtime_ms REAL NOT NULL,
      algorithm_version INTEGER NOT NULL,
      ${dimensionNames.map((name) => `${name} REAL NOT NULL`).join(",\n      ")},
      measurements TEXT NOT NULL,
      provenance TEXT NOT NULL
    )`)
  yield* sql`
    CREATE TABLE fingerprint_failures (
      track_id INTEGER PRIMARY KEY REFERENCES tracks (id) ON DELETE CASCADE,
      size INTEGER NOT NULL,
      mtime_ms REAL NOT NULL,
      algorithm_version INTEGER NOT NULL,
      code TEXT NOT NULL,
      message TEXT NOT NULL
    )`
})

// A locked database blocks the event loop for as long as SQLite waits, so it waits for less than one frame of audio.
const busyTimeoutMilliseconds = 100

const tune = Layer.effectDiscard(
  Effect.flatMap(SqlClient.SqlClient, (sql) => sql.unsafe(`PRAGMA busy_timeout = ${busyTimeoutMilliseconds}`))
)

const migrate = SqliteMigrator.layer({ loader: SqliteMigrator.fromRecord({ "0001_initial": initial }) }).pipe(
  Layer.provide(NodeContext.layer)
)

/**
 * `filename` is a path whose folder is made when missing, or `:memory:`. Closing it writes what is in the log back into
 * the file.
 */
export const layer = (filename: string): Layer.Layer<SqlClient.SqlClient, DatabaseUnavailable> =>
  Layer.unwrapEffect(
    Effect.sync(() => {
      if (filename !== ":memory:") mkdirSync(dirname(filename), { recursive: true })
      return Layer.mergeAll(tune, migrate).pipe(Layer.provideMerge(SqliteClient.layer({ filename })))
    })
  ).pipe(Layer.catchAllCause((cause) => Layer.fail(unavailable(filename, cause))))

const unavailable = (filename: string, cause: Cause.Cause<unknown>): DatabaseUnavailable => {
  let detail = Cause.squash(cause)
  while (detail instanceof Error && detail.cause !== undefined) detail = detail.cause
  return new DatabaseUnavailable({ filename, detail: detail instanceof Error ? detail.message : String(detail) })
}

export const layerMemory = layer(":memory:").pipe(Layer.orDie)
