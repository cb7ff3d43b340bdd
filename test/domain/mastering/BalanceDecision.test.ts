import { describe, it } from "@effect/vitest"
import { bands, type Fingerprint } from "../../../src/domain/fingerprint/Fingerprint.ts"
import { bandWeightsDb, maximumBalanceDb, referenceShares } from "../../../src/domain/mastering/BalanceDecision.ts"
import type { Preset } from "../../../src/domain/mastering/MasteringPlan.ts"
import { magnitudeDb } from "../../../src/dsp/Biquad.ts"
import { kWeighting } from "../../../src/dsp/KWeighting.ts"
import { assert } from "../../support/assert.ts"
import { evenShares, moveOf, planOf } from "../../support/plans.ts"

describe("The balance", () => {
  const shares = (name: (typeof bands)[number]["name"], pct: number): Partial<Fingerprint> => {
    const rest = 100 - evenShares[name]
    return Object.fromEntries(
      bands.map((band) => [band.name, band.name === name ? pct : (evenShares[band.name] * (100 - pct)) / rest])
    )
  }

  it("leaves the reference spectrum alone", () => {
    assert.deepStrictEqual(planOf({ lufs: -16, crest_db: 11 }).settings.balance_db, [0, 0, 0, 0, 0, 0, 0])
  })

  it("lowers what sticks out and raises what lacks, by at most 3 dB", () => {
    for (const [i, { name }] of bands.entries()) {
      const much = planOf({ lufs: -16, crest_db: 11, ...shares(name, 80) }).settings.balance_db
      const little = planOf({ lufs: -16, crest_db: 11, ...shares(name, 0.1) }).settings.balance_db
      assert.isBelow(much[i]!, 0, name)
      assert.isAbove(little[i]!, 0, name)
      for (const gain of [...much, ...little]) assert.isAtMost(Math.abs(gain), maximumBalanceDb)
    }
  })

  it("leaves a band with hardly any energy alone", () => {
    for (const [i, { name }] of bands.entries()) {
      assert.strictEqual(planOf({ lufs: -16, crest_db: 11, ...shares(name, 0.019) }).settings.balance_db[i], 0, name)
    }
  })

  it("tilts with the preset", () => {
    const of = (preset: Preset) => planOf({ lufs: -16, crest_db: 11 }, {}, preset).settings.balance_db
    const tilt = (gains: ReadonlyArray<number>) => gains[1]! - gains[6]!
    assert.isAbove(tilt(of("warm")), 1)
    assert.isBelow(tilt(of("bright")), -1)
    assert.isAbove(of("punchy")[1]!, of("punchy")[2]! + 1)
  })

  it("names the band's share as its cause", () => {
    const decided = planOf({ lufs: -16, crest_db: 11, ...shares("air_pct", 10) })
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

  it("of a compressed track is at most half of what a quiet track with the same spectrum gets", () => {
    const bands = {
      sub_bass_pct: 2,
      bass_pct: 20,
      low_mid_pct: 40,
      mid_pct: 30,
      upper_mid_pct: 6,
      presence_pct: 1.5,
      air_pct: 0.5
    }
    const loud = planOf({ ...bands, lufs: -6, crest_db: 6 })
    const quiet = planOf({ ...bands, lufs: -18, crest_db: 14 })
    for (const [i, gain] of loud.settings.balance_db.entries()) {
      assert.isAtMost(Math.abs(gain), Math.abs(quiet.settings.balance_db[i]!) / 2 + 1e-9)
    }
    assert.isTrue(loud.settings.balance_db.some((gain) => gain !== 0))
  })
})
