import { describe, it } from "vitest"
import { trackBeats } from "../../../src/dsp/analysis/BeatTracker.ts"
import { makeChroma } from "../../../src/dsp/analysis/Chroma.ts"
import { makeDecimator } from "../../../src/dsp/analysis/Decimator.ts"
import { makeHarmonicPercussive } from "../../../src/dsp/analysis/HarmonicPercussive.ts"
import { makeOnsetFlux } from "../../../src/dsp/analysis/OnsetFlux.ts"
import { makeSpectralShape } from "../../../src/dsp/analysis/SpectralShape.ts"
import { makeYin } from "../../../src/dsp/analysis/Yin.ts"
import { makeKernels } from "../../../src/dsp/Kernels.ts"
import { assert } from "../../support/assert.ts"
import { chord, drums, glissando, inBlocks, inSequence } from "../../support/musicSignals.ts"
import * as ReferenceBeatTracker from "../../support/reference/BeatTracker.ts"
import * as ReferenceChroma from "../../support/reference/Chroma.ts"
import * as ReferenceDecimator from "../../support/reference/Decimator.ts"
import * as ReferenceHarmonicPercussive from "../../support/reference/HarmonicPercussive.ts"
import * as ReferenceOnsetFlux from "../../support/reference/OnsetFlux.ts"
import * as ReferenceSpectralShape from "../../support/reference/SpectralShape.ts"
import * as ReferenceYin from "../../support/reference/Yin.ts"
import { makeRandom, silence, sine, whiteNoise } from "../../support/signals.ts"

/** About a second and a half each, of an odd length. */
const signals: Record<string, (rate: number, seconds: number) => Float32Array<ArrayBuffer>> = {
  drums: (rate, seconds) => drums(rate, seconds, "rock", 140),
  "white noise": (rate, seconds) => whiteNoise(rate, seconds, 0, 1),
  "a chord": (rate, seconds) => chord(rate, seconds, [110, 220.3, 331], 0.3),
  "a glissando": (rate, seconds) => glissando(rate, seconds, 150, 2, 0.9),
  silence,
  "denormal numbers": (rate, seconds) => whiteNoise(rate, seconds, 0, 2).map((v) => v * 1e-39),
  "a full-scale square wave": (rate, seconds) => sine(rate, seconds, 313, 0).map(Math.sign),
  "impulses into silence": (rate, seconds) => silence(rate, seconds).map((_, n) => (n % 4001 === 7 ? 1 : 0)),
  "music, silence, music": (rate) =>
    inSequence(drums(rate, 0.5, "house", 120), silence(rate, 0.4), sine(rate, 0.6, 440, -3)),
  "less than a segment": (rate) => sine(rate, 0.015, 440, -6)
}
const names = Object.keys(signals)
const signal = (name: string, rate: number) => signals[name]!(rate, 1.5 + 1 / rate)

const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  assert.strictEqual(a.length, b.length)
  let largest = 0
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i]! - b[i]!))
  return largest
}

/** Power spectra as different as they come: a few, with zeros, ties and eight orders of magnitude. */
const randomSpectra = (bins: number, segments: number) => {
  const random = makeRandom(bins + segments)
  return Array.from({ length: segments }, (_, t) =>
    Float32Array.from({ length: bins }, () => {
      const kind = random()
      return t % 29 === 3 || kind < 0.1 ? 0 : kind < 0.2 ? 1 : kind < 0.22 ? 1e-42 : 10 ** (8 * random() - 4)
    })
  )
}

