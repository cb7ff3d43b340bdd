/** The package, made as for a release and installed on a machine that has Node and nothing else. */
import { describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { createRequire, isBuiltin } from "node:module"
import { homedir, tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { setTimeout } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll } from "vitest"
import { dimensionNames } from "../../src/domain/fingerprint/Fingerprint.ts"
import { optionalModules, pack } from "../../packaging/pack.ts"
import { assert } from "../support/assert.ts"
import { writeAudioFile } from "../support/audioFiles.ts"
import { type BareMachine, makeBareMachine, noRegistry } from "../support/bareMachine.ts"
import { trackWith } from "../support/loudTrack.ts"

const root = fileURLToPath(new URL("../..", import.meta.url))
const sampleRate = 44_100
const minutes = (count: number) => count * 60_000

const reason = noRegistry()
if (reason !== undefined) process.stdout.write(`The package is not tested: ${reason}.\n`)

describe.skipIf(reason !== undefined)("The package", () => {
  let tarball: string
  let folder: string
  let machine: BareMachine
  let installed: string
  let song: string

  beforeAll(async () => {
    tarball = await pack()
    folder = mkdtempSync(join(tmpdir(), "lathe-package-"))
    machine = makeBareMachine(folder)
    const { code, stderr } = await machine.run("npm", ["install", "--global", tarball])
    assert.strictEqual(code, 0, stderr)
    assert.strictEqual(stderr, "", "npm warns of something")
    installed = join(machine.prefix, "lib/node_modules/lathe")
    const signal = trackWith({ sampleRate, seconds: 8, lufs: -18, crestDb: 14 })
    song = writeAudioFile(folder, "song", "flac24", signal, { sampleRate })
  }, minutes(10))

  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it("holds what is needed to run, and nothing of tests or of this machine", () => {
    const files = execFileSync("tar", ["tzf", tarball], { encoding: "utf8" }).trim().split("\n")
    const expected = [
      /^bin\/(lathe|needsNode)\.cjs$/,
      /^gen\/(service\/[^/]+\.js|web\/.+|kernels\.wasm|demo\/[^/]+)$/,
      /^packaging\/lathe\.service$/,
      /^(package\.json|README\.md|CHANGELOG\.md|LICENSE|THIRD-PARTY-LICENSES)$/
    ]
    const names = files.map((file) => file.replace("package/", ""))
    assert.deepStrictEqual(
      names.filter((name) => !expected.some((pattern) => pattern.test(name))),
      []
    )
    for (const name of ["gen/service/cli.js", "gen/service/renderWorker.js", "gen/web/index.html", "gen/kernels.wasm"])
      assert.includes(names, name)
    for (const name of names.filter((name) => /\.(js|cjs|json|html|css)$/.test(name))) {
      const text = readFileSync(join(installed, name), "utf8")
      for (const place of [root, homedir()]) assert.isFalse(text.includes(`${place}/`), `${name} names ${place}`)
    }
  })

  it("brings every module that its bundles ask for", () => {
    const service = join(installed, "gen/service")
    const missing: Array<string> = []
    for (const file of readdirSync(service)) {
      const { resolve: resolveModule } = createRequire(join(service, file))
      const text = readFileSync(join(service, file), "utf8")
      const asked = text.matchAll(/^(?:import|export) [^;]*?from "([^"]+)";$|(?:\bimport|\brequire)\("([^"]+)"\)/gms)
      for (const [, still, late] of asked) {
        const name = (still ?? late)!
        if (isBuiltin(name) || optionalModules.includes(name)) continue
        try {
          if (name.startsWith(".")) assert.isTrue(existsSync(resolve(dirname(join(service, file)), name)))
          else resolveModule(name)
        } catch {
          missing.push(`${name}, for ${file}`)
        }
      }
    }
    assert.deepStrictEqual(missing, [])
  })

  it("has no install script in what it brings along, but FFmpeg for this machine", () => {
    const modules = join(installed, "node_modules")
    const manifests = readdirSync(modules, { recursive: true, encoding: "utf8" }).filter((path) =>
      /^(@[^/]+\/)?[^/]+\/package\.json$/.test(path)
    )
    const scripted = manifests.filter((path) => {
      const { scripts = {} } = JSON.parse(readFileSync(join(modules, path), "utf8"))
      return ["preinstall", "install", "postinstall"].some((name) => name in scripts)
    })
    assert.deepStrictEqual(scripted, [])
    assert.isTrue(existsSync(join(modules, `@seydx/node-av-${process.platform}-${process.arch}/node-av.node`)))
    assert.isFalse(existsSync(join(modules, "better-sqlite3/build")), "better-sqlite3 was compiled")
  })

  it("says its version", async () => {
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
    const { code, stdout } = await machine.run("lathe", ["--version"])
    assert.strictEqual(stdout.trim(), version)
    assert.strictEqual(code, 0)
  })

  it("measures a file", async () => {
    const { code, stdout } = await machine.run("lathe", ["fingerprint", song, "--json"])
    assert.strictEqual(code, 0)
    assert.sameMembers(Object.keys(JSON.parse(stdout).fingerprint), dimensionNames)
  })

  it("finds no fault in its own installation", async () => {
    const words = ["doctor", "--port", "0", "--fingerprint-port", "0", "--data", join(folder, "data"), "--json"]
    const { code, stdout } = await machine.run("lathe", words)
    const faults = JSON.parse(stdout).findings.filter(({ state }: { readonly state: string }) => state !== "ok")
    assert.deepStrictEqual(faults, [])
    assert.strictEqual(code, 0)
  })

  it(
    "serves the page and the music, and ends by a signal",
    async () => {
      const words = ["serve", "--port", "0", "--fingerprint-port", "0", "--data", join(folder, "data"), folder]
      const { stop, url } = await machine.serve("lathe", words)
      const page = await (await fetch(url)).text()
      const [, script] = /<script[^>]+src="\.?\/?([^"]+)"/.exec(page) ?? []
      assert.isDefined(script)
      assert.strictEqual((await fetch(`${url}/${script}`)).status, 200)
      // It listens before it has read the folder.
      while ((await fetch(`${url}/health/ready`)).status !== 200) await setTimeout(100)
      assert.isAbove(await firstPacket(url), 0)
      assert.strictEqual(await stop(), 0)
    },
    minutes(2)
  )
})

/** Plays the first track. @returns Bytes of the first sound that arrives. */
const firstPacket = (url: string) =>
  new Promise<number>((resolve, reject) => {
    const socket = new WebSocket(`${url.replace("http", "ws")}/ws`)
    socket.binaryType = "arraybuffer"
    socket.addEventListener("open", () => {
      socket.send(JSON.stringify({ type: "play_enhanced", data: { track_id: 1, preset: "adaptive" } }))
    })
    socket.addEventListener("message", ({ data }: MessageEvent<string | ArrayBuffer>) => {
      if (typeof data === "string") return
      resolve(data.byteLength)
      socket.close(1000)
    })
    socket.addEventListener("close", ({ reason }) => reject(new Error(`The stream ended: ${reason}`)))
  })
