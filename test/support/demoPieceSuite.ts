/** What holds of the demo pieces, at any rate. */
import { describe, it } from "vitest"
import { demoPieces } from "../../demo/DemoPieces.ts"
import type { Stereo } from "../../demo/Stereo.ts"
import { assert } from "./assert.ts"
import { integratedLufs } from "./loudness.ts"

/** Rendering is seconds of arithmetic: more than the default on a machine that is busy with other tests. */
const timeoutMs = 180_000

const levelsOf = (channels: Stereo) => {
  let peak = 0
  let energy = 0
  for (const samples of channels) {
    for (let n = 0; n < samples.length; n++) {
      peak = Math.max(peak, Math.abs(samples[n]!))
      energy += samples[n]! ** 2
    }
  }
  return { peak, crestDb: 20 * Math.log10(peak / Math.sqrt(energy / (2 * channels[0].length))) }
}

/** Power of the difference of the sides over that of their sum, dB. */
const sideOverMidDb = ([left, right]: Stereo) => {
  let side = 0
  let mid = 0
  for (let n = 0; n < left.length; n++) {
    side += (left[n]! - right[n]!) ** 2
    mid += (left[n]! + right[n]!) ** 2
  }
  return 10 * Math.log10(side / mid)
}

/** RMS of each second, dB below the loudest one. */
const contourDb = ([left, right]: Stereo, sampleRate: number) => {
  const seconds: Array<number> = []
  for (let from = 0; from + sampleRate <= left.length; from += sampleRate) {
    let energy = 1e-12
    for (let n = from; n < from + sampleRate; n++) energy += left[n]! ** 2 + right[n]! ** 2
    seconds.push(10 * Math.log10(energy))
  }
  const loudest = Math.max(...seconds)
  return seconds.map((level) => loudest - level)
}

const isIn = (value: number, low: number, high: number, what: string) =>
  assert(value >= low && value <= high, `${what} is ${value.toFixed(2)}, expected ${low} to ${high}`)

const expected = {
  Overpass: { lufs: [-9.5, -7.5], crestDb: [8, 10] },
  "Glass Circuit": { lufs: [-11.9, -10.5], crestDb: [13.5, 15.5] },
  "Paper Lanterns": { lufs: [-23.5, -20.5], crestDb: [16.5, 19.5] },
  "Late Ferry": { lufs: [-17.5, -14.5], crestDb: [14, 18] }
} as const

export const describeDemoPieces = (sampleRate: number) =>
  describe(`the demo pieces at ${sampleRate} Hz`, () => {
    it("are four, each with a name of its own", () => {
      assert.deepStrictEqual(
        demoPieces.map(({ title }) => title),
        Object.keys(expected)
      )
      for (const { fileName, title } of demoPieces) assert.strictEqual(fileName, `${title}.flac`)
    })

    for (const piece of demoPieces) {
      it(
        `${piece.title} is music of its class of loudness, in stereo, of 60 to 90 seconds`,
        { timeout: timeoutMs },
        () => {
          const channels = piece.render(sampleRate)
          const { peak, crestDb } = levelsOf(channels)
          const want = expected[piece.title as keyof typeof expected]
          assert.strictEqual(channels[0].length, channels[1].length)
          isIn(channels[0].length / sampleRate, 60, 90, "the length")
          // A NaN anywhere would make the energy, and with it the crest factor, NaN.
          isIn(peak, 0.25, 1, "the peak")
          isIn(crestDb, want.crestDb[0], want.crestDb[1], "the crest factor")
          isIn(integratedLufs(channels, sampleRate), want.lufs[0], want.lufs[1], "the loudness")
          isIn(sideOverMidDb(channels), -25, -3, "side over mid")
          const contour = contourDb(channels, sampleRate)
          assert(Math.max(...contour.slice(1, -8)) < 30, "no second in the middle is silent")
          assert.strictEqual(Math.abs(channels[0].at(-1)!), 0, "it ends in silence")
        }
      )
    }
  })
