import { describe, expect, it } from "vitest"
import { makeTruePeakMeter } from "../../../src/dsp/analysis/TruePeakMeter.ts"
import { inBlocks, inSequence } from "../../support/musicSignals.ts"
import { dbToLinear, type Signal, silence, sine, whiteNoise } from "../../support/signals.ts"

const measure = (sampleRate: number, signal: Signal, block = 4800): number => {
  const meter = makeTruePeakMeter(sampleRate, signal.length, block)
  inBlocks(signal, block, meter.process)
  return 20 * Math.log10(meter.result())
}

const degrees = Math.PI / 180

/** A tone that fades in and out over 10 ms: the step of a hard start has true peaks of its own. */
const faded = (rate: number, frequencyHz: number, levelDbfs: number, phase: number) => {
  const tone = sine(rate, 0.5, frequencyHz, levelDbfs, phase)
  const ramp = rate / 100
  return tone.map((v, n) => v * Math.min(1, n / ramp, (tone.length - 1 - n) / ramp))
}

describe("true peak, EBU Tech 3341", () => {
  const rate = 48_000
  it.each([
    ["15", 4, 0, 0.5, -6],
    ["16", 4, 45, 0.5, -6],
    ["17", 6, 60, 0.5, -6],
    ["18", 8, 67.5, 0.5, -6],
    ["19", 4, 45, Math.SQRT2, 3]
  ])("case %s", (_, divisor, phase, amplitude, expected) => {
    const tone = faded(rate, rate / divisor, 20 * Math.log10(amplitude), phase * degrees)
    const error = measure(rate, [tone, silence(rate, 0.5)]) - expected
    expect(error).toBeLessThan(0.2)
    expect(error).toBeGreaterThan(-0.4)
  })
})

describe("true peak", () => {
  it("equals a plain interpolation of every point: what is skipped could not have been the peak", () => {
    const noise = whiteNoise(44_100, 0.2, -3, 7)
    // The same filter where nothing can be skipped: each short piece alone, between zeros, sees only its own peak.
    let largest = 0
    const around = 64
    for (let at = 0; at < noise.length - around; at += 8) {
      const piece = noise.slice(Math.max(0, at - around), at + 8 + around)
      const meter = makeTruePeakMeter(44_100, 1, piece.length)
      const quiet = piece.map((v, i) => (i < 24 || i >= piece.length - 24 ? 0 : v))
      meter.process([quiet], quiet.length)
      largest = Math.max(largest, meter.result())
    }
    const whole = 10 ** (measure(44_100, [noise]) / 20)
    expect(whole).toBeGreaterThan(dbToLinear(-3))
    expect(whole).toBeLessThanOrEqual(largest + 1e-12)
  })

  it("does not depend on the split", () => {
    const noise = whiteNoise(44_100, 0.3, -1, 3)
    expect(new Set([33, 441, 4410, noise.length].map((block) => measure(44_100, [noise], block))).size).toBe(1)
  })

  it("finds a peak between the last samples of the track", () => {
    const tone = inSequence(silence(48_000, 0.1), Float32Array.of(0.7, 0.7))
    expect(measure(48_000, [tone])).toBeGreaterThan(20 * Math.log10(0.75))
  })

  it("reads a quarter-rate tone between its samples at 96 kHz, and the samples themselves at 192 kHz", () => {
    expect(Math.abs(measure(96_000, [faded(96_000, 24_000, 0, 45 * degrees)], 9600))).toBeLessThan(0.05)
    expect(measure(192_000, [faded(192_000, 48_000, 0, 45 * degrees)], 19_200)).toBeCloseTo(-3.0103, 3)
  })
})
