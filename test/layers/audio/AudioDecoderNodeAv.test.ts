import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs"
import { basename, join } from "node:path"
import { describe, it } from "@effect/vitest"
import { Chunk, Effect, Either, Stream } from "effect"
import type { TrackUnreadable } from "../../../src/domain/audio/AnalysisError.ts"
import { layer } from "../../../src/layers/audio/AudioDecoderNodeAv.ts"
import { AudioDecoder } from "../../../src/services/AudioDecoder.ts"
import { assert } from "../../support/assert.ts"
import {
  type AudioFormatName,
  audioFormats,
  decodeAll,
  decodeWithError,
  firstDifference,
  lagFrames,
  quantised,
  signalToNoiseDb,
  temporaryFolder,
  type WriteOptions,
  writeAudioFile
} from "../../support/audioFiles.ts"
import { makeRandom, onAll, sampled, type Signal, whiteNoise } from "../../support/signals.ts"

// The fourth of six channels is the one for low frequencies: codecs keep nothing else of it.
const toneHz = [180, 350, 520, 60, 860, 1030]

/** A sine that rises by `slopeHz` a second: shifted, it is unlike itself. */
const chirp = (sampleRate: number, frames: number, startHz: number, slopeHz: number) =>
  sampled(frames, (n) => {
    const seconds = n / sampleRate
    return 0.3 * Math.sin(2 * Math.PI * (startHz + (slopeHz * seconds) / 2) * seconds)
  })

/** Tones that differ between channels, over noise that differs too: every channel, shift and swap shows. */
const music = (channels: number, sampleRate: number, frames: number, noiseDbfs = -50): Signal =>
  Array.from({ length: channels }, (_, channel) => {
    const seconds = frames / sampleRate
    const startHz = toneHz[channel % toneHz.length]!
    const tone = chirp(sampleRate, frames, startHz, startHz < 100 ? 10 : 2000)
    const noise = whiteNoise(sampleRate, seconds, noiseDbfs, channel + 1)
    return tone.map((sample, n) => sample + noise[n]!)
  })

const expectedOf = (format: AudioFormatName, signal: Signal): Signal => {
  const description = audioFormats[format]
  return "bits" in description ? quantised(signal, description.bits) : signal
}

/** The whole of a file of two channels from `startFrame` on, by `open`. */
const readAll = (path: string, startFrame: number): Effect.Effect<Signal, TrackUnreadable, AudioDecoder> =>
  Effect.scoped(
    Effect.gen(function* () {
      const decoder = yield* AudioDecoder
      const { readInto } = yield* decoder.open(path, { startFrame })
      const target = [new Float32Array(200_000), new Float32Array(200_000)]
      let length = 0
      for (let count = 1; count > 0; length += count) {
        count = yield* readInto(
          target.map((samples) => samples.subarray(length)),
          9973
        )
      }
      return target.map((samples) => samples.slice(0, length))
    })
  )

const shape = (format: AudioFormatName, sampleRate: number, channels: number) => ({ format, sampleRate, channels })

describe("AudioDecoderNodeAv, lossless formats", () => {
  it.scoped.each([
    shape("wav8", 8_000, 1),
    shape("wav16", 44_100, 2),
    shape("wav16", 48_000, 6),
    shape("wav24", 96_000, 2),
    shape("wav24", 44_100, 12),
    shape("wav32", 48_000, 1),
    shape("wavFloat", 384_000, 2),
    shape("wavFloat", 44_100, 6),
    shape("wavDouble", 44_100, 2),
    shape("aiff16", 44_100, 2),
    shape("aiff24", 192_000, 2),
    shape("flac16", 8_000, 1),
    shape("flac16", 44_100, 2),
    shape("flac24", 96_000, 2),
    shape("flac24", 192_000, 2),
    shape("flac24", 384_000, 1),
    shape("flac24", 48_000, 6),
    shape("alac16", 44_100, 2),
    shape("alac24", 96_000, 2),
    shape("alac24", 48_000, 6)
  ])("gives $format at $sampleRate Hz with $channels channels back to the bit", ({ format, sampleRate, channels }) =>
    Effect.gen(function* () {
      const signal = music(channels, sampleRate, 30_011)
      const path = writeAudioFile(yield* temporaryFolder, "a", format, signal, { sampleRate })
      const decoded = yield* decodeAll(path)
      assert.hasFields(decoded.info, { sampleRate, channels, totalFrames: 30_011 })
      assert.isUndefined(firstDifference(decoded.channels, expectedOf(format, signal)))
    }).pipe(Effect.provide(layer))
  )

  it.scoped("reads 24 bits that say PCM without an extension, as older programs write", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryFolder, "plain.wav")
      const header = Buffer.from(
        "524946463000000057415645666d74201000000001000200401f000080bb0000060018006461746112000000",
        "hex"
      )
      const samples = Buffer.from("0000407fffff000080ffff7f010000000000ffffff000020", "hex").subarray(0, 18)
      writeFileSync(path, Buffer.concat([header, samples]))
      const { channels, info } = yield* decodeAll(path)
      assert.hasFields(info, { sampleRate: 8000, channels: 2, totalFrames: 3 })
      const step = 2 ** -23
      assert.deepStrictEqual(channels, [Float32Array.of(0.5, -1, step), Float32Array.of(-129 * step, 1 - step, 0)])
    }).pipe(Effect.provide(layer))
  )
})

