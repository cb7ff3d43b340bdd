import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { AV_SAMPLE_FMT_S16 } from "node-av/constants"
import { layer } from "../../../../src/layers/audio/AudioDecoderNodeAv.ts"
import * as TrackAnalyzerLocal from "../../../../src/layers/fingerprint/TrackAnalyzerLocal.ts"
import { TrackAnalyzer } from "../../../../src/services/TrackAnalyzer.ts"
import { assert } from "../../../support/assert.ts"
import {
  type AudioFormat,
  type AudioFormatName,
  decodeAll,
  decodeWithError,
  firstDifference,
  lagFrames,
  lossless,
  temporaryFolder,
  type WriteOptions,
  writeAudioFile
} from "../../../support/audioFiles.ts"
import { sampled, type Signal } from "../../../support/signals.ts"

const chirps = (channels: number, sampleRate: number, frames: number): Signal =>
  Array.from({ length: channels }, (_, channel) =>
    sampled(frames, (n) => {
      const seconds = n / sampleRate
      return 0.3 * Math.sin(2 * Math.PI * (200 + 90 * channel + 150 * seconds) * seconds)
    })
  )

const joinedFile = (folder: string, name: string, parts: ReadonlyArray<string>): string => {
  const path = join(folder, name)
  writeFileSync(path, Buffer.concat(parts.map((part) => readFileSync(part))))
  return path
}

const concatenated = (signals: ReadonlyArray<Signal>): Signal =>
  signals[0]!.map((_, channel) => {
    const parts = signals.map((signal) => signal[channel]!)
    const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0))
    let at = 0
    for (const part of parts) {
      whole.set(part, at)
      at += part.length
    }
    return whole
  })

/** What is read from a few positions is what is read there on the way. */
const assertSeeks = (path: string, whole: Signal) =>
  Effect.gen(function* () {
    const frames = whole[0]!.length
    for (const startFrame of [0.3, 0.55, 0.75, 0.98].map((share) => Math.floor(share * frames))) {
      const rest = yield* decodeAll(path, { startFrame })
      assert.strictEqual(rest.blocks[0]?.start, startFrame)
      const expected = whole.map((samples) => samples.subarray(startFrame))
      assert.isUndefined(firstDifference(rest.channels, expected), `from ${startFrame}`)
    }
    assert.deepStrictEqual((yield* decodeAll(path, { startFrame: frames })).blocks, [])
  })

describe("links, chained Ogg", () => {
  const write = (folder: string, format: AudioFormatName | AudioFormat, name: string, frames: number, channels = 2) =>
    writeAudioFile(folder, name, format, chirps(channels, 48_000, frames), { sampleRate: 48_000 })

  it.scoped.each(["vorbis", "opus"] as const)("of %s is as long as its parts, and is read from anywhere", (format) =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const parts = [150_000, 100_001, 130_000].map((frames, n) => write(folder, format, `${n}`, frames))
      const path = joinedFile(folder, "chain.ogg", parts)
      const each = yield* Effect.forEach(parts, (part) => decodeAll(part))
      const { channels, info } = yield* decodeAll(path)
      assert.strictEqual(info.totalFrames, 380_001)
      assert.isUndefined(firstDifference(channels, concatenated(each.map((part) => part.channels))))
      yield* assertSeeks(path, channels)
    }).pipe(Effect.provide(layer))
  )

  it.scoped.each([
    ["vorbis", "vorbis"],
    ["opus", "opus"],
    ["flac", lossless("ogg", "flac", AV_SAMPLE_FMT_S16, 16)]
  ] as const)("of %s is measured whole, whichever of two comes first", ([, format]) =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const analyzer = yield* TrackAnalyzer
      const long = write(folder, format, "long", 288_000)
      const short = write(folder, format, "short", 96_000)
      const orders = [
        [long, short],
        [short, long]
      ]
      for (const [n, parts] of orders.entries()) {
        const path = joinedFile(folder, `order ${n}.ogg`, parts)
        const { channels, info } = yield* decodeAll(path)
        assert.strictEqual(info.totalFrames, 384_000)
        assert.strictEqual(channels[0]!.length, 384_000)
        const { provenance } = yield* analyzer.analyze(path, () => Effect.void)
        assert.hasFields(provenance, { frames_analysed: 384_000, frames_lost: 0 })
      }
    }).pipe(Effect.provide(TrackAnalyzerLocal.layer.pipe(Layer.provideMerge(layer))))
  )

  it.scoped("of the same stream twice is as long as both", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const part = write(folder, "vorbis", "a", 150_000)
      const { info } = yield* decodeAll(joinedFile(folder, "twice.ogg", [part, part]))
      assert.strictEqual(info.totalFrames, 300_000)
    }).pipe(Effect.provide(layer))
  )

  it.scoped("is converted to what it begins with where rate and channels change", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const first = write(folder, "vorbis", "a", 144_000)
      const options = { sampleRate: 44_100 }
      const second = writeAudioFile(folder, "b", "vorbis", chirps(1, 44_100, 132_300), options)
      const path = joinedFile(folder, "chain.ogg", [first, second])
      const { channels, info } = yield* decodeAll(path)
      assert.hasFields(info, { sampleRate: 48_000, channels: 2, totalFrames: 288_000 })
      assert.strictEqual(channels[0]!.length, 288_000)
      // The same three seconds again: of both links, the first channel.
      const [a, b] = [channels[0]!.subarray(60_000, 66_000), channels[0]!.subarray(204_000, 210_000)]
      assert.isAtMost(Math.abs(lagFrames(b, a, 50)), 1)
      yield* assertSeeks(path, channels)
    }).pipe(Effect.provide(layer))
  )

  it.scoped("is played up to a link that cannot be read", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const parts = [100_000, 100_000].map((frames, n) => write(folder, "vorbis", `${n}`, frames))
      const second = readFileSync(parts[1]!)
      second.fill(0x55, 100, second.length - 300)
      writeFileSync(parts[1]!, second)
      const { channels, error } = yield* decodeWithError(joinedFile(folder, "chain.ogg", parts))
      assert.strictEqual(channels[0]!.length, 100_000)
      assert.strictEqual(error?._tag, "TrackUnreadable")
    }).pipe(Effect.provide(layer))
  )
})

