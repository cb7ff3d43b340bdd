import { describe, it } from "vitest"
import { channelWeights, makeLoudnessMeter } from "../../../src/dsp/analysis/LoudnessMeter.ts"
import { magnitudeDb } from "../../../src/dsp/Biquad.ts"
import { makeKernels } from "../../../src/dsp/Kernels.ts"
import { kWeighting } from "../../../src/dsp/KWeighting.ts"
import { assert } from "../../support/assert.ts"
import {
  inToneBlocks,
  integratedCases,
  type LoudnessCase,
  rangeCases,
  shortTermCase
} from "../../support/ebuSignals.ts"
import { inKernelBlocks } from "../../support/kernelBlocks.ts"
import { inSequence } from "../../support/musicSignals.ts"
import { kWeightedEnergy } from "../../support/reference/KWeightedEnergy.ts"
import { onAll, type Signal, silence, sine, whiteNoise } from "../../support/signals.ts"

const measure = (sampleRate: number, signal: Signal) => {
  const kernels = makeKernels()
  const meter = makeLoudnessMeter(kernels, sampleRate, signal.length)
  const block = sampleRate / 10
  inKernelBlocks(kernels, signal, block, (channels, length) => {
    if (length === block) meter.process(channels, length)
  })
  return meter.result()
}

const tones = (sampleRate: number, ...segments: ReadonlyArray<readonly [seconds: number, levelDbfs: number]>) =>
  onAll(2, inSequence(...segments.map(([seconds, level]) => sine(sampleRate, seconds, 1000, level))))

const ebuRates = [44_100, 48_000, 88_200, 96_000, 192_000]

const measureTone = (sampleRate: number, { segments }: LoudnessCase) => {
  const kernels = makeKernels()
  const meter = makeLoudnessMeter(kernels, sampleRate, segments[0]!.levelsDbfs.length)
  inToneBlocks(kernels, sampleRate, segments, meter.process)
  return meter.result()
}

describe.each(ebuRates)("at %i Hz", (rate) => {
  it.each(integratedCases)("integrated loudness of EBU Tech 3341 case $name is within 0.1 LU", (ebuCase) => {
    assert.isBelow(Math.abs(measureTone(rate, ebuCase).integratedLufs! - ebuCase.expected), 0.1)
  })

  it("short-term loudness of EBU Tech 3341 case 9 is constant, at the mean of the whole", () => {
    const { integratedLufs, rangeLu, variationLu } = measureTone(rate, shortTermCase)
    assert.isBelow(Math.abs(integratedLufs! - shortTermCase.expected), 0.1)
    assert.isBelow(rangeLu, 0.1)
    assert.isBelow(variationLu, 0.1)
  })

  it.each(rangeCases)("loudness range of EBU Tech 3342 case $name is within 1 LU", (ebuCase) => {
    assert.isBelow(Math.abs(measureTone(rate, ebuCase).rangeLu - ebuCase.expected), 1)
  })
})