describe("AudioDecoderNodeAv, lossy formats", () => {
  const cases: ReadonlyArray<{
    format: AudioFormatName
    sampleRate: number
    channels: number
    minimumDb: number
    options?: Partial<WriteOptions>
  }> = [
    { format: "mp3", sampleRate: 44_100, channels: 2, minimumDb: 20, options: { bitRate: 192_000 } },
    { format: "mp3", sampleRate: 8_000, channels: 1, minimumDb: 15, options: { bitRate: 32_000 } },
    { format: "mp3", sampleRate: 48_000, channels: 2, minimumDb: 20, options: { encoder: { compression_level: "3" } } },
    { format: "aac", sampleRate: 44_100, channels: 2, minimumDb: 20, options: { bitRate: 192_000 } },
    { format: "aac", sampleRate: 96_000, channels: 1, minimumDb: 20, options: { bitRate: 192_000 } },
    { format: "aac", sampleRate: 48_000, channels: 6, minimumDb: 15, options: { bitRate: 448_000 } },
    { format: "vorbis", sampleRate: 44_100, channels: 2, minimumDb: 15 },
    { format: "vorbis", sampleRate: 8_000, channels: 1, minimumDb: 10 },
    { format: "vorbis", sampleRate: 96_000, channels: 2, minimumDb: 15 },
    { format: "opus", sampleRate: 48_000, channels: 2, minimumDb: 15, options: { bitRate: 192_000 } },
    { format: "opus", sampleRate: 48_000, channels: 6, minimumDb: 10, options: { bitRate: 448_000 } }
  ]
  it.scoped.each(cases)(
    "gives $format at $sampleRate Hz with $channels channels back at the same place and of the same length",
    ({ format, sampleRate, channels, minimumDb, options }) =>
      Effect.gen(function* () {
        const frames = Math.max(30_000, 2 * sampleRate) + 11
        const signal = music(channels, sampleRate, frames)
        const path = writeAudioFile(yield* temporaryFolder, "a", format, signal, { sampleRate, ...options })
        const decoded = yield* decodeAll(path)
        assert.hasFields(decoded.info, { sampleRate, channels, totalFrames: frames })
        assert.strictEqual(decoded.channels[0]!.length, frames)
        assert.isAbove(signalToNoiseDb(decoded.channels, signal), minimumDb)
        for (const [channel, samples] of decoded.channels.entries()) {
          if (channel === 3) continue
          assert.strictEqual(lagFrames(samples.subarray(9000, 14_000), signal[channel]!.subarray(9000, 14_000), 400), 0)
        }
      }).pipe(Effect.provide(layer))
  )

  it.scoped("plays a Vorbis of a single page, all but half a block", () =>
    Effect.gen(function* () {
      const signal = music(2, 44_100, 30_011)
      const path = writeAudioFile(yield* temporaryFolder, "a", "vorbis", signal, { sampleRate: 44_100 })
      const { channels } = yield* decodeAll(path)
      const length = channels[0]!.length
      assert.isAtLeast(length, 30_011 - 128)
      assert.isAbove(
        signalToNoiseDb(
          channels,
          signal.map((samples) => samples.subarray(0, length))
        ),
        15
      )
    }).pipe(Effect.provide(layer))
  )

  it.scoped("delivers Opus at 48 kHz, whatever it was made from", () =>
    Effect.gen(function* () {
      const signal = music(1, 24_000, 24_000)
      const path = writeAudioFile(yield* temporaryFolder, "a", "opus", signal, { sampleRate: 24_000 })
      const { info, channels } = yield* decodeAll(path)
      assert.hasFields(info, { sampleRate: 48_000, totalFrames: 48_000, codec: "opus" })
      assert.strictEqual(channels[0]!.length, 48_000)
    }).pipe(Effect.provide(layer))
  )

  it.scoped("reads an MP3 that says nothing of its length", () =>
    Effect.gen(function* () {
      const signal = music(2, 44_100, 60_000)
      const options = { sampleRate: 44_100, bitRate: 128_000, muxer: { write_xing: "0" } }
      const path = writeAudioFile(yield* temporaryFolder, "a", "mp3", signal, options)
      const { info, channels } = yield* decodeAll(path)
      assert.isAtLeast(channels[0]!.length, 60_000)
      assert.closeTo(info.totalFrames, channels[0]!.length, 1152)
    }).pipe(Effect.provide(layer))
  )

  it.scoped("ends where iTunes' gapless tag says, in a file without an edit list", () =>
    Effect.gen(function* () {
      const signal = music(2, 44_100, 30_000)
      const options = { sampleRate: 44_100, bitRate: 192_000, muxer: { use_editlist: "0" } }
      const path = writeAudioFile(yield* temporaryFolder, "a", "aac", signal, options)
      // 1024 samples of delay, 4000 of padding, 26000 of music.
      appendToMoov(path, iTunesTag("iTunSMPB", " 00000000 00000400 00000FA0 0000000000006590 00000000 00000000"))
      const { info, channels } = yield* decodeAll(path)
      assert.strictEqual(info.totalFrames, 26_000)
      assert.strictEqual(channels[0]!.length, 26_000)
      assert.isAbove(
        signalToNoiseDb(
          channels,
          signal.map((samples) => samples.subarray(0, 26_000))
        ),
        20
      )
    }).pipe(Effect.provide(layer))
  )
})

