import { describe, it } from "vitest"
import { makeKernels } from "../../../src/dsp/Kernels.ts"
import { bandShares } from "../../../src/dsp/analysis/BandShares.ts"
import { makeSpectralShape } from "../../../src/dsp/analysis/SpectralShape.ts"
import { makeStereoSpectrum, spectrumSegment } from "../../../src/dsp/analysis/StereoSpectrum.ts"
import { assert } from "../../support/assert.ts"
import { inBlocks, pinkNoise } from "../../support/musicSignals.ts"
import { stereoPower } from "../../support/reference/StereoSpectrum.ts"
import { type Signal, silence, sine, whiteNoise } from "../../support/signals.ts"

/** Powers of all segments and their sum. */
const spectrumOf = (sampleRate: number, signal: Signal) => {
  const bins = spectrumSegment(sampleRate) / 2 + 1
  const segments: Array<Float64Array> = []
  const total = new Float64Array(bins)
  const meanSquares: Array<number> = []
  const spectrum = makeStereoSpectrum(makeKernels(), sampleRate, 4410, (power, meanSquare) => {
    segments.push(Float64Array.from(power))
    meanSquares.push(meanSquare)
    for (let k = 0; k < bins; k++) total[k] = total[k]! + power[k]!
  })
  inBlocks(signal, 4410, (block, length) => spectrum.process(block[0]!, block.at(-1)!, length))
  spectrum.finish()
  return { segments, total, meanSquares, spectrum, bins, binHz: sampleRate / spectrumSegment(sampleRate) }
}

/** Straight from the definitions: a sum per bin of each channel, in double precision. */
const directPower = (left: Float32Array, right: Float32Array, start: number, size: number): Float64Array =>
  Float64Array.from({ length: size / 2 + 1 }, (_, k) => {
    let power = 0
    for (const x of [left, right]) {
      let re = 0
      let im = 0
      for (let n = 0; n < size; n++) {
        const v = (x[start + n] ?? 0) * Math.sin((Math.PI * (n + 0.5)) / size) ** 2
        re += v * Math.cos((2 * Math.PI * k * n) / size)
        im += v * Math.sin((2 * Math.PI * k * n) / size)
      }
      power += (re * re + im * im) / 2
    }
    return power
  })

describe("StereoSpectrum", () => {
  it("is the mean power of left and right in Hann segments over the whole track", () => {
    const left = whiteNoise(8000, 0.1, -3, 1)
    const right = sine(8000, 0.1, 440, -9)
    const { segments } = spectrumOf(8000, [left, right])
    assert.lengthOf(segments, Math.floor((left.length - 256) / 128) + 1)
    segments.forEach((power, i) => {
      const direct = directPower(left, right, i * 128, 256)
      const largest = Math.max(...direct)
      power.forEach((p, k) => assert.isBelow(Math.abs(p - direct[k]!), 1e-6 * largest))
    })
  })

  it("equals the reference, transformed channel by channel, for any level and for silence", () => {
    const size = spectrumSegment(44_100)
    const impulse = silence(44_100, size / 44_100)
    impulse[700] = 1
    const signals: ReadonlyArray<readonly [left: Float32Array<ArrayBuffer>, right: Float32Array<ArrayBuffer>]> = [
      [whiteNoise(44_100, 0.2, 0, 1), pinkNoise(44_100, 0.2, 0.5, 2)],
      [whiteNoise(44_100, 0.2, 40, 3), silence(44_100, 0.2)],
      [whiteNoise(44_100, 0.2, -140, 4), whiteNoise(44_100, 0.2, -150, 5)],
      [impulse, impulse.map((v) => -v)],
      [sine(44_100, 0.2, 1000, -6), sine(44_100, 0.2, 1000, -6, 2)],
      [silence(44_100, 0.2), silence(44_100, 0.2)],
      [new Float32Array(size).fill(1e-42), new Float32Array(size).fill(-1e-42)]
    ]
    for (const [left, right] of signals) {
      const { segments, meanSquares, spectrum, total } = spectrumOf(44_100, [left, right])
      const summed = new Float64Array(total.length)
      segments.forEach((power, i) => {
        const from = (i * size) / 2
        const [l, r] = [left.subarray(from, from + size), right.subarray(from, from + size)]
        const expected = stereoPower(l, r)
        const largest = Math.max(...expected)
        const errors = expected.map((direct, k) => Math.abs(power[k]! - direct))
        assert.isAtMost(Math.max(...errors), 1e-6 * largest + 1e-60)
        power.forEach((p, k) => (summed[k] = summed[k]! + p))
        const meanSquare = l.reduce((sum, v, n) => sum + v * v + r[n]! * r[n]!, 0) / (2 * size)
        assert.closeTo(meanSquares[i]!, meanSquare, 1e-5 * meanSquare + 1e-60)
      })
      assert.deepStrictEqual(spectrum.total, summed)
    }
  })

  it("uses the power of two nearest to 46 ms", () => {
    assert.deepStrictEqual(
      [8000, 22_050, 44_100, 48_000, 96_000, 384_000].map(spectrumSegment),
      [256, 1024, 2048, 2048, 4096, 16_384]
    )
  })
})

