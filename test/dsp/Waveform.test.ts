import { describe, it } from "@effect/vitest"
import { FastCheck } from "effect"
import { PeakOutline, resample } from "../../src/dsp/Waveform.ts"
import { assert } from "../support/assert.ts"

/** A few loud samples in silence, where nothing may lose them. */
const withSpikes = (length: number, spikes: ReadonlyArray<readonly [number, number]>): Float32Array => {
  const samples = new Float32Array(length)
  for (const [at, value] of spikes) samples[at] = value
  return samples
}

const outlineOf = (channels: ReadonlyArray<Float32Array>, blockFrames: number) => {
  const outline = new PeakOutline()
  const length = channels[0]!.length
  for (let start = 0; start < length; start += blockFrames) {
    const end = Math.min(length, start + blockFrames)
    outline.push(
      channels.map((samples) => samples.subarray(start, end)),
      end - start
    )
  }
  return outline.peaks()
}

describe("PeakOutline", () => {
  it("is the same however the samples come, for a length that is not known before", () => {
    const samples = Float32Array.from({ length: 300_001 }, (_, n) => Math.sin(n * n * 1e-7))
    const whole = outlineOf([samples], samples.length)
    assert.isAtLeast(whole.min.length, 2000)
    assert.isAtMost(whole.min.length, 4000)
    for (const block of [1, 997, 16_384]) assert.deepStrictEqual(outlineOf([samples], block), whole)
  })

  it("keeps every peak of every channel, at its place, and cuts what is beyond full scale", () => {
    const length = 1_000_000
    const left = withSpikes(length, [[255_000, 0.9]])
    const right = withSpikes(length, [
      [755_000, -0.8],
      [length - 1, 1.5]
    ])
    const { max, min } = resample(outlineOf([left, right], 16_384), 100)
    assert.closeTo(Math.max(...max.slice(25, 26)), 0.9, 1e-6)
    assert.closeTo(Math.min(...min.slice(75, 76)), -0.8, 1e-6)
    assert.strictEqual(max[99], 1)
    assert.strictEqual(max.filter((x) => x > 0.5).length, 2)
    assert.strictEqual(min.filter((x) => x < -0.5).length, 1)
  })

  it("has as many points as are asked for, from any length, and the extremes among them", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.integer({ min: 0, max: 200_000 }),
        FastCheck.integer({ min: 1, max: 2000 }),
        (length, points) => {
          const samples = Float32Array.from({ length }, (_, n) => Math.fround(Math.sin(n)))
          const { max, min } = resample(outlineOf([samples], 16_384), points)
          assert.strictEqual(max.length, points)
          assert.strictEqual(min.length, points)
          let [lowest, highest] = length === 0 ? [0, 0] : [Infinity, -Infinity]
          for (const x of samples) {
            lowest = Math.min(lowest, x)
            highest = Math.max(highest, x)
          }
          assert.strictEqual(Math.max(...max), highest)
          assert.strictEqual(Math.min(...min), lowest)
        }
      ),
      { numRuns: 30, seed: 7 }
    )
  })
})