describe("AudioDecoderNodeAv, blocks and positions", () => {
  const frames = 100_000
  const formats = Object.keys(audioFormats) as Array<AudioFormatName>
  // Perceptual noise substitution draws its noise anew: without it, what is compared is the decoder's own state.
  const optionsFor = (format: AudioFormatName): WriteOptions => ({
    sampleRate: format === "opus" ? 48_000 : 44_100,
    ...(format === "aac" ? { encoder: { aac_pns: "0" } } : {})
  })
  it.scoped.each(formats.map((format) => ({ format })))(
    "delivers $format from any sample on as a decode from the start does",
    ({ format }) =>
      Effect.gen(function* () {
        const signal = music(2, 44_100, frames, -25)
        const path = writeAudioFile(yield* temporaryFolder, "a", format, signal, optionsFor(format))
        const whole = yield* decodeAll(path)
        assert.strictEqual(whole.channels[0]!.length, frames)
        for (const startFrame of [0, 1, 60_001, 75_000, frames - 1]) {
          const rest = yield* decodeAll(path, { startFrame })
          assert.strictEqual(rest.blocks[0]?.start, startFrame)
          const expected = whole.channels.map((samples) => samples.subarray(startFrame))
          assert.isUndefined(firstDifference(rest.channels, expected), `from ${startFrame}`)
          const read = yield* readAll(path, startFrame)
          assert.isUndefined(firstDifference(read, expected), `read from ${startFrame}`)
        }
        for (const startFrame of [frames, 10 * frames]) {
          assert.deepStrictEqual((yield* decodeAll(path, { startFrame })).blocks, [])
          assert.deepStrictEqual(
            (yield* readAll(path, startFrame)).map((samples) => samples.length),
            [0, 0]
          )
        }
      }).pipe(Effect.provide(layer))
  )

  it.scoped("draws AAC's substituted noise anew behind a seek, at the same place and level", () =>
    Effect.gen(function* () {
      const signal = music(2, 44_100, 150_000, -20)
      const options = { sampleRate: 44_100, bitRate: 128_000 }
      const path = writeAudioFile(yield* temporaryFolder, "a", "aac", signal, options)
      const whole = yield* decodeAll(path)
      const rest = yield* decodeAll(path, { startFrame: 75_000 })
      const expected = whole.channels.map((samples) => samples.subarray(75_000))
      assert.isAbove(signalToNoiseDb(rest.channels, expected), 10)
      assert.strictEqual(lagFrames(rest.channels[0]!.subarray(0, 5000), expected[0]!.subarray(0, 5000), 400), 0)
    }).pipe(Effect.provide(layer))
  )

  it.scoped.each(["flac16", "mp3", "vorbis"] as const)("gives the same samples of %s in blocks of any size", (format) =>
    Effect.gen(function* () {
      const path = writeAudioFile(yield* temporaryFolder, "a", format, music(2, 44_100, 50_001), { sampleRate: 44_100 })
      const large = yield* decodeAll(path)
      assert.deepStrictEqual(
        large.blocks.map((block) => block.length),
        [16_384, 16_384, 16_384, 849]
      )
      for (const blockFrames of [1000, 1, 1152, 100_000].filter((size) => size > 1 || format === "flac16")) {
        const small = yield* decodeAll(path, { blockFrames, startFrame: blockFrames === 1 ? 49_900 : 0 })
        const from = small.blocks[0]!.start
        const expected = large.channels.map((samples) => samples.subarray(from))
        assert.isUndefined(firstDifference(small.channels, expected))
        let start = from
        for (const [index, block] of small.blocks.entries()) {
          assert.strictEqual(block.start, start)
          if (index < small.blocks.length - 1) assert.strictEqual(block.length, blockFrames)
          for (const samples of block.channels) assert.strictEqual(samples.length, block.length)
          start += block.length
        }
      }
    }).pipe(Effect.provide(layer))
  )

  it.scoped("hands out arrays that later blocks do not touch", () =>
    Effect.gen(function* () {
      const signal = music(1, 44_100, 20_000)
      const path = writeAudioFile(yield* temporaryFolder, "a", "wavFloat", signal, { sampleRate: 44_100 })
      const decoder = yield* AudioDecoder
      const blocks = Chunk.toReadonlyArray(yield* Stream.runCollect(decoder.decode(path, { blockFrames: 4096 })))
      const buffers = new Set(blocks.flatMap((block) => block.channels.map((samples) => samples.buffer)))
      assert.strictEqual(buffers.size, blocks.length)
      assert.strictEqual(blocks[0]!.channels[0]!.buffer.byteLength, 4096 * 4)
    }).pipe(Effect.provide(layer))
  )

  it.scoped("closes the file when the stream ends, fails or is left early", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const path = writeAudioFile(folder, "a", "flac16", music(2, 44_100, 50_000), { sampleRate: 44_100 })
      const broken = join(folder, "broken.flac")
      writeFileSync(broken, readFileSync(path).subarray(0, 60_000))
      const decoder = yield* AudioDecoder
      for (let round = 0; round < 3; round++) {
        yield* Stream.runDrain(decoder.decode(path))
        yield* Stream.runDrain(Stream.take(decoder.decode(path), 1))
        yield* Effect.either(Stream.runDrain(decoder.decode(broken)))
        const endless = Stream.runForEach(decoder.decode(path), () => Effect.never)
        yield* Effect.timeoutOption(endless, 0)
        yield* Effect.raceFirst(endless, Effect.void)
      }
      assert.deepStrictEqual(openFilesIn(folder), [])
    }).pipe(Effect.provide(layer))
  )

  it.scoped("lets the event loop run between blocks", () =>
    Effect.gen(function* () {
      const path = writeAudioFile(yield* temporaryFolder, "a", "wav16", music(1, 8000, 100_000), { sampleRate: 8000 })
      const decoder = yield* AudioDecoder
      let turns = 0
      let isOver = false
      const count = () => {
        turns++
        if (!isOver) setImmediate(count)
      }
      setImmediate(count)
      yield* Stream.runDrain(decoder.decode(path))
      isOver = true
      assert.isAtLeast(turns, 6)
    }).pipe(Effect.provide(layer))
  )
})