describe("links, streams of frames", () => {
  const writeMp3 = (folder: string, name: string, signal: Signal, options: Partial<WriteOptions> = {}) =>
    writeAudioFile(folder, name, "mp3", signal, { sampleRate: 44_100, ...options })

  /** Loud, then silent, so that no bit rate of the beginning holds for the whole. */
  const uneven = chirps(1, 44_100, 400_000).map((samples) => samples.fill(0, 200_000))
  const variable = { encoder: { flags: "+qscale", global_quality: "472" } }

  it.scoped("know how long an MP3 of variable bit rate is that does not say so", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const path = writeMp3(folder, "a", uneven, { ...variable, muxer: { write_xing: "0" } })
      const { channels, info } = yield* decodeAll(path)
      assert.isAtLeast(info.totalFrames, 400_000)
      assert.strictEqual(channels[0]!.length, info.totalFrames)
      yield* assertSeeks(path, channels)
    }).pipe(Effect.provide(layer))
  )

  it.scoped.each(["before", "behind"])("leave out zeros %s an MP3", (place) =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const path = writeMp3(folder, "a", chirps(2, 44_100, 200_000), { muxer: { id3v2_version: "0" } })
      const plain = yield* decodeAll(path)
      const zeros = Buffer.alloc(131_072)
      const audio = readFileSync(path)
      writeFileSync(path, Buffer.concat(place === "before" ? [zeros, audio] : [audio, zeros]))
      const { channels, info } = yield* decodeAll(path)
      assert.strictEqual(info.totalFrames, 200_000)
      assert.isUndefined(firstDifference(channels, plain.channels))
      yield* assertSeeks(path, channels)
    }).pipe(Effect.provide(layer))
  )

  it.scoped.each([0.5, 2])("do not believe a count of frames that is %d times the truth", (factor) =>
    Effect.gen(function* () {
      const path = writeMp3(yield* temporaryFolder, "a", chirps(2, 44_100, 300_000), variable)
      const bytes = readFileSync(path)
      const at = Math.max(bytes.indexOf("Xing"), bytes.indexOf("Info")) + 8
      bytes.writeUInt32BE(Math.round(bytes.readUInt32BE(at) * factor), at)
      writeFileSync(path, bytes)
      const { channels, info } = yield* decodeAll(path)
      assert.closeTo(info.totalFrames, 300_000, 2 * 1152)
      assert.closeTo(channels[0]!.length, 300_000, 2 * 1152)
    }).pipe(Effect.provide(layer))
  )

  it.scoped("are played on where joined MP3s change from stereo to mono and to another rate", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const first = writeMp3(folder, "a", chirps(2, 44_100, 132_300))
      const second = writeAudioFile(folder, "b", "mp3", chirps(1, 32_000, 96_000), { sampleRate: 32_000 })
      const path = joinedFile(folder, "joined.mp3", [first, second])
      const { channels, info } = yield* decodeAll(path)
      assert.hasFields(info, { sampleRate: 44_100, channels: 2, totalFrames: 264_600 })
      assert.strictEqual(channels[0]!.length, 264_600)
      const [a, b] = [channels[0]!.subarray(60_000, 66_000), channels[0]!.subarray(192_300, 198_300)]
      assert.isAtMost(Math.abs(lagFrames(b, a, 50)), 1)
      yield* assertSeeks(path, channels)
    }).pipe(Effect.provide(layer))
  )
})
