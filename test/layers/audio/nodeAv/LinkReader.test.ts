import { readFileSync, writeFileSync } from "node:fs"
import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { layer } from "../../../../src/layers/audio/AudioDecoderNodeAv.ts"
import { AudioReader } from "../../../../src/layers/audio/nodeAv/AudioReader.ts"
import { assert } from "../../../support/assert.ts"
import {
  type AudioFormatName,
  decodeAll,
  decodeWithError,
  firstDifference,
  temporaryFolder,
  writeAudioFile
} from "../../../support/audioFiles.ts"
import { makeRandom, sampled, type Signal, whiteNoise } from "../../../support/signals.ts"

const frames = 400_000

const music = (sampleRate: number): Signal =>
  [200, 330].map((hertz, channel) => {
    const noise = whiteNoise(sampleRate, frames / sampleRate, -40, channel + 1)
    return sampled(frames, (n) => {
      const seconds = n / sampleRate
      return 0.3 * Math.sin(2 * Math.PI * (hertz + 60 * seconds) * seconds) + noise[n]!
    })
  })

/** Random bytes in the place of `count`, from a share of the file on. */
const damage = (path: string, share: number, count: number): void => {
  const bytes = readFileSync(path)
  const random = makeRandom(count)
  const at = Math.floor(bytes.length * share)
  for (let n = at; n < at + count; n++) bytes[n] = Math.floor(256 * random())
  writeFileSync(path, bytes)
}

const lossOf = (path: string, startFrame = 0, heardFrom = startFrame) => {
  const reader = new AudioReader(path)
  try {
    reader.seek(startFrame, heardFrom)
    while (reader.next(16_384) !== "end") continue
    return reader.loss
  } finally {
    reader.close()
  }
}

const part = (signal: Signal, from: number, to?: number): Signal => signal.map((samples) => samples.subarray(from, to))

const cases: ReadonlyArray<{
  readonly format: AudioFormatName
  readonly bytes: number
  /** What may be missing, samples: a few frames, or a page of Ogg. */
  readonly most: number
  /** Behind the silence, until nothing of the decoder's state depends on what is missing. */
  readonly settled: number
}> = [
  { format: "flac16", bytes: 20, most: 3 * 4608, settled: 0 },
  { format: "flac24", bytes: 400, most: 3 * 4608, settled: 0 },
  { format: "alac16", bytes: 60, most: 2 * 4096, settled: 0 },
  { format: "mp3", bytes: 383, most: 6 * 1152, settled: 16 * 1152 },
  { format: "aac", bytes: 60, most: 4 * 1024, settled: 2048 },
  { format: "vorbis", bytes: 20, most: 50_000, settled: 8192 },
  { format: "opus", bytes: 60, most: 50_000, settled: 48_000 }
]

const write = (folder: string, format: AudioFormatName, name = "a") => {
  const sampleRate = format === "opus" ? 48_000 : 44_100
  // Perceptual noise substitution draws its noise anew each time.
  const encoder = format === "aac" ? { encoder: { aac_pns: "0" } } : {}
  return writeAudioFile(folder, name, format, music(sampleRate), { sampleRate, ...encoder })
}

