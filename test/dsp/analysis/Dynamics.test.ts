import { describe, expect, it } from "vitest"
import { makeDynamicsMeter } from "../../../src/dsp/analysis/Dynamics.ts"
import { inBlocks, inSequence } from "../../support/musicSignals.ts"
import { type Signal, silence, sine } from "../../support/signals.ts"

const rate = 8000

const measure = (signal: Signal) => {
  const meter = makeDynamicsMeter(signal.length)
  inBlocks(signal, rate / 10, (block, length) => expect(meter.process(block, length, length === rate / 10)).toBe(true))
  return meter.result()
}

describe("crest factor", () => {
  it("of a full-scale sine is 3.01 dB, at any level", () => {
    for (const level of [0, -20, -80]) expect(measure([sine(rate, 2, 437, level, 0.3)]).crestDb).toBeCloseTo(3.01, 1)
  })

  it("of a square wave is 0", () => {
    expect(measure([sine(rate, 1, 500, 0, 0.1).map(Math.sign)]).crestDb).toBe(0)
  })

  it("counts all samples of all channels", () => {
    // Half of the samples are silent: half the power, 3.01 dB more.
    expect(measure([sine(rate, 2, 437, -6, 0.3), silence(rate, 2)]).crestDb).toBeCloseTo(6.02, 1)
  })
})

describe("clipped samples", () => {
  it("counts both full-scale codes of 16 bits and what lies beyond", () => {
    expect(measure([Float32Array.of(1, -1, 32767 / 32768, 0.9999, 1.5)]).clippedSamples).toBe(4)
  })
})

describe("silence ratio", () => {
  it("is the share of 100 ms blocks below -60 dBFS RMS", () => {
    const tone = (level: number) => sine(rate, 1, 437, level)
    expect(measure([inSequence(tone(-20), silence(rate, 2), tone(-20))]).silenceRatio).toBe(0.5)
    // A sine's RMS is 3 dB below its peak: -56 and -58 lie on either side of the bound.
    expect(measure([inSequence(tone(-56), tone(-58))]).silenceRatio).toBe(0.5)
  })
})

describe("variation from second to second", () => {
  it("of the crest factor is 0 for a steady tone, and follows it where it changes", () => {
    const tone = sine(rate, 1, 437, -6, 0.3)
    const square = tone.map((v) => 0.25 * Math.sign(v))
    expect(measure([inSequence(tone, tone, tone)]).crestVariationDb).toBeLessThan(1e-6)
    // Half the seconds at 3.01 dB, half at 0: half the difference.
    expect(measure([inSequence(tone, square, tone, square)]).crestVariationDb).toBeCloseTo(1.505, 2)
  })

  it("of the peak is 1 where it is constant and falls as it varies", () => {
    const tone = (level: number) => sine(rate, 1, 437, level, 0.3)
    const steady = measure([inSequence(tone(-6), tone(-6), tone(-6))]).peakConsistency
    const varied = measure([inSequence(tone(0), tone(-20), tone(0), tone(-20))]).peakConsistency
    expect(steady).toBeCloseTo(1, 6)
    // Peaks 1 and 0.1: deviation 0.45 of mean 0.55.
    expect(varied).toBeCloseTo(1 / (1 + 0.45 / 0.55), 2)
  })

  it("leaves out silent seconds and a last, incomplete one", () => {
    const tone = sine(rate, 1, 437, -6, 0.3)
    const { crestVariationDb, peakConsistency } = measure([
      inSequence(tone, silence(rate, 3), tone, sine(rate, 0.5, 437, -40))
    ])
    expect(crestVariationDb).toBeLessThan(1e-6)
    expect(peakConsistency).toBeCloseTo(1, 6)
  })
})

describe("samples that are not finite", () => {
  it("are refused", () => {
    const meter = makeDynamicsMeter(1)
    expect(meter.process([Float32Array.of(0, Number.NaN)], 2, true)).toBe(false)
    expect(meter.process([Float32Array.of(0, -Infinity)], 2, true)).toBe(false)
    expect(meter.process([Float32Array.of(3e38, -3e38)], 2, true)).toBe(true)
  })
})
