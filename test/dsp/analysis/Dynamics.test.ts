import { describe, it } from "vitest"
import { makeBlockSums } from "../../../src/dsp/analysis/BlockSums.ts"
import { makeDynamicsMeter } from "../../../src/dsp/analysis/Dynamics.ts"
import { makeKernels } from "../../../src/dsp/Kernels.ts"
import { assert } from "../../support/assert.ts"
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
  assert.isTrue(isFinite)
  return meter.result()
}

describe("crest factor", () => {
  it("of a full-scale sine is 3.01 dB, at any level", () => {
    for (const level of [0, -20, -80]) assert.closeTo(measure([sine(rate, 2, 437, level, 0.3)]).crestDb, 3.01, 0.05)
  })

  it("of a square wave is 0", () => {
    assert.strictEqual(measure([sine(rate, 1, 500, 0, 0.1).map(Math.sign)]).crestDb, 0)
  })

  it("counts all samples of all channels", () => {
    // Half of the samples are silent: half the power, 3.01 dB more.
    assert.closeTo(measure([sine(rate, 2, 437, -6, 0.3), silence(rate, 2)]).crestDb, 6.02, 0.05)
  })
})

describe("clipped samples", () => {
  it("counts both full-scale codes of 16 bits and what lies beyond", () => {
    assert.strictEqual(measure([Float32Array.of(1, -1, 32767 / 32768, 0.9999, 1.5)]).clippedSamples, 4)
  })
})

describe("silence ratio", () => {
  it("is the share of 100 ms blocks below -60 dBFS RMS", () => {
    const tone = (level: number) => sine(rate, 1, 437, level)
    assert.strictEqual(measure([inSequence(tone(-20), silence(rate, 2), tone(-20))]).silenceRatio, 0.5)
    // A sine's RMS is 3 dB below its peak: -56 and -58 lie on either side of the bound.
    assert.strictEqual(measure([inSequence(tone(-56), tone(-58))]).silenceRatio, 0.5)
  })
})

describe("variation from second to second", () => {
  it("of the crest factor is 0 for a steady tone, and follows it where it changes", () => {
    const tone = sine(rate, 1, 437, -6, 0.3)
    const square = tone.map((v) => 0.25 * Math.sign(v))
    assert.isBelow(measure([inSequence(tone, tone, tone)]).crestVariationDb, 1e-6)
    // Half the seconds at 3.01 dB, half at 0: half the difference.
    assert.closeTo(measure([inSequence(tone, square, tone, square)]).crestVariationDb, 1.505, 0.005)
  })

  it("of the peak is 1 where it is constant and falls as it varies", () => {
    const tone = (level: number) => sine(rate, 1, 437, level, 0.3)
    const steady = measure([inSequence(tone(-6), tone(-6), tone(-6))]).peakConsistency
    const varied = measure([inSequence(tone(0), tone(-20), tone(0), tone(-20))]).peakConsistency
    assert.closeTo(steady, 1, 5e-7)
    // Peaks 1 and 0.1: deviation 0.45 of mean 0.55.
    assert.closeTo(varied, 1 / (1 + 0.45 / 0.55), 0.005)
  })

  it("leaves out silent seconds and a last, incomplete one", () => {
    const tone = sine(rate, 1, 437, -6, 0.3)
    const { crestVariationDb, peakConsistency } = measure([
      inSequence(tone, silence(rate, 3), tone, sine(rate, 0.5, 437, -40))
    ])
    assert.isBelow(crestVariationDb, 1e-6)
    assert.closeTo(peakConsistency, 1, 5e-7)
  })
})

describe("samples that are not finite", () => {
  it("are refused", () => {
    const isFinite = (...samples: ReadonlyArray<number>) => withMeter([Float32Array.from(samples)]).isFinite
    assert.isFalse(isFinite(0, Number.NaN))
    assert.isFalse(isFinite(0, -Infinity))
    assert.isTrue(isFinite(3e38, -3e38))
  })

  it("are found in any channel and at any place of a block", () => {
    for (const channels of [1, 2, 3, 6]) {
      for (let c = 0; c < channels; c++) {
        for (let at = 0; at < 7; at++) {
          const signal = onAll(channels, new Float32Array(7).fill(0.5))
          signal[c]![at] = Number.NaN
          assert.isFalse(withMeter(signal).isFinite)
        }
      }
    }
  })
})
