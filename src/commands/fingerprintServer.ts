/** `lathe fingerprint-server`: the fingerprint server alone, for other services. */
import { Command, Options } from "@effect/cli"
import { Config, Effect } from "effect"
import { resolve } from "node:path"
import { defaultFingerprintPort, Port } from "./options.ts"

const port = Options.integer("port").pipe(
  Options.withSchema(Port),
  Options.withFallbackConfig(Config.integer("LATHE_FINGERPRINT_PORT")),
  Options.withDefault(defaultFingerprintPort),
  Options.withDescription(`Port on 127.0.0.1 (LATHE_FINGERPRINT_PORT, ${defaultFingerprintPort}); 0 takes a free one.`)
)

const roots = Options.text("root").pipe(
  Options.repeated,
  Options.withDescription("A folder that it may read; give one for each. Without any: the current folder.")
)

/** A child of the service ends with it, however the service ended. */
const parentGone = Effect.async<void>((resume) => {
  if (process.connected) process.once("disconnect", () => resume(Effect.void))
})

// Loaded when it is needed: other commands start without it.
const server = Effect.promise(() => import("../layers/FingerprintServer.ts"))

export const fingerprintServer = Command.make("fingerprint-server", { port, roots }, ({ port, roots }) => {
  const folders = (roots.length > 0 ? roots : ["."]).map((root) => resolve(root))
  return Effect.race(
    Effect.flatMap(server, ({ launch }) => launch({ port, folders })),
    parentGone
  )
}).pipe(Command.withDescription("Serve fingerprints by gRPC and by HTTP (POST /fingerprint) on one port."))
