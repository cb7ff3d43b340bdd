import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { demoPieces } from "../../../src/dsp/demo/DemoPieces.ts"
import * as AudioDecoderNodeAv from "../../../src/layers/audio/AudioDecoderNodeAv.ts"
import * as AudioEncoderNodeAv from "../../../src/layers/audio/AudioEncoderNodeAv.ts"
import * as DemoLibraryProcedural from "../../../src/layers/demo/DemoLibraryProcedural.ts"
import { AudioDecoder } from "../../../src/services/AudioDecoder.ts"
import { DemoLibrary } from "../../../src/services/DemoLibrary.ts"
import { assert } from "../../support/assert.ts"

const TestLayer = Layer.merge(
  DemoLibraryProcedural.layer.pipe(Layer.provide(AudioEncoderNodeAv.layer)),
  AudioDecoderNodeAv.layer
)

const temporaryFolder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "lathe-demo-"))),
  (folder) => Effect.promise(() => rm(folder, { recursive: true, force: true }))
)

/** Rendering is seconds of arithmetic: more than the default on a machine that is busy with other tests. */
const timeoutMs = 120_000

const missing = demoPieces[2]!
const existing = demoPieces.filter((piece) => piece !== missing)

describe("the procedural demo library", () => {
  it.scopedLive(
    "makes what is missing, complete, and leaves what exists alone",
    () =>
      Effect.gen(function* () {
        const demo = yield* DemoLibrary
        const decoder = yield* AudioDecoder
        const folder = join(yield* temporaryFolder, "music")
        yield* Effect.promise(async () => {
          await mkdir(folder)
          for (const { fileName } of existing) await writeFile(join(folder, fileName), "mine")
        })
        yield* demo.ensure(folder)
        const path = join(folder, missing.fileName)
        const made = yield* Effect.promise(() => stat(path))
        yield* demo.ensure(folder)
        assert.strictEqual((yield* Effect.promise(() => stat(path))).mtimeMs, made.mtimeMs)

        const names = demoPieces.map(({ fileName }) => fileName)
        assert.deepStrictEqual((yield* Effect.promise(() => readdir(folder))).sort(), names.sort())
        for (const { fileName } of existing) {
          assert.strictEqual(yield* Effect.promise(() => readFile(join(folder, fileName), "utf8")), "mine")
        }
        const info = yield* decoder.probe(path)
        assert.deepStrictEqual([info.codec, info.sampleRate, info.channels], ["flac", 44_100, 2])
        const [block] = [...(yield* Stream.runCollect(decoder.decode(path, { blockFrames: info.totalFrames })))]
        assert.strictEqual(block!.length, info.totalFrames)
        assert(info.totalFrames > 60 * info.sampleRate)
        const [left, right] = block!.channels
        assert(
          left!.some((sample) => Math.abs(sample) > 0.2) && left!.some((sample, n) => sample !== right![n]),
          "it holds the music"
        )
      }).pipe(Effect.provide(TestLayer)),
    timeoutMs
  )

  it.scopedLive("leaves nothing behind when it is interrupted", () =>
    Effect.gen(function* () {
      const demo = yield* DemoLibrary
      const folder = yield* temporaryFolder
      const outcome = yield* demo.ensure(folder).pipe(Effect.timeoutOption("300 millis"))
      assert.strictEqual(outcome._tag, "None")
      assert.deepStrictEqual(yield* Effect.promise(() => readdir(folder)), [])
    }).pipe(Effect.provide(TestLayer))
  )

  it.scopedLive("says why a folder cannot be made", () =>
    Effect.gen(function* () {
      const demo = yield* DemoLibrary
      const folder = yield* temporaryFolder
      yield* Effect.promise(() => writeFile(join(folder, "file"), ""))
      const error = yield* Effect.flip(demo.ensure(join(folder, "file", "demo")))
      assert.strictEqual(error._tag, "AudioWriteError")
      assert.strictEqual(error.reason, "folder_missing")
    }).pipe(Effect.provide(TestLayer))
  )
})
