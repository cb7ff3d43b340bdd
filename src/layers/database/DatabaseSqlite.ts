/** The service's one SQLite file: opened, migrated, tuned. Everything stored goes through its client. */
import { SqlClient } from "@effect/sql"
import { SqliteClient, SqliteMigrator } from "@effect/sql-sqlite-node"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { Cause, Effect, Layer } from "effect"
import { dirname } from "node:path"
import { DatabaseUnavailable } from "../../domain/database/DatabaseUnavailable.ts"
import { algorithmVersion } from "../../domain/fingerprint/Fingerprint.ts"
import { makeDataFolder } from "./dataFolder.ts"
import { migrations, stateOf } from "./migrations.ts"
import { systemsWord } from "./sqliteErrors.ts"

/** After a change of the algorithm no stored fingerprint counts any more. */
const enterEpoch = Layer.effectDiscard(
  Effect.flatMap(SqlClient.SqlClient, (sql) =>
    Effect.gen(function* () {
      const rows = yield* sql<{ readonly algorithm_version: number }>`SELECT algorithm_version FROM fingerprint_epoch`
      if (rows[0]?.algorithm_version === algorithmVersion) return
      yield* sql`UPDATE fingerprint_epoch SET algorithm_version = ${algorithmVersion}, revision = revision + 1`
      yield* sql.unsafe(`UPDATE tracks SET fingerprint_state = ${stateOf}`)
    }).pipe(sql.withTransaction)
  )
)

// A locked database blocks the event loop for as long as SQLite waits, so it waits for less than one frame of audio.
const busyTimeoutMilliseconds = 100

const tune = Layer.effectDiscard(
  Effect.flatMap(SqlClient.SqlClient, (sql) => sql.unsafe(`PRAGMA busy_timeout = ${busyTimeoutMilliseconds}`))
)

const migrate = SqliteMigrator.layer({
  loader: SqliteMigrator.fromRecord(migrations)
}).pipe(Layer.provide(NodeContext.layer))

/**
 * `filename` is a path whose folder is made when missing, or `:memory:`. Closing it writes what is in the log back into
 * the file.
 */
export const layer = (filename: string): Layer.Layer<SqlClient.SqlClient, DatabaseUnavailable> =>
  Layer.unwrapEffect(
    Effect.sync(() => {
      if (filename !== ":memory:") makeDataFolder(dirname(filename))
      return Layer.mergeAll(tune, Layer.provide(enterEpoch, migrate)).pipe(
        Layer.provideMerge(SqliteClient.layer({ filename }))
      )
    })
  ).pipe(Layer.catchAllCause((cause) => Layer.fail(unavailable(filename, cause))))

const unavailable = (filename: string, cause: Cause.Cause<unknown>): DatabaseUnavailable =>
  new DatabaseUnavailable({ filename, detail: systemsWord(Cause.squash(cause)) })

export const layerMemory = layer(":memory:").pipe(Layer.orDie)
