import { describe, it } from "@effect/vitest"
import { ceilingDbtp } from "../../../src/domain/mastering/PeakSafetyDecision.ts"
import { assert } from "../../support/assert.ts"
import { moveOf, planOf } from "../../support/plans.ts"

describe("Peak safety", () => {
  const of = (truePeak: number) =>
    planOf({ lufs: -9, crest_db: 14 }, { true_peak_dbtp: truePeak, sample_peak_dbfs: truePeak - 0.1 })

  it("does nothing below the ceiling", () => {
    assert.strictEqual(of(-1).settings.gain_db, 0)
    assert.strictEqual(moveOf(of(-1), "true-peak limiter")!.amount, 0)
  })
  it("trims where 2 dB are enough", () => {
    for (const over of [0.3, 1, 2]) {
      const decided = of(ceilingDbtp + over)
      assert.closeTo(decided.settings.gain_db, -over, 1e-9)
      assert.closeTo(moveOf(decided, "static trim")!.amount, -over, 1e-9)
      assert.isUndefined(moveOf(decided, "true-peak limiter"))
    }
  })
  it("limits beyond that, by at most 3 dB", () => {
    const quiet = (truePeak: number) =>
      planOf({ lufs: -13, crest_db: 12, stereo_width: 0.3 }, { true_peak_dbtp: truePeak }, "gentle")
    assert.strictEqual(quiet(1.5).settings.gain_db, 0)
    assert.closeTo(moveOf(quiet(1.5), "true-peak limiter")!.amount, -2.5, 1e-9)
    assert.closeTo(quiet(4).settings.gain_db, -2, 1e-9)
    assert.closeTo(moveOf(quiet(4), "true-peak limiter")!.amount, -3, 1e-9)
  })
  it("spares the dynamics of a dynamic loud track: the limiter takes only what 2 dB of trim leave", () => {
    for (const [truePeak, trimDb, limitedDb] of [
      [1.5, 2, 0.5],
      [3.5, 2, 2.5],
      [5, 3, 3]
    ] as const) {
      assert.closeTo(of(truePeak).settings.gain_db, -trimDb, 1e-9)
      assert.closeTo(moveOf(of(truePeak), "true-peak limiter")!.amount, -limitedDb, 1e-9)
    }
  })
  it("keeps the ceiling armed in every plan that is not a bypass", () => {
    for (const truePeak of [-20, -1, 0, 5]) assert.strictEqual(of(truePeak).settings.ceiling_dbtp, -1)
  })
})
