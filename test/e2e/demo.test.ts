/** `lathe serve` without a folder, as a process: over the demo pieces that the build has made, or not. */
import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { cpSync, mkdirSync, readdirSync, symlinkSync } from "node:fs"
import { dirname, join } from "node:path"
import { setTimeout as pause } from "node:timers/promises"
import { assert } from "../support/assert.ts"
import { temporaryFolder, writeAudioFile } from "../support/audioFiles.ts"
import { built } from "../support/built.ts"
import { onAll, sine } from "../support/signals.ts"

const sampleRate = 44_100
const testBuild = dirname(built("cli"))
const gen = dirname(testBuild)
const checkout = dirname(gen)

/** A checkout with all that is built but demo pieces: the command line finds what belongs to it beside itself. */
const checkoutWithoutDemo = Effect.map(temporaryFolder, (copy) => {
  mkdirSync(join(copy, "gen"))
  cpSync(testBuild, join(copy, "gen", "test"), { recursive: true })
  for (const name of readdirSync(gen).filter((name) => name !== "test" && name !== "demo")) {
    symlinkSync(join(gen, name), join(copy, "gen", name))
  }
  for (const name of ["node_modules", "package.json"]) symlinkSync(join(checkout, name), join(copy, name))
  return { copy, cli: join(copy, "gen", "test", "cli.js"), demo: join(copy, "gen", "demo") }
})

interface Outcome {
  readonly code: number | null
  readonly stderr: string
}

/** Ended when it tells its address, if it does. */
const serve = (cli: string, data: string, whenServing: (url: string) => Promise<void>) =>
  Effect.async<Outcome>((resume) => {
    const ports = ["--port", "0", "--fingerprint-port", "0"]
    const child = spawn(process.execPath, [cli, "serve", ...ports, "--data", data], {
      stdio: ["ignore", "ignore", "pipe"]
    })
    let stderr = ""
    let isServing = false
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString()
      const url = /lathe serves .* at (http:\/\/\S+)\//.exec(stderr)?.[1]
      if (url === undefined || isServing) return
      isServing = true
      whenServing(url).then(
        () => child.kill("SIGTERM"),
        (fault: unknown) => resume(Effect.die(fault))
      )
    })
    child.once("close", (code) => resume(Effect.succeed({ code, stderr })))
    return Effect.sync(() => child.kill("SIGKILL"))
  })

describe("lathe serve without a folder", () => {
  it.scopedLive(
    "serves what the build has put into its folder of demo pieces",
    () =>
      Effect.gen(function* () {
        const { cli, copy, demo } = yield* checkoutWithoutDemo
        mkdirSync(demo)
        writeAudioFile(demo, "a piece", "flac24", onAll(2, sine(sampleRate, 2, 440, -20)), { sampleRate })
        const titles: Array<string> = []
        const outcome = yield* serve(cli, join(copy, "data"), async (url) => {
          for (let total = 0; total === 0;) {
            const page = (await (await fetch(`${url}/api/tracks`)).json()) as {
              readonly total: number
              readonly items: ReadonlyArray<{ readonly title: string }>
            }
            total = page.total
            if (total === 0) await pause(50)
            titles.splice(0, titles.length, ...page.items.map(({ title }) => title))
          }
        })
        assert.strictEqual(outcome.code, 0, outcome.stderr)
        assert.deepStrictEqual(titles, ["a piece"])
        assert.deepStrictEqual(readdirSync(join(copy, "data")).sort(), ["lathe.db", "lathe.lock", "resume.key"])
      }),
    120_000
  )

  it.scopedLive(
    "says in one sentence what to do where the demo pieces were not made",
    () =>
      Effect.gen(function* () {
        const { cli, copy } = yield* checkoutWithoutDemo
        const { code, stderr } = yield* serve(cli, join(copy, "data"), () => Promise.resolve())
        assert.strictEqual(code, 2)
        assert.strictEqual(
          stderr,
          'FOLDER is needed, since the demo pieces are not there: name your music folder, or run "npm run prepare" first.\n'
        )
        assert.excludes(readdirSync(copy), "data")
      }),
    60_000
  )
})
