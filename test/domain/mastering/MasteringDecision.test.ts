import { describe, it } from "@effect/vitest"
import { FastCheck, Schema } from "effect"
import { bands } from "../../../src/domain/fingerprint/Fingerprint.ts"
import { fallbackPlan } from "../../../src/domain/mastering/FallbackPlan.ts"
import { decide } from "../../../src/domain/mastering/MasteringDecision.ts"
import { BypassableStage, MasteringPlan, Preset } from "../../../src/domain/mastering/MasteringPlan.ts"
import { ceilingDbtp, maximumLimitingDb } from "../../../src/domain/mastering/PeakSafetyDecision.ts"
import { assert } from "../../support/assert.ts"
import { someAnalysis } from "../../support/analyses.ts"
import { analysisOf, moveOf, planOf } from "../../support/plans.ts"

const presets = Preset.literals

describe("Compressed Loud", () => {
  it("is reduced by 0.5 dB, never compressed, and gets its crest back", () => {
    const decided = planOf({ lufs: -8.2, crest_db: 8.5 }, { true_peak_dbtp: -3, sample_peak_dbfs: -3.1 })
    assert.strictEqual(decided.settings.gain_db, -0.5)
    assert.strictEqual(decided.settings.compressor, null)
    assert.isNull(decided.target_lufs)
    assert.closeTo(decided.predicted!.crest_db, 8.5 + 1.8, 1e-9)
    assert.isBelow(decided.predicted!.lufs, -8.7)
  })
})

describe("Dynamic Loud", () => {
  it("is left as it is where its peaks are safe", () => {
    const decided = planOf({ lufs: -9, crest_db: 14, bass_pct: 60, mid_pct: 2.864 }, { true_peak_dbtp: -1.2 })
    assert.deepStrictEqual(decided.settings, {
      bypass: false,
      balance_db: [0, 0, 0, 0, 0, 0, 0],
      expansion_db: 0,
      compressor: null,
      side_gain_db: 0,
      gain_db: 0,
      follow_lufs: null,
      follow_limit_db: 0,
      ceiling_dbtp: -1
    })
    assert.strictEqual(decided.predicted!.lufs, -9)
  })
})

describe("intensity 0", () => {
  it("is a bypass, with and without a fingerprint", () => {
    for (const preset of presets) {
      const decided = [
        planOf({ lufs: -8, crest_db: 8 }, {}, preset, 0),
        planOf({ lufs: -20, crest_db: 18 }, {}, preset, 0),
        fallbackPlan({ preset, intensity: 0 })
      ]
      for (const { moves, settings } of decided) {
        assert.isTrue(settings.bypass)
        assert.isNull(settings.ceiling_dbtp)
        assert.deepStrictEqual(moves, [])
      }
    }
  })
})

