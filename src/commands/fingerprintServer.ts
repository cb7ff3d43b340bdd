/** `lathe fingerprint-server`: the fingerprint server alone, for other services. */
import { Command, Options } from "@effect/cli"
import { Effect } from "effect"
import { resolve } from "node:path"
import { existingFolder } from "./folders.ts"
import { nameHolder } from "./portHolder.ts"
import { givenBy, optionOf, readSetting } from "./settings.ts"

const roots = Options.text("root").pipe(
  Options.repeated,
  Options.withDescription("A folder that it may read; give one for each. Without any: the current folder.")
)

/** A child of the service ends with it, however the service ended. */
const parentGone = Effect.async<void>((resume) => {
  if (process.connected) process.once("disconnect", () => resume(Effect.void))
})

/** The service, which starts this with a channel, goes on where one of its folders is gone for a while. */
const folderOf = (root: string) =>
  process.connected ? Effect.succeed(resolve(root)) : existingFolder(root, "--root: ")

// Loaded when it is needed: other commands start without it.
const server = Effect.promise(() => import("../layers/fingerprint/server/FingerprintServer.ts"))

const options = { fingerprintPort: optionOf("fingerprintPort", "port"), followLinks: optionOf("followLinks"), roots }

export const fingerprintServer = Command.make(
  "fingerprint-server",
  options,
  ({ fingerprintPort, followLinks, roots }) => {
    return Effect.gen(function* () {
      const given = givenBy({ fingerprintPort, followLinks })
      const folders = yield* Effect.forEach(roots.length > 0 ? roots : ["."], folderOf)
      const port = yield* readSetting("fingerprintPort", given)
      const follows = (yield* readSetting("followLinks", given)) === "on"
      const { launch } = yield* server
      return yield* Effect.raceFirst(launch({ port, folders, followLinks: follows }), parentGone).pipe(
        Effect.catchTag("PortUnavailable", nameHolder)
      )
    })
  }
).pipe(Command.withDescription("Serve fingerprints by gRPC and by HTTP (POST /fingerprint) on one port."))