describe("SpectralShape", () => {
  it("equals a direct computation of centroid, roll-off and flatness", () => {
    const left = whiteNoise(8000, 0.2, -3, 1)
    const right = pinkNoise(8000, 0.2, 0.5, 2)
    const { binHz, bins, segments } = spectrumOf(8000, [left, right])
    const shape = makeSpectralShape(makeKernels(), bins, binHz)
    for (const power of segments) shape.process(Float32Array.from(power))
    const mean = (f: (power: Float64Array) => number) => segments.reduce((sum, p) => sum + f(p), 0) / segments.length
    const sum = (values: Float64Array) => values.reduce((a, b) => a + b, 0)
    const result = shape.result()
    const centroid = mean((p) => {
      const magnitudes = p.map(Math.sqrt)
      return sum(magnitudes.map((m, k) => m * k * binHz)) / sum(magnitudes)
    })
    const rolloff = mean((p) => {
      const magnitudes = p.map(Math.sqrt)
      let k = 0
      while (sum(magnitudes.slice(0, k + 1)) < 0.85 * sum(magnitudes)) k++
      return k * binHz
    })
    const flatness = mean((p) => {
      const floored = p.map((v) => Math.max(1e-10, v))
      return Math.exp(sum(floored.map(Math.log)) / bins) / (sum(floored) / bins)
    })
    assert.closeTo(result.centroidHz / centroid, 1, 5e-7)
    assert.closeTo(result.rolloffHz, rolloff, 5e-7)
    assert.closeTo(result.flatness / flatness, 1, 5e-7)
  })

  it("agrees with the formulas for flat, falling and alternating spectra, within 1 %", () => {
    const bins = 1025
    const shapeOf = (power: (k: number) => number) => {
      const shape = makeSpectralShape(makeKernels(), bins, 1)
      shape.process(Float32Array.from({ length: bins }, (_, k) => power(k)))
      return shape.result()
    }
    const within = (value: number, expected: number) => assert.isBelow(Math.abs(value / expected - 1), 0.01)

    const flat = shapeOf(() => 4)
    within(flat.centroidHz, 512)
    within(flat.rolloffHz, 0.85 * 1025)
    within(flat.flatness, 1)

    // Magnitudes r^k: a geometric series.
    const r = 0.99
    const falling = shapeOf((k) => 1e6 * r ** (2 * k))
    within(falling.centroidHz, r / (1 - r))
    within(falling.rolloffHz, Math.log(0.15) / Math.log(r))
    within(falling.flatness, (r ** (bins - 1) * bins * (1 - r ** 2)) / (1 - r ** (2 * bins)))

    // Powers 1 and 9 by turns: the geometric mean is 3, the arithmetic one 5.
    const alternating = shapeOf((k) => (k % 2 === 0 ? 1 : 9))
    within(alternating.centroidHz, 512)
    within(alternating.rolloffHz, 0.85 * 1025)
    within(alternating.flatness, 3 / 5)
  })

  it("puts centroid and roll-off of a sine on its frequency, with a flatness near 0; noise is flat", () => {
    const shapeOf = (signal: Signal) => {
      const { binHz, bins, segments } = spectrumOf(44_100, signal)
      const shape = makeSpectralShape(makeKernels(), bins, binHz)
      for (const power of segments) shape.process(Float32Array.from(power))
      return shape.result()
    }
    const tone = shapeOf([sine(44_100, 1, 3000, -6)])
    assert.isBelow(Math.abs(tone.centroidHz - 3000), 15)
    assert.isBelow(Math.abs(tone.rolloffHz - 3000), 25)
    assert.isBelow(tone.flatness, 1e-6)
    const noise = shapeOf([whiteNoise(44_100, 1, -6, 1)])
    // Of exponentially distributed powers the geometric mean is exp(-0.5772) of the arithmetic one.
    assert.closeTo(noise.flatness, 0.5615, 0.05)
    assert.isBelow(Math.abs(noise.centroidHz - 11_025), 150)
    assert.isBelow(Math.abs(noise.rolloffHz - 0.85 * 22_050), 150)
  })
})

