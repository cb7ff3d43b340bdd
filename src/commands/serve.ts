/** `lathe serve`: the service, its fingerprint server, and a demo library where no folder is given. */
import { Args, Command } from "@effect/cli"
import { Effect, Layer, Option } from "effect"
import { resolve } from "node:path"
import { withFormat } from "../layers/telemetry/Logging.ts"
import { version } from "../layers/process/version.ts"
import { givenBy, optionOf, readSetting, readToken, settings } from "./settings.ts"

const folders = Args.text({ name: "FOLDER" }).pipe(
  Args.withDescription("A music folder. Without any, a small demo library is made and played."),
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
  otlpEndpoint: optionOf("otlpEndpoint"),
  logFormat: optionOf("logFormat")
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
      dataFolder: yield* readSetting("dataFolder", given),
      maximumStreams: yield* readSetting("streams", given),
      background: (yield* readSetting("background", given)) === "on",
      folders: folders.map((folder) => resolve(folder))
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
    return yield* Layer.launch(Layer.provide(layer(serviceOptions), telemetry)).pipe(withFormat(logFormat))
  })
).pipe(Command.withDescription("Serve music folders: web page, WebSocket, RPC, and the fingerprint server."))
