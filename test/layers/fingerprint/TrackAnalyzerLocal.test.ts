import { createHash } from "node:crypto"
import { appendFileSync, chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Schema, Stream } from "effect"
import { TrackUnreadable } from "../../../src/domain/audio/AnalysisError.ts"
import { type AnalysisProgress, TrackAnalysis } from "../../../src/domain/fingerprint/Fingerprint.ts"
import * as AudioDecoderNodeAv from "../../../src/layers/audio/AudioDecoderNodeAv.ts"
import * as TrackAnalyzerLocal from "../../../src/layers/fingerprint/TrackAnalyzerLocal.ts"
import { AudioDecoder, type AudioBlock, type AudioInfo, type AudioLoss } from "../../../src/services/AudioDecoder.ts"
import { TrackAnalyzer } from "../../../src/services/TrackAnalyzer.ts"
import { assert } from "../../support/assert.ts"
import { readingOf } from "../../support/AudioDecoderMemory.ts"
import { type Signal, silence, sine, whiteNoise } from "../../support/signals.ts"

const folder = mkdtempSync(join(tmpdir(), "lathe-analyzer-"))
const path = join(folder, "song.wav")
const content = Buffer.from("the decoder of these tests does not look at it")

beforeAll(() => writeFileSync(path, content))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const blocksOf = (signal: Signal, frames = 1000): ReadonlyArray<AudioBlock> => {
  const total = signal[0]!.length
  return Array.from({ length: Math.ceil(total / frames) }, (_, i) => {
    const channels = signal.map((samples) => samples.slice(i * frames, (i + 1) * frames))
    return { start: i * frames, length: channels[0]!.length, channels }
  })
}

/** A decoder that yields a signal, whatever the file holds. */
const decoding = (
  sampleRate: number,
  signal: Signal,
  options: {
    readonly info?: Partial<AudioInfo>
    readonly stream?: Stream.Stream<AudioBlock, TrackUnreadable>
    readonly loss?: AudioLoss
  } = {}
) =>
  TrackAnalyzerLocal.layer.pipe(
    Layer.provide(
      Layer.sync(AudioDecoder, () => {
        const info = { sampleRate, channels: signal.length, totalFrames: signal[0]!.length, codec: "pcm" }
        const declared = { ...info, ...options.info }
        const blocks = options.stream ?? Stream.fromIterable(blocksOf(signal))
        return {
          identity: { name: "memory", version: "1" },
          probe: () => Effect.succeed(declared),
          open: () => readingOf(declared, blocks, options.loss),
          decode: () => blocks
        }
      })
    )
  )

const analyze = (file: string, onProgress?: (progress: AnalysisProgress) => Effect.Effect<void>) =>
  Effect.flatMap(TrackAnalyzer, (analyzer) => analyzer.analyze(file, onProgress))

const stereo = (rate: number, seconds: number): Signal => [
  sine(rate, seconds, 220, -12),
  whiteNoise(rate, seconds, -20, 1)
]

