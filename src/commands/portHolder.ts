/** Who has the port that somebody else wants. */
import { Effect, Option, Schema } from "effect"
import { PortUnavailable } from "../domain/http/PortUnavailable.ts"

/** What `GET /health` says of the service, and of the fingerprint server. */
const Health = Schema.Struct({
  status: Schema.Literal("ok"),
  fingerprint_server: Schema.optional(Schema.String),
  algorithm_version: Schema.optional(Schema.Number)
})

const answerTimeoutMs = 2000

/** Where a server that listens on all addresses is asked. */
const askable: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" }

const addressOf = (host: string, port: number): string => {
  const name = askable[host] ?? host
  return `http://${name.includes(":") ? `[${name}]` : name}:${port}/`
}

/** What of lathe answers there, if anything of it does. */
export const latheAt = (host: string, port: number): Effect.Effect<Option.Option<"service" | "fingerprint server">> =>
  Effect.tryPromise((signal) =>
    fetch(`${addressOf(host, port)}health`, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(answerTimeoutMs)])
    }).then((response) => response.json())
  ).pipe(
    Effect.flatMap(Schema.decodeUnknown(Health)),
    Effect.map(({ algorithm_version, fingerprint_server }) =>
      fingerprint_server !== undefined
        ? Option.some("service" as const)
        : Option.map(Option.fromNullable(algorithm_version), () => "fingerprint server" as const)
    ),
    Effect.orElseSucceed(() => Option.none())
  )

/** Names the holder of a port that is taken. */
export const nameHolder = (error: PortUnavailable): Effect.Effect<never, PortUnavailable> =>
  error.detail === "EADDRINUSE"
    ? Effect.flatMap(latheAt(error.host, error.port), (holder) => {
        const holding = Option.match(holder, {
          onNone: () => "another program",
          onSome: (part) => `a ${part} of lathe that answers at ${addressOf(error.host, error.port)}`
        })
        return new PortUnavailable({ ...error, holder: holding })
      })
    : Effect.fail(error)
