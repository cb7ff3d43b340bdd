import { describe, it } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { parseFile } from "music-metadata"
import { spawn } from "node:child_process"
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { demoPieces } from "../../demo/DemoPieces.ts"
import { renderDemo, sourceHash } from "../../demo/render.ts"
import * as AudioDecoderNodeAv from "../../src/layers/audio/AudioDecoderNodeAv.ts"
import { assert } from "../support/assert.ts"
import { decodeAll, temporaryFolder } from "../support/audioFiles.ts"

/** Rendering is arithmetic: more than the default on a machine that is busy with other tests. */
const timeoutMs = 120_000

const checkout = fileURLToPath(new URL("../..", import.meta.url))
const renderModule = join(checkout, "demo", "render.ts")

/** A low rate keeps it quick. */
const sampleRate = 8000
const piece = demoPieces[2]!
const options = { sampleRate, pieces: [piece] }

const render = (folder: string, source: string) => Effect.promise(() => renderDemo(folder, { ...options, source }))

describe("Rendering the demo pieces", () => {
  it.scopedLive(
    "gives files with music and names in them, once for one source, and anew for another",
    () =>
      Effect.gen(function* () {
        const gen = join(yield* temporaryFolder, "gen")
        const folder = join(gen, "demo")
        const path = join(folder, piece.fileName)
        assert.isTrue(yield* render(folder, "first"))
        assert.deepStrictEqual(readdirSync(gen), ["demo"])
        assert.deepStrictEqual(
          readdirSync(folder).filter((name) => !name.startsWith(".")),
          [piece.fileName]
        )
        const { channels } = yield* decodeAll(path).pipe(Effect.provide(AudioDecoderNodeAv.layer))
        assert.deepStrictEqual(
          channels.map(({ length }) => length),
          piece.render(sampleRate).map(({ length }) => length)
        )
        assert.isTrue(channels[0]!.some((sample, n) => Math.abs(sample) > 0.2 && sample !== channels[1]![n]))
        const { common, format } = yield* Effect.promise(() => parseFile(path))
        assert.hasFields(common, { title: piece.title, artist: piece.artist, album: piece.album })
        assert.hasFields(format, { container: "FLAC", sampleRate, numberOfChannels: 2, bitsPerSample: 24 })

        // What a service has put there tells whether it is the same folder.
        const beside = `${path}.25d`
        writeFileSync(beside, "")
        assert.isFalse(yield* render(folder, "first"))
        assert.isTrue(existsSync(beside))
        assert.isTrue(yield* render(folder, "second"))
        assert.isFalse(existsSync(beside))
      }),
    timeoutMs
  )

  it.scopedLive(
    "makes the folder whole where a piece is missing, and leaves it as it was where it fails",
    () =>
      Effect.gen(function* () {
        const folder = join(yield* temporaryFolder, "demo")
        const path = join(folder, piece.fileName)
        yield* render(folder, "first")
        const made = readFileSync(path)
        rmSync(path)
        assert.isTrue(yield* render(folder, "first"))
        assert.isTrue(readFileSync(path).equals(made))

        const unknown = { ...piece, fileName: "Unknown.flac" }
        const failed = yield* Effect.flip(
          Effect.tryPromise(() => renderDemo(folder, { ...options, pieces: [piece, unknown], source: "second" }))
        )
        assert.match(String(failed.cause), /no demo piece Unknown\.flac/)
        assert.isTrue(readFileSync(path).equals(made))
        assert.isFalse(yield* render(folder, "first"))
        assert.deepStrictEqual(readdirSync(join(folder, "..")), ["demo"])
      }),
    timeoutMs
  )

  it.scopedLive(
    "is not taken for done when it is killed, and the next one clears up behind it",
    () =>
      Effect.gen(function* () {
        const gen = yield* temporaryFolder
        const folder = join(gen, "demo")
        const script = `import { renderDemo } from ${JSON.stringify(renderModule)}; await renderDemo(${JSON.stringify(folder)})`
        const child = spawn(process.execPath, ["--input-type=module", "--eval", script], { stdio: "ignore" })
        const exit = new Promise((resolve) => child.once("exit", (_, signal) => resolve(signal)))
        yield* Effect.sync(() => readdirSync(gen)).pipe(
          Effect.repeat({ until: (names) => names.length > 0, schedule: Schedule.spaced("10 millis") })
        )
        child.kill("SIGKILL")
        assert.strictEqual(yield* Effect.promise(() => exit), "SIGKILL")
        const left = readdirSync(gen)
        assert.strictEqual(left.length, 1)
        assert.excludes(left, "demo")
        assert.isTrue(yield* render(folder, "first"))
        assert.deepStrictEqual(readdirSync(gen), ["demo"])
      }),
    timeoutMs
  )
})

describe("The source of the demo pieces", () => {
  it.scopedLive(
    "is the same in another place, and another one after each change that can be heard or read",
    () =>
      Effect.gen(function* () {
        const copy = yield* temporaryFolder
        for (const path of ["demo", "src/dsp", "src/domain", "src/services", "src/layers/audio", "package.json"]) {
          mkdirSync(join(copy, path, ".."), { recursive: true })
          cpSync(join(checkout, path), join(copy, path), { recursive: true })
        }
        const hash = (folder?: string) => Effect.promise(() => sourceHash(folder))
        const original = yield* hash()
        assert.strictEqual(yield* hash(copy), original)
        const replace = (file: string, from: string, to: string) => {
          const text = readFileSync(join(copy, file), "utf8")
          assert.includes(text, from)
          writeFileSync(join(copy, file), text.replace(from, to))
        }
        appendFileSync(join(copy, "demo/Overpass.ts"), "// No sample changes by this.\n")
        assert.strictEqual(yield* hash(copy), original)
        const hashes = [original]
        for (const [file, from, to] of [
          ["demo/Random.ts", "0x6d2b79f5", "0x6d2b79f7"],
          ["src/dsp/Biquad.ts", "Math.cos", "Math.sin"],
          ["src/layers/audio/nodeAv/writers.ts", '"compression_level", 5', '"compression_level", 6'],
          ["package.json", '"node-av": "', '"node-av": "1']
        ] as const) {
          replace(file, from, to)
          hashes.push(yield* hash(copy))
        }
        assert.strictEqual(new Set(hashes).size, hashes.length)
      }),
    timeoutMs
  )
})
