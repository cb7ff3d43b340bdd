import { describe, it } from "@effect/vitest"
import { Effect, Either, Option, Redacted } from "effect"
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import {
  givenBy,
  readDataFolder,
  readSetting,
  readToken,
  type Setting,
  type SettingName,
  settings
} from "../../src/commands/settings.ts"
import { assert } from "../support/assert.ts"
import { temporaryFolder } from "../support/audioFiles.ts"

const token = "correct-horse-battery-staple"

/** With these variables and no other of lathe's, until the scope ends. */
const withEnvironment = (variables: Record<string, string>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const before = { ...process.env }
      for (const name of Object.keys(process.env)) if (name.startsWith("LATHE_")) delete process.env[name]
      Object.assign(process.env, variables)
      return before
    }),
    (before) =>
      Effect.sync(() => {
        for (const name of Object.keys(variables)) delete process.env[name]
        Object.assign(process.env, before)
      })
  )

const names = Object.keys(settings) as ReadonlyArray<SettingName>

describe("Settings", () => {
  it.scoped("go: option, then variable, then default; an empty variable is none", () =>
    Effect.gen(function* () {
      yield* withEnvironment({ LATHE_PORT: "4000", LATHE_HOST: "" })
      assert.strictEqual(yield* readSetting("port", { LATHE_PORT: "5000" }), 5000)
      assert.strictEqual(yield* readSetting("port"), 4000)
      assert.strictEqual(yield* readSetting("fingerprintPort"), 50_051)
      assert.strictEqual(yield* readSetting("host"), "127.0.0.1")
      assert.deepStrictEqual(givenBy({ port: Option.some("1"), host: Option.none() }), { LATHE_PORT: "1" })
    })
  )

  it.scoped("that are wrong say so in one sentence, with the name they were given by", () =>
    Effect.gen(function* () {
      const cases: ReadonlyArray<readonly [SettingName, string]> = [
        ["port", "abc"],
        ["port", "65536"],
        ["port", "-1"],
        ["port", "80.5"],
        ["fingerprintPort", "1e9"],
        ["requestsPerSecond", "0"],
        ["origins", "music.example.org"],
        ["origins", "https://music.example.org/"],
        ["origins", "https://a.example, javascript:alert(1)"],
        ["otlpEndpoint", "collector:4318"],
        ["logFormat", "xml"],
        ["logLevel", "loud"],
        ["tokenFile", "/nowhere/token"]
      ]
      for (const [name, text] of cases) {
        const { variable, option, expects }: Setting<unknown> = settings[name]
        yield* withEnvironment({ [variable]: text })
        const byVariable = yield* Effect.flip(readSetting(name))
        assert.strictEqual(byVariable.message, `${variable} is ${JSON.stringify(text)}; it must be ${expects}.`)
        const byOption = yield* Effect.flip(readSetting(name, { [variable]: text }))
        assert.isTrue(byOption.message.startsWith(`--${option} is `), byOption.message)
        delete process.env[variable]
      }
    })
  )

  it.scoped("take origins as browsers send them, with commas between", () =>
    Effect.gen(function* () {
      yield* withEnvironment({ LATHE_ORIGINS: "https://a.example, http://b.example:8080" })
      assert.deepStrictEqual(yield* readSetting("origins"), ["https://a.example", "http://b.example:8080"])
    })
  )
})

describe("The token", () => {
  it.scoped("is not needed on loopback, and is needed anywhere else", () =>
    Effect.gen(function* () {
      yield* withEnvironment({})
      for (const host of ["127.0.0.1", "127.8.8.8", "localhost", "::1"])
        assert.deepStrictEqual(yield* readToken({}, host), Option.none())
      for (const host of ["0.0.0.0", "::", "192.168.1.2", "127.0.0.1.example.org", "localhost.example.org"]) {
        const { message } = yield* Effect.flip(readToken({}, host))
        assert.includes(message, host)
        assert.includes(message, "--token-file FILE")
        assert.includes(message, "openssl rand")
      }
    })
  )

  it.scoped("comes from LATHE_TOKEN or a file, and is never told when it is refused", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const file = join(folder, "token")
      writeFileSync(file, `${token}\n`)
      const text = (value: Option.Option<Redacted.Redacted>) => Option.getOrUndefined(Option.map(value, Redacted.value))
      yield* withEnvironment({ LATHE_TOKEN: `${token}-2` })
      assert.strictEqual(text(yield* readToken({}, "0.0.0.0")), `${token}-2`)
      assert.strictEqual(text(yield* readToken({ LATHE_TOKEN_FILE: file }, "0.0.0.0")), token)
      for (const short of ["short-secret", "with spaces in a long secret text"]) {
        yield* withEnvironment({ LATHE_TOKEN: short })
        const error = yield* Effect.flip(readToken({}, "127.0.0.1"))
        assert.excludes(error.message, "secret")
        assert.match(error.message, /^LATHE_TOKEN must be at least 24 characters/)
        writeFileSync(file, short)
        const result = yield* Effect.either(readToken({ LATHE_TOKEN_FILE: file }, "127.0.0.1"))
        assert(Either.isLeft(result))
        assert.excludes(result.left.message, "secret")
      }
    })
  )
})

describe("The data folder", () => {
  it.scoped("is made, and where it cannot be, the sentence names where it is from and what to do", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const file = join(folder, "file")
      writeFileSync(file, "")
      yield* withEnvironment({ LATHE_DATA: join(file, "data") })
      assert.strictEqual(yield* readDataFolder({ LATHE_DATA: join(folder, "data") }), join(folder, "data"))
      assert.deepStrictEqual(readdirSync(folder).toSorted(), ["data", "file"])
      const { message } = yield* Effect.flip(readDataFolder({}))
      assert.match(message, /^LATHE_DATA is ".*", which is a file, or below one; choose another one with --data\.$/)
      assert.match((yield* Effect.flip(readDataFolder({ LATHE_DATA: file }))).message, /^--data is /)
    })
  )
})

describe("docs/configuration.md", () => {
  const page = readFileSync(fileURLToPath(new URL("../../docs/configuration.md", import.meta.url)), "utf8")
  const rows = page
    .split("\n")
    .filter((line) => /^\| (`--[a-z-]+`)? ?\| `[A-Z_]+` \|/.test(line))
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim())
    )

  it("has exactly the settings that there are, with their options, defaults and meanings", () => {
    const expected = names.map((name) => {
      const { option, variable, defaultText, meaning }: Setting<unknown> = settings[name]
      return [option === undefined ? "" : `\`--${option}\``, `\`${variable}\``, defaultText, meaning]
    })
    assert.deepStrictEqual(rows, expected)
  })
})
