import { describe, it } from "vitest"
import { assert } from "../../support/assert.ts"
import { neutralSettings, renderChain } from "../../support/renderChain.ts"
import { dbToLinear, sine } from "../../support/signals.ts"

const rate = 44_100
/** Gain of the side of a tone at `frequencyHz`, dB. */
const sideGainDb = (frequencyHz: number, gainDb: number) => {
  const side = sine(rate, 1, frequencyHz, -12)
  const input = [side, side.map((x) => -x)]
  const [left, right] = renderChain(input, rate, { ...neutralSettings, side_gain_db: gainDb })
  const peak = (samples: Float32Array) => samples.subarray(rate / 2).reduce((max, x) => Math.max(max, Math.abs(x)), 0)
  assert.closeTo(peak(left!), peak(right!), 1e-6)
  return 20 * Math.log10(peak(left!) / dbToLinear(-12))
}

describe("StereoWidth", () => {
  it("gives the side its gain well above 120 Hz", () => {
    for (const gainDb of [-2, 1, 2]) {
      for (const hz of [1000, 5000]) assert.closeTo(sideGainDb(hz, gainDb), gainDb, 0.05)
    }
  })

  it("never widens what is below 120 Hz", () => {
    for (const hz of [25, 40, 60, 80, 100]) assert.isAtMost(sideGainDb(hz, 2), 0.05, `${hz} Hz`)
  })

  it("does not touch the middle, and keeps left on the left", () => {
    const middle = sine(rate, 0.5, 700, -12)
    const input = [middle, middle.slice()]
    assert.deepStrictEqual(renderChain(input, rate, { ...neutralSettings, side_gain_db: 2 }), input)
    const [left, right] = renderChain([middle, new Float32Array(middle.length)], rate, {
      ...neutralSettings,
      side_gain_db: 2
    })
    const energy = (samples: Float32Array) => samples.reduce((sum, x) => sum + x * x, 0)
    assert.isAbove(energy(left!), 50 * energy(right!))
  })

  it("leaves one channel and more than two as they are", () => {
    for (const channels of [1, 3, 6]) {
      const input = Array.from({ length: channels }, (_, c) => sine(rate, 0.2, 500 + c, -12))
      assert.deepStrictEqual(renderChain(input, rate, { ...neutralSettings, side_gain_db: 2 }), input)
    }
  })
})
