/** `lathe status`: asks the service on this machine how it is. */
import { Command, Options } from "@effect/cli"
import { Console, Data, Effect } from "effect"
import { decodeServiceStatus, type ServiceStatus } from "../contract/ServiceStatus.ts"
import { givenBy, optionOf, readAuthorization, readSetting } from "./settings.ts"
import { colour } from "./terminal.ts"

const json = Options.boolean("json").pipe(Options.withDescription("The answer as one JSON object on stdout."))

class ServiceNotRunning extends Data.TaggedError("ServiceNotRunning")<{ readonly port: number }> {
  override get message(): string {
    return `No lathe service answers on port ${this.port}. Start one with "lathe serve FOLDER", or name its port with --port.`
  }
}

const answerTimeout = 5000

class ServiceAsksForToken extends Data.TaggedError("ServiceAsksForToken")<{ readonly port: number }> {
  override get message(): string {
    return `The lathe service on port ${this.port} asks for its token. Set LATHE_TOKEN or LATHE_TOKEN_FILE as the service has it.`
  }
}

const ask = (port: number, headers: Readonly<Record<string, string>>) =>
  Effect.tryPromise({
    try: (signal) =>
      fetch(`http://127.0.0.1:${port}/api/status`, {
        headers,
        signal: AbortSignal.any([signal, AbortSignal.timeout(answerTimeout)])
      }),
    catch: () => new ServiceNotRunning({ port })
  }).pipe(
    Effect.filterOrFail(
      ({ status }) => status !== 401,
      () => new ServiceAsksForToken({ port })
    ),
    Effect.flatMap((response) =>
      Effect.tryPromise(() => response.json()).pipe(
        Effect.flatMap(decodeServiceStatus),
        Effect.mapError(() => new ServiceNotRunning({ port }))
      )
    )
  )

const toText = (port: number, status: ServiceStatus): string => {
  const { analyzing, failed, owed, pending, ready } = status.fingerprints
  const unstored = owed === 0 ? "" : `, ${owed} of these measured but not stored: the database cannot be written`
  const isAvailable = status.fingerprint_server === "available"
  const rows = [
    ["service", `${colour("green", "running")}, version ${status.version}, http://127.0.0.1:${port}/`],
    ["tracks", String(status.tracks)],
    [
      "fingerprints",
      `${ready} ready, ${pending} pending${unstored}, ${analyzing} being measured, ${failed} cannot be measured`
    ],
    ["fingerprint server", colour(isAvailable ? "green" : "yellow", status.fingerprint_server)],
    ["streams", String(status.streams_active)]
  ]
  return rows.map(([name = "", value]) => `${name.padEnd(20)}${value}`).join("\n")
}

export const status = Command.make("status", { port: optionOf("port"), json }, ({ json, ...options }) =>
  Effect.gen(function* () {
    const port = yield* readSetting("port", givenBy(options))
    const status = yield* ask(port, yield* readAuthorization)
    yield* Console.log(json ? JSON.stringify(status) : toText(port, status))
  })
).pipe(Command.withDescription("Ask the running service how it is."))
