import { describe, it } from "vitest"
import { makeHarmonicPercussive } from "../../../src/dsp/analysis/HarmonicPercussive.ts"
import { makeKernels } from "../../../src/dsp/Kernels.ts"
import { makeStereoSpectrum } from "../../../src/dsp/analysis/StereoSpectrum.ts"
import { assert } from "../../support/assert.ts"
import { drums, glissando, inBlocks } from "../../support/musicSignals.ts"
import { makeRandom, sine, whiteNoise } from "../../support/signals.ts"

/** Straight from the definition, by sorting. */
const direct = (spectra: ReadonlyArray<Float32Array>): number => {
  const bins = spectra[0]!.length
  const median = (values: Array<number>) => values.sort((a, b) => a - b)[(values.length - 1) / 2]!
  let harmonic = 0
  let percussive = 0
  for (let t = 8; t + 8 < spectra.length; t++) {
    for (let k = 0; k < bins; k++) {
      const overTime = median(Array.from({ length: 17 }, (_, i) => spectra[t - 8 + i]![k]!))
      const mirrored = (bin: number) => (bin < 0 ? -bin : bin >= bins ? 2 * (bins - 1) - bin : bin)
      const overBins = median(Array.from({ length: 15 }, (_, i) => spectra[t]![mirrored(k - 7 + i)]!))
      const both = overTime + overBins
      const mask = both > 0 ? overTime / both : 0.5
      harmonic += spectra[t]![k]! * mask ** 2
      percussive += spectra[t]![k]! * (1 - mask) ** 2
    }
  }
  return harmonic / (harmonic + percussive)
}

const ratioOf = (sampleRate: number, samples: Float32Array): number | null => {
  const separation = makeHarmonicPercussive(makeKernels(), 1025)
  const spectrum = makeStereoSpectrum(makeKernels(), sampleRate, 4410, separation.process)
  inBlocks([samples], 4410, (block, length) => spectrum.process(block[0]!, block[0]!, length))
  spectrum.finish()
  return separation.result()
}

describe("HarmonicPercussive", () => {
  it.each([
    [17, 17],
    [17, 18],
    [33, 19],
    [65, 40],
    [33, 61]
  ])("equals sorting every window, for %i bins and %i segments", (bins, segments) => {
    const random = makeRandom(bins * segments)
    const spectra = Array.from({ length: segments }, () =>
      Float32Array.from({ length: bins }, () => (random() < 0.1 ? 0 : 10 ** (8 * random() - 4)))
    )
    const separation = makeHarmonicPercussive(makeKernels(), bins)
    for (const power of spectra) separation.process(power)
    assert.closeTo(separation.result()!, direct(spectra), 5e-13)
  })

  it("says nothing about fewer segments than a window has", () => {
    const separation = makeHarmonicPercussive(makeKernels(), 33)
    for (let i = 0; i < 16; i++) separation.process(new Float32Array(33).fill(1))
    assert.isNull(separation.result())
  })

  it("is near 1 for a tone and a glissando, near 0 for clicks, in between for noise", () => {
    assert.isAbove(ratioOf(44_100, sine(44_100, 2, 440, -6))!, 0.99)
    assert.isAbove(ratioOf(44_100, glissando(44_100, 2, 220, 2.5, 0.5))!, 0.97)
    assert.isBelow(ratioOf(44_100, drums(44_100, 3, "click", 120))!, 0.05)
    const noise = ratioOf(44_100, whiteNoise(44_100, 2, -6, 1))!
    assert.isBelow(Math.abs(noise - 0.47), 0.02)
  })

  it("splits a tone and clicks by their energies, within 0.1", () => {
    const rate = 44_100
    const tone = sine(rate, 3, 440, 0)
    const clicks = drums(rate, 3, "click", 120)
    const energy = (samples: Float32Array) => samples.reduce((sum, v) => sum + v * v, 0)
    const gain = Math.sqrt(energy(clicks) / energy(tone))
    for (const share of [0.2, 0.5, 0.8]) {
      const mix = tone.map((v, n) => Math.sqrt(share) * gain * v + Math.sqrt(1 - share) * clicks[n]!)
      assert.isBelow(Math.abs(ratioOf(rate, mix)! - share), 0.1, `${share}`)
    }
  })
})