describe("for every valid fingerprint", () => {
  const share = FastCheck.double({ min: 0, max: 1, noNaN: true })
  const finite = (min: number, max: number) => FastCheck.double({ min, max, noNaN: true })
  const arbitrary = FastCheck.record({
    shares: FastCheck.tuple(share, share, share, share, share, share, share).filter((all) => all.some((x) => x > 1e-3)),
    lufs: FastCheck.oneof(finite(-70, 20), finite(-14, -6)),
    crest: FastCheck.oneof(finite(0, 400), finite(3, 25)),
    width: share,
    correlation: finite(-1, 1),
    truePeak: FastCheck.oneof(finite(-1e300, 1e300), finite(-20, 6)),
    samplePeak: FastCheck.oneof(finite(-1e300, 1e300), finite(-20, 0)),
    channels: FastCheck.integer({ min: 1, max: 8 }),
    preset: FastCheck.constantFrom(...presets),
    low: FastCheck.double({ min: 1e-3, max: 1, noNaN: true }),
    high: FastCheck.double({ min: 1e-3, max: 1, noNaN: true })
  })
  const inputs = arbitrary.map((of) => {
    const sum = of.shares.reduce((total, value) => total + value, 0)
    const pct = Object.fromEntries(bands.map(({ name }, i) => [name, (100 * of.shares[i]!) / sum]))
    return {
      preset: of.preset,
      low: Math.min(of.low, of.high),
      high: Math.max(of.low, of.high),
      analysis: analysisOf(
        { ...pct, lufs: of.lufs, crest_db: of.crest, stereo_width: of.width, phase_correlation: of.correlation },
        { true_peak_dbtp: of.truePeak, sample_peak_dbfs: of.samplePeak, channels: of.channels }
      )
    }
  })
  const check = (property: (input: typeof inputs extends FastCheck.Arbitrary<infer A> ? A : never) => void) =>
    FastCheck.assert(FastCheck.property(inputs, property), { numRuns: 400, seed: 20 })

  it("the plan decodes by its own schema, every number finite", () => {
    const decode = Schema.decodeUnknownSync(MasteringPlan)
    check(({ analysis, high, preset }) => {
      for (const intensity of [0, high, 1]) {
        const bypass = BypassableStage.literals.filter((_, i) => (Math.round(1000 * high) >> i) % 2 === 1)
        const decided = decide({ analysis, preset, intensity, bypass })
        assert.deepStrictEqual(decode(JSON.parse(JSON.stringify(decided))), decided)
        for (const { causes, reason } of decided.moves) {
          assert.doesNotMatch(reason, /NaN|undefined|Infinity/)
          assert.isTrue(causes.every(({ value }) => Number.isFinite(value)))
        }
      }
      decode(JSON.parse(JSON.stringify(fallbackPlan({ preset, intensity: high }))))
    })
  })

  it("a loud track never becomes louder", () => {
    check(({ analysis, high, preset }) => {
      if (analysis.fingerprint.lufs <= -12) return
      const { predicted, settings } = decide({ analysis, preset, intensity: high })
      assert.isAtMost(settings.gain_db, 0)
      assert.isNull(settings.compressor)
      assert.isAtMost(predicted!.lufs, analysis.fingerprint.lufs + 1e-9)
    })
  })

  it("more intensity never moves less", () => {
    check(({ analysis, high, low, preset }) => {
      const a = decide({ analysis, preset, intensity: low })
      const b = decide({ analysis, preset, intensity: high })
      for (const [i, gain] of b.settings.balance_db.entries()) {
        assert.isAtLeast(Math.abs(gain), Math.abs(a.settings.balance_db[i]!))
      }
      assert.isAtLeast(b.settings.expansion_db, a.settings.expansion_db)
      assert.isAtLeast(Math.abs(b.settings.side_gain_db), Math.abs(a.settings.side_gain_db))
      assert.isAtLeast(b.settings.compressor?.ratio ?? 1, a.settings.compressor?.ratio ?? 1)
      if (analysis.fingerprint.lufs <= -12) assert.isAtLeast(b.predicted!.lufs, a.predicted!.lufs - 1e-6)
    })
  })

  it("the limiter is never asked for more than 3 dB, nor is a peak promised above the ceiling", () => {
    check(({ analysis, high, preset }) => {
      const decided = decide({ analysis, preset, intensity: high })
      const limiter = moveOf(decided, "true-peak limiter")
      assert.isAtLeast(limiter?.amount ?? 0, -maximumLimitingDb - 1e-9)
      assert.isAtMost(decided.predicted!.true_peak_dbtp, ceilingDbtp + 1e-9)
    })
  })
})