describe("compiled kernels and their plain references", () => {
  it.each([129, 1025, 2049])("separate spectra of %i bins alike", (bins) => {
    for (const segments of [17, 40, 41]) {
      const compiled = makeHarmonicPercussive(makeKernels(), bins)
      const reference = ReferenceHarmonicPercussive.makeHarmonicPercussive(bins)
      for (const power of randomSpectra(bins, segments)) {
        compiled.process(power)
        reference.process(power)
      }
      assert.closeTo(compiled.result()!, reference.result()!, 5e-13)
    }
  })

  it.each([33, 129, 1025, 1030])("see the same shape in spectra of %i bins", (bins) => {
    for (const power of randomSpectra(bins, 40)) {
      const compiled = makeSpectralShape(makeKernels(), bins, 1)
      const reference = ReferenceSpectralShape.makeSpectralShape(bins, 1)
      compiled.process(power)
      reference.process(power)
      const expected = reference.result()
      const result = compiled.result()
      assert.closeTo(result.centroidHz, expected.centroidHz, 1e-6 * expected.centroidHz)
      assert.strictEqual(result.rolloffHz, expected.rolloffHz)
      assert.closeTo(result.flatness, expected.flatness, 1e-6 * expected.flatness)
    }
  })

  it.each(names)("decimate %s alike, within 2^-21", (name) => {
    const samples = signal(name, 8000).subarray(0, 4001)
    for (const factor of [1, 3, 4, 9]) {
      for (const block of [37, 800]) {
        const found: Array<number> = []
        const expected: Array<number> = []
        const compiled = makeDecimator(makeKernels(), factor, block)
        const reference = ReferenceDecimator.makeDecimator(factor, block)
        inBlocks([samples], block, ([part], length) => {
          found.push(...compiled.output.subarray(0, compiled.process(part!, length)))
          expected.push(...reference.output.subarray(0, reference.process(part!, length)))
        })
        assert.isBelow(largestDifference(found, expected), 2 ** -21)
      }
    }
  })

  it.each(names)("hear the same pitches in %s, within 0.1 cents", (name) => {
    for (const rate of [8000, 11_025, 12_000]) {
      const samples = signal(name, rate)
      const found: Array<number> = []
      const expected: Array<number> = []
      const compiled = makeYin(makeKernels(), rate, 1200, (pitch) => found.push(pitch))
      const reference = ReferenceYin.makeYin(rate, 1200, (pitch) => expected.push(pitch))
      inBlocks([samples], Math.round(rate / 10), ([part], length) => {
        compiled.process(part!, length)
        reference.process(part!, length)
      })
      assert.closeTo(compiled.stability(), reference.stability(), 5e-13)
      const cents = (pitch: number) => (pitch > 0 ? 1200 * Math.log2(pitch) : 0)
      assert.isBelow(largestDifference(found.map(cents), expected.map(cents)), 0.1)
    }
  })

  it.each(names)("concentrate %s alike", (name) => {
    for (const rate of [8000, 11_025, 16_000]) {
      const samples = signal(name, rate)
      const compiled = makeChroma(makeKernels(), rate, 1600)
      const reference = ReferenceChroma.makeChroma(rate, 1600)
      inBlocks([samples], Math.round(rate / 10), ([part], length) => {
        compiled.process(part!, length)
        reference.process(part!, length)
      })
      assert.isBelow(Math.abs(compiled.concentration() - reference.concentration()), 1e-6)
    }
  })

  it.each(names)("rise by the same flux with %s: 10^-6 a band, of 120", (name) => {
    for (const rate of [8000, 22_050, 44_100, 48_000]) {
      const samples = signal(name, rate)
      const compiled = makeOnsetFlux(makeKernels(), rate, 4800)
      const reference = ReferenceOnsetFlux.makeOnsetFlux(rate, 4800)
      inBlocks([samples], Math.round(rate / 10), ([part], length) => {
        compiled.process(part!, length)
        reference.process(part!, length)
      })
      const result = compiled.result()
      const expected = reference.result()
      assert.isBelow(largestDifference(result.full, expected.full), 1.2e-4)
      assert.isBelow(largestDifference(result.low, expected.low), 1.2e-4)
    }
  })

  it("track the same beats, to the last bit", () => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = makeRandom(seed)
      const length = 1 + Math.floor(10_000 * random())
      const period = 20 + 180 * random()
      const strength = Float32Array.from({ length }, (_, t) => {
        if (seed % 3 === 0 && t % 3000 > 1500) return 0
        return seed % 2 === 0 ? 4 * random() - 2 : (t % Math.round(period) === 3 ? 5 : 0) + 0.3 * (random() - 0.5)
      })
      assert.deepStrictEqual(
        trackBeats(makeKernels(), strength, period, new Uint16Array(length)),
        ReferenceBeatTracker.trackBeats(strength, period)
      )
    }
  })
})
