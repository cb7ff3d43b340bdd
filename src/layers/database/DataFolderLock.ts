/**
 * One service a data folder. The lock is an exclusive transaction on a file of its own, `lathe.lock`: the system takes it
 * back when its process ends, however that ends. Who holds it is told by `service.json`, which means nothing without it.
 */
import * as Reactivity from "@effect/experimental/Reactivity"
import { SqlError } from "@effect/sql"
import { SqliteClient } from "@effect/sql-sqlite-node"
import { Effect, Option, Schedule, Schema, type Scope } from "effect"
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { DataFolderHolder, DataFolderInUse } from "../../domain/database/DataFolderInUse.ts"
import { DatabaseUnavailable } from "../../domain/database/DatabaseUnavailable.ts"
import { makeDataFolder } from "./dataFolder.ts"
import { isBusy, systemsWord } from "./sqliteErrors.ts"

export interface DataFolderLock {
  /** Tells other commands where the service listens. */
  readonly announce: (address: string) => Effect.Effect<void>
}

const lockFile = (dataFolder: string) => join(dataFolder, "lathe.lock")
const holderFile = (dataFolder: string) => join(dataFolder, "service.json")

const HolderJson = Schema.parseJson(DataFolderHolder)

const readHolder = (dataFolder: string): DataFolderHolder | null => {
  try {
    return Schema.decodeUnknownSync(HolderJson)(readFileSync(holderFile(dataFolder), "utf8"))
  } catch {
    return null
  }
}

/** Whoever reads it finds all of it. */
const writeHolder = (dataFolder: string, holder: DataFolderHolder) =>
  Effect.try(() => {
    const path = holderFile(dataFolder)
    writeFileSync(`${path}.new`, Schema.encodeSync(HolderJson)(holder), { mode: 0o600 })
    renameSync(`${path}.new`, path)
  }).pipe(Effect.catchAll((error) => Effect.logWarning("Other commands cannot be told of this service", error.cause)))

/** Held until the scope closes. Fails with the system's word where that is not possible. */
const lock = (dataFolder: string): Effect.Effect<void, SqlError.SqlError, Scope.Scope> =>
  Effect.gen(function* () {
    const sql = yield* SqliteClient.make({ filename: lockFile(dataFolder), disableWAL: true })
    yield* sql.unsafe("PRAGMA busy_timeout = 0")
    yield* sql.unsafe("BEGIN EXCLUSIVE")
  }).pipe(
    Effect.catchAllDefect((defect) => new SqlError.SqlError({ cause: defect, message: "The lock cannot be opened" })),
    Effect.provide(Reactivity.layer)
  )

/** Commands that ask who holds it do so by trying the lock, for a moment. */
const askersAreGone = Schedule.intersect(Schedule.spaced("50 millis"), Schedule.recurs(4))

/** Takes the data folder, which is made where it is missing, until the scope closes. */
export const hold = (
  dataFolder: string,
  folders: ReadonlyArray<string>
): Effect.Effect<DataFolderLock, DataFolderInUse | DatabaseUnavailable, Scope.Scope> =>
  Effect.gen(function* () {
    const filename = lockFile(dataFolder)
    yield* Effect.try({
      try: () => makeDataFolder(dataFolder),
      catch: (cause) => new DatabaseUnavailable({ filename, detail: systemsWord(cause) })
    })
    yield* lock(dataFolder).pipe(
      Effect.retry({ schedule: askersAreGone, while: isBusy }),
      Effect.mapError((error) =>
        isBusy(error)
          ? new DataFolderInUse({ dataFolder, holder: readHolder(dataFolder) })
          : new DatabaseUnavailable({ filename, detail: systemsWord(error) })
      )
    )
    yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(holderFile(dataFolder), { force: true })))
    const holder = { pid: process.pid, since: new Date().toISOString(), folders }
    yield* writeHolder(dataFolder, { ...holder, address: null })
    return { announce: (address) => writeHolder(dataFolder, { ...holder, address }) }
  })

/** The running service that a data folder belongs to, for commands that would otherwise write beside it. */
export const findHolder = (dataFolder: string): Effect.Effect<Option.Option<DataFolderInUse>> =>
  existsSync(lockFile(dataFolder))
    ? Effect.scoped(lock(dataFolder)).pipe(
        Effect.as(Option.none()),
        Effect.catchAll((error) =>
          Effect.succeed(
            isBusy(error)
              ? Option.some(new DataFolderInUse({ dataFolder, holder: readHolder(dataFolder) }))
              : Option.none()
          )
        )
      )
    : Effect.succeed(Option.none())
