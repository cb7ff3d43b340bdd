import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, it } from "@effect/vitest"
import { Context, Effect, Either, Layer, Option } from "effect"
import { sidecarText } from "../../../src/domain/fingerprint/Sidecar.ts"
import { fromBytes, toBytes } from "../../../src/dsp/Waveform.ts"
import * as AudioDecoderNodeAv from "../../../src/layers/audio/AudioDecoderNodeAv.ts"
import * as TrackFileReaderLocal from "../../../src/layers/library/TrackFileReaderLocal.ts"
import * as TrackFileReaderProcess from "../../../src/layers/library/TrackFileReaderProcess.ts"
import { TrackFileReader } from "../../../src/services/TrackFileReader.ts"
import { someAnalysis } from "../../support/analyses.ts"
import { assert } from "../../support/assert.ts"
import { temporaryFolder, writeAudioFile } from "../../support/audioFiles.ts"
import { built } from "../../support/built.ts"
import { hostileFiles } from "../../support/hostileFiles.ts"
import { pngPixel, tagMp3 } from "../../support/id3.ts"
import { onAll, sine } from "../../support/signals.ts"

const sampleRate = 44_100
const workerCommand = [built("probeWorker")]

const readerOf = (layer: Layer.Layer<TrackFileReader>) =>
  Effect.map(Layer.build(layer), (context) => Context.get(context, TrackFileReader))

const makeReader = (options: TrackFileReaderProcess.TrackFileReaderProcessOptions = {}) =>
  readerOf(TrackFileReaderProcess.layer({ workerCommand, ...options }))

const local = readerOf(TrackFileReaderLocal.layer.pipe(Layer.provide(AudioDecoderNodeAv.layer)))

const writeSong = (folder: string) =>
  tagMp3(writeAudioFile(folder, "song", "mp3", onAll(2, sine(sampleRate, 2, 440, -20)), { sampleRate }), {
    title: "A title",
    artist: "Somebody",
    picture: { mediaType: "image/png", bytes: pngPixel }
  })

/** What a hostile file takes depends on how busy the machine is. */
const patience = 120_000

describe("TrackFileReaderProcess", { timeout: patience }, () => {
  it.scopedLive("reads in another process what is read in this one", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const path = writeSong(folder)
      const [inThis, inAnother] = yield* Effect.all([local, makeReader()])
      assert.deepStrictEqual(yield* inAnother.tags(path), yield* inThis.tags(path))
      assert.strictEqual((yield* inAnother.tags(path)).artist, "Somebody")
      const art = Option.getOrThrow(yield* inAnother.art(path))
      assert.strictEqual(art.mediaType, "image/png")
      assert.deepStrictEqual(Buffer.from(art.bytes), pngPixel)
      const drawn = yield* inAnother.waveform(path)
      assert.deepStrictEqual(drawn, fromBytes(toBytes(yield* inThis.waveform(path))))
      assert.isAbove(Math.max(...drawn.max), 0.09)

      const sidecar = `${path}.25d`
      writeFileSync(sidecar, sidecarText(someAnalysis()))
      assert.deepStrictEqual(yield* inAnother.sidecar(sidecar), Either.right(someAnalysis()))
      writeFileSync(sidecar, "{}")
      assert.isTrue(Either.isLeft(yield* inAnother.sidecar(sidecar)))
    })
  )

  it.scopedLive("says of what is no audio, or is not there, what the decoder says", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const reader = yield* makeReader()
      const text = join(folder, "text.mp3")
      writeFileSync(text, "no audio")
      assert.strictEqual((yield* Effect.flip(reader.tags(text))).reason, "not_audio")
      assert.strictEqual((yield* Effect.flip(reader.tags(join(folder, "missing.mp3")))).reason, "missing")
      assert.deepStrictEqual(yield* reader.art(text), Option.none())
    })
  )

  it.scopedLive("comes to an end with files that are made to have none, and reads the next one", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const song = writeSong(folder)
      const reader = yield* makeReader({ deadline: "1 second", firstDeadline: "300 millis" })
      // Some kinds, small: test/faults has all of them as they were met.
      const kinds = ["header and zeros, short.wav", "millions of boxes.m4a", "a million artists.mp3", "artists.flac"]
      yield* Effect.forEach(
        hostileFiles(0.2).filter(({ name }) => kinds.includes(name)),
        ({ make, name }) =>
          Effect.gen(function* () {
            const path = join(folder, name)
            make(path)
            const read = yield* Effect.either(reader.tags(path))
            // Listed, or refused with a reason that holds for the next one who asks.
            if (Either.isRight(read)) return assert.isNotEmpty(read.right.title, name)
            assert.includes(["too_demanding", "truncated", "corrupt", "not_audio"], read.left.reason, name)
            assert.strictEqual((yield* Effect.flip(reader.tags(path))).reason, read.left.reason, name)
          }),
        { concurrency: 2, discard: true }
      )
      assert.strictEqual((yield* reader.tags(song)).title, "A title")
    })
  )

  it.scopedLive("does not hold it against a file that it took long at the first try", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const reader = yield* makeReader({ firstDeadline: "1 millis" })
      const song = writeSong(folder)
      // Its worker may be quicker than the deadline; the one of this file is not.
      const slow = hostileFiles(0.05).find(({ name }) => name === "padding.flac")!
      const path = join(folder, slow.name)
      slow.make(path)
      assert.strictEqual((yield* Effect.flip(reader.tags(path, { isFirstTry: true }))).reason, "too_demanding")
      assert.strictEqual((yield* reader.tags(path)).duration, 8)
      assert.strictEqual((yield* reader.tags(song)).title, "A title")
    })
  )
})
