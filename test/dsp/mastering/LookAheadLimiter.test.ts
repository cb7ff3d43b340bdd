import { describe, it } from "vitest"
import { assert } from "../../support/assert.ts"
import { isFfmpegPresent, readWithFfmpeg } from "../../support/ffmpegMeter.ts"
import { music } from "../../support/music.ts"
import { neutralSettings, renderChain } from "../../support/renderChain.ts"
import { dbToLinear, makeRandom, sampled, type Signal, sine } from "../../support/signals.ts"
import { shortFilterTruePeakDbtp, truePeakDbtp } from "../../support/truePeak.ts"

const rate = 44_100
const make = (seconds: number, sample: (n: number) => number) => sampled(Math.round(seconds * rate), sample)
const random = makeRandom(7)
const song = music({ sampleRate: rate, seconds: 5, seed: 3, bpm: 124, drumsDb: 3, driveDb: 0, peakDbfs: -1 })
const louder = (signal: Signal, db: number): Signal => signal.map((channel) => channel.map((x) => x * dbToLinear(db)))

/** Torture by name; `hasNyquist` where there is energy up to half the rate, on which meters differ by up to 1 dB. */
const torture: ReadonlyArray<readonly [string, Signal, { readonly hasNyquist: boolean }]> = [
  ["a quarter of the rate between samples", [sine(rate, 2, rate / 4, 3, Math.PI / 4)], { hasNyquist: false }],
  [
    "bursts of it",
    [make(2, (n) => (n % 5000 < 300 ? 1.6 * Math.sin((Math.PI / 2) * n + Math.PI / 4) : 0))],
    { hasNyquist: false }
  ],
  [
    "a clipped sine",
    [make(2, (n) => Math.max(-1, Math.min(1, 4 * Math.sin((2 * Math.PI * 997 * n) / rate))))],
    { hasNyquist: false }
  ],
  ["a square", [make(2, (n) => (Math.sin((2 * Math.PI * 997 * n) / rate) > 0 ? 1 : -1))], { hasNyquist: true }],
  ["white noise", [make(2, () => 2 * random() - 1)], { hasNyquist: true }],
  ["white noise 6 dB over", [make(2, () => 4 * random() - 2)], { hasNyquist: true }],
  ["pairs of impulses", [make(2, (n) => (n % 1000 < 2 ? 1 : 0))], { hasNyquist: true }],
  ["alternating impulses", [make(2, (n) => (n % 1000 < 24 ? (n % 2 === 0 ? 1 : -1) : 0))], { hasNyquist: true }],
  [
    "a sweep to 0.4 of the rate",
    [make(3, (n) => Math.sin(2 * Math.PI * ((20 * n) / rate + (0.4 * n * n) / (6 * rate))))],
    { hasNyquist: false }
  ],
  [
    "40 Hz and 15 kHz",
    [make(2, (n) => 0.8 * Math.sin((2 * Math.PI * 40 * n) / rate) + 0.8 * Math.sin((2 * Math.PI * 15_000 * n) / rate))],
    { hasNyquist: false }
  ],
  ["music 6 dB over", louder(song, 6), { hasNyquist: false }],
  ["music 12 dB over", louder(song, 12), { hasNyquist: false }]
]

describe("the true-peak limiter", () => {
  for (const [name, signal, { hasNyquist }] of torture) {
    const limited = renderChain(signal, rate, neutralSettings)
    if (!hasNyquist) {
      it(`holds -1 dBTP on ${name}, by a 16x meter`, () => {
        assert.isAtMost(truePeakDbtp(limited), -0.95)
      })
    }
    it(`holds -1 dBTP on ${name}, by libebur128's filter`, () => {
      assert.isAtMost(shortFilterTruePeakDbtp(limited), -0.95)
    })
    it.skipIf(!isFfmpegPresent)(`holds -1 dBTP on ${name}, by ffmpeg's meter`, () => {
      assert.isAtMost(readWithFfmpeg(limited, rate).truePeakDbtp, -0.95)
    })
  }

  it.skipIf(!isFfmpegPresent)("holds it at every rate and from the very first sample", () => {
    for (const sampleRate of [8000, 22_050, 48_000, 96_000, 192_000]) {
      const clipped = sampled(sampleRate / 2, (n) =>
        Math.max(-1.5, Math.min(1.5, 6 * Math.cos((2 * Math.PI * 997 * n) / sampleRate)))
      )
      const limited = renderChain([clipped], sampleRate, neutralSettings)
      assert.isAtMost(readWithFfmpeg(limited, sampleRate).truePeakDbtp, -0.95, `${sampleRate} Hz`)
    }
  })

  it("uses the room it has: a steady tone ends between -1.15 dBTP and the ceiling", () => {
    const limited = renderChain([sine(rate, 1, 997, 6)], rate, neutralSettings)
    assert.isAtLeast(truePeakDbtp([limited[0]!.slice(rate / 2)]), -1.15)
  })

  it("leaves alone what stays below the ceiling, bit for bit", () => {
    const quiet = louder(song, -3)
    assert.isBelow(truePeakDbtp(quiet), -1.1)
    assert.deepStrictEqual(renderChain(quiet, rate, neutralSettings), quiet)
  })

  it("moves all channels together", () => {
    const left = sine(rate, 1, 440, 4)
    const right = sine(rate, 1, 310, -20)
    const [outLeft, outRight] = renderChain([left, right], rate, neutralSettings)
    for (let n = 2000; n < rate - 2000; n += 997) {
      if (Math.abs(left[n]!) < 0.3 || Math.abs(right[n]!) < 0.02) continue
      assert.closeTo(outRight![n]! / right[n]!, outLeft![n]! / left[n]!, 1e-4)
    }
  })

  it("recovers fully, to the last bit, after a peak", () => {
    const tone = sine(rate, 3, 440, -12)
    const input = tone.slice()
    input[1000] = 1.5
    const [output] = renderChain([input], rate, neutralSettings)
    assert.isBelow(Math.abs(output![1000]!), 0.9)
    assert.deepStrictEqual(output!.slice(2.5 * rate), tone.slice(2.5 * rate))
  })

  it("with no ceiling lets everything pass", () => {
    const [loud] = [sine(rate, 0.5, 440, 12)]
    assert.deepStrictEqual(renderChain([loud], rate, { ...neutralSettings, ceiling_dbtp: null }), [loud])
  })
})
