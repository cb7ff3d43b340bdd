/** What the chain adds to a tone: distortion, noise, and what a change of plan lets be heard. */
import { describe, it } from "vitest"
import { fallbackPlan } from "../../../src/domain/mastering/FallbackPlan.ts"
import type { RenderSettings } from "../../../src/domain/mastering/MasteringPlan.ts"
import { assert } from "../../support/assert.ts"
import { neutralSettings, renderChain } from "../../support/renderChain.ts"
import { sine } from "../../support/signals.ts"

const rate = 44_100
const working: RenderSettings = {
  ...neutralSettings,
  balance_db: [1, -2, 2, 0, -1, 1.5, -3],
  expansion_db: 1.5,
  compressor: { threshold_dbfs: -24, ratio: 1.5 },
  side_gain_db: 1.5,
  gain_db: 4
}

/**
 * What is left of `samples` when a tone is taken out whose amplitude and phase may change linearly, dB of the mean square
 * against that of a full-scale sine.
 */
const restDb = (samples: Float32Array, frequencyHz: number): number => {
  const length = samples.length
  const basis = (n: number) => {
    const angle = (2 * Math.PI * frequencyHz * n) / rate
    const t = (2 * n) / length - 1
    return [Math.sin(angle), Math.cos(angle), t * Math.sin(angle), t * Math.cos(angle)]
  }
  const rows = Array.from({ length: 4 }, () => new Float64Array(5))
  for (let n = 0; n < length; n++) {
    const values = basis(n)
    for (let i = 0; i < 4; i++) {
      for (let j = 0; j < 4; j++) rows[i]![j]! += values[i]! * values[j]!
      rows[i]![4]! += values[i]! * samples[n]!
    }
  }
  for (let column = 0; column < 4; column++) {
    for (let row = 0; row < 4; row++) {
      if (row === column) continue
      const factor = rows[row]![column]! / rows[column]![column]!
      for (let j = 0; j < 5; j++) rows[row]![j]! -= factor * rows[column]![j]!
    }
  }
  const weights = rows.map((row, i) => row[4]! / row[i]!)
  let sum = 0
  for (let n = 0; n < length; n++) {
    const fitted = basis(n).reduce((total, value, i) => total + weights[i]! * value, 0)
    sum += (samples[n]! - fitted) ** 2
  }
  return 10 * Math.log10((2 * sum) / length)
}

const largestStep = (samples: Float32Array, fromSeconds: number, toSeconds: number): number => {
  let largest = 0
  for (let n = Math.round(fromSeconds * rate) + 1; n < toSeconds * rate; n++)
    largest = Math.max(largest, Math.abs(samples[n]! - samples[n - 1]!))
  return largest
}

describe("a tone through the chain", () => {
  // Within a period of a low tone the compressor's 10 ms of RMS are not one level.
  for (const [frequencyHz, limitDb] of [
    [100, -75],
    [997, -90],
    [6000, -90]
  ] as const) {
    it(`of -12 dBFS at ${frequencyHz} Hz keeps distortion and noise below ${limitDb} dB while every stage but the limiter works`, () => {
      const tone = sine(rate, 3, frequencyHz, -12)
      const [output] = renderChain([tone, tone.map((x) => 0.5 * x)], rate, working)
      const steady = output!.subarray(2 * rate, 3 * rate - 4410)
      const levelDb = 20 * Math.log10(Math.max(...steady))
      assert.isAbove(levelDb, -15)
      assert.isBelow(levelDb, -2)
      assert.isBelow(restDb(steady, frequencyHz) - levelDb, limitDb)
    })
  }

  it("of 50 Hz keeps distortion below -50 dB while the limiter holds it 5 dB down", () => {
    const [output] = renderChain([sine(rate, 2, 50, -3)], rate, { ...neutralSettings, gain_db: 7 })
    const steady = output!.subarray(rate, 2 * rate - 4410)
    assert.closeTo(20 * Math.log10(Math.max(...steady)), -1, 0.15)
    assert.isBelow(restDb(steady, 50), -50)
  })
})

describe("a change of plan under a 1 kHz tone", () => {
  const fallback = fallbackPlan({ preset: "warm", intensity: 1 }).settings
  const changes: Readonly<Record<string, readonly [RenderSettings, RenderSettings]>> = {
    "of preset": [working, { ...working, balance_db: [0, -0.5, -1, 0, 1, 1.5, 2], gain_db: 2 }],
    "of intensity": [
      working,
      { ...working, balance_db: working.balance_db.map((gain) => gain / 2), compressor: null, gain_db: 2 }
    ],
    "from the fallback to a plan": [fallback, working],
    "that leaves out every stage": [working, neutralSettings],
    "of intensity to 0": [working, { ...neutralSettings, bypass: true, ceiling_dbtp: null }]
  }
  const tone = sine(rate, 3, 1000, -12)
  for (const [name, [from, to]] of Object.entries(changes)) {
    it(`${name} takes no step larger than before and after, by 1 %, and no zipper above -80 dBFS`, () => {
      for (const glideSeconds of [2, 0.2]) {
        const change = { at: 0.5 * rate, settings: to, glideFrames: glideSeconds * rate }
        const [output] = renderChain([tone, tone.map((x) => 0.5 * x)], rate, from, { changes: [change] })
        const before = largestStep(output!, 0.3, 0.5)
        const after = largestStep(output!, 2.7, 2.95)
        assert.isAtMost(largestStep(output!, 0.3, 2.95), 1.01 * Math.max(before, after), `${glideSeconds} s`)
        // A linear fit does not follow the corners of a short glide.
        if (glideSeconds < 2) continue
        for (let at = 0.4 * rate; at < 2.9 * rate; at += 220) {
          assert.isBelow(restDb(output!.subarray(at, at + 441), 1000), -80, `${glideSeconds} s, at ${at / rate} s`)
        }
      }
    })
  }
})