describe("AudioDecoderNodeAv, an open file", () => {
  it.scoped.each([
    { format: "flac24", channels: 2 },
    { format: "wav24", channels: 11 },
    { format: "mp3", channels: 1 }
  ] as const)("reads $format of $channels channels as the stream does, in pieces of any size", ({ format, channels }) =>
    Effect.gen(function* () {
      const signal = music(channels, 44_100, 30_011)
      const path = writeAudioFile(yield* temporaryFolder, "a", format, signal, { sampleRate: 44_100 })
      const whole = yield* decodeAll(path)
      const decoder = yield* AudioDecoder
      const { info, readInto } = yield* decoder.open(path)
      assert.deepStrictEqual(info, whole.info)
      const untouched = 7
      const target = Array.from({ length: channels }, () => new Float32Array(20_000).fill(untouched))
      const parts: Array<Signal> = []
      for (let size = 1; ; size = (size * 7) % 19_997) {
        const length = yield* readInto(target, size)
        if (length === 0) break
        assert.isAtMost(length, size)
        parts.push(target.map((samples) => samples.slice(0, length)))
        assert.deepStrictEqual(
          target.map((samples) => samples[length]),
          target.map(() => untouched)
        )
        for (const samples of target) samples.fill(untouched)
      }
      assert.strictEqual(yield* readInto(target, 100), 0)
      const joined = target.map((_, c) => join32(parts.map((part) => part[c]!)))
      assert.isUndefined(firstDifference(joined, whole.channels))
    }).pipe(Effect.provide(layer))
  )

  it.scoped("gives what is there of a damaged one before it fails, and goes on failing", () =>
    Effect.gen(function* () {
      const path = writeAudioFile(yield* temporaryFolder, "a", "flac16", music(2, 44_100, 60_000), {
        sampleRate: 44_100
      })
      writeFileSync(path, readFileSync(path).subarray(0, 100_000))
      const streamed = yield* decodeWithError(path)
      const decoder = yield* AudioDecoder
      const { readInto } = yield* decoder.open(path)
      const target = [new Float32Array(60_000), new Float32Array(60_000)]
      assert.strictEqual(yield* readInto(target, 60_000), streamed.channels[0]!.length)
      const error = yield* Effect.flip(readInto(target, 60_000))
      assert.hasFields(error, { _tag: "TrackUnreadable", reason: "truncated", stage: "decode" })
      assert.deepStrictEqual(yield* Effect.flip(readInto(target, 1)), error)
    }).pipe(Effect.provide(layer))
  )

  it.scoped("fails to open as the stream does, and is closed by its scope", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const decoder = yield* AudioDecoder
      const missing = yield* Effect.flip(Effect.scoped(decoder.open(join(folder, "none.wav"))))
      assert.hasFields(missing, { _tag: "TrackUnreadable", reason: "missing", stage: "open" })
      const path = writeAudioFile(folder, "a", "wav16", music(2, 44_100, 50_000), { sampleRate: 44_100 })
      const target = [new Float32Array(1000), new Float32Array(1000)]
      yield* Effect.scoped(Effect.flatMap(decoder.open(path), ({ readInto }) => readInto(target, 1000)))
      assert.deepStrictEqual(openFilesIn(folder), [])
    }).pipe(Effect.provide(layer))
  )
})

