/** `lathe serve`: the service, its fingerprint server, and a demo library where no folder is given. */
import { Args, Command, Options } from "@effect/cli"
import { Config, Effect, Layer } from "effect"
import { homedir } from "node:os"
import { join, resolve } from "node:path"
import { defaultFingerprintPort, Port } from "./options.ts"

const defaultPort = 8765

/** The XDG base directory for what a program keeps. */
const defaultDataFolder = Config.string("XDG_DATA_HOME").pipe(
  Config.withDefault(join(homedir(), ".local", "share")),
  Config.map((folder) => join(folder, "lathe"))
)

const folders = Args.text({ name: "FOLDER" }).pipe(
  Args.withDescription("A music folder. Without any, a small demo library is made and played."),
  Args.repeated
)

export const port = Options.integer("port").pipe(
  Options.withSchema(Port),
  Options.withFallbackConfig(Config.integer("LATHE_PORT")),
  Options.withDefault(defaultPort),
  Options.withDescription(`Port on 127.0.0.1 (LATHE_PORT, ${defaultPort}); 0 takes a free one.`)
)

const fingerprintPort = Options.integer("fingerprint-port").pipe(
  Options.withSchema(Port),
  Options.withFallbackConfig(Config.integer("LATHE_FINGERPRINT_PORT")),
  Options.withDefault(defaultFingerprintPort),
  Options.withDescription("Port of the fingerprint server (LATHE_FINGERPRINT_PORT, 50051); another where it is taken.")
)

export const data = Options.text("data").pipe(
  Options.withFallbackConfig(Config.orElse(Config.string("LATHE_DATA"), () => defaultDataFolder)),
  Options.withDescription("Folder for the database and the demo (LATHE_DATA, else lathe in the user's data folder).")
)

const background = Options.choice("background", ["on", "off"]).pipe(
  Options.withFallbackConfig(Config.literal("on", "off")("LATHE_BACKGROUND")),
  Options.withDefault("on" as const),
  Options.withDescription(
    "Whether all tracks are measured in the background (LATHE_BACKGROUND, on), or as they are played."
  )
)

// Loaded when it is needed: other commands start without it.
const service = Effect.promise(() => import("../service.ts"))

export const serve = Command.make(
  "serve",
  { folders, port, fingerprintPort, data, background },
  ({ background, data, folders, ...ports }) =>
    Effect.flatMap(service, ({ layer }) =>
      Layer.launch(
        layer({
          ...ports,
          dataFolder: resolve(data),
          folders: folders.map((folder) => resolve(folder)),
          background: background === "on"
        })
      )
    )
).pipe(Command.withDescription("Serve music folders: web page, WebSocket, RPC, and the fingerprint server."))
