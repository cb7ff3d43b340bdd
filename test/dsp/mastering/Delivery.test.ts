import { describe, it } from "vitest"
import type { RenderSettings } from "../../../src/domain/mastering/MasteringPlan.ts"
import { assert } from "../../support/assert.ts"
import { deliver } from "../../support/deliver.ts"
import { isFfmpegPresent, readWithFfmpeg } from "../../support/ffmpegMeter.ts"
import { music } from "../../support/music.ts"
import { neutralSettings, renderChain } from "../../support/renderChain.ts"
import { dbToLinear, makeRandom, type Signal, silence, sine, whiteNoise } from "../../support/signals.ts"
import { shortFilterTruePeakDbtp } from "../../support/truePeak.ts"

const rate = 44_100
const song = music({ sampleRate: rate, seconds: 11, seed: 9, bpm: 120, drumsDb: 0, driveDb: 3, peakDbfs: -0.3 })
const short = song.map((channel) => channel.slice(0, 60_000))
const busy: RenderSettings = {
  ...neutralSettings,
  balance_db: [1, -2, 2, 0, -1, 1.5, -3],
  expansion_db: 1.5,
  compressor: { threshold_dbfs: -14, ratio: 1.4 },
  side_gain_db: 1.5,
  gain_db: 5
}
const bypass: RenderSettings = { ...neutralSettings, bypass: true, ceiling_dbtp: null }

const largestDifferenceDbfs = (a: Signal, b: Signal): number =>
  20 *
  Math.log10(a.reduce((most, channel, c) => channel.reduce((m, x, n) => Math.max(m, Math.abs(x - b[c]![n]!)), most), 0))

