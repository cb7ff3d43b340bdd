import { describe, it } from "@effect/vitest"
import { FastCheck, Schema } from "effect"
import { bands, type Fingerprint, type Measurements } from "../../../src/domain/fingerprint/Fingerprint.ts"
import {
  bandWeightsDb,
  ceilingDbtp,
  classify,
  decide,
  expansionFactor,
  fallbackPlan,
  maximumBalanceDb,
  maximumLimitingDb,
  referenceShares,
  targetLufs
} from "../../../src/domain/mastering/MasteringDecision.ts"
import { BypassableStage, MasteringPlan, Preset } from "../../../src/domain/mastering/MasteringPlan.ts"
import { magnitudeDb } from "../../../src/dsp/Biquad.ts"
import { kWeighting } from "../../../src/dsp/KWeighting.ts"
import { assert } from "../../support/assert.ts"
import { someAnalysis } from "../../support/analyses.ts"

const presets = Preset.literals
/** Shares of the reference spectrum: nothing to balance. */
const even = Object.fromEntries(bands.map(({ name }, i) => [name, referenceShares[i]! * 100])) as Pick<
  Fingerprint,
  (typeof bands)[number]["name"]
>
const analysis = (fingerprint: Partial<Fingerprint> = {}, measurements: Partial<Measurements> = {}) => {
  const base = someAnalysis({ ...even, ...fingerprint })
  return { fingerprint: base.fingerprint, measurements: { ...base.measurements, ...measurements } }
}
const plan = (
  fingerprint: Partial<Fingerprint>,
  measurements: Partial<Measurements> = {},
  preset: Preset = "adaptive",
  intensity = 1
) => decide({ analysis: analysis(fingerprint, measurements), preset, intensity })
const moveOf = (of: MasteringPlan, parameter: string) => of.moves.find((move) => move.parameter === parameter)

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
      const decided = plan({ lufs, crest_db: crestDb }, { true_peak_dbtp: -3 })
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

describe("Compressed Loud", () => {
  it("is reduced by 0.5 dB, never compressed, and gets its crest back", () => {
    const decided = plan({ lufs: -8.2, crest_db: 8.5 }, { true_peak_dbtp: -3, sample_peak_dbfs: -3.1 })
    assert.strictEqual(decided.settings.gain_db, -0.5)
    assert.strictEqual(decided.settings.compressor, null)
    assert.isNull(decided.target_lufs)
    assert.closeTo(decided.predicted!.crest_db, 8.5 + 1.8, 1e-9)
    assert.isBelow(decided.predicted!.lufs, -8.7)
  })

  it("scales expansion and reduction with intensity", () => {
    const decided = plan({ lufs: -8.2, crest_db: 8.5 }, { true_peak_dbtp: -3 }, "adaptive", 0.5)
    assert.closeTo(moveOf(decided, "expansion")!.amount, 0.225, 1e-9)
    assert.closeTo(decided.settings.expansion_db, 0.9, 1e-9)
    assert.strictEqual(decided.settings.gain_db, -0.25)
  })

  it("is balanced by at most half of what a quiet track with the same spectrum gets", () => {
    const bands = {
      sub_bass_pct: 2,
      bass_pct: 20,
      low_mid_pct: 40,
      mid_pct: 30,
      upper_mid_pct: 6,
      presence_pct: 1.5,
      air_pct: 0.5
    }
    const loud = plan({ ...bands, lufs: -6, crest_db: 6 })
    const quiet = plan({ ...bands, lufs: -18, crest_db: 14 })
    for (const [i, gain] of loud.settings.balance_db.entries()) {
      assert.isAtMost(Math.abs(gain), Math.abs(quiet.settings.balance_db[i]!) / 2 + 1e-9)
    }
    assert.isTrue(loud.settings.balance_db.some((gain) => gain !== 0))
  })
})

