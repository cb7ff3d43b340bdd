/**
 * Every setting: its option on the command line, its variable, its default, what it accepts. The one place that reads
 * them. An option goes before its variable; an empty variable counts as none. docs/configuration.md is this table.
 */
import { Options } from "@effect/cli"
import { Config, ConfigProvider, Effect, LogLevel, Option, Record as Records, Redacted } from "effect"
import { readFileSync } from "node:fs"
import { homedir } from "node:os"
import { join, resolve } from "node:path"
import { isLoopbackHost } from "../domain/http/Access.ts"
import { InvalidSetting } from "./InvalidSetting.ts"
import { makeDataFolder } from "../layers/database/dataFolder.ts"
import { minimumTokenLength } from "../layers/http/accessToken.ts"

export interface Setting<A> {
  /** Without the dashes; none for what a list of processes must not show. */
  readonly option?: string
  readonly variable: string
  /** As the docs and the help show it. */
  readonly defaultText: string
  readonly meaning: string
  /** What a value must be, to complete "it must be ...". */
  readonly expects: string
  /** All values that there are, where they can be listed. */
  readonly choices?: ReadonlyArray<string>
  readonly config: Config.Config<A>
}

const integer = (variable: string, from: number, to: number, byDefault: number) => ({
  variable,
  defaultText: String(byDefault),
  expects: `a whole number from ${from} to ${to}`,
  config: Config.integer(variable).pipe(
    Config.validate({ message: "out of range", validation: (value) => value >= from && value <= to }),
    Config.withDefault(byDefault)
  )
})

const choice = <const Choice extends string>(variable: string, choices: ReadonlyArray<Choice>, byDefault: Choice) => ({
  variable,
  defaultText: byDefault as string,
  expects: `one of ${choices.join(", ")}`,
  choices: choices as ReadonlyArray<string>,
  config: Config.literal(...choices)(variable).pipe(Config.withDefault(byDefault))
})

/** As browsers send it: scheme, host and port, nothing behind. */
const isOrigin = (text: string): boolean => {
  const url = URL.parse(text)
  return url !== null && /^https?:$/.test(url.protocol) && url.origin === text
}

function isHttpAddress(text: string): boolean {
  return /^https?:$/.test(URL.parse(text)?.protocol ?? "")
}

/** By the names that --log-level knows, too. */
export const logLevels = {
  all: LogLevel.All,
  trace: LogLevel.Trace,
  debug: LogLevel.Debug,
  info: LogLevel.Info,
  warning: LogLevel.Warning,
  error: LogLevel.Error,
  fatal: LogLevel.Fatal,
  none: LogLevel.None
}
const levelNames = Records.keys(logLevels)

/** What a token is made with, wherever somebody is told that one is needed. */
const makeToken = "make one with: openssl rand -base64 32"

