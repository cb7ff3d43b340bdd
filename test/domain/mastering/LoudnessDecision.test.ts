import { describe, it } from "@effect/vitest"
import { maximumLimitingDb } from "../../../src/domain/mastering/PeakSafetyDecision.ts"
import { characters } from "../../../src/domain/mastering/PresetCharacter.ts"
import { Preset } from "../../../src/domain/mastering/MasteringPlan.ts"
import { assert } from "../../support/assert.ts"
import { moveOf, planOf } from "../../support/plans.ts"

describe("A track that is quiet or moderate", () => {
  it("is raised to each preset's target", () => {
    const targets = { adaptive: -14, gentle: -16, warm: -13, bright: -12, punchy: -14 }
    for (const preset of Preset.literals) {
      const decided = planOf({ lufs: -18, crest_db: 12 }, { true_peak_dbtp: -12, sample_peak_dbfs: -12.1 }, preset)
      assert.strictEqual(characters[preset].targetLufs, targets[preset])
      assert.strictEqual(decided.target_lufs, targets[preset])
      assert.closeTo(decided.predicted!.lufs, targets[preset], 1e-9)
      const change = decided.moves
        .filter(({ stage }) => stage === "loudness")
        .reduce((sum, move) => sum + move.amount, 0)
      assert.strictEqual(change, decided.settings.gain_db)
    }
  })

  it("keeps its level above the target", () => {
    const decided = planOf({ lufs: -12.6, crest_db: 11 }, { true_peak_dbtp: -3 })
    assert.closeTo(decided.predicted!.lufs, -12.6, 1e-9)
    assert.strictEqual(decided.target_lufs, -14)
  })

  it("is not raised further than the limiter's 3 dB allow, and says what is reached", () => {
    const decided = planOf(
      { lufs: -22, crest_db: 19.2, stereo_width: 0.3 },
      { true_peak_dbtp: -4, sample_peak_dbfs: -4.1 }
    )
    assert.isBelow(decided.predicted!.lufs, -15)
    const reached = `${decided.predicted!.lufs.toFixed(1)} LUFS`
    assert.includes(moveOf(decided, "gain")!.reason, reached)
    assert.includes(moveOf(decided, "gain")!.reason, "-14")
    assert.strictEqual(moveOf(decided, "true-peak limiter")!.amount, -maximumLimitingDb)
    // Gain from -4 dBTP to 3 dB above the ceiling, and what the stages before it took.
    assert.closeTo(decided.settings.gain_db, 6, 0.5)
  })
})