describe("Dynamic Loud", () => {
  it("is left as it is where its peaks are safe", () => {
    const decided = plan({ lufs: -9, crest_db: 14, bass_pct: 60, mid_pct: 2.864 }, { true_peak_dbtp: -1.2 })
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

describe("Quiet or Moderate", () => {
  it("is raised to each preset's target", () => {
    const targets = { adaptive: -14, gentle: -16, warm: -13, bright: -12, punchy: -14 }
    for (const preset of presets) {
      const decided = plan({ lufs: -18, crest_db: 12 }, { true_peak_dbtp: -12, sample_peak_dbfs: -12.1 }, preset)
      assert.strictEqual(targetLufs(preset), targets[preset])
      assert.strictEqual(decided.target_lufs, targets[preset])
      assert.closeTo(decided.predicted!.lufs, targets[preset], 1e-9)
      const change = decided.moves
        .filter(({ stage }) => stage === "loudness")
        .reduce((sum, move) => sum + move.amount, 0)
      assert.strictEqual(change, decided.settings.gain_db)
    }
  })

  it("keeps its level above the target", () => {
    const decided = plan({ lufs: -12.6, crest_db: 11 }, { true_peak_dbtp: -3 })
    assert.closeTo(decided.predicted!.lufs, -12.6, 1e-9)
    assert.strictEqual(decided.target_lufs, -14)
  })

  it("is not raised further than the limiter's 3 dB allow, and says what is reached", () => {
    const decided = plan(
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

  it("is compressed gently from a crest of 12 dB on, and not below", () => {
    assert.isNull(plan({ lufs: -16, crest_db: 11.9 }).settings.compressor)
    const ratios = [13.1, 15, 19.2, 30].map((crest_db) => plan({ lufs: -16, crest_db }).settings.compressor!.ratio)
    assert.deepStrictEqual(
      ratios,
      [...ratios].sort((a, b) => a - b)
    )
    assert.isAbove(ratios[0]!, 1)
    assert.strictEqual(ratios.at(-1), 1.5)
  })
})

describe("balance", () => {
  const shares = (name: (typeof bands)[number]["name"], pct: number): Partial<Fingerprint> => {
    const rest = 100 - even[name]
    return Object.fromEntries(
      bands.map((band) => [band.name, band.name === name ? pct : (even[band.name] * (100 - pct)) / rest])
    )
  }

  it("leaves the reference spectrum alone", () => {
    assert.deepStrictEqual(plan({ lufs: -16, crest_db: 11 }).settings.balance_db, [0, 0, 0, 0, 0, 0, 0])
  })

  it("lowers what sticks out and raises what lacks, by at most 3 dB", () => {
    for (const [i, { name }] of bands.entries()) {
      const much = plan({ lufs: -16, crest_db: 11, ...shares(name, 80) }).settings.balance_db
      const little = plan({ lufs: -16, crest_db: 11, ...shares(name, 0.1) }).settings.balance_db
      assert.isBelow(much[i]!, 0, name)
      assert.isAbove(little[i]!, 0, name)
      for (const gain of [...much, ...little]) assert.isAtMost(Math.abs(gain), maximumBalanceDb)
    }
  })

  it("leaves a band with hardly any energy alone", () => {
    for (const [i, { name }] of bands.entries()) {
      assert.strictEqual(plan({ lufs: -16, crest_db: 11, ...shares(name, 0.019) }).settings.balance_db[i], 0, name)
    }
  })

  it("tilts with the preset", () => {
    const of = (preset: Preset) => plan({ lufs: -16, crest_db: 11 }, {}, preset).settings.balance_db
    const tilt = (gains: ReadonlyArray<number>) => gains[1]! - gains[6]!
    assert.isAbove(tilt(of("warm")), 1)
    assert.isBelow(tilt(of("bright")), -1)
    assert.isAbove(of("punchy")[1]!, of("punchy")[2]! + 1)
  })

  it("names the band's share as its cause", () => {
    const decided = plan({ lufs: -16, crest_db: 11, ...shares("air_pct", 10) })
    const move = moveOf(decided, "gain from 6000 to 20000 Hz")!
    assert.deepStrictEqual(move.causes, [{ name: "air_pct", value: 10 }])
    assert.strictEqual(move.amount, decided.settings.balance_db[6])
  })

  it("uses the shares and weights of the curve it names", () => {
    const densityDb = (hz: number) => {
      const octaves = Math.log2(hz / 200)
      return -2.35 * octaves - (1.318 / 2) * octaves ** 2
    }
    const [shelf, rlb] = kWeighting(48_000)
    const steps = 2000
    const sums = bands.map(({ lowHz, highHz }) => {
      let power = 0
      let weighted = 0
      for (let i = 0; i < steps; i++) {
        const hz = lowHz * (highHz / lowHz) ** ((i + 0.5) / steps)
        const slice = (10 ** (densityDb(hz) / 10) * hz * Math.log(highHz / lowHz)) / steps
        power += slice
        weighted += slice * 10 ** ((magnitudeDb(shelf, 48_000, hz) + magnitudeDb(rlb, 48_000, hz)) / 10)
      }
      return { power, weightDb: 10 * Math.log10(weighted / power) }
    })
    const total = sums.reduce((sum, { power }) => sum + power, 0)
    for (const [i, { power, weightDb }] of sums.entries()) {
      assert.closeTo(referenceShares[i]!, power / total, 1e-5)
      assert.closeTo(bandWeightsDb[i]!, weightDb, 0.005)
    }
  })
})

describe("stereo", () => {
  const sideGain = (fingerprint: Partial<Fingerprint>, channels = 2) =>
    plan({ lufs: -16, crest_db: 11, ...fingerprint }, { channels }).settings.side_gain_db

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

describe("peak safety", () => {
  const of = (truePeak: number) =>
    plan({ lufs: -9, crest_db: 14 }, { true_peak_dbtp: truePeak, sample_peak_dbfs: truePeak - 0.1 })

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
      plan({ lufs: -13, crest_db: 12, stereo_width: 0.3 }, { true_peak_dbtp: truePeak }, "gentle")
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

describe("intensity 0", () => {
  it("is a bypass, with and without a fingerprint", () => {
    for (const preset of presets) {
      const decided = [
        plan({ lufs: -8, crest_db: 8 }, {}, preset, 0),
        plan({ lufs: -20, crest_db: 18 }, {}, preset, 0),
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

describe("the fallback", () => {
  it("applies the preset at half strength, follows its target and limits", () => {
    const whole = plan({ lufs: -16, crest_db: 11 }, {}, "warm")
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
      analysis: analysis(
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
    quiet: analysis(
      { ...someAnalysis().fingerprint, lufs: -20, crest_db: 17, stereo_width: 0.1, phase_correlation: 0.9 },
      { true_peak_dbtp: -3.5, sample_peak_dbfs: -3.6, channels: 2 }
    ),
    compressed: analysis(
      { ...someAnalysis().fingerprint, lufs: -8, crest_db: 9 },
      { true_peak_dbtp: 0.4, sample_peak_dbfs: -0.1, channels: 2 }
    ),
    dynamic: analysis({ lufs: -10, crest_db: 14 }, { true_peak_dbtp: 0.4, sample_peak_dbfs: -0.1 })
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

  it("holds for the fallback too", () => {
    const decided = fallbackPlan({ preset: "warm", intensity: 1, bypass: ["gain", "balance"] })
    assert.deepStrictEqual(decided.bypassed, ["balance", "gain"])
    assert.isTrue(decided.settings.balance_db.every((gain) => gain === 0))
    assert.isNull(decided.settings.follow_lufs)
    assert.isNull(decided.target_lufs)
    assert.deepStrictEqual(stagesOf(decided), new Set(["peak_safety"] as const))
  })

  it("a plan that says nothing of it, as those of before, left nothing out", () => {
    const { bypassed: _, ...older } = decideWith("quiet", [])
    assert.deepStrictEqual(Schema.decodeUnknownSync(MasteringPlan)(older).bypassed, [])
  })
})
