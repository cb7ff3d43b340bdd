import { describe, it } from "vitest"
import { downmixGains } from "../../../src/dsp/analysis/Downmix.ts"
import { makeBlockSums } from "../../../src/dsp/analysis/BlockSums.ts"
import { makeKernels } from "../../../src/dsp/Kernels.ts"
import { assert } from "../../support/assert.ts"
import { inKernelBlocks } from "../../support/kernelBlocks.ts"
import { blockSums } from "../../support/reference/BlockSums.ts"
import { makeRandom, type Signal } from "../../support/signals.ts"

/** One block through the kernel. What lies behind it in the memory is not finite and must not count. */
const measure = (signal: Signal) => {
  const kernels = makeKernels()
  const length = signal[0]!.length
  const sums = makeBlockSums(kernels, signal.length, length + 4)
  const longer = signal.map((samples) => {
    const block = new Float32Array(length + 4).fill(Number.NaN)
    block.set(samples)
    return block
  })
  inKernelBlocks(kernels, longer, length + 4, (block) => sums.process(block, length))
  return sums
}

const expectToEqualReference = (left: Float32Array, right: Float32Array, sums: ReturnType<typeof measure>) => {
  const expected = blockSums(left, right, left.length)
  const stereo = sums.stereo()
  const actual = [
    stereo.left,
    stereo.right,
    stereo.leftSquared,
    stereo.rightSquared,
    stereo.midSquared,
    stereo.sideSquared
  ]
  const largest = left.length * (expected.sums[6] + expected.sums[6] ** 2)
  actual.forEach((sum, i) => assert.closeTo(sum, expected.sums[i]!, 1e-14 * largest))
  assert.deepStrictEqual(sums.mid.slice(0, left.length), expected.mid)
  return expected.sums
}

const random = makeRandom(11)
const noise = (length: number, amplitude: number) => Float32Array.from({ length }, () => amplitude * (2 * random() - 1))

describe("BlockSums", () => {
  it.each([1, 2, 3, 4, 5, 441, 4410])("equals sums sample by sample for blocks of %i", (length) => {
    for (const amplitude of [0, 1e-42, 1e-20, 0.3, 1.2, 1e6]) {
      const left = noise(length, amplitude)
      const right = noise(length, amplitude)
      const sums = measure([left, right])
      const [, , ll, rr, , , peak, clipped] = expectToEqualReference(left, right, sums)
      assert.hasFields(sums.levels(), { peak, clipped })
      assert.closeTo(sums.levels().energy, ll + rr, 1e-14 * (ll + rr))
    }
  })

  it("takes a single channel for both sides, and counts it once", () => {
    const samples = noise(443, 1.1)
    const sums = measure([samples])
    const [, , energy, , , side, peak, clipped] = expectToEqualReference(samples, samples, sums)
    assert.strictEqual(side, 0)
    assert.hasFields(sums.levels(), { peak, clipped: clipped / 2 })
    assert.closeTo(sums.levels().energy, energy, 1e-14 * energy)
  })

  it.each([3, 4, 5, 6, 7, 8, 9])(
    "counts the samples of %i channels as they are, and mixes them for the rest",
    (channels) => {
      const signal = Array.from({ length: channels }, (_, c) => noise(441, 0.2 * (c + 1)))
      const sums = measure(signal)
      const each = signal.map((samples) => blockSums(samples, samples, 441).sums)
      const energy = each.reduce((sum, of) => sum + of[2], 0)
      assert.strictEqual(sums.levels().peak, Math.max(...each.map((of) => of[6])))
      assert.strictEqual(
        sums.levels().clipped,
        each.reduce((sum, of) => sum + of[7] / 2, 0)
      )
      assert.closeTo(sums.levels().energy, energy, 1e-14 * energy)
      const gains = downmixGains(channels)
      for (const [side, mixed] of [sums.left(), sums.right()].entries()) {
        for (let i = 0; i < 441; i++) {
          const direct = signal.reduce((sum, samples, c) => sum + gains[c]![side]! * samples[i]!, 0)
          assert.isBelow(Math.abs(mixed[i]! - direct), 2e-6)
        }
      }
      expectToEqualReference(sums.left().slice(0, 441), sums.right().slice(0, 441), sums)
    }
  )
})