describe("AudioDecoderNodeAv, files that cannot be read", () => {
  const failureOf = (path: string) =>
    Effect.gen(function* () {
      const decoder = yield* AudioDecoder
      const probed = yield* Effect.either(decoder.probe(path))
      const error = yield* Effect.flip(Stream.runDrain(decoder.decode(path)))
      if (error.stage === "open")
        assert.deepStrictEqual(
          Either.mapLeft(probed, ({ reason }) => reason),
          Either.left(error.reason)
        )
      assert.strictEqual(error.file, basename(path))
      assert.excludes(error.message, "/lathe-audio-")
      return error
    })

  const random = (bytes: number, seed: number) => {
    const next = makeRandom(seed)
    return Buffer.from(Array.from({ length: bytes }, () => Math.floor(256 * next())))
  }

  it.scoped("tells missing, denied and empty ones apart", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      assert.strictEqual((yield* failureOf(join(folder, "none.wav"))).reason, "missing")
      assert.strictEqual((yield* failureOf(join(folder, "none", "none.wav"))).reason, "missing")
      mkdirSync(join(folder, "folder.wav"))
      assert.strictEqual((yield* failureOf(join(folder, "folder.wav"))).reason, "directory")
      writeFileSync(join(folder, "empty.wav"), "")
      assert.strictEqual((yield* failureOf(join(folder, "empty.wav"))).reason, "empty")
    }).pipe(Effect.provide(layer))
  )

  it.scoped("refuses rates outside of 8 to 384 kHz", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      for (const sampleRate of [1, 255, 7999, 384_001, 2_000_000_000]) {
        const path = writeAudioFile(folder, `${sampleRate}`, "wav16", onAll(1, new Float32Array(5000)), { sampleRate })
        const { reason, stage } = yield* failureOf(path)
        assert.deepStrictEqual({ sampleRate, stage, reason }, { sampleRate, stage: "open", reason: "unsupported" })
      }
    }).pipe(Effect.provide(layer))
  )

  it.scoped.skipIf(process.getuid?.() === 0)("calls a file without read permission denied (root may read all)", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryFolder, "secret.wav")
      writeFileSync(path, "RIFF")
      chmodSync(path, 0)
      assert.strictEqual((yield* failureOf(path)).reason, "denied")
    }).pipe(Effect.provide(layer))
  )

  it.scoped("knows text, images, random bytes and zeros from audio, under any name", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const png = Buffer.from(
        "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360f8cf500f0003860180" +
          "5a34577f0000000049454e44ae426082",
        "hex"
      )
      const contents = {
        text: Buffer.from("All that glitters is not gold.\n".repeat(400)),
        png,
        random: random(40_000, 7),
        zeros: Buffer.alloc(40_000)
      }
      for (const [name, bytes] of Object.entries(contents)) {
        for (const extension of ["txt", "mp3", "wav", "flac", "m4a", "ogg", "aac"]) {
          const path = join(folder, `${name}.${extension}`)
          writeFileSync(path, bytes)
          assert.strictEqual((yield* failureOf(path)).reason, "not_audio", basename(path))
        }
      }
    }).pipe(Effect.provide(layer))
  )

  it.scoped("does not follow a playlist to other files", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const audio = writeAudioFile(folder, "a", "wav16", music(1, 8000, 8000), { sampleRate: 8000 })
      const playlist = join(folder, "list.m3u8")
      writeFileSync(playlist, `#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n${audio}\n#EXT-X-ENDLIST\n`)
      assert.strictEqual((yield* failureOf(playlist)).reason, "not_audio")
    }).pipe(Effect.provide(layer))
  )

  it.scoped("calls a video without sound no audio, and one codec unknown unsupported", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const path = writeAudioFile(folder, "a", "alac16", music(1, 44_100, 9000), { sampleRate: 44_100 })
      const bytes = readFileSync(path)
      const video = Buffer.from(bytes)
      video.write("vide", video.indexOf("soun"), "latin1")
      writeFileSync(join(folder, "video.m4a"), video)
      assert.strictEqual((yield* failureOf(join(folder, "video.m4a"))).reason, "not_audio")
      const unknown = Buffer.from(bytes)
      unknown.write("zzzz", unknown.indexOf("alac"), "latin1")
      writeFileSync(join(folder, "unknown.m4a"), unknown)
      assert.strictEqual((yield* failureOf(join(folder, "unknown.m4a"))).reason, "unsupported")
    }).pipe(Effect.provide(layer))
  )

  it.scoped.each(["drms", "enca"])("says that a file with %s samples is protected", (entry) =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const path = writeAudioFile(folder, "a", "aac", music(2, 44_100, 9000), { sampleRate: 44_100 })
      const bytes = readFileSync(path)
      bytes.write(entry, bytes.indexOf("mp4a", bytes.indexOf("stsd")), "latin1")
      writeFileSync(path, bytes)
      assert.hasFields(yield* failureOf(path), { reason: "encrypted", stage: "open" })
    }).pipe(Effect.provide(layer))
  )

  it.scoped("says that Windows Media with a licence is protected", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryFolder, "a.wma")
      const header = Buffer.alloc(200)
      Buffer.from("3026b2758e66cf11a6d900aa0062ce6c", "hex").copy(header)
      header.writeBigUInt64LE(200n, 16)
      Buffer.from("fbb3112223bdd211b4b700a0c955fc6e", "hex").copy(header, 30)
      writeFileSync(path, header)
      assert.strictEqual((yield* failureOf(path)).reason, "encrypted")
    }).pipe(Effect.provide(layer))
  )

  it.scoped.each(
    (["wav16", "wavFloat", "aiff16", "flac16", "mp3", "aac", "alac16", "vorbis", "opus"] as const).map((format) => ({
      format
    }))
  )("delivers what is there of $format that ends too early, then says so", ({ format }) =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const sampleRate = 48_000
      // The index of an M4A has to come first, or nothing of it can be read.
      const muxer = format === "aac" || format === "alac16" ? { muxer: { movflags: "faststart" } } : {}
      const signal = music(2, sampleRate, 200_000, -25)
      const path = writeAudioFile(folder, "a", format, signal, { sampleRate, ...muxer })
      const whole = yield* decodeAll(path)
      const bytes = readFileSync(path)
      for (const share of [0.5, 0.9]) {
        writeFileSync(path, bytes.subarray(0, Math.floor(bytes.length * share)))
        const part = yield* decodeWithError(path)
        assert.hasFields(part.error, { _tag: "TrackUnreadable", reason: "truncated", stage: "decode" })
        const delivered = part.channels[0]!.length
        assert.isAbove(delivered, (share - 0.35) * 200_000)
        assert.isBelow(delivered, (share + 0.06) * 200_000)
        assert.strictEqual(part.error?.position_seconds, delivered / sampleRate)
        const expected = whole.channels.map((samples) => samples.subarray(0, delivered))
        // The last packet of a lossy format may have lost its end.
        const safe = (samples: Float32Array<ArrayBuffer>) => samples.subarray(0, Math.max(0, delivered - 2048))
        assert.isUndefined(firstDifference(part.channels.map(safe), expected.map(safe)))
      }
    }).pipe(Effect.provide(layer))
  )

  it.scoped("says that an M4A is cut short when the index at its end is gone", () =>
    Effect.gen(function* () {
      const path = writeAudioFile(yield* temporaryFolder, "a", "aac", music(2, 44_100, 50_000), { sampleRate: 44_100 })
      const bytes = readFileSync(path)
      writeFileSync(path, bytes.subarray(0, Math.floor(bytes.length / 2)))
      assert.hasFields(yield* failureOf(path), { reason: "truncated", stage: "open" })
    }).pipe(Effect.provide(layer))
  )

  it.scoped.each(["wav16", "flac16", "vorbis"] as const)(
    "says that %s of a header and nothing else is cut short",
    (format) =>
      Effect.gen(function* () {
        const path = writeAudioFile(yield* temporaryFolder, "a", format, music(1, 44_100, 9000), { sampleRate: 44_100 })
        writeFileSync(path, readFileSync(path).subarray(0, 42))
        assert.strictEqual((yield* failureOf(path)).reason, "truncated")
      }).pipe(Effect.provide(layer))
  )

  it.scoped("finds a single wrong bit in FLAC by its checksum, and plays silence for its frame", () =>
    Effect.gen(function* () {
      const path = writeAudioFile(yield* temporaryFolder, "a", "flac16", music(2, 44_100, 60_000), {
        sampleRate: 44_100
      })
      const whole = yield* decodeAll(path)
      const bytes = readFileSync(path)
      const middle = bytes.length >> 1
      bytes[middle] = bytes[middle]! ^ 4
      writeFileSync(path, bytes)
      const { channels } = yield* decodeAll(path)
      const differing = channels[0]!.reduce((sum, sample, n) => sum + (sample === whole.channels[0]![n] ? 0 : 1), 0)
      assert.isAbove(differing, 4000)
      assert.isAtMost(differing, 4608)
    }).pipe(Effect.provide(layer))
  )
})