describe("BandShares", () => {
  const sharesOf = (sampleRate: number, signal: Signal) => {
    const { binHz, total } = spectrumOf(sampleRate, signal)
    return bandShares(total, binHz)!
  }

  it.each([
    [40, 0, 85],
    [120, 1, 99],
    [350, 2, 99],
    [1000, 3, 99],
    [3000, 4, 99],
    [5000, 5, 99],
    [10_000, 6, 99]
  ])("puts a sine of %i Hz into its band", (frequencyHz, band, percent) => {
    const { shares } = sharesOf(44_100, [sine(44_100, 1, frequencyHz, -6)])
    assert.isAbove(shares[band], percent)
    assert.closeTo(
      shares.reduce((a, b) => a + b, 0),
      100,
      5e-10
    )
  })

  it("sees bass on one side and treble on the other alike: planar channels are not mixed up or cancelled", () => {
    const { shares, bassMidRatioDb } = sharesOf(44_100, [sine(44_100, 1, 120, -6), sine(44_100, 1, 5000, -6)])
    assert.closeTo(shares[1], 50, 0.5)
    assert.closeTo(shares[5], 50, 0.5)
    assert.isAbove(bassMidRatioDb, 30)
  })

  it("gives pink noise shares by the logarithm of the bands' edges", () => {
    const { shares } = sharesOf(44_100, [pinkNoise(44_100, 20, 0.5, 1)])
    const octaves = [60 / 20, 250 / 60, 500 / 250, 2000 / 500, 4000 / 2000, 6000 / 4000, 20_000 / 6000].map(Math.log2)
    const all = Math.log2(1000)
    // Bins of 21.5 Hz blur the lowest edges.
    shares.forEach((share, i) => assert.isBelow(Math.abs(share - (100 * octaves[i]!) / all), i < 2 ? 4 : 1.5))
  })

  it("reads 0 above Nyquist", () => {
    const { shares } = sharesOf(8000, [whiteNoise(8000, 1, -6, 1)])
    assert.deepStrictEqual(shares.slice(5), [0, 0])
    assert.closeTo(
      shares.reduce((a, b) => a + b, 0),
      100,
      5e-10
    )
  })

  it("clamps the ratio of bass to middle at 60 dB either way", () => {
    const binHz = 10
    const power = new Float64Array(2048)
    power[10] = 1
    assert.strictEqual(bandShares(power, binHz)!.bassMidRatioDb, 60)
    power[10] = 0
    power[100] = 1
    assert.strictEqual(bandShares(power, binHz)!.bassMidRatioDb, -60)
    power[10] = 0.1
    assert.closeTo(bandShares(power, binHz)!.bassMidRatioDb, -10, 5e-10)
  })

  it("is null without any power", () => {
    assert.isNull(bandShares(spectrumOf(8000, [silence(8000, 1)]).total, 31.25))
  })
})
