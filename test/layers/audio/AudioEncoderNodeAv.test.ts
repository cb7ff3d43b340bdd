import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, it } from "@effect/vitest"
import { parseFile } from "music-metadata"
import { Deferred, Effect, Either, Fiber, Layer, Option, Stream } from "effect"
import { layer as decoderLayer } from "../../../src/layers/audio/AudioDecoderNodeAv.ts"
import { layer as encoderLayer } from "../../../src/layers/audio/AudioEncoderNodeAv.ts"
import { writeErrorFrom } from "../../../src/layers/audio/audioWriteErrors.ts"
import { wavHeader, wavHeaderBytes } from "../../../src/layers/audio/nodeAv/wavHeader.ts"
import { toInt24, toInt32 } from "../../../src/layers/audio/nodeAv/writers.ts"
import { AudioEncoder, type EncodingOptions, encodingFor, type WriteBlock } from "../../../src/services/AudioEncoder.ts"
import { assert } from "../../support/assert.ts"
import { decodeAll, firstDifference, quantised, temporaryFolder } from "../../support/audioFiles.ts"
import { type Signal, whiteNoise } from "../../support/signals.ts"

const layer = Layer.merge(decoderLayer, encoderLayer)

const noise = (channels: number, sampleRate: number, frames: number): Signal =>
  Array.from({ length: channels }, (_, channel) => whiteNoise(sampleRate, frames / sampleRate, -1, channel + 1))

const blocksOf = (signal: Signal, lengthFrames: number): Stream.Stream<WriteBlock> =>
  Stream.unfold(0, (start) => {
    const length = Math.min(lengthFrames, signal[0]!.length - start)
    if (length <= 0) return Option.none()
    return Option.some([signal.map((samples) => samples.subarray(start, start + length)), start + length] as const)
  })

const write = <E>(
  path: string,
  sampleRate: number,
  channels: number,
  blocks: Stream.Stream<WriteBlock, E>,
  options: EncodingOptions = {}
) =>
  Effect.gen(function* () {
    const encoder = yield* AudioEncoder
    const encoding = yield* encodingFor(path, options)
    return yield* encoder.write(path, { sampleRate, channels, encoding }, blocks)
  })

