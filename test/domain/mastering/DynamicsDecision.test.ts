import { describe, it } from "@effect/vitest"
import { assert } from "../../support/assert.ts"
import { moveOf, planOf } from "../../support/plans.ts"

describe("A track that is crushed", () => {
  it("scales expansion and reduction with intensity", () => {
    const decided = planOf({ lufs: -8.2, crest_db: 8.5 }, { true_peak_dbtp: -3 }, "adaptive", 0.5)
    assert.closeTo(moveOf(decided, "expansion")!.amount, 0.225, 1e-9)
    assert.closeTo(decided.settings.expansion_db, 0.9, 1e-9)
    assert.strictEqual(decided.settings.gain_db, -0.25)
  })
})

describe("A track that is quiet or moderate", () => {
  it("is compressed gently from a crest of 12 dB on, and not below", () => {
    assert.isNull(planOf({ lufs: -16, crest_db: 11.9 }).settings.compressor)
    const ratios = [13.1, 15, 19.2, 30].map((crest_db) => planOf({ lufs: -16, crest_db }).settings.compressor!.ratio)
    assert.deepStrictEqual(
      ratios,
      [...ratios].sort((a, b) => a - b)
    )
    assert.isAbove(ratios[0]!, 1)
    assert.strictEqual(ratios.at(-1), 1.5)
  })
})
