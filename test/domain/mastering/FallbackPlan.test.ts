import { describe, it } from "@effect/vitest"
import { fallbackPlan } from "../../../src/domain/mastering/FallbackPlan.ts"
import { assert } from "../../support/assert.ts"
import { planOf } from "../../support/plans.ts"

describe("The fallback", () => {
  it("applies the preset at half strength, follows its target and limits", () => {
    const whole = planOf({ lufs: -16, crest_db: 11 }, {}, "warm")
    const decided = fallbackPlan({ preset: "warm", intensity: 1 })
    assert.strictEqual(decided.source, "fallback")
    assert.strictEqual(decided.class, "unknown")
    assert.isNull(decided.predicted)
    assert.strictEqual(decided.settings.follow_lufs, -13)
    assert.strictEqual(decided.settings.ceiling_dbtp, -1)
    assert.strictEqual(decided.settings.gain_db, 0)
    const tilt = (gains: ReadonlyArray<number>) => gains[1]! - gains[6]!
    assert.closeTo(tilt(decided.settings.balance_db), tilt(whole.settings.balance_db) / 2, 0.15)
    assert.deepStrictEqual(
      fallbackPlan({ preset: "adaptive", intensity: 1 }).settings.balance_db,
      [0, 0, 0, 0, 0, 0, 0]
    )
  })

  it("leaves out what it is asked to", () => {
    const decided = fallbackPlan({ preset: "warm", intensity: 1, bypass: ["gain", "balance"] })
    assert.deepStrictEqual(decided.bypassed, ["balance", "gain"])
    assert.isTrue(decided.settings.balance_db.every((gain) => gain === 0))
    assert.isNull(decided.settings.follow_lufs)
    assert.isNull(decided.target_lufs)
    assert.deepStrictEqual(
      decided.moves.map(({ stage }) => stage),
      ["peak_safety"]
    )
  })
})