export const settings = {
  host: {
    option: "host",
    variable: "LATHE_HOST",
    defaultText: "127.0.0.1",
    meaning: "Address to listen on; 0.0.0.0 for all. Beyond loopback a token is required.",
    expects: "an address of this machine",
    config: Config.nonEmptyString("LATHE_HOST").pipe(Config.withDefault("127.0.0.1"))
  },
  port: {
    option: "port",
    meaning: "Port of HTTP, WebSocket and RPC; 0 takes a free one.",
    ...integer("LATHE_PORT", 0, 65_535, 8765)
  },
  fingerprintPort: {
    option: "fingerprint-port",
    meaning: "Port of the fingerprint server; another one where it is taken.",
    ...integer("LATHE_FINGERPRINT_PORT", 0, 65_535, 50_051)
  },
  dataFolder: {
    option: "data",
    variable: "LATHE_DATA",
    defaultText: "lathe in $XDG_DATA_HOME or ~/.local/share",
    meaning: "Folder of the database.",
    expects: "a folder",
    config: Config.nonEmptyString("LATHE_DATA").pipe(
      Config.orElse(() =>
        Config.nonEmptyString("XDG_DATA_HOME").pipe(
          Config.withDefault(join(homedir(), ".local", "share")),
          Config.map((folder) => join(folder, "lathe"))
        )
      ),
      Config.map((folder) => resolve(folder))
    )
  },
  token: {
    variable: "LATHE_TOKEN",
    defaultText: "none",
    meaning: `The token that callers must show, of at least ${minimumTokenLength} characters without spaces.`,
    expects: `at least ${minimumTokenLength} characters without spaces; ${makeToken}`,
    config: Config.option(Config.redacted(tokenText("LATHE_TOKEN")))
  },
  tokenFile: {
    option: "token-file",
    variable: "LATHE_TOKEN_FILE",
    defaultText: "none",
    meaning: "A file with the token in it, used where LATHE_TOKEN is not set.",
    expects: `a readable file with a token in it, of at least ${minimumTokenLength} characters without spaces; ${makeToken}`,
    config: Config.option(
      Config.nonEmptyString("LATHE_TOKEN_FILE").pipe(
        Config.mapAttempt((path) => readFileSync(path, "utf8").trim()),
        Config.validate({ message: "no token", validation: isTokenText }),
        Config.map((text) => Redacted.make(text))
      )
    )
  },
  origins: {
    option: "origins",
    variable: "LATHE_ORIGINS",
    defaultText: "none",
    meaning: "Origins whose pages may use the service, beside its own and this machine's, with commas between.",
    expects: "origins such as https://music.example.org, with commas between",
    config: Config.array(Config.string(), "LATHE_ORIGINS").pipe(
      Config.validate({ message: "no origin", validation: (origins) => origins.every(isOrigin) }),
      Config.withDefault([] as ReadonlyArray<string>)
    )
  },
  requestsPerSecond: {
    option: "requests-per-second",
    meaning: "Requests that one remote address may make a second; twice as many at once.",
    ...integer("LATHE_REQUESTS_PER_SECOND", 1, 1_000_000, 100)
  },
  streams: {
    option: "streams",
    meaning: "Streams at a time, of all listeners together; more are refused.",
    ...integer("LATHE_STREAMS", 1, 10_000, 128)
  },
  background: {
    option: "background",
    meaning: "Whether all tracks are measured in the background, or each when it is played.",
    ...choice("LATHE_BACKGROUND", ["on", "off"], "on")
  },
  followLinks: {
    option: "follow-links",
    meaning: "Whether links in the music folders are followed, wherever they lead.",
    ...choice("LATHE_FOLLOW_LINKS", ["on", "off"], "on")
  },
  sidecars: {
    option: "sidecars",
    meaning:
      "Where fingerprints are kept besides the database: beside the music as .25d files, in the data folder, or nowhere.",
    ...choice("LATHE_SIDECARS", ["beside", "data", "off"], "beside")
  },
  otlpEndpoint: {
    option: "otlp-endpoint",
    variable: "OTEL_EXPORTER_OTLP_ENDPOINT",
    defaultText: "none",
    meaning: "OpenTelemetry collector that gets traces, metrics and logs by OTLP over HTTP (JSON).",
    expects: "the address of a collector, such as http://127.0.0.1:4318",
    config: Config.option(
      Config.nonEmptyString("OTEL_EXPORTER_OTLP_ENDPOINT").pipe(
        Config.validate({ message: "no address", validation: isHttpAddress })
      )
    )
  },
  logFormat: {
    option: "log-format",
    meaning: "How the log is written, on stderr: for people, or one JSON object a line.",
    ...choice("LATHE_LOG_FORMAT", ["text", "json"], "text")
  },
  logLevel: {
    option: "log-level",
    meaning: "The least that is logged.",
    ...choice("LATHE_LOG_LEVEL", levelNames, "info")
  }
} as const satisfies Record<string, Setting<unknown>>

export type SettingName = keyof typeof settings
export type Value<Name extends SettingName> = Config.Config.Success<(typeof settings)[Name]["config"]>

function isTokenText(text: string): boolean {
  return text.length >= minimumTokenLength && !/\s/.test(text)
}

function tokenText(variable: string) {
  return Config.string(variable).pipe(Config.validate({ message: "too short", validation: isTokenText }))
}

const secrets: ReadonlySet<string> = new Set(["LATHE_TOKEN"])

/** Texts by variable, as options on the command line give them. */
export type Given = Readonly<Record<string, string>>

const environment = (): ReadonlyArray<[string, string]> =>
  Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== "")

