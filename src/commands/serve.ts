/** `lathe serve`: the service and its fingerprint server, over music folders or, where none is named, the demo pieces. */
import { Args, Command } from "@effect/cli"
import { Effect, Layer, Option } from "effect"
import { existsSync } from "node:fs"
import { generated } from "../layers/process/entryPoints.ts"
import { version } from "../layers/process/version.ts"
import { withFormat } from "../layers/telemetry/Logging.ts"
import { musicFolder } from "./folders.ts"
import { InvalidSetting } from "./InvalidSetting.ts"
import { nameHolder } from "./portHolder.ts"
import { givenBy, optionOf, readDataFolder, readSetting, readToken, settings } from "./settings.ts"
import type { UsageError } from "./UsageError.ts"

const folders = Args.text({ name: "FOLDER" }).pipe(
  Args.withDescription("A music folder. Without any, the four demo pieces are played."),
  Args.repeated
)

const options = {
  host: optionOf("host"),
  port: optionOf("port"),
  tokenFile: optionOf("tokenFile"),
  origins: optionOf("origins"),
  requestsPerSecond: optionOf("requestsPerSecond"),
  fingerprintPort: optionOf("fingerprintPort"),
  dataFolder: optionOf("dataFolder"),
  streams: optionOf("streams"),
  background: optionOf("background"),
  followLinks: optionOf("followLinks"),
  sidecars: optionOf("sidecars"),
  otlpEndpoint: optionOf("otlpEndpoint"),
  logFormat: optionOf("logFormat")
}

/** What is played where no folder is named: a folder of music as any other, which `npm run prepare` fills. */
const demoFolder = generated("demo")

const musicFolders = (
  named: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<string>, InvalidSetting | UsageError> => {
  if (named.length > 0) return Effect.forEach(named, (folder) => musicFolder(folder))
  if (existsSync(demoFolder)) return Effect.succeed([demoFolder])
  const complaint =
    'is needed, since the demo pieces are not there: name your music folder, or run "npm run prepare" first.'
  return new InvalidSetting({ name: "FOLDER", complaint })
}

// Loaded when it is needed: other commands start without it.
const service = Effect.promise(() => import("../service.ts"))

export const serve = Command.make("serve", { folders, ...options }, ({ folders, ...options }) =>
  Effect.gen(function* () {
    const given = givenBy(options)
    const logFormat = yield* readSetting("logFormat", given)
    const host = yield* readSetting("host", given)
    const serviceOptions = {
      host,
      port: yield* readSetting("port", given),
      token: yield* readToken(given, host),
      origins: yield* readSetting("origins", given),
      requestsPerSecond: yield* readSetting("requestsPerSecond", given),
      fingerprintPort: yield* readSetting("fingerprintPort", given),
      maximumStreams: yield* readSetting("streams", given),
      background: (yield* readSetting("background", given)) === "on",
      sidecars: yield* readSetting("sidecars", given),
      followLinks: (yield* readSetting("followLinks", given)) === "on",
      folders: yield* musicFolders(folders),
      // The last, so that nothing is made where anything else is wrong.
      dataFolder: yield* readDataFolder(given)
    }
    // The processes that it starts write into the same log.
    process.env[settings.logFormat.variable] = logFormat
    const endpoint = yield* readSetting("otlpEndpoint", given)
    const { layer } = yield* service
    const telemetry = Option.isNone(endpoint)
      ? Layer.empty
      : (yield* Effect.promise(() => import("../layers/telemetry/TelemetryOtlp.ts"))).layer({
          endpoint: endpoint.value,
          version
        })
    return yield* Layer.launch(Layer.provide(layer(serviceOptions), telemetry)).pipe(
      Effect.catchTag("PortUnavailable", nameHolder),
      withFormat(logFormat)
    )
  })
).pipe(Command.withDescription("Serve music folders: web page, WebSocket, RPC, and the fingerprint server."))