describe("AudioDecoderNodeAv, healthy files that look odd", () => {
  it.scoped.each([0, 0xffffffff, 0x7fffffff, 0x7ffff000])("plays a WAV whose size was never filled in (%i)", (size) =>
    Effect.gen(function* () {
      const signal = music(2, 44_100, 20_000)
      const path = writeAudioFile(yield* temporaryFolder, "a", "wav16", signal, { sampleRate: 44_100 })
      const bytes = readFileSync(path)
      bytes.writeUInt32LE(size, bytes.indexOf("data") + 4)
      writeFileSync(path, bytes)
      const { info, channels } = yield* decodeAll(path)
      assert.isUndefined(firstDifference(channels, quantised(signal, 16)))
      assert.strictEqual(info.totalFrames, 20_000)
    }).pipe(Effect.provide(layer))
  )

  it.scoped("plays a FLAC that was streamed, and does not state its length", () =>
    Effect.gen(function* () {
      const signal = music(2, 44_100, 60_000)
      const path = writeAudioFile(yield* temporaryFolder, "a", "flac16", signal, { sampleRate: 44_100 })
      const bytes = readFileSync(path)
      // STREAMINFO begins 8 bytes in; the total is its bits 108 to 143 (RFC 9639, 8.2).
      bytes[8 + 13] = bytes[8 + 13]! & 0xf0
      bytes.fill(0, 8 + 14, 8 + 18)
      writeFileSync(path, bytes)
      const { channels, info } = yield* decodeAll(path)
      assert.isUndefined(firstDifference(channels, quantised(signal, 16)))
      assert.strictEqual(info.totalFrames, 60_000)
    }).pipe(Effect.provide(layer))
  )

  it.scoped("plays a FLAC whole that claims twice its length", () =>
    Effect.gen(function* () {
      const signal = music(2, 44_100, 60_000)
      const path = writeAudioFile(yield* temporaryFolder, "a", "flac16", signal, { sampleRate: 44_100 })
      const bytes = readFileSync(path)
      bytes.writeUInt32BE(120_000, 8 + 14)
      writeFileSync(path, bytes)
      const { channels, info } = yield* decodeAll(path)
      assert.isUndefined(firstDifference(channels, quantised(signal, 16)))
      assert.strictEqual(info.totalFrames, 60_000)
    }).pipe(Effect.provide(layer))
  )

  it.scoped.each(["vorbis", "opus"] as const)("plays an Ogg of %s whole whose last page is not marked", (format) =>
    Effect.gen(function* () {
      const sampleRate = 48_000
      const path = writeAudioFile(yield* temporaryFolder, "a", format, music(2, sampleRate, 200_000), { sampleRate })
      const whole = yield* decodeAll(path)
      const bytes = readFileSync(path)
      const page = bytes.subarray(bytes.lastIndexOf("OggS"))
      page[5] = page[5]! & ~4
      page.writeUInt32LE(0, 22)
      page.writeUInt32LE(oggChecksum(page), 22)
      writeFileSync(path, bytes)
      const { channels, info } = yield* decodeAll(path)
      assert.strictEqual(info.totalFrames, 200_000)
      assert.isUndefined(firstDifference(channels, whole.channels))
    }).pipe(Effect.provide(layer))
  )

  it.scoped.each([40_000, 100_001, 123_456])("plays Windows Media as FFmpeg writes it whole (%i samples)", (frames) =>
    Effect.gen(function* () {
      const signal = music(2, 44_100, frames)
      const path = writeAudioFile(yield* temporaryFolder, "a", "wma", signal, { sampleRate: 44_100, bitRate: 128_000 })
      const { channels } = yield* decodeAll(path)
      assert.isAbove(channels[0]!.length, frames - 2 * 2048)
      writeFileSync(path, readFileSync(path).subarray(0, -9000))
      assert.strictEqual((yield* decodeWithError(path)).error?.reason, "truncated")
    }).pipe(Effect.provide(layer))
  )

  it.scoped.each([
    { valid: 24, room: 4 },
    { valid: 20, room: 4 },
    { valid: 16, room: 4 },
    { valid: 20, room: 3 },
    { valid: 16, room: 3 },
    { valid: 12, room: 2 }
  ])("reads $valid valid bits in $room bytes a sample", ({ room, valid }) =>
    Effect.gen(function* () {
      const signal = quantised(music(2, 44_100, 20_000), valid)
      const path = join(yield* temporaryFolder, "a.wav")
      writeFileSync(path, extensibleWav(signal, 44_100, valid, room))
      const { channels, info } = yield* decodeAll(path)
      assert.strictEqual(info.totalFrames, 20_000)
      assert.isUndefined(firstDifference(channels, signal))
      const rest = yield* decodeAll(path, { startFrame: 15_000 })
      assert.isUndefined(
        firstDifference(
          rest.channels,
          signal.map((samples) => samples.subarray(15_000))
        )
      )
    }).pipe(Effect.provide(layer))
  )

  it.scoped("lets out no sample that is no number or beyond any level", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const signal = music(2, 44_100, 60_000)
      const wrong = signal.map((samples) => samples.slice())
      for (const [n, value] of [1e31, Number.NaN, Infinity, -1001].entries()) wrong[n % 2]![30_000 + n] = value
      const path = writeAudioFile(folder, "a", "wavFloat", wrong, { sampleRate: 44_100 })
      const expected = signal.map((samples) => samples.slice().fill(0, 30_000, 30_004))
      assert.isUndefined(firstDifference((yield* decodeAll(path)).channels, expected))
      const integers = signal.map((samples) => samples.map((sample) => sample * 2 ** 23))
      const senseless = writeAudioFile(folder, "b", "wavFloat", integers, { sampleRate: 44_100 })
      assert.hasFields((yield* decodeWithError(senseless)).error, { reason: "not_finite", stage: "decode" })
    }).pipe(Effect.provide(layer))
  )

  it.scoped.each(["with", "without"])("plays an MP3 %s a stated length that has tags at its end", (which) =>
    Effect.gen(function* () {
      const muxer = which === "with" ? {} : { muxer: { write_xing: "0" } }
      const signal = music(2, 44_100, 50_000)
      const path = writeAudioFile(yield* temporaryFolder, "a", "mp3", signal, { sampleRate: 44_100, ...muxer })
      const plain = yield* decodeAll(path)
      const ape = Buffer.concat([Buffer.from("APETAGEX"), Buffer.alloc(24, 1), Buffer.alloc(300, "x")])
      const id3 = Buffer.concat([Buffer.from("TAG"), Buffer.alloc(125, "y")])
      writeFileSync(path, Buffer.concat([readFileSync(path), ape, id3]))
      assert.isUndefined(firstDifference((yield* decodeAll(path)).channels, plain.channels))
    }).pipe(Effect.provide(layer))
  )

  it.scoped("plays files with a cover, and measures the music only", () =>
    Effect.gen(function* () {
      const signal = music(2, 44_100, 30_000)
      const path = writeAudioFile(yield* temporaryFolder, "a", "mp3", signal, { sampleRate: 44_100 })
      const plain = yield* decodeAll(path)
      const bytes = readFileSync(path)
      const audio = bytes.subarray(10 + id3Size(bytes))
      const jpeg = Buffer.concat([
        Buffer.from("ffd8ffe000104a46494600010100000100010000", "hex"),
        Buffer.alloc(3000, 7)
      ])
      const picture = Buffer.concat([Buffer.from("\0image/jpeg\0\x03\0", "latin1"), jpeg])
      writeFileSync(path, Buffer.concat([id3v2([["APIC", picture]]), audio]))
      const decoded = yield* decodeAll(path)
      assert.deepStrictEqual(decoded.info, plain.info)
      assert.isUndefined(firstDifference(decoded.channels, plain.channels))
    }).pipe(Effect.provide(layer))
  )

  it.scoped("writes nothing to stderr about any of it", () =>
    Effect.gen(function* () {
      const { Log } = yield* Effect.promise(() => import("node-av/lib"))
      const { AV_LOG_INFO, AV_LOG_QUIET } = yield* Effect.promise(() => import("node-av/constants"))
      const folder = yield* temporaryFolder
      Log.setLevel(AV_LOG_INFO)
      writeFileSync(join(folder, "a.wav"), "RIFF....WAVE")
      yield* Effect.either(decodeWithError(join(folder, "a.wav")))
      assert.strictEqual(Log.getLevel(), AV_LOG_QUIET)
    }).pipe(Effect.provide(layer))
  )

  it.effect("names itself and FFmpeg's version", () =>
    Effect.gen(function* () {
      const { identity } = yield* AudioDecoder
      assert.strictEqual(identity.name, "ffmpeg (node-av)")
      assert.match(identity.version, /^\d+\.\d+/)
    }).pipe(Effect.provide(layer))
  )
})

