import { describe, it } from "@effect/vitest"
import { type Fingerprint } from "../../../src/domain/fingerprint/Fingerprint.ts"
import { assert } from "../../support/assert.ts"
import { planOf } from "../../support/plans.ts"

describe("The stereo width", () => {
  const sideGain = (fingerprint: Partial<Fingerprint>, channels = 2) =>
    planOf({ lufs: -16, crest_db: 11, ...fingerprint }, { channels }).settings.side_gain_db

  it("widens what is narrow and well correlated, by at most 2 dB", () => {
    assert.closeTo(sideGain({ stereo_width: 0.09, phase_correlation: 0.9 }), 2, 1e-9)
    assert.isAbove(sideGain({ stereo_width: 0.15, phase_correlation: 0.9 }), 0)
  })
  it("leaves a natural width alone", () => {
    for (const stereo_width of [0.2, 0.3, 0.5]) assert.strictEqual(sideGain({ stereo_width }), 0)
  })
  it("never widens mono, what is badly correlated, or anything but two channels", () => {
    assert.strictEqual(sideGain({ stereo_width: 0, phase_correlation: 1 }), 0)
    assert.strictEqual(sideGain({ stereo_width: 0.1, phase_correlation: 0.19 }), 0)
    assert.strictEqual(sideGain({ stereo_width: 0.1, phase_correlation: 0.9 }, 1), 0)
    assert.strictEqual(sideGain({ stereo_width: 0.1, phase_correlation: 0.9 }, 6), 0)
  })
  it("narrows where the sides outweigh the middle", () => {
    assert.closeTo(sideGain({ stereo_width: 0.8, phase_correlation: -0.6 }), -2, 1e-9)
  })
})
