/** `lathe fingerprint-server`: the fingerprint server alone, for other services. */
import { Command, Options } from "@effect/cli"
import { Effect } from "effect"
import { resolve } from "node:path"
import { givenBy, optionOf, readSetting } from "./settings.ts"

const roots = Options.text("root").pipe(
  Options.repeated,
  Options.withDescription("A folder that it may read; give one for each. Without any: the current folder.")
)

/** A child of the service ends with it, however the service ended. */
const parentGone = Effect.async<void>((resume) => {
  if (process.connected) process.once("disconnect", () => resume(Effect.void))
})

// Loaded when it is needed: other commands start without it.
const server = Effect.promise(() => import("../layers/fingerprint/server/FingerprintServer.ts"))

const options = { fingerprintPort: optionOf("fingerprintPort", "port"), followLinks: optionOf("followLinks"), roots }

export const fingerprintServer = Command.make(
  "fingerprint-server",
  options,
  ({ fingerprintPort, followLinks, roots }) => {
    const folders = (roots.length > 0 ? roots : ["."]).map((root) => resolve(root))
    return Effect.gen(function* () {
      const given = givenBy({ fingerprintPort, followLinks })
      const port = yield* readSetting("fingerprintPort", given)
      const follows = (yield* readSetting("followLinks", given)) === "on"
      const { launch } = yield* server
      return yield* Effect.race(launch({ port, folders, followLinks: follows }), parentGone)
    })
  }
).pipe(Command.withDescription("Serve fingerprints by gRPC and by HTTP (POST /fingerprint) on one port."))
