/** The builder in a checkout of its own, whose steps write down that they ran. */
import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { cpSync, mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert } from "../support/assert.ts"
import { temporaryFolder } from "../support/audioFiles.ts"

const root = fileURLToPath(new URL("../..", import.meta.url))

const outputs = {
  proto: "gen/lathe/x.js",
  wasm: "gen/kernels.wasm",
  web: "gen/web/index.html",
  service: "gen/service/cli.js",
  demo: "gen/demo/piece.flac"
} as const
type Step = keyof typeof outputs

const write = (path: string, text: string) => {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

/** Makes its output, and writes down that it ran. */
const script = (step: Step) =>
  `sh ./before.sh && mkdir -p ${dirname(outputs[step])} && : > ${outputs[step]} && printf "${step} " >> runs`

const makeCheckout = (folder: string) => {
  const at = (path: string) => join(folder, path)
  for (const file of ["bin/needsNode.cjs", "tools/build.cjs"]) cpSync(join(root, file), at(file), { recursive: true })
  for (const file of [
    "proto/a.proto",
    "buf.yaml",
    "buf.gen.yaml",
    "src/dsp/assembly/index.ts",
    "src/contract/a.ts",
    "src/domain/a.ts",
    "src/layers/audio/a.ts",
    "demo/a.ts",
    "src/service.ts",
    "web/main.ts",
    "vite.config.ts",
    "esbuild.config.ts",
    "package-lock.json"
  ])
    write(at(file), `of ${file}`)
  const scripts = (Object.keys(outputs) as Array<Step>).map((step) => [`build:${step}`, script(step)])
  write(at("package.json"), JSON.stringify({ engines: { node: ">=22.18" }, scripts: Object.fromEntries(scripts) }))
  /** What each step does first. */
  const setBefore = (shell: string) => write(at("before.sh"), shell)
  setBefore("true")
  const { build } = createRequire(at("package.json"))("./tools/build.cjs") as {
    readonly build: (steps?: ReadonlyArray<string>) => Promise<void>
  }
  /** @returns Which steps ran, in the order of their names, and in that of their ends. */
  const make = (...steps: ReadonlyArray<Step>) =>
    Effect.promise(async () => {
      write(at("runs"), "")
      const failure = await build(steps.length > 0 ? steps : undefined).then(
        () => undefined,
        (error: Error) => error.message
      )
      const order = readFileSync(at("runs"), "utf8").trim().split(" ").filter(Boolean)
      return { ran: [...order].sort(), order, failure }
    })
  return { at, folder, make, setBefore }
}

const inCheckout = (use: (checkout: ReturnType<typeof makeCheckout>) => Effect.Effect<void>) => () =>
  Effect.flatMap(temporaryFolder, (folder) => use(makeCheckout(folder)))

const all = ["demo", "proto", "service", "wasm", "web"]

describe("The builder", () => {
  it.scoped(
    "makes everything in a fresh clone, and nothing the second time",
    inCheckout(({ make }) =>
      Effect.gen(function* () {
        const { order, ran } = yield* make()
        assert.deepStrictEqual(ran, all)
        assert.isBelow(order.indexOf("proto"), order.indexOf("service"))
        assert.deepStrictEqual((yield* make()).ran, [])
      })
    )
  )

  it.scoped(
    "makes anew what was made from other content, and only that",
    inCheckout(({ at, make }) =>
      Effect.gen(function* () {
        yield* make()
        write(at("src/service.ts"), "changed")
        assert.deepStrictEqual((yield* make()).ran, ["service"])
        write(at("web/views/new.ts"), "new")
        assert.deepStrictEqual((yield* make()).ran, ["web"])
        write(at("proto/a.proto"), "changed")
        assert.deepStrictEqual((yield* make()).ran, ["proto", "service"])
        write(at("src/domain/a.ts"), "changed")
        assert.deepStrictEqual((yield* make()).ran, ["demo", "service", "web"])
        write(at("package-lock.json"), "newer tools")
        assert.deepStrictEqual((yield* make()).ran, all)
        assert.deepStrictEqual((yield* make()).ran, [])
      })
    )
  )

  it.scoped(
    "makes nothing anew for another time of the same content",
    inCheckout(({ at, make }) =>
      Effect.gen(function* () {
        yield* make()
        utimesSync(at("src/service.ts"), new Date(), new Date())
        assert.deepStrictEqual((yield* make()).ran, [])
      })
    )
  )

  it.scoped(
    "makes what somebody has removed",
    inCheckout(({ at, make }) =>
      Effect.gen(function* () {
        yield* make()
        rmSync(at(outputs.wasm))
        assert.deepStrictEqual((yield* make()).ran, ["wasm"])
      })
    )
  )

  it.scoped(
    "makes only the steps that are named",
    inCheckout(({ make }) =>
      Effect.gen(function* () {
        assert.deepStrictEqual((yield* make("proto")).ran, ["proto"])
        assert.deepStrictEqual((yield* make()).ran, ["demo", "service", "wasm", "web"])
      })
    )
  )

  it.scoped(
    "leaves stdout to the command that asked for it",
    inCheckout(({ folder, setBefore }) =>
      Effect.sync(() => {
        setBefore("echo made")
        const { stderr, stdout } = spawnSync(process.execPath, ["tools/build.cjs"], { cwd: folder, encoding: "utf8" })
        assert.strictEqual(stdout, "")
        assert.includes(stderr, "made")
      })
    )
  )

  it.scoped(
    "names the step that fails, and tries it again",
    inCheckout(({ make, setBefore }) =>
      Effect.gen(function* () {
        setBefore("exit 3")
        const { failure, ran } = yield* make("proto", "service")
        assert.strictEqual(failure, 'lathe could not be built: "npm run build:proto" failed. Is "npm ci" done?')
        assert.deepStrictEqual(ran, [])
        setBefore("true")
        assert.deepStrictEqual((yield* make("proto", "service")).ran, ["proto", "service"])
      })
    )
  )
})
