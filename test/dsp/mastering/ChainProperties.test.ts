/** Random plans on random signals: what holds for all of them. */
import { FastCheck } from "effect"
import { describe, it } from "vitest"
import { fallbackPlan } from "../../../src/domain/mastering/FallbackPlan.ts"
import { decide } from "../../../src/domain/mastering/MasteringDecision.ts"
import { BypassableStage, Preset, type RenderSettings } from "../../../src/domain/mastering/MasteringPlan.ts"
import { assert } from "../../support/assert.ts"
import { someAnalysis } from "../../support/analyses.ts"
import { deliver } from "../../support/deliver.ts"
import { makeRandom, type Signal } from "../../support/signals.ts"
import { shortFilterTruePeakDbtp } from "../../support/truePeak.ts"

const number = (min: number, max: number) => FastCheck.double({ min, max, noNaN: true })

const settings: FastCheck.Arbitrary<RenderSettings> = FastCheck.record({
  bypass: FastCheck.constant(false),
  balance_db: FastCheck.array(number(-3, 3), { minLength: 7, maxLength: 7 }),
  expansion_db: number(0, 3),
  compressor: FastCheck.option(FastCheck.record({ threshold_dbfs: number(-40, 0), ratio: number(1, 4) })),
  side_gain_db: number(-2, 2),
  gain_db: number(-12, 20),
  follow_lufs: FastCheck.option(number(-30, -9)),
  follow_limit_db: number(0, 9),
  ceiling_dbtp: FastCheck.constant(-1)
})

/** What the decision makes of any loudness, crest and peak, stages left out included. */
const decided: FastCheck.Arbitrary<RenderSettings> = FastCheck.record({
  lufs: number(-40, -4),
  crest: number(4, 25),
  truePeak: number(-20, 6),
  preset: FastCheck.constantFrom(...Preset.literals),
  intensity: number(0.01, 1),
  bypass: FastCheck.subarray([...BypassableStage.literals]),
  isMeasured: FastCheck.boolean()
}).map(({ bypass, crest, intensity, isMeasured, lufs, preset, truePeak }) => {
  if (!isMeasured) return fallbackPlan({ preset, intensity, bypass }).settings
  const { fingerprint, measurements } = someAnalysis({ lufs, crest_db: crest })
  const peaks = { true_peak_dbtp: truePeak, sample_peak_dbfs: truePeak - 0.2 }
  return decide({
    analysis: { fingerprint, measurements: { ...measurements, ...peaks } },
    preset,
    intensity,
    bypass
  }).settings
})

/** Noise, tones, impulses and silence in turn, with nothing at half the rate; silence at both ends. */
const signal = FastCheck.record({
  seed: FastCheck.integer({ min: 0, max: 1 << 30 }),
  channels: FastCheck.integer({ min: 1, max: 3 }),
  levelDb: number(-60, 12)
}).map(({ channels, levelDb, seed }): Signal => {
  const random = makeRandom(seed)
  const frames = 9000
  const level = 10 ** (levelDb / 20)
  return Array.from({ length: channels }, () => {
    const out = new Float32Array(frames)
    for (let at = 500; at < frames - 1500;) {
      const length = 100 + Math.floor(900 * random())
      const kind = Math.floor(4 * random())
      const step = 0.002 + random()
      for (let n = 0, last = 0; n < length; n++) {
        const noise = 2 * random() - 1
        if (kind === 0) out[at + n] = (level * (noise + last)) / 2
        if (kind === 1) out[at + n] = level * Math.sin(step * n)
        if (kind === 2 && n % 97 < 2) out[at + n] = level
        last = noise
      }
      at += length
    }
    return out
  })
})

describe("any plan on any signal", () => {
  for (const [name, plan] of [
    ["that can be written down", settings],
    ["that is decided", decided]
  ] as const) {
    it(`${name} gives finite samples under the ceiling, as many as came in, at any rate`, () => {
      const rates = FastCheck.constantFrom([44_100, 44_100], [44_100, 48_000], [48_000, 44_100], [
        22_050, 44_100
      ] as const)
      FastCheck.assert(
        FastCheck.property(plan, plan, signal, rates, (before, after, input, [from, to]) => {
          const changes = [{ at: 3000, settings: after, glideSeconds: 0.05 }]
          const output = deliver(input, from!, to!, { settings: before, changes })
          for (const channel of output) {
            assert.strictEqual(channel.length, Math.ceil((input[0]!.length * to!) / from!))
            assert.isTrue(channel.every((x) => Number.isFinite(x)))
          }
          assert.isAtMost(shortFilterTruePeakDbtp(output), -0.95)
        }),
        { numRuns: 40, seed: 7 }
      )
    })
  }
})