describe("LinkReader, a damaged spot", () => {
  it.scoped.each(cases)(
    "plays on behind it, in $format, with every sample in its place",
    ({ bytes, format, most, settled }) =>
      Effect.gen(function* () {
        const path = write(yield* temporaryFolder, format)
        const whole = yield* decodeAll(path)
        damage(path, 0.5, bytes)
        const mended = yield* decodeAll(path)
        const loss = lossOf(path)
        assert.isAbove(loss!.frames, 0)
        assert.isBelow(loss!.frames, most)
        assert.strictEqual(mended.channels[0]!.length, frames)
        const end = loss!.from + loss!.frames + settled
        // Half a block of Vorbis is heard only with the next one.
        const before = loss!.from - (format === "vorbis" || format === "opus" ? 2048 : 0)
        assert.isUndefined(firstDifference(part(mended.channels, 0, before), part(whole.channels, 0, before)))
        assert.isUndefined(firstDifference(part(mended.channels, end), part(whole.channels, end)))
      }).pipe(Effect.provide(layer))
  )

  it.scoped.each(cases)("gives the same samples of $format from any position", ({ bytes, format }) =>
    Effect.gen(function* () {
      const path = write(yield* temporaryFolder, format)
      damage(path, 0.5, bytes)
      const whole = yield* decodeAll(path)
      const { from, frames: lost } = lossOf(path)!
      for (const startFrame of [from - 3, from, from + 7, from + (lost >> 1), from + lost - 5, from + lost, 350_000]) {
        const rest = yield* decodeAll(path, { startFrame })
        assert.strictEqual(rest.blocks[0]?.start, startFrame)
        assert.isUndefined(firstDifference(rest.channels, part(whole.channels, startFrame)), `from ${startFrame}`)
        const heard = Math.max(0, from + lost - Math.max(from, startFrame))
        assert.strictEqual(lossOf(path, startFrame)?.frames ?? 0, heard)
      }
    }).pipe(Effect.provide(layer))
  )

  it.scoped("is no loss before the first sample that is heard, and one behind it", () =>
    Effect.gen(function* () {
      const path = write(yield* temporaryFolder, "flac16")
      damage(path, 0.3, 20)
      const first = lossOf(path)!
      const behind = first.from + first.frames
      assert.isUndefined(lossOf(path, first.from - 10_000, behind))
      assert.deepStrictEqual(lossOf(path, first.from - 10_000, behind - 100), { from: behind - 100, frames: 100 })
      damage(path, 0.8, 20)
      const both = lossOf(path)!
      const second = lossOf(path, first.from - 10_000, behind)!
      assert.strictEqual(second.frames, both.frames - first.frames)
      assert.isAbove(second.from, frames / 2)
    })
  )

  it.scoped("is no loss where samples that are no numbers come before the first that is heard", () =>
    Effect.gen(function* () {
      const path = write(yield* temporaryFolder, "wavFloat")
      const bytes = readFileSync(path)
      const sampleAt = (n: number) => bytes.length - 8 * (frames - n)
      for (const n of [100_000, 100_005, 300_000]) bytes.writeFloatLE(Number.NaN, sampleAt(n))
      writeFileSync(path, bytes)
      assert.deepStrictEqual(lossOf(path), { from: 100_000, frames: 3 })
      assert.deepStrictEqual(lossOf(path, 90_000, 100_001), { from: 100_005, frames: 2 })
      assert.deepStrictEqual(lossOf(path, 90_000, 200_000), { from: 300_000, frames: 1 })
    })
  )

  it.scoped("fades what is there into the silence and out of it, without a click", () =>
    Effect.gen(function* () {
      const path = write(yield* temporaryFolder, "flac16")
      const whole = yield* decodeAll(path)
      damage(path, 0.5, 20)
      const { channels } = yield* decodeAll(path)
      const { from, frames: lost } = lossOf(path)!
      const largestStep = (samples: Float32Array) =>
        samples.reduce((most, x, n) => (n === 0 ? most : Math.max(most, Math.abs(x - samples[n - 1]!))), 0)
      for (const [channel, samples] of channels.entries()) {
        assert.isAtMost(
          largestStep(samples.subarray(from - 10, from + lost + 10)),
          largestStep(whole.channels[channel]!)
        )
        assert.strictEqual(largestStep(samples.subarray(from + 300, from + lost - 300)), 0)
        assert.strictEqual(samples[from + 1000], 0)
      }
    }).pipe(Effect.provide(layer))
  )

  it.scoped("counts the missing frames of an MP3 of variable bit rate by those that are there", () =>
    Effect.gen(function* () {
      const options = { sampleRate: 44_100, encoder: { b: "0", flags: "+qscale", global_quality: "472" } }
      const path = writeAudioFile(yield* temporaryFolder, "a", "mp3", music(44_100), options)
      const whole = yield* decodeAll(path)
      damage(path, 0.4, 2000)
      const mended = yield* decodeAll(path)
      const { from, frames: lost } = lossOf(path)!
      assert.strictEqual(mended.channels[0]!.length, whole.channels[0]!.length)
      const end = from + lost + 16 * 1152
      assert.isUndefined(firstDifference(part(mended.channels, end), part(whole.channels, end)))
    }).pipe(Effect.provide(layer))
  )

  it.scoped("is heard several times in one file", () =>
    Effect.gen(function* () {
      const path = write(yield* temporaryFolder, "flac16")
      const whole = yield* decodeAll(path)
      for (const share of [0.2, 0.5, 0.8]) damage(path, share, 20)
      const mended = yield* decodeAll(path)
      const differing = whole.channels[0]!.reduce((sum, x, n) => sum + (x === mended.channels[0]![n] ? 0 : 1), 0)
      const loss = lossOf(path)!
      assert.isAbove(loss.frames, 2 * 4608)
      assert.isAtMost(differing, loss.frames)
    }).pipe(Effect.provide(layer))
  )

  it.scoped.each(["flac16", "mp3", "aac", "vorbis"] as const)("in more than half of %s is a fault", (format) =>
    Effect.gen(function* () {
      const path = write(yield* temporaryFolder, format)
      const bytes = readFileSync(path)
      damage(path, 0.25, Math.floor(bytes.length * 0.6))
      const { error } = yield* decodeWithError(path)
      assert.strictEqual(error?._tag, "TrackUnreadable")
    }).pipe(Effect.provide(layer))
  )
})
