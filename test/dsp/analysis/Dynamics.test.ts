import { describe, expect, it } from "vitest"
import { makeBlockSums } from "../../../src/dsp/analysis/BlockSums.ts"
import { makeDynamicsMeter } from "../../../src/dsp/analysis/Dynamics.ts"
import { makeKernels } from "../../../src/dsp/Kernels.ts"
import { inKernelBlocks } from "../../support/kernelBlocks.ts"
import { inSequence } from "../../support/musicSignals.ts"
import { onAll, type Signal, silence, sine } from "../../support/signals.ts"

const rate = 8000

const withMeter = (signal: Signal) => {
  const block = rate / 10
  const kernels = makeKernels()
  const sums = makeBlockSums(kernels, signal.length, block)
  const meter = makeDynamicsMeter(signal.length)
  let isFinite = true
  inKernelBlocks(kernels, signal, block, (channels, length) => {
    sums.process(channels, length)
    isFinite = meter.process(sums.levels(), length, length === block) && isFinite
  })
  return { meter, isFinite }
}

const measure = (signal: Signal) => {
  const { isFinite, meter } = withMeter(signal)
  expect(isFinite).toBe(true)
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
    const isFinite = (...samples: ReadonlyArray<number>) => withMeter([Float32Array.from(samples)]).isFinite
    expect(isFinite(0, Number.NaN)).toBe(false)
    expect(isFinite(0, -Infinity)).toBe(false)
    expect(isFinite(3e38, -3e38)).toBe(true)
  })

  it("are found in any channel and at any place of a block", () => {
    for (const channels of [1, 2, 3, 6]) {
      for (let c = 0; c < channels; c++) {
        for (let at = 0; at < 7; at++) {
          const signal = onAll(channels, new Float32Array(7).fill(0.5))
          signal[c]![at] = Number.NaN
          expect(withMeter(signal).isFinite).toBe(false)
        }
      }
    }
  })
})