describe("the compiled K-weighting", () => {
  const energies = (left: Float32Array, right: Float32Array, sampleRate: number, block: number) => {
    const kernels = makeKernels()
    const coefficients = kernels.float64(10)
    coefficients.set(kWeighting(sampleRate).flatMap(({ a1, a2, b0, b1, b2 }) => [b0, b1, b2, a1, a2]))
    const [state, ofBlock] = [kernels.float64(12), kernels.float64(2)]
    const sums: [number, number] = [0, 0]
    inKernelBlocks(kernels, [left, right], block, (channels, length) => {
      const [l, r] = channels.map(kernels.addressOf)
      kernels.functions.kWeightedEnergy(l!, r!, length, coefficients.byteOffset, state.byteOffset, ofBlock.byteOffset)
      sums[0] += ofBlock[0]!
      sums[1] += ofBlock[1]!
    })
    return sums
  }
  const signals: Record<string, Float32Array> = {
    noise: whiteNoise(44_100, 0.1, 0, 1),
    "faint noise": whiteNoise(44_100, 0.1, -120, 2),
    "loud noise": whiteNoise(44_100, 0.1, 40, 3),
    "an impulse": Float32Array.from({ length: 1001 }, (_, n) => (n === 500 ? 1 : 0)),
    "a constant": new Float32Array(1001).fill(1),
    denormals: new Float32Array(1001).fill(1e-42),
    silence: new Float32Array(1001)
  }

  it.each(Object.keys(signals))("equals the two sections one after the other: %s", (name) => {
    const left = signals[name]!
    const right = left.map((v, n) => (n % 3 === 0 ? -v : v / 2))
    for (const rate of [8000, 44_100, 192_000]) {
      const expected = [kWeightedEnergy(left, rate), kWeightedEnergy(right, rate)]
      for (const block of [441, left.length]) {
        energies(left, right, rate, block).forEach((energy, c) =>
          // Absolute, too: what the filter holds of a signal below 1e-30 is set to zero between blocks.
          assert.closeTo(energy, expected[c]!, 1e-9 * expected[c]! + 1e-50)
        )
      }
    }
  })

  it("responds within 0.015 dB of 48 kHz at every rate from 32 kHz, as far as 0.4 of the rate or 20 kHz", () => {
    const responseDb = (sampleRate: number, frequencyHz: number) =>
      kWeighting(sampleRate).reduce((sum, section) => sum + magnitudeDb(section, sampleRate, frequencyHz), 0)
    for (const rate of [32_000, 44_100, 48_000, 88_200, 96_000, 176_400, 192_000]) {
      const highest = Math.min(0.4 * rate, 20_000)
      for (let step = 0; step <= 300; step++) {
        const frequency = 20 * (highest / 20) ** (step / 300)
        const difference = responseDb(rate, frequency) - responseDb(48_000, frequency)
        assert.isBelow(Math.abs(difference), 0.015, `${rate} Hz, ${frequency}`)
      }
    }
  })

  it("is the filter of the tables: 0 dB at 997 Hz but for the offset, +4 dB in the treble, -3 dB steps in the bass", () => {
    const levelDb = (frequencyHz: number) => {
      const tone = sine(48_000, 2, frequencyHz, 0)
      const [energy] = energies(tone, tone, 48_000, 4800)
      return 10 * Math.log10((2 * energy!) / tone.length)
    }
    assert.closeTo(levelDb(997), 0.691, 0.005)
    assert.closeTo(levelDb(10_000), 4.04, 0.05)
    assert.isBelow(levelDb(20), -13)
  })
})

describe("integrated loudness", () => {
  it.each([22_050, 44_100, 96_000, 192_000])("of 997 Hz at -23 dBFS on both sides is -23 LUFS at %i Hz", (rate) => {
    // The standard's own point: 0 dBFS in one channel reads -3.01 LUFS.
    const { integratedLufs } = measure(rate, onAll(2, sine(rate, 2, 997, -23)))
    assert.isBelow(Math.abs(integratedLufs! + 23), rate < 32_000 ? 0.05 : 0.02)
  })

  it("of one channel is 3.01 LU below that of two", () => {
    const tone = sine(44_100, 2, 997, -20)
    const difference = measure(44_100, onAll(2, tone)).integratedLufs! - measure(44_100, onAll(1, tone)).integratedLufs!
    assert.closeTo(difference, 3.0103, 0.0005)
  })

  it("is null where nothing passes the absolute gate", () => {
    assert.isNull(measure(8000, onAll(2, silence(8000, 2))).integratedLufs)
    assert.isNull(measure(8000, onAll(2, sine(8000, 2, 997, -75))).integratedLufs)
  })

  it("weighs surrounds by 1.41 and leaves the LFE out", () => {
    assert.deepStrictEqual(channelWeights(6), [1, 1, 1, 0, 1.41, 1.41])
    assert.deepStrictEqual(channelWeights(2), [1, 1])
    assert.lengthOf(channelWeights(12), 12)
  })
})

describe("loudness range", () => {
  const rate = 8000

  it("is 0 for a steady tone and for less than three seconds", () => {
    assert.isBelow(measure(rate, tones(rate, [10, -20])).rangeLu, 0.01)
    assert.strictEqual(measure(rate, tones(rate, [2, -20])).rangeLu, 0)
  })
})

describe("variation of short-term loudness", () => {
  it("is half the step of a track that spends half its time on either level", () => {
    const { variationLu } = measure(8000, tones(8000, [40, -20], [40, -30]))
    assert.isBelow(Math.abs(variationLu - 5), 0.2)
  })

  it("leaves out what is 20 LU below", () => {
    assert.isBelow(measure(8000, tones(8000, [40, -20], [40, -55])).variationLu, 1.2)
  })
})