describe("TrackAnalyzerLocal", () => {
  it.effect("returns fingerprint, measurements and where they come from", () =>
    Effect.gen(function* () {
      const analysis = yield* analyze(path)
      assert.isTrue(Schema.is(TrackAnalysis)(analysis))
      assert.strictEqual(analysis.measurements.duration_seconds, 2)
      assert.hasFields(analysis.provenance, {
        algorithm_version: 1,
        decoder: "memory",
        decoder_version: "1",
        frames_analysed: 16_000,
        frames_lost: 0,
        file_size: content.length,
        content_sha256: createHash("sha256").update(content).digest("hex")
      })
    }).pipe(Effect.provide(decoding(8000, stereo(8000, 2))))
  )

  it.effect("says how much of the file is damaged", () =>
    Effect.gen(function* () {
      const { provenance } = yield* analyze(path)
      assert.hasFields(provenance, { frames_analysed: 16_000, frames_lost: 700 })
    }).pipe(Effect.provide(decoding(8000, stereo(8000, 2), { loss: { from: 3000, frames: 700 } })))
  )

  it.effect("gives the same numbers twice: nothing of one track reaches the next", () =>
    Effect.gen(function* () {
      const first = yield* analyze(path)
      const second = yield* analyze(path)
      assert.deepStrictEqual(first.fingerprint, second.fingerprint)
      assert.deepStrictEqual(first.measurements, second.measurements)
    }).pipe(Effect.provide(decoding(8000, stereo(8000, 1))))
  )

  it.effect("reports progress upward, at most once a percent, and ends at 100", () =>
    Effect.gen(function* () {
      const seen: Array<AnalysisProgress> = []
      yield* analyze(path, (progress) => Effect.sync(() => seen.push(progress)))
      const percents = seen.map(({ percent }) => percent)
      assert.deepStrictEqual(
        percents,
        [...new Set(percents)].toSorted((a, b) => a - b)
      )
      assert.isAbove(percents.length, 20)
      assert.deepStrictEqual(seen.at(-1), { stage: "finishing", percent: 100 })
    }).pipe(Effect.provide(decoding(8000, stereo(8000, 4))))
  )

  it.effect("reports no percentages beyond the first where the length is unknown", () =>
    Effect.gen(function* () {
      const seen: Array<number> = []
      yield* analyze(path, ({ percent }) => Effect.sync(() => seen.push(percent)))
      assert.deepStrictEqual(seen, [0, 100])
    }).pipe(Effect.provide(decoding(8000, stereo(8000, 1), { info: { totalFrames: 0 } })))
  )

  it.effect("lets other work run between blocks", () =>
    Effect.gen(function* () {
      let turns = 0
      const timer = setInterval(() => turns++, 0)
      yield* analyze(path)
      clearInterval(timer)
      assert.isAbove(turns, 2)
    }).pipe(Effect.provide(decoding(8000, stereo(8000, 20))))
  )

  const failure = (signal: Signal, rate = 8000) =>
    Effect.flip(analyze(path)).pipe(Effect.provide(decoding(rate, signal)))

  it.effect("refuses a short, a silent and a broken track by name and reason", () =>
    Effect.gen(function* () {
      const short = yield* failure([sine(8000, 0.3, 440, -6)])
      assert.hasFields(short, { _tag: "TrackTooShort", file: "song.wav", duration_seconds: 0.3 })
      assert.hasFields(yield* failure([silence(8000, 2)]), { _tag: "TrackSilent", file: "song.wav" })
      const broken = sine(8000, 1, 440, -6)
      broken[4000] = Number.NaN
      assert.hasFields(yield* failure([broken]), {
        _tag: "TrackUnreadable",
        reason: "not_finite",
        stage: "analyse",
        position_seconds: 0.5
      })
      assert.hasFields(yield* failure([sine(8000, 1, 440, 90)]), { _tag: "TrackUnreadable", reason: "corrupt" })
    })
  )

  it.effect("refuses more than a day before it decodes", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(analyze(path))
      assert.hasFields(error, { _tag: "TrackTooLarge", maximum_seconds: 86_400, duration_seconds: 90_000 })
    }).pipe(
      Effect.provide(
        decoding(8000, stereo(8000, 1), {
          info: { totalFrames: 90_000 * 8000 },
          stream: Stream.die("not to be decoded")
        })
      )
    )
  )

  it.effect("passes the decoder's error on", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(analyze(path))
      assert.hasFields(error, { _tag: "TrackUnreadable", reason: "truncated", stage: "decode" })
    }).pipe(
      Effect.provide(
        decoding(8000, stereo(8000, 1), {
          stream: Stream.concat(
            Stream.fromIterable(blocksOf(stereo(8000, 1))),
            Stream.fail(new TrackUnreadable({ file: "song.wav", stage: "decode", reason: "truncated" }))
          )
        })
      )
    )
  )

  it.effect("tells a missing file, one it may not read, and a folder", () =>
    Effect.gen(function* () {
      const missing = yield* Effect.flip(analyze(join(folder, "gone.wav")))
      assert.hasFields(missing, { _tag: "TrackUnreadable", reason: "missing", file: "gone.wav" })
      assert.hasFields(yield* Effect.flip(analyze(folder)), { _tag: "TrackUnreadable", reason: "directory" })
      if (process.getuid?.() === 0) return
      const closed = join(folder, "closed")
      mkdirSync(closed)
      chmodSync(closed, 0)
      assert.hasFields(yield* Effect.flip(analyze(join(closed, "song.wav"))), { reason: "denied" })
    }).pipe(Effect.provide(decoding(8000, stereo(8000, 1))))
  )

  it.effect("gives nothing for a file that changes while it is read", () => {
    const changing = join(folder, "changing.wav")
    writeFileSync(changing, content)
    const blocks = Stream.fromIterable(blocksOf(stereo(8000, 1))).pipe(
      Stream.tap(({ start }) => Effect.sync(() => start === 4000 && appendFileSync(changing, "more")))
    )
    return Effect.gen(function* () {
      assert.hasFields(yield* Effect.flip(analyze(changing)), { _tag: "TrackUnreadable", reason: "corrupt" })
    }).pipe(Effect.provide(decoding(8000, stereo(8000, 1), { stream: blocks })))
  })

  it.effect("stops decoding when it is interrupted", () =>
    Effect.gen(function* () {
      const started = yield* Deferred.make<void>()
      const stopped = yield* Deferred.make<void>()
      const endless = Stream.repeatValue(blocksOf(stereo(8000, 1))[0]!).pipe(
        Stream.tap(() => Deferred.succeed(started, undefined)),
        Stream.ensuring(Deferred.succeed(stopped, undefined))
      )
      const fiber = yield* Effect.fork(
        analyze(path).pipe(Effect.provide(decoding(8000, stereo(8000, 1), { stream: endless })))
      )
      yield* Deferred.await(started)
      yield* Fiber.interrupt(fiber)
      yield* Deferred.await(stopped)
    })
  )
})

