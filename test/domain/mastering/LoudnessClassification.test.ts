import { describe, it } from "@effect/vitest"
import { expansionFactor } from "../../../src/domain/mastering/DynamicsDecision.ts"
import { classify } from "../../../src/domain/mastering/LoudnessClassification.ts"
import { assert } from "../../support/assert.ts"
import { moveOf, planOf } from "../../support/plans.ts"

describe("classes", () => {
  const known = [
    [-11, 12, "compressed_loud", 0.1],
    [-8.2, 8.5, "compressed_loud", 0.45],
    [-8.36, 9, "compressed_loud", 0.4],
    [-8.47, 8.72, "compressed_loud", 0.428],
    [-8.73, 9.17, "compressed_loud", 0.383],
    [-10.8, 10.9, "compressed_loud", 0.21],
    [-11, 12.99, "compressed_loud", 0.1],
    [-5, 3, "compressed_loud", 0.5],
    [-11, 15, "dynamic_loud", null],
    [-11, 13, "dynamic_loud", null],
    [-14.5, 13.1, "quiet_or_moderate", null],
    [-22, 19.2, "quiet_or_moderate", null],
    [-12.6, 12.1, "quiet_or_moderate", null],
    [-12, 10, "quiet_or_moderate", null]
  ] as const

  for (const [lufs, crestDb, expected, factor] of known) {
    it(`${lufs} LUFS at a crest of ${crestDb} dB is ${expected}${factor === null ? "" : `, expanded by ${factor}`}`, () => {
      const decided = planOf({ lufs, crest_db: crestDb }, { true_peak_dbtp: -3 })
      assert.strictEqual(classify({ lufs, crest_db: crestDb }), expected)
      assert.strictEqual(decided.class, expected)
      const expansion = moveOf(decided, "expansion")
      if (factor === null) {
        assert.isUndefined(expansion)
        assert.strictEqual(decided.settings.expansion_db, 0)
      } else {
        assert.closeTo(expansionFactor(crestDb), factor, 1e-9)
        assert.closeTo(expansion!.amount, factor, 1e-9)
        assert.strictEqual(expansion!.unit, "factor")
        assert.deepStrictEqual(expansion!.causes, [
          { name: "lufs", value: lufs },
          { name: "crest_db", value: crestDb }
        ])
        assert.closeTo(decided.settings.expansion_db, 4 * factor, 1e-9)
      }
    })
  }
})