describe("what is delivered at another rate", () => {
  for (const sampleRate of [rate, 48_000, 96_000, 22_050]) {
    it(`is the same bytes at ${sampleRate} Hz however the input is split, while plans change too`, () => {
      const changes = [
        { at: 15_011, settings: bypass, glideSeconds: 0.1 },
        { at: 33_333, settings: { ...busy, gain_db: -2 }, glideSeconds: 0.2 }
      ]
      const options = { settings: busy, changes }
      const whole = deliver(short, rate, sampleRate, { ...options, blockFrames: 1 << 17 })
      for (const blockFrames of [1, 333, 4096, 44_100]) {
        assert.deepStrictEqual(deliver(short, rate, sampleRate, { ...options, blockFrames }), whole)
      }
    })
  }

  it("differs by at most -90 dBFS where it starts in the middle, after 5 s of pre-roll", () => {
    const random = makeRandom(12)
    for (const sampleRate of [rate, 48_000]) {
      const whole = deliver(song, rate, sampleRate, { settings: busy })
      for (let i = 0; i < 10; i++) {
        const startFrame = Math.floor((6 + 4.5 * random()) * sampleRate)
        const seek = deliver(song, rate, sampleRate, { settings: busy, startFrame })
        const rest = whole.map((channel) => channel.slice(startFrame))
        assert.isBelow(largestDifferenceDbfs(seek, rest), -90, `${sampleRate} Hz from ${startFrame}`)
      }
    }
  })

  it("is what the chain renders, resampled, where the limiter has nothing to do", () => {
    const settings = { ...busy, gain_db: -12 }
    // At the very end the chain's own last millisecond follows, and not silence.
    const untilEnd = (signal: Signal) => signal.map((channel) => channel.slice(0, -300))
    const expected = deliver(renderChain(short, rate, settings), rate, 48_000)
    const delivered = deliver(short, rate, 48_000, { settings })
    assert.isBelow(largestDifferenceDbfs(untilEnd(delivered), untilEnd(expected)), -120)
  })

  it("is only resampled, and not limited, without a plan and at intensity 0", () => {
    const loud = [sine(rate, 0.5, 997, 3)]
    const plain = deliver(loud, rate, 48_000)
    assert.isAbove(Math.max(...plain[0]!), dbToLinear(2.9))
    assert.deepStrictEqual(deliver(loud, rate, 48_000, { settings: bypass }), plain)
  })

  it("comes under the ceiling at once, and opens only when the old plan has faded out", () => {
    const loud = [sine(rate, 2, 997, 3)]
    const limited = { ...neutralSettings, gain_db: 3 }
    const peakOf = (signal: Signal, from: number, to: number) =>
      20 * Math.log10(Math.max(...signal[0]!.subarray(from * 48_000, to * 48_000)))
    const closing = deliver(loud, rate, 48_000, {
      settings: bypass,
      changes: [{ at: rate / 2, settings: limited, glideSeconds: 1 }]
    })
    assert.isAbove(peakOf(closing, 0.1, 0.4), 2.9)
    assert.isAtMost(peakOf(closing, 0.51, 1.9), -0.95)
    const opening = deliver(loud, rate, 48_000, {
      settings: limited,
      changes: [{ at: rate / 2, settings: bypass, glideSeconds: 0.5 }]
    })
    assert.isAtMost(peakOf(opening, 0.1, 0.99), -0.95)
    assert.closeTo(peakOf(opening, 1.6, 1.9), 3, 0.02)
  })

  it("keeps left on the left, silence silent, and mono in two channels mono", () => {
    const left = [sine(rate, 0.5, 440, -6), silence(rate, 0.5)]
    const [, right] = deliver(left, rate, 96_000, { settings: { ...busy, side_gain_db: 0 } })
    assert.isTrue(right!.every((x) => Object.is(x, 0)))
    const mono = deliver([short[0]!, short[0]!.slice()], rate, 48_000, { settings: busy })
    assert.deepStrictEqual(mono[0], mono[1])
  })

  it("renders 1 to 8 channels, each from its own input", () => {
    for (let channels = 1; channels <= 8; channels++) {
      const input = Array.from({ length: channels }, (_, c) => sine(rate, 0.1, 300 + 100 * c, -20 - c))
      const output = deliver(input, rate, 48_000, { settings: { ...neutralSettings, gain_db: 6 } })
      for (let c = 0; c < channels; c++) {
        const expected = sine(48_000, 0.1, 300 + 100 * c, -14 - c)
        for (let n = 500; n < 4300; n += 51) assert.closeTo(output[c]![n]!, expected[n]!, 1e-5)
      }
    }
  })

  /** One after the other: each would be over the ceiling by itself. */
  const torture = (hz: number): Signal => {
    const parts = [
      sine(hz, 0.3, hz / 4, 3, Math.PI / 4),
      sine(hz, 0.3, hz / 6, 3, Math.PI / 6),
      sine(hz, 0.3, 997, 24).map((x) => Math.max(-1, Math.min(1, x))),
      whiteNoise(hz, 0.3, 0, 8),
      silence(hz, 0.3).map((_, n) => (n % 1000 === 500 ? 3 : 0)),
      music({ sampleRate: hz, seconds: 1, seed: 3, bpm: 124, drumsDb: 3, driveDb: 0, peakDbfs: 6 })[0]!
    ]
    // A filter's ringing that is cut off at an end is a step of its own: silence in between and around.
    const gap = 0.1 * hz
    const all = new Float32Array(parts.reduce((sum, part) => sum + part.length + gap, gap))
    let at = gap
    for (const part of parts) {
      all.set(part, at)
      at += part.length + gap
    }
    return [all]
  }
  for (const [sourceRate, sampleRate] of [
    [44_100, 44_100],
    [48_000, 48_000],
    [96_000, 96_000],
    [44_100, 48_000],
    [96_000, 44_100],
    [48_000, 96_000]
  ] as const) {
    it.skipIf(!isFfmpegPresent)(`holds -1 dBTP from ${sourceRate} at ${sampleRate} Hz, by two meters`, () => {
      const settings = { ...neutralSettings, gain_db: 3 }
      const limited = deliver(torture(sourceRate), sourceRate, sampleRate, { settings })
      for (const reading of [readWithFfmpeg(limited, sampleRate).truePeakDbtp, shortFilterTruePeakDbtp(limited)]) {
        assert.isAtMost(reading, -0.95)
        assert.isAbove(reading, -1.2)
      }
    })
  }
})
