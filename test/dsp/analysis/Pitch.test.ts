import { describe, it } from "vitest"
import { makeKernels } from "../../../src/dsp/Kernels.ts"
import { evenConcentration, makeChroma } from "../../../src/dsp/analysis/Chroma.ts"
import { decimationFactor, makeDecimator } from "../../../src/dsp/analysis/Decimator.ts"
import { makeYin } from "../../../src/dsp/analysis/Yin.ts"
import { assert } from "../../support/assert.ts"
import { chord, glissando, inBlocks } from "../../support/musicSignals.ts"
import { silence, sine, whiteNoise } from "../../support/signals.ts"

const rate = 11_025

const pitchesOf = (samples: Float32Array) => {
  const pitches: Array<number> = []
  const yin = makeYin(makeKernels(), rate, 1103, (frequency) => pitches.push(frequency))
  inBlocks([samples], 1103, (block, length) => yin.process(block[0]!, length))
  const stability = yin.stability()
  return { stability, pitches: pitches.slice(0, -4) }
}

const concentrationOf = (samples: Float32Array): number => {
  const chroma = makeChroma(makeKernels(), rate, 1103)
  inBlocks([samples], 1103, (block, length) => chroma.process(block[0]!, length))
  return chroma.concentration()
}

describe("YIN", () => {
  it.each([66, 110, 220, 440, 1046, 1567, 2050])("reads %i Hz within 10 cents, and calls it steady", (frequencyHz) => {
    const { pitches, stability } = pitchesOf(sine(rate, 1, frequencyHz, -12))
    assert.isAbove(pitches.length, 30)
    for (const pitch of pitches) assert.isBelow(Math.abs(1200 * Math.log2(pitch / frequencyHz)), 10)
    assert.strictEqual(stability, 1)
  })

  it("takes the fundamental of a harmonic sound, not a partial", () => {
    const { pitches } = pitchesOf(chord(rate, 1, [150, 300, 450, 600], 0.15))
    for (const pitch of pitches) assert.isBelow(Math.abs(pitch - 150), 1)
  })

  it("calls a glissando of an octave in 2 s unsteady, one of an octave in 8 s steady", () => {
    assert.isBelow(pitchesOf(glissando(rate, 4, 110, 2, 0.5)).stability, 0.1)
    assert.isAbove(pitchesOf(glissando(rate, 4, 110, 8, 0.5)).stability, 0.9)
  })

  it("finds no pitch in noise, in silence and in what is too short", () => {
    assert.deepStrictEqual(
      pitchesOf(whiteNoise(rate, 3, -6, 1)).pitches.filter((pitch) => pitch > 0),
      []
    )
    assert.strictEqual(pitchesOf(whiteNoise(rate, 3, -6, 1)).stability, 0)
    assert.strictEqual(pitchesOf(silence(rate, 3)).stability, 0)
    assert.strictEqual(pitchesOf(sine(rate, 0.3, 220, -6)).stability, 0)
  })
})

describe("Chroma", () => {
  it.each([65.41, 82.41, 110, 220, 440, 1760])("concentrates a tone of %d Hz on one class", (frequencyHz) => {
    assert.isAbove(concentrationOf(sine(rate, 3, frequencyHz, -12)), 0.9)
  })

  it("reads a third for a triad, two octaves of one note as one, and little more than 1/12 for noise", () => {
    assert.closeTo(concentrationOf(chord(rate, 3, [261.63, 329.63, 392], 0.2)), 1 / 3, 0.005)
    assert.isAbove(concentrationOf(chord(rate, 3, [110, 220, 440], 0.2)), 0.95)
    assert.isBelow(concentrationOf(whiteNoise(rate, 5, -6, 1)), 0.1)
  })

  it("reads 1/12 where no segment sounds", () => {
    assert.strictEqual(concentrationOf(silence(rate, 2)), evenConcentration)
  })
})

describe("Decimator", () => {
  const gainDb = (sampleRate: number, frequencyHz: number) => {
    const factor = decimationFactor(sampleRate)
    const decimator = makeDecimator(makeKernels(), factor, sampleRate / 10)
    let energy = 0
    let count = 0
    inBlocks([sine(sampleRate, 1, frequencyHz, 0, 0.4)], sampleRate / 10, (block, length) => {
      const produced = decimator.process(block[0]!, length)
      for (let i = 0; i < produced; i++) {
        // The tone's hard start passes the filter.
        if (count++ >= 100) energy += decimator.output[i]! ** 2
      }
    })
    return 10 * Math.log10((2 * energy) / (count - 100))
  }

  it("chooses the factor whose rate is nearest to 11.025 kHz", () => {
    assert.deepStrictEqual(
      [8000, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000, 192_000].map(decimationFactor),
      [1, 1, 2, 3, 4, 4, 9, 17]
    )
  })

  it.each([44_100, 48_000, 96_000])("passes what is measured and stops what would fold onto it, at %i Hz", (rateIn) => {
    const rateOut = rateIn / decimationFactor(rateIn)
    for (const frequency of [65, 500, 2093]) assert.isBelow(Math.abs(gainDb(rateIn, frequency)), 0.05)
    for (const frequency of [rateOut - 2093, rateOut + 440, 2 * rateOut - 440].filter((f) => f < rateIn / 2)) {
      assert.isBelow(gainDb(rateIn, frequency), -55)
    }
  })
})
