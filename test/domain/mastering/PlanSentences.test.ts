/** The words of plans, over many plans: what a person reads is a sentence, and its numbers are those of the plan. */
import { describe, it } from "@effect/vitest"
import { fallbackPlan } from "../../../src/domain/mastering/FallbackPlan.ts"
import { decide } from "../../../src/domain/mastering/MasteringDecision.ts"
import { BypassableStage, type MasteringPlan, Preset } from "../../../src/domain/mastering/MasteringPlan.ts"
import * as Sentences from "../../../src/domain/mastering/PlanSentences.ts"
import { assert } from "../../support/assert.ts"
import { analysisOf, moveOf, planOf } from "../../support/plans.ts"

const tracks = [
  analysisOf({ lufs: -8.2, crest_db: 8.5 }, { true_peak_dbtp: 1.2, sample_peak_dbfs: 0 }),
  analysisOf({ lufs: -9, crest_db: 14 }, { true_peak_dbtp: 3.5, sample_peak_dbfs: 0 }),
  analysisOf({ lufs: -12.6, crest_db: 11 }, { true_peak_dbtp: -3 }),
  analysisOf({ lufs: -22, crest_db: 19.2, stereo_width: 0.1, phase_correlation: 0.9, air_pct: 8 }),
  analysisOf({ lufs: -48, crest_db: 12, stereo_width: 0.8 }, { true_peak_dbtp: -40, sample_peak_dbfs: -40.1 })
]

const plans: ReadonlyArray<MasteringPlan> = Preset.literals.flatMap((preset) =>
  [0, 0.4, 1].flatMap((intensity) =>
    [[], ["gain"], BypassableStage.literals].flatMap((bypass) => [
      fallbackPlan({ preset, intensity, bypass: bypass as never }),
      ...tracks.map((analysis) => decide({ analysis, preset, intensity, bypass: bypass as never }))
    ])
  )
)

describe("The sentences of a plan", () => {
  it("begin with a capital letter, end with a full stop, and hold no number that is none", () => {
    for (const { moves, summary } of plans) {
      for (const sentence of [summary, ...moves.map(({ reason }) => reason)]) {
        assert.match(sentence, /^[A-Z][^\n]*\.$/)
        assert.doesNotMatch(sentence, /NaN|undefined|Infinity|null|\[object|-0\b(?!\.)|\d\.\d{3}| {2}/)
      }
    }
  })

  it("name what was left out", () => {
    for (const { bypassed, intensity, summary } of plans) {
      const isNamed = bypassed.length > 0 && intensity > 0
      assert.strictEqual(summary.endsWith(` Left out on request: ${bypassed.join(", ")}.`), isNamed, summary)
    }
  })

  it("say of a gain why it reaches what it reaches", () => {
    const reasonAt = (lufs: number, truePeak: number, intensity = 1, crest_db = 11) => {
      const measured = { true_peak_dbtp: truePeak, sample_peak_dbfs: truePeak - 0.1 }
      return moveOf(planOf({ lufs, crest_db }, measured, "adaptive", intensity), "gain")!.reason
    }
    assert.strictEqual(reasonAt(-20, -12), "The target is -14 LUFS: it becomes -14.0 LUFS, from -20.0.")
    assert.strictEqual(reasonAt(-20, -12, 0.5), "The target is -14 LUFS; at intensity 0.50 it becomes -17.0 LUFS.")
    assert.strictEqual(reasonAt(-44, -40), "The target is -14 LUFS; with at most 20 dB of gain it becomes -24.0 LUFS.")
    assert.match(reasonAt(-20, -1), /; the limiter may take no more than 3 dB, so it becomes -\d+\.\d LUFS\.$/)
    assert.match(reasonAt(-20, -6), /; the peaks leave room for -\d+\.\d LUFS without limiting/)
    assert.strictEqual(reasonAt(-12.5, -3), "At -12.5 LUFS it is at or above the target of -14: its level stays.")
    assert.match(reasonAt(-12.5, 0), /its level stays, but for its peaks\.$/)
  })

  it("show one decimal, a sign where a band is raised, and 0 for what is nearly nothing", () => {
    assert.strictEqual(
      Sentences.bandReason("Toward an even balance", "air_pct", 1.26, 0.74),
      "Toward an even balance: the air (1.3 % of the power) get +0.7 dB."
    )
    assert.strictEqual(
      Sentences.bandReason("Toward a warm balance", "mid_pct", undefined, -1),
      "Toward a warm balance: the mids get -1.0 dB."
    )
    assert.strictEqual(Sentences.reductionReason(0.04), "Loud enough already: 0 dB less makes room for the transients.")
  })
})
