/** The service that holds the data folder: who would write beside it asks it instead. */
import { Data, Effect, Schedule, Schema } from "effect"
import { realpathSync } from "node:fs"
import { sep } from "node:path"
import type { DataFolderInUse } from "../domain/database/DataFolderInUse.ts"
import { ScanStatus } from "../domain/library/Library.ts"
import { readAuthorization } from "./settings.ts"

class ServiceDoesNotServe extends Data.TaggedError("ServiceDoesNotServe")<{
  readonly folder: string
  readonly held: DataFolderInUse
}> {
  override get message(): string {
    return `${this.folder} is in no music folder of the service that uses this data folder. ${this.held.message}`
  }
}

class ServiceDidNotScan extends Data.TaggedError("ServiceDidNotScan")<{
  readonly address: string
  readonly detail: string
}> {
  override get message(): string {
    return `The service at ${this.address} was asked to scan and did not (${this.detail}).`
  }
}

const real = (path: string): string => {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

const isIn = (path: string, folder: string): boolean =>
  real(path) === real(folder) || real(path).startsWith(real(folder) + sep)

const pollInterval = "200 millis"
const answerTimeout = 5000

/** Has the running service scan its folders, of which this must be one or below one; the status when that has ended. */
export const scanByService = (
  held: DataFolderInUse,
  folder: string,
  show: (status: ScanStatus) => Effect.Effect<void>
) =>
  Effect.gen(function* () {
    const address = held.holder?.address ?? null
    if (address === null || !held.holder?.folders.some((served) => isIn(folder, served)))
      return yield* new ServiceDoesNotServe({ folder, held })
    const headers = yield* readAuthorization
    const ask = (method: "GET" | "POST") =>
      Effect.tryPromise({
        try: async (signal) => {
          const response = await fetch(new URL("api/scan", address), {
            method,
            headers,
            signal: AbortSignal.any([signal, AbortSignal.timeout(answerTimeout)])
          })
          if (!response.ok)
            throw new Error(
              `status ${response.status}${response.status === 401 ? ": set LATHE_TOKEN or LATHE_TOKEN_FILE as the service has it" : ""}`
            )
          return Schema.decodeUnknownSync(ScanStatus)(await response.json())
        },
        catch: (error) =>
          new ServiceDidNotScan({ address, detail: error instanceof Error ? error.message : String(error) })
      })
    yield* ask("POST")
    return yield* ask("GET").pipe(
      Effect.tap(show),
      Effect.repeat({ until: ({ running }) => !running, schedule: Schedule.spaced(pollInterval) }),
      Effect.zipRight(ask("GET"))
    )
  })
