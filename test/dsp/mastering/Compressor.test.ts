import { describe, it } from "vitest"
import { assert } from "../../support/assert.ts"
import { neutralSettings, renderChain } from "../../support/renderChain.ts"
import { sine } from "../../support/signals.ts"

const rate = 48_000
const compress = (levelDbfs: number, thresholdDbfs: number, ratio: number) => {
  const tone = sine(rate, 1.5, 1000, levelDbfs)
  const [output] = renderChain([tone], rate, {
    ...neutralSettings,
    ceiling_dbtp: null,
    compressor: { threshold_dbfs: thresholdDbfs, ratio }
  })
  const peak = (samples: Float32Array) => samples.subarray(rate).reduce((max, x) => Math.max(max, x), 0)
  return 20 * Math.log10(peak(output!) / peak(tone))
}

describe("Compressor", () => {
  it("takes 1 - 1/ratio of what exceeds the threshold, in RMS", () => {
    // A sine of -6 dBFS has -9.01 dBFS RMS: 10.99 dB over -20.
    for (const ratio of [1.2, 1.5, 2, 4]) assert.closeTo(compress(-6, -20, ratio), -10.99 * (1 - 1 / ratio), 0.05)
  })

  it("bends softly: a quarter of the knee is left over at the threshold", () => {
    assert.closeTo(compress(-16.99, -20, 2), -0.5 * (6 / 8), 0.05)
  })

  it("leaves what stays 3 dB below the threshold alone, bit for bit", () => {
    assert.strictEqual(compress(-20.5, -20, 4), 0)
  })

  it("moves all channels by the same gain", () => {
    const [left, right] = [sine(rate, 1, 1000, -6), sine(rate, 1, 700, -40)]
    const settings = { ...neutralSettings, compressor: { threshold_dbfs: -20, ratio: 3 } }
    const [outLeft, outRight] = renderChain([left, right], rate, settings)
    for (let n = 5000; n < rate - 5000; n += 997) {
      if (Math.abs(left[n]!) < 0.1 || Math.abs(right[n]!) < 0.002) continue
      assert.closeTo(outLeft![n]! / left[n]!, outRight![n]! / right[n]!, 1e-4)
    }
  })
})