describe("stages left out", () => {
  const tracks = {
    quiet: analysisOf(
      { ...someAnalysis().fingerprint, lufs: -20, crest_db: 17, stereo_width: 0.1, phase_correlation: 0.9 },
      { true_peak_dbtp: -3.5, sample_peak_dbfs: -3.6, channels: 2 }
    ),
    compressed: analysisOf(
      { ...someAnalysis().fingerprint, lufs: -8, crest_db: 9 },
      { true_peak_dbtp: 0.4, sample_peak_dbfs: -0.1, channels: 2 }
    ),
    dynamic: analysisOf({ lufs: -10, crest_db: 14 }, { true_peak_dbtp: 0.4, sample_peak_dbfs: -0.1 })
  }
  const decideWith = (track: keyof typeof tracks, bypass: ReadonlyArray<BypassableStage>) =>
    decide({ analysis: tracks[track], preset: "warm", intensity: 1, bypass })
  const stagesOf = (of: MasteringPlan) => new Set(of.moves.map(({ stage }) => stage))

  it("names what is left out, each once and in the order of the chain, in words too", () => {
    const decided = decideWith("quiet", ["gain", "balance", "gain"])
    assert.deepStrictEqual(decided.bypassed, ["balance", "gain"])
    assert.match(decided.summary, /Left out on request: balance, gain\./)
    assert.deepStrictEqual(decideWith("quiet", []).bypassed, [])
    assert.deepStrictEqual(
      decide({ analysis: tracks.quiet, preset: "warm", intensity: 0, bypass: ["width"] }).bypassed,
      ["width"]
    )
  })

  it("leaves out exactly these moves and settings", () => {
    const all = decideWith("quiet", [])
    assert.deepStrictEqual(
      stagesOf(all),
      new Set(["balance", "dynamics", "stereo", "loudness", "peak_safety"] as const)
    )
    const { settings } = all
    const { compressor, balance_db, side_gain_db } = settings
    const without = (stage: BypassableStage) => decideWith("quiet", [stage]).settings
    const flat = [0, 0, 0, 0, 0, 0, 0]
    const shape = (of: typeof settings) => [of.balance_db, of.compressor, of.side_gain_db]
    assert.deepStrictEqual(shape(without("balance")), [flat, compressor, side_gain_db])
    assert.deepStrictEqual(shape(without("dynamics")), [balance_db, null, side_gain_db])
    assert.deepStrictEqual(shape(without("width")), [balance_db, compressor, 0])
    assert.deepStrictEqual(shape(without("gain")), [balance_db, compressor, side_gain_db])
    assert.isFalse(stagesOf(decideWith("quiet", ["gain"])).has("loudness"))
    assert.isNull(decideWith("quiet", ["gain"]).target_lufs)
  })

  it("without gain a quiet track keeps its level, but for what the other stages take or add", () => {
    const { predicted, settings } = decideWith("quiet", ["gain"])
    assert.strictEqual(settings.gain_db, 0)
    assert.closeTo(predicted!.lufs, -20, 1)
    const alone = decideWith("quiet", ["gain", "balance", "dynamics", "width"])
    assert.strictEqual(alone.predicted!.lufs, -20)
    assert.strictEqual(alone.predicted!.crest_db, 17)
  })

  it("without dynamics a compressed track gets no expansion, and loses no loudness to it", () => {
    const all = decideWith("compressed", [])
    const without = decideWith("compressed", ["dynamics"])
    assert.strictEqual(without.settings.expansion_db, 0)
    assert.closeTo(without.predicted!.lufs - all.predicted!.lufs, all.settings.expansion_db, 1e-9)
    assert.closeTo(all.predicted!.crest_db - without.predicted!.crest_db, all.settings.expansion_db, 1e-9)
  })

  it("never leaves out peak safety: trim and ceiling stay, and the promise holds", () => {
    for (const track of ["quiet", "compressed", "dynamic"] as const) {
      const { predicted, settings } = decideWith(track, BypassableStage.literals)
      assert.strictEqual(settings.ceiling_dbtp, ceilingDbtp)
      assert.isAtMost(predicted!.true_peak_dbtp, ceilingDbtp)
    }
    assert.closeTo(decideWith("dynamic", ["gain"]).settings.gain_db, -1.4, 1e-9)
    assert.closeTo(decideWith("compressed", ["gain"]).settings.gain_db, -1.4, 1e-9)
  })

  it("a plan that says nothing of it, as those of before, left nothing out", () => {
    const { bypassed: _, ...older } = decideWith("quiet", [])
    assert.deepStrictEqual(Schema.decodeUnknownSync(MasteringPlan)(older).bypassed, [])
  })
})