/** One setting from `given` or the environment; a value that is none ends in a sentence that names where it is from. */
export const readSetting = <Name extends SettingName>(
  name: Name,
  given: Given = {}
): Effect.Effect<Value<Name>, InvalidSetting> => {
  const setting: Setting<unknown> = settings[name]
  const texts = new Map([...environment(), ...Object.entries(given)])
  const provider = ConfigProvider.fromMap(texts)
  return provider.load(setting.config).pipe(
    Effect.mapError(() => {
      const text = texts.get(setting.variable) ?? ""
      const isOption = setting.variable in given && setting.option !== undefined
      const value = secrets.has(setting.variable) ? "" : `is ${JSON.stringify(text)}; it `
      return new InvalidSetting({
        name: isOption ? `--${setting.option}` : setting.variable,
        complaint: `${value}must be ${setting.expects}.`
      })
    })
  ) as Effect.Effect<Value<Name>, InvalidSetting>
}

/** The setting's option, read as text: it is decoded where its variable is. A command may have another name for it. */
export const optionOf = (name: SettingName, commandsName?: string): Options.Options<Option.Option<string>> => {
  const { variable, defaultText, meaning, choices, ...setting }: Setting<unknown> = settings[name]
  const option = commandsName ?? setting.option
  if (option === undefined) throw new Error(`${variable} has no option`)
  return Options.text(option).pipe(
    Options.withPseudoName(choices?.join(" | ") ?? variable.replace("LATHE_", "")),
    Options.withDescription(`${meaning} ${variable}; default: ${defaultText}.`),
    Options.optional
  )
}

/** What options have given, by variable. */
export const givenBy = (options: Partial<Record<SettingName, Option.Option<string>>>): Given =>
  Records.fromEntries(
    Object.entries(options).flatMap(([name, text]) =>
      Option.isOption(text) && Option.isSome(text)
        ? [[settings[name as SettingName].variable, text.value] as const]
        : []
    )
  )

/** The folder of the database, which is there and can be written from now on. */
export const readDataFolder = (given: Given): Effect.Effect<string, InvalidSetting> =>
  Effect.flatMap(readSetting("dataFolder", given), (folder) =>
    Effect.try({
      try: () => {
        makeDataFolder(folder)
        return folder
      },
      catch: (error) => {
        const { option, variable } = settings.dataFolder
        const code = error instanceof Error && "code" in error ? String(error.code) : String(error)
        const isNamed = variable in given || Boolean(process.env[variable])
        return new InvalidSetting({
          name: isNamed ? (variable in given ? `--${option}` : variable) : "The data folder",
          complaint: `is ${JSON.stringify(folder)}, which ${complaintsAboutFolder[code] ?? `cannot be written (${code}); make it writable for this user, or`} choose another one with --data.`
        })
      }
    })
  )

/** Where permissions are not the fault, by the system's word. */
const complaintsAboutFolder: Readonly<Record<string, string>> = {
  ENOENT: "cannot be made there (ENOENT);",
  ENOTDIR: "is a file, or below one;",
  EEXIST: "is a file, or below one;",
  ENOSPC: "cannot be made on a full disk (ENOSPC); make room, or"
}

/** As a request to the service of this machine shows it: the same variable or file that the service was started with. */
export const readAuthorization: Effect.Effect<Readonly<Record<string, string>>, InvalidSetting> = Effect.suspend(() =>
  Effect.map(readToken({}, "127.0.0.1"), (token): Readonly<Record<string, string>> =>
    Option.isSome(token) ? { authorization: `Bearer ${Redacted.value(token.value)}` } : {}
  )
)

/** The token that gives access, which there must be where others than this machine can come in. */
export const readToken = (given: Given, host: string): Effect.Effect<Value<"token">, InvalidSetting> =>
  Effect.gen(function* () {
    // An option goes before a variable, also before another one.
    const direct = settings.tokenFile.variable in given ? Option.none() : yield* readSetting("token", given)
    const token = Option.isSome(direct) ? direct : yield* readSetting("tokenFile", given)
    if (Option.isSome(token) || isLoopbackHost(host)) return token
    return yield* new InvalidSetting({
      name: "LATHE_TOKEN",
      complaint: `is needed to listen on ${host}, where other machines can come in. Put a token of at least ${minimumTokenLength} characters into a file and start with --token-file FILE; ${makeToken}`
    })
  })