const join32 = (parts: ReadonlyArray<Float32Array>): Float32Array<ArrayBuffer> => {
  const joined = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}

/** RFC 3533, 6: of a page whose own checksum is 0. */
const oggChecksum = (page: Uint8Array): number => {
  let crc = 0
  for (const byte of page) {
    crc ^= byte << 24
    for (let bit = 0; bit < 8; bit++) crc = crc < 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1
  }
  return crc >>> 0
}

/** WAVE_FORMAT_EXTENSIBLE (mmreg.h): the valid bits are the upper ones. */
const extensibleWav = (signal: Signal, sampleRate: number, validBits: number, room: number): Buffer => {
  const frames = signal[0]!.length
  const frameBytes = signal.length * room
  const header = Buffer.alloc(68)
  header.write("RIFF", 0)
  header.writeUInt32LE(60 + frames * frameBytes, 4)
  header.write("WAVEfmt ", 8)
  header.writeUInt32LE(40, 16)
  header.writeUInt16LE(0xfffe, 20)
  header.writeUInt16LE(signal.length, 22)
  header.writeUInt32LE(sampleRate, 24)
  header.writeUInt32LE(sampleRate * frameBytes, 28)
  header.writeUInt16LE(frameBytes, 32)
  header.writeUInt16LE(8 * room, 34)
  header.writeUInt16LE(22, 36)
  header.writeUInt16LE(validBits, 38)
  header.writeUInt32LE(3, 40)
  Buffer.from("0100000000001000800000aa00389b71", "hex").copy(header, 44)
  header.write("data", 60)
  header.writeUInt32LE(frames * frameBytes, 64)
  const data = Buffer.alloc(frames * frameBytes)
  for (let n = 0; n < frames; n++) {
    for (const [channel, samples] of signal.entries()) {
      data.writeIntLE(samples[n]! * 2 ** (8 * room - 1), n * frameBytes + channel * room, room)
    }
  }
  return Buffer.concat([header, data])
}