/** 16-bit PCM in a RIFF WAVE file. */
const wavOf = (sampleRate: number, signal: Signal): Buffer => {
  const channels = signal.length
  const frames = signal[0]!.length
  const bytes = 2 * channels * frames
  const wav = Buffer.alloc(44 + bytes)
  wav.write("RIFF", 0)
  wav.writeUInt32LE(36 + bytes, 4)
  wav.write("WAVEfmt ", 8)
  wav.writeUInt32LE(16, 16)
  wav.writeUInt16LE(1, 20)
  wav.writeUInt16LE(channels, 22)
  wav.writeUInt32LE(sampleRate, 24)
  wav.writeUInt32LE(2 * channels * sampleRate, 28)
  wav.writeUInt16LE(2 * channels, 32)
  wav.writeUInt16LE(16, 34)
  wav.write("data", 36)
  wav.writeUInt32LE(bytes, 40)
  for (let i = 0; i < frames; i++) {
    signal.forEach((samples, c) => wav.writeInt16LE(Math.round(32_767 * samples[i]!), 44 + 2 * (i * channels + c)))
  }
  return wav
}

describe("TrackAnalyzerLocal on the real decoder", () => {
  it.effect("keeps left and right of a WAV file apart", () =>
    Effect.gen(function* () {
      const file = join(folder, "real.wav")
      // Bass left, treble 6 dB lower on the right: read as interleaved or folded, no band would come out like this.
      writeFileSync(file, wavOf(44_100, [sine(44_100, 3, 150, -12), sine(44_100, 3, 5000, -18)]))
      const { fingerprint, measurements, provenance } = yield* analyze(file)
      assert.closeTo(fingerprint.bass_pct, 80, 0.5)
      assert.closeTo(fingerprint.presence_pct, 20, 0.5)
      assert.closeTo(measurements.sample_peak_dbfs, -12, 0.01)
      assert.hasFields(measurements, { sample_rate: 44_100, channels: 2, duration_seconds: 3 })
      assert.strictEqual(provenance.frames_analysed, 3 * 44_100)
    }).pipe(Effect.provide(TrackAnalyzerLocal.layer.pipe(Layer.provide(AudioDecoderNodeAv.layer))))
  )
})