describe("AudioEncoderNodeAv", () => {
  it.scoped.each([
    ["a.wav", 44_100, 2, 44_101],
    ["a.wav", 8_000, 1, 3_001],
    ["a.WAV", 384_000, 2, 50_000],
    ["a.wav", 48_000, 6, 10_000],
    ["a.wav", 48_000, 3, 999]
  ] as const)(
    "writes float32 samples to %s at %i Hz with %i channels as they are",
    ([name, sampleRate, channels, frames]) =>
      Effect.gen(function* () {
        const path = join(yield* temporaryFolder, name)
        const signal = noise(channels, sampleRate, frames)
        signal[0]!.set([1, -1, 1.5, -0, 1e-30])
        const result = yield* write(path, sampleRate, channels, blocksOf(signal, 1000))
        assert.strictEqual(result.framesWritten, frames)
        const decoded = yield* decodeAll(path)
        assert.hasFields(decoded.info, { sampleRate, channels, totalFrames: frames, codec: "pcm_f32le" })
        assert.isUndefined(firstDifference(decoded.channels, signal))
      }).pipe(Effect.provide(layer))
  )

  it.scoped.each([
    ["a.flac", 44_100, 2, 44_101, "flac"],
    ["a.flac", 8_000, 1, 3_001, "flac"],
    ["a.flac", 192_000, 2, 20_000, "flac"],
    ["a.flac", 48_000, 6, 10_000, "flac"],
    ["a.wav", 44_100, 2, 9_999, "pcm_s24le"],
    ["a.wav", 96_000, 1, 9_999, "pcm_s24le"]
  ] as const)("rounds to 24 bits in %s at %i Hz with %i channels", ([name, sampleRate, channels, frames, codec]) =>
    Effect.gen(function* () {
      const path = join(yield* temporaryFolder, name)
      const signal = noise(channels, sampleRate, frames)
      yield* write(path, sampleRate, channels, blocksOf(signal, 777), { bits: 24 })
      const decoded = yield* decodeAll(path)
      assert.hasFields(decoded.info, { sampleRate, channels, totalFrames: frames, codec })
      assert.isUndefined(firstDifference(decoded.channels, quantised(signal, 24)))
    }).pipe(Effect.provide(layer))
  )

  it("rounds to the nearest of 32 bits and clamps", () => {
    const step = 2 ** -31
    assert.deepStrictEqual(
      [1, -1, 2, -2, 0, 0.4 * step, 0.6 * step, -0.6 * step, 1 - step, Number.NaN].map(toInt32),
      [2147483647, -2147483648, 2147483647, -2147483648, 0, 0, 1, -1, 2147483647, 0]
    )
  })

  it.scoped.each([
    [44_100, 2, 44_101],
    [192_000, 1, 9_999],
    [48_000, 6, 10_000]
  ] as const)("keeps 32 bits in a FLAC at %i Hz with %i channels", ([sampleRate, channels, frames]) =>
    Effect.gen(function* () {
      const path = join(yield* temporaryFolder, "a.flac")
      const signal = noise(channels, sampleRate, frames)
      // What 24 bits do not hold, and both ends of the scale.
      signal[0]!.set([0.1, 0.25 + 2 ** -26, -1, 1 - 2 ** -24, 2 ** -31, -(2 ** -31), 0])
      yield* write(path, sampleRate, channels, blocksOf(signal, 777), { bits: 32 })
      const decoded = yield* decodeAll(path)
      assert.hasFields(decoded.info, { sampleRate, channels, totalFrames: frames, codec: "flac" })
      assert.isUndefined(firstDifference(decoded.channels, quantised(signal, 32)))
      assert.deepStrictEqual([...decoded.channels[0]!.subarray(0, 7)], [...signal[0]!.subarray(0, 7)])
      const { format } = yield* Effect.promise(() => parseFile(path))
      assert.strictEqual(format.bitsPerSample, 32)
    }).pipe(Effect.provide(layer))
  )

  it.scoped("takes interleaved blocks too, and left stays left", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryFolder, "a.wav")
      const blocks = Stream.make(Float32Array.of(0.5, -0.25, 0.75, 0), Float32Array.of(1, -1))
      yield* write(path, 48_000, 2, blocks)
      const { channels } = yield* decodeAll(path)
      assert.deepStrictEqual(channels, [Float32Array.of(0.5, 0.75, 1), Float32Array.of(-0.25, 0, -1)])
    }).pipe(Effect.provide(layer))
  )

  it("rounds to the nearest of 24 bits and clamps", () => {
    const step = 2 ** -23
    assert.deepStrictEqual(
      [1, -1, 2, -2, 0, 0.4 * step, 0.6 * step, -0.6 * step, 1 - step].map(toInt24),
      [8388607, -8388608, 8388607, -8388608, 0, 0, 1, -1, 8388607]
    )
    assert.deepStrictEqual([Number.NaN, Infinity, -Infinity].map(toInt24), [0, 8388607, -8388608])
  })

  it.scoped("writes the tags of a FLAC", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryFolder, "a.flac")
      const encoder = yield* AudioEncoder
      const tags = { title: "Ein Ständchen", artist: "Someone", album: "Demo" }
      const encoding = yield* encodingFor(path)
      const signal = noise(2, 44_100, 10_000)
      yield* encoder.write(path, { sampleRate: 44_100, channels: 2, encoding, tags }, blocksOf(signal, 1000))
      const { common } = yield* Effect.promise(() => parseFile(path))
      assert.hasFields(common, tags)
      assert.strictEqual((yield* decodeAll(path)).info.totalFrames, 10_000)
    }).pipe(Effect.provide(layer))
  )

  it.scoped.each(["a.wav", "a.flac"])("writes %s of no samples that readers accept", (name) =>
    Effect.gen(function* () {
      const path = join(yield* temporaryFolder, name)
      assert.deepStrictEqual(yield* write(path, 48_000, 2, Stream.empty), { framesWritten: 0 })
      assert.strictEqual(readFileSync(path).toString("latin1", 0, 4), name === "a.wav" ? "RIFF" : "fLaC")
    }).pipe(Effect.provide(layer))
  )

  it("turns to RF64 where 32 bits cannot hold the sizes", () => {
    const format = { sampleRate: 192_000, channels: 2, sampleFormat: "float32" } as const
    const frames = 600_000_000
    const header = wavHeader(format, frames)
    assert.strictEqual(header.length, wavHeaderBytes)
    assert.strictEqual(header.toString("latin1", 0, 4), "RF64")
    assert.strictEqual(header.readUInt32LE(4), 0xffffffff)
    assert.strictEqual(header.toString("latin1", 12, 16), "ds64")
    assert.strictEqual(header.readBigUInt64LE(20), BigInt(wavHeaderBytes - 8 + frames * 8))
    assert.strictEqual(header.readBigUInt64LE(28), BigInt(frames * 8))
    assert.strictEqual(header.readBigUInt64LE(36), BigInt(frames))
    const largest = Math.floor((0xffffffff - wavHeaderBytes + 8) / 8)
    assert.strictEqual(wavHeader(format, largest).toString("latin1", 0, 4), "RIFF")
    assert.strictEqual(wavHeader(format, largest + 1).toString("latin1", 0, 4), "RF64")
  })

  it.scoped("leaves what was there before when the samples fail, and nothing else", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const path = join(folder, "a.flac")
      writeFileSync(path, "before")
      const blocks = Stream.concat(blocksOf(noise(2, 48_000, 30_000), 1000), Stream.fail("no more" as const))
      assert.strictEqual(yield* Effect.flip(write(path, 48_000, 2, blocks)), "no more")
      assert.deepStrictEqual(readdirSync(folder), ["a.flac"])
      assert.strictEqual(readFileSync(path, "utf8"), "before")
    }).pipe(Effect.provide(layer))
  )

  it.scoped("leaves nothing behind when it is interrupted", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const hasWritten = yield* Deferred.make<void>()
      const stuck = Stream.fromEffect(Deferred.succeed(hasWritten, undefined).pipe(Effect.zipRight(Effect.never)))
      const blocks = Stream.concat(blocksOf(noise(1, 48_000, 5000), 1000), stuck)
      const fiber = yield* Effect.fork(write(join(folder, "a.wav"), 48_000, 1, blocks))
      yield* Deferred.await(hasWritten)
      assert.lengthOf(readdirSync(folder), 1)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(readdirSync(folder), [])
    }).pipe(Effect.provide(layer))
  )

  it.scoped("replaces a file of the same name", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const path = join(folder, "a.wav")
      writeFileSync(path, "before")
      const signal = noise(1, 8000, 100)
      yield* write(path, 8000, 1, blocksOf(signal, 100))
      assert.deepStrictEqual((yield* decodeAll(path)).channels, signal)
      assert.deepStrictEqual(readdirSync(folder), ["a.wav"])
    }).pipe(Effect.provide(layer))
  )

  it.scoped("says why it cannot write, by the name of the file alone", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const tryWrite = (path: string, channels: number) =>
        Effect.flip(write(path, 48_000, channels, blocksOf(noise(channels, 48_000, 100), 100)))
      assert.hasFields(yield* tryWrite(join(folder, "a.mp3"), 1), { reason: "unsupported_ending", file: "a.mp3" })
      assert.hasFields(yield* tryWrite(join(folder, "none", "a.wav"), 1), {
        reason: "folder_missing",
        file: "a.wav"
      })
      assert.hasFields(yield* tryWrite(join(folder, "a.flac"), 9), { reason: "unsupported_format", file: "a.flac" })
      mkdirSync(join(folder, "b.wav"))
      const error = yield* tryWrite(join(folder, "b.wav"), 1)
      assert.hasFields(error, { _tag: "AudioWriteError", reason: "directory" })
      assert.excludes(String(error), folder)
      assert.deepStrictEqual(readdirSync(folder), ["b.wav"])
    }).pipe(Effect.provide(layer))
  )

  it("knows a full disk and a forbidden folder from other faults", () => {
    const reasonOf = (code: string) => writeErrorFrom("/x/a.wav", Object.assign(new Error("fault"), { code })).reason
    assert.deepStrictEqual(["ENOSPC", "EDQUOT", "EACCES", "EROFS", "ENOENT", "EIO"].map(reasonOf), [
      "disk_full",
      "disk_full",
      "denied",
      "denied",
      "folder_missing",
      "failed"
    ])
  })

  it("decides by the ending, in any case", () => {
    assert.deepStrictEqual(encodingFor("/x/A.FLAC"), Either.right({ container: "flac", sampleFormat: "int24" }))
    assert.deepStrictEqual(encodingFor("/x/a.wav"), Either.right({ container: "wav", sampleFormat: "float32" }))
    assert.deepStrictEqual(
      encodingFor("/x/a.flac", { bits: 32 }),
      Either.right({ container: "flac", sampleFormat: "int32" })
    )
    assert.isTrue(Either.isLeft(encodingFor("/x/wav")))
  })
})