const openFilesIn = (folder: string): ReadonlyArray<string> => {
  if (!existsSync("/proc/self/fd")) return []
  return readdirSync("/proc/self/fd").flatMap((descriptor) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${descriptor}`)
      return target.startsWith(folder) ? [target] : []
    } catch {
      return []
    }
  })
}

const box = (type: string, ...parts: ReadonlyArray<Buffer>): Buffer => {
  const body = Buffer.concat(parts)
  const header = Buffer.alloc(8)
  header.writeUInt32BE(8 + body.length)
  header.write(type, 4, "latin1")
  return Buffer.concat([header, body])
}

/** `moov/udta/meta/ilst/----`, as iTunes writes it. */
const iTunesTag = (name: string, value: string): Buffer => {
  const zero = Buffer.alloc(4)
  const handler = Buffer.concat([Buffer.alloc(8), Buffer.from("mdirappl"), Buffer.alloc(9)])
  const entry = box(
    "----",
    box("mean", zero, Buffer.from("com.apple.iTunes")),
    box("name", zero, Buffer.from(name)),
    box("data", Buffer.from([0, 0, 0, 1]), zero, Buffer.from(value))
  )
  return box("udta", box("meta", zero, box("hdlr", handler), box("ilst", entry)))
}

/** The file's last box has to be its `moov`. */
const appendToMoov = (path: string, addition: Buffer): void => {
  const bytes = readFileSync(path)
  const at = bytes.lastIndexOf("moov") - 4
  bytes.writeUInt32BE(bytes.readUInt32BE(at) + addition.length, at)
  writeFileSync(path, Buffer.concat([bytes, addition]))
}

const syncSafe = (size: number) => Buffer.from([21, 14, 7, 0].map((shift) => (size >> shift) & 0x7f))
const id3Size = (bytes: Buffer) => bytes.subarray(6, 10).reduce((size, byte) => (size << 7) | byte, 0)

/** ID3v2.4. */
const id3v2 = (frames: ReadonlyArray<readonly [string, Buffer]>): Buffer => {
  const body = Buffer.concat(
    frames.map(([name, data]) => Buffer.concat([Buffer.from(name), syncSafe(data.length), Buffer.alloc(2), data]))
  )
  return Buffer.concat([Buffer.from("ID3"), Buffer.from([4, 0, 0]), syncSafe(body.length), body])
}

describe("AudioDecoderNodeAv, an MP4 that does not say where its audio is", () => {
  it.scoped("is damaged", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const path = writeAudioFile(folder, "nowhere", "aac", onAll(2, whiteNoise(48_000, 0.5, -20, 1)), {
        sampleRate: 48_000
      })
      const bytes = readFileSync(path)
      // The table of offsets becomes free space.
      bytes.write("free", bytes.indexOf("stco"), "latin1")
      writeFileSync(path, bytes)
      const { probe } = yield* AudioDecoder
      const error = yield* Effect.flip(probe(path))
      assert.strictEqual(error._tag, "TrackUnreadable")
      assert.strictEqual(error.reason, "truncated")
    }).pipe(Effect.provide(layer))
  )
})
