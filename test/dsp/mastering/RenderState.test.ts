/** A rendering that is begun anew beside the one that was not interrupted: what a listener hears of the seam. */
import { describe, it } from "vitest"
import type { RenderSettings } from "../../../src/domain/mastering/MasteringPlan.ts"
import type { RenderState } from "../../../src/domain/mastering/RenderState.ts"
import { assert } from "../../support/assert.ts"
import { deliver, type DeliverOptions } from "../../support/deliver.ts"
import { music } from "../../support/music.ts"
import { busy, following, neutralSettings } from "../../support/renderChain.ts"
import { type Signal, whiteNoise } from "../../support/signals.ts"

const rate = 44_100
const seconds = (count: number) => Math.round(count * rate)

/** Largest difference in the first quarter of a second behind the seam, dBFS. */
const stepDbfs = (whole: Signal, anew: Signal, seam: number): number => {
  let largest = 0
  for (const [c, samples] of anew.entries()) {
    for (let n = 0; n < seconds(0.25); n++) largest = Math.max(largest, Math.abs(samples[n]! - whole[c]![seam + n]!))
  }
  return 20 * Math.log10(largest)
}

/** Renders all of it, and again from about `at` seconds on with the state that the first one was in there. */
const stepAtSeam = (
  signal: Signal,
  deliveredRate: number,
  at: number,
  options: DeliverOptions,
  withState = true,
  next?: RenderSettings
) => {
  let seam = 0
  let from: RenderState | undefined
  const whole = deliver(signal, rate, deliveredRate, {
    ...options,
    onState: (state, delivered) => {
      if (seam > 0 || delivered < at * deliveredRate) return
      seam = delivered
      from = state ?? undefined
    }
  })
  assert.isDefined(from)
  const settings = from.settings
  // As a session that has another plan by now: told before anything is rendered.
  const changes = next === undefined ? [] : [{ at: 0, settings: next, glideSeconds: 4 }]
  const anew = deliver(signal, rate, deliveredRate, { settings, changes, startFrame: seam, ...(withState && { from }) })
  return stepDbfs(whole, anew, seam)
}

const quietNoise: Signal = [whiteNoise(rate, 14, -45, 1), whiteNoise(rate, 14, -45, 2)]
const song = music({ sampleRate: rate, seconds: 12, seed: 3, bpm: 110, drumsDb: 0, driveDb: 0, peakDbfs: -3 })

const louder = { ...busy, gain_db: -4, balance_db: [0, 3, 0, -2, 0, 1, 0], ceiling_dbtp: null }
const glides: ReadonlyArray<readonly [string, DeliverOptions]> = [
  ["to another plan", { settings: busy, changes: [{ at: seconds(6), settings: louder, glideSeconds: 4 }] }],
  [
    "from the fallback to a fingerprint's plan",
    { settings: following, changes: [{ at: seconds(6), settings: busy, glideSeconds: 4 }] }
  ],
  [
    "into bypass",
    { settings: busy, changes: [{ at: seconds(6), settings: { ...neutralSettings, bypass: true }, glideSeconds: 4 }] }
  ]
]

describe("A rendering that goes on from another's state", () => {
  for (const deliveredRate of [rate, 48_000]) {
    it(`is within -60 dBFS of it at the seam, quiet noise under the fallback, at ${deliveredRate} Hz`, () => {
      assert.isAtMost(stepAtSeam(quietNoise, deliveredRate, 9, { settings: following }), -60)
      // What it is for.
      assert.isAtLeast(stepAtSeam(quietNoise, deliveredRate, 9, { settings: following }, false), -58)
    })

    it(`goes from where it was in the middle of a glide to yet another plan, at ${deliveredRate} Hz`, () => {
      const [, options] = glides[0]!
      const settled = { ...louder, gain_db: -4.5 }
      // The one glides on faster than the other: some hundredths of a dB in a quarter of a second.
      assert.isAtMost(stepAtSeam(song, deliveredRate, 8, options, true, settled), -40)
    })

    for (const [name, options] of glides) {
      it(`is within -60 dBFS of it at the seam, in the middle of a glide ${name}, at ${deliveredRate} Hz`, () => {
        assert.isAtMost(stepAtSeam(song, deliveredRate, 8, options), -60)
        assert.isAtLeast(stepAtSeam(song, deliveredRate, 8, options, false), -30)
      })
    }
  }
})
