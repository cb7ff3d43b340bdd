import { describe, it } from "vitest"
import { rateRatio, resampledFrames, sourceFrame } from "../../../src/dsp/mastering/Resampler.ts"
import { assert } from "../../support/assert.ts"
import { deliver } from "../../support/deliver.ts"
import { resampleByDefinition } from "../../support/reference/mastering/Resampler.ts"
import { makeRandom, sine, whiteNoise } from "../../support/signals.ts"

const conversions = [
  [44_100, 48_000],
  [48_000, 44_100],
  [96_000, 44_100],
  [192_000, 48_000],
  [22_050, 48_000],
  [8000, 44_100],
  [48_000, 96_000],
  // Of more phases than are tabulated.
  [44_099, 48_000]
] as const

/** What of `samples` is a tone of this frequency, and what is not: dB, a full-scale sine = 0. */
const toneAndRest = (samples: Float32Array, sampleRate: number, frequencyHz: number) => {
  const sums = { ss: 0, sc: 0, cc: 0, sy: 0, cy: 0 }
  const angle = (n: number) => (2 * Math.PI * frequencyHz * n) / sampleRate
  for (const [n, y] of samples.entries()) {
    const [s, c] = [Math.sin(angle(n)), Math.cos(angle(n))]
    sums.ss += s * s
    sums.sc += s * c
    sums.cc += c * c
    sums.sy += s * y
    sums.cy += c * y
  }
  const determinant = sums.ss * sums.cc - sums.sc ** 2
  const a = (sums.sy * sums.cc - sums.cy * sums.sc) / determinant
  const b = (sums.cy * sums.ss - sums.sy * sums.sc) / determinant
  const rest = samples.reduce((sum, y, n) => sum + (y - a * Math.sin(angle(n)) - b * Math.cos(angle(n))) ** 2, 0)
  return { toneDb: 20 * Math.log10(Math.hypot(a, b)), restDb: 10 * Math.log10((2 * rest) / samples.length) }
}

const middle = (samples: Float32Array) =>
  samples.subarray(Math.round(0.3 * samples.length), Math.round(0.7 * samples.length))

describe("the resampler", () => {
  for (const [from, to] of conversions) {
    const lower = Math.min(from, to)

    it(`${from} to ${to} Hz: equals the definition, on both channels`, () => {
      const input = [whiteNoise(from, 0.02, -6, 3), whiteNoise(from, 0.02, -6, 4)]
      const output = deliver(input, from, to)
      for (const [c, samples] of input.entries()) {
        const expected = resampleByDefinition(samples, from, to)
        assert.strictEqual(output[c]!.length, expected.length)
        for (const [n, y] of expected.entries()) assert.closeTo(output[c]![n]!, y, 5e-7)
      }
    })

    it(`${from} to ${to} Hz: flat within 0.001 dB to 0.907 of half the lower rate, with no image above -125 dB`, () => {
      for (const share of [0.003, 0.4, 0.8, 0.907]) {
        const hz = (share * lower) / 2
        const { restDb, toneDb } = toneAndRest(middle(deliver([sine(from, 0.2, hz, 0)], from, to)[0]!), to, hz)
        assert.closeTo(toneDb, 0, 0.001, `${hz} Hz`)
        assert.isBelow(restDb, -125, `${hz} Hz`)
      }
    })

    if (to < from) {
      it(`${from} to ${to} Hz: what would fold back is 120 dB down`, () => {
        for (const hz of [0.501 * to, 0.52 * to, 0.6 * to, 0.49 * from]) {
          if (hz < to / 2 || hz >= from / 2) continue
          const left = middle(deliver([sine(from, 0.2, hz, 0)], from, to)[0]!)
          assert.isBelow(10 * Math.log10(left.reduce((sum, x) => sum + 2 * x * x, 0) / left.length), -120, `${hz} Hz`)
        }
      })
    }

    it(`${from} to ${to} Hz: a pulse stays at its own instant, symmetric around it`, () => {
      const { from: step, to: phases } = rateRatio(from, to)
      // An instant that both rates have.
      const turns = Math.ceil(2000 / Math.min(step, phases))
      const input = new Float32Array(2 * turns * step)
      input[turns * step] = 1
      const [output] = deliver([input], from, to)
      const at = turns * phases
      const largest = output!.reduce((best, x, n) => (x > output![best]! ? n : best), 0)
      assert.strictEqual(largest, at)
      for (let k = 1; k < 200; k++) assert.closeTo(output![at - k]!, output![at + k]!, 1e-7)
    })
  }

  it("keeps a constant, and silence to the bit", () => {
    const [constant] = deliver([new Float32Array(9000).fill(0.5)], 44_100, 48_000)
    for (const x of middle(constant!)) assert.closeTo(x, 0.5, 1e-6)
    const [silent] = deliver([new Float32Array(9000)], 96_000, 44_100)
    assert.isTrue(silent!.every((x) => Object.is(x, 0)))
  })

  it("holds every instant n / rate within the source and no other", () => {
    const random = makeRandom(6)
    for (const [from, to] of conversions) {
      const ratio = rateRatio(from, to)
      for (let i = 0; i < 200; i++) {
        const frames = Math.floor(random() * 1e10)
        const length = resampledFrames(ratio, frames)
        assert.isTrue(BigInt(length - 1) * BigInt(from) < BigInt(frames) * BigInt(to))
        assert.isTrue(BigInt(length) * BigInt(from) >= BigInt(frames) * BigInt(to))
        assert.strictEqual(BigInt(sourceFrame(ratio, length)), (BigInt(length) * BigInt(from)) / BigInt(to))
      }
    }
  })

  it("puts out the same bits from wherever one starts", () => {
    const from = 44_100
    const to = 48_000
    const tone = whiteNoise(from, 0.5, -6, 9)
    const whole = deliver([tone], from, to)[0]!
    const random = makeRandom(5)
    for (let i = 0; i < 20; i++) {
      const startFrame = Math.floor(random() * whole.length)
      const [part] = deliver([tone], from, to, { startFrame, blockFrames: 1 + Math.floor(2000 * random()) })
      assert.deepStrictEqual(part, whole.slice(startFrame))
    }
  })
})
