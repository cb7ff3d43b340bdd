import { describe, it } from "vitest"
import { assert } from "../../support/assert.ts"
import { integratedLufs } from "../../support/loudness.ts"
import { crestDb, music } from "../../support/music.ts"
import { neutralSettings, renderChain } from "../../support/renderChain.ts"
import { type Signal, sine, whiteNoise } from "../../support/signals.ts"

const rate = 44_100
const expand = (signal: Signal, expansionDb: number) =>
  renderChain(signal, rate, { ...neutralSettings, expansion_db: expansionDb, ceiling_dbtp: null })
const rmsDb = (samples: Float32Array) => 10 * Math.log10(samples.reduce((sum, x) => sum + x * x, 0) / samples.length)

describe("TransientExpander", () => {
  const dense = { sampleRate: rate, seconds: 6, peakDbfs: -0.3 }
  const crushed = [
    music({ ...dense, seed: 1, bpm: 90, drumsDb: -3, driveDb: 12 }),
    music({ ...dense, seed: 2, bpm: 120, drumsDb: 0, driveDb: 6 }),
    music({ ...dense, seed: 3, bpm: 140, drumsDb: 3, driveDb: 9 })
  ]

  it("raises the crest of crushed music by half to one and a half times what was asked, without raising anything", () => {
    for (const [i, signal] of crushed.entries()) {
      for (const expansionDb of [0.4, 1, 2]) {
        const output = expand(signal, expansionDb)
        const gained = (crestDb(output) - crestDb(signal)) / expansionDb
        assert.isAbove(gained, 0.5, `signal ${i}, ${expansionDb} dB`)
        assert.isBelow(gained, 1.5, `signal ${i}, ${expansionDb} dB`)
        assert.isBelow(integratedLufs(output, rate), integratedLufs(signal, rate))
        for (const [c, channel] of output.entries()) {
          assert.isTrue(channel.every((x, n) => Math.abs(x) <= Math.abs(signal[c]![n]!) + 1e-7))
        }
      }
    }
  })

  it("lets a transient through at its level, from its first sample on", () => {
    const hit = sine(rate, 2, 200, -26)
    for (let n = 0; n < 2000; n++) hit[rate + n] = 0.8 * Math.exp(-n / 800) * Math.sin(n / 5)
    const [output] = expand([hit], 2)
    for (let n = rate + 1; n < rate + 400; n++) assert.closeTo(output![n]!, hit[n]!, 0.002)
    // And the body before it is lowered.
    assert.closeTo(
      rmsDb(output!.subarray(rate / 2, rate - 500)) - rmsDb(hit.subarray(rate / 2, rate - 500)),
      -2.2,
      0.05
    )
  })

  it("has no transients to find in steady tones and noise: one constant gain", () => {
    for (const steady of [sine(rate, 2, 40, -6), sine(rate, 2, 997, -6), whiteNoise(rate, 2, -40, 5)]) {
      const [output] = expand([steady], 2)
      for (const from of [0.5, 0.9, 1.3, 1.7]) {
        const [a, b] = [from * rate, (from + 0.25) * rate]
        assert.closeTo(rmsDb(output!.subarray(a, b)) - rmsDb(steady.subarray(a, b)), -2.2, 0.1)
      }
    }
  })
})
