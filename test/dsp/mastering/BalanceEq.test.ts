import { describe, it } from "vitest"
import { bands } from "../../../src/domain/fingerprint/Fingerprint.ts"
import { makeKernels } from "../../../src/dsp/Kernels.ts"
import { designBalance, makeBalanceEq } from "../../../src/dsp/mastering/BalanceEq.ts"
import { makePlanarBlock } from "../../../src/dsp/mastering/PlanarBlock.ts"
import { assert } from "../../support/assert.ts"
import { makeRandom } from "../../support/signals.ts"

/** Magnitude at a frequency, dB, from the impulse response itself. */
const measuredDb = (impulse: Float64Array, sampleRate: number, frequencyHz: number): number => {
  let re = 0
  let im = 0
  for (const [n, x] of impulse.entries()) {
    re += x * Math.cos((2 * Math.PI * frequencyHz * n) / sampleRate)
    im += x * Math.sin((2 * Math.PI * frequencyHz * n) / sampleRate)
  }
  return 10 * Math.log10(re * re + im * im)
}

const random = makeRandom(11)
const moves = Array.from({ length: 30 }, () => bands.map(() => 6 * random() - 3))
const decided = [
  [1.2, 0.1, 1.7, 0.9, -0.6, -0.9, -2.1],
  [3, 0.4, 0.9, 0, -0.8, -1, -1.2],
  [-0.3, -0.7, 0.5, 1.5, 2, 1.6, -0.4]
]

describe("BalanceEq", () => {
  for (const sampleRate of [8000, 44_100, 48_000, 96_000, 384_000]) {
    it(`has the analytic response within 0.1 dB at ${sampleRate} Hz, on every channel`, () => {
      const gains = designBalance(sampleRate).filterGainsDb(decided[0]!)
      const { responseDb } = designBalance(sampleRate)
      const kernels = makeKernels()
      const eq = makeBalanceEq(kernels, { sampleRate, channels: 3 })
      eq.setFilterGainsDb(gains)
      const planar = makePlanarBlock(kernels, 3, sampleRate / 2)
      for (const channel of planar.channels) channel[0] = 1
      eq.process(planar)
      const block = planar.channels.map((channel) => channel.slice())
      assert.deepStrictEqual(block[1], block[0])
      assert.deepStrictEqual(block[2], block[0])
      for (let hz = 25; hz < Math.min(20_000, 0.45 * sampleRate); hz *= 1.6) {
        assert.closeTo(measuredDb(block[0]!, sampleRate, hz), responseDb(gains, hz), 0.1, `${hz} Hz`)
      }
    })
  }

  it("gives each band the gain that was asked for, on the mean of the band", () => {
    const { filterGainsDb, responseDb } = designBalance(44_100)
    const meanDb = (gains: Float64Array, lowHz: number, highHz: number) => {
      let sum = 0
      for (let i = 0; i < 50; i++) sum += responseDb(gains, lowHz * (highHz / lowHz) ** ((i + 0.5) / 50))
      return sum / 50
    }
    for (const [tolerance, list] of [
      [0.05, decided],
      // Neighbours at +3 and -3 dB ask for more than filters this broad can do.
      [0.6, moves]
    ] as const) {
      for (const wanted of list) {
        const gains = filterGainsDb(wanted)
        for (const [i, { lowHz, highHz }] of bands.entries()) {
          assert.closeTo(meanDb(gains, lowHz, highHz), wanted[i]!, tolerance, `${wanted.join(" ")}, band ${i}`)
        }
      }
    }
  })

  it("is broad: no ripple where all bands move alike", () => {
    const { filterGainsDb, responseDb } = designBalance(44_100)
    const gains = filterGainsDb([2, 2, 2, 2, 2, 2, 2])
    for (let hz = 25; hz < 18_000; hz *= 1.1) assert.closeTo(responseDb(gains, hz), 2, 0.35, `${hz} Hz`)
  })

  it("is the identity at 0 dB, bit for bit", () => {
    const kernels = makeKernels()
    const eq = makeBalanceEq(kernels, { sampleRate: 44_100, channels: 1 })
    const block = makePlanarBlock(kernels, 1, 500)
    const before = Float64Array.from({ length: 500 }, () => random() - 0.5)
    block.channels[0]!.set(before)
    eq.process(block)
    assert.deepStrictEqual(block.channels[0]!.slice(), before)
  })
})
