/** Whole plans, decided and rendered, on the demo pieces: what was promised is measured. */
import { setImmediate } from "node:timers/promises"
import { beforeAll, describe, it } from "vitest"
import { bands } from "../../../src/domain/fingerprint/Fingerprint.ts"
import { minimumBandShare, referenceShares } from "../../../src/domain/mastering/BalanceDecision.ts"
import { decide } from "../../../src/domain/mastering/MasteringDecision.ts"
import { maximumLimitingDb } from "../../../src/domain/mastering/PeakSafetyDecision.ts"
import { type MasteringPlan, Preset } from "../../../src/domain/mastering/MasteringPlan.ts"
import { makeFingerprintAnalyzer } from "../../../src/dsp/analysis/FingerprintAnalyzer.ts"
import { demoPieces } from "../../../demo/DemoPieces.ts"
import { assert } from "../../support/assert.ts"
import { deliver } from "../../support/deliver.ts"
import { isFfmpegPresent, readWithFfmpeg } from "../../support/ffmpegMeter.ts"
import { integratedLufs } from "../../support/loudness.ts"
import { crestDb } from "../../support/music.ts"
import { renderChain } from "../../support/renderChain.ts"
import type { Signal } from "../../support/signals.ts"

const rate = 44_100

const measure = (signal: Signal, sampleRate = rate) => {
  const analyzer = makeFingerprintAnalyzer({ sampleRate, channels: signal.length })
  analyzer.push(signal, signal[0]!.length)
  const outcome = analyzer.finish()
  if (outcome.kind !== "measured") throw new Error(outcome.kind)
  return outcome
}

interface Excerpt {
  readonly title: string
  readonly signal: Signal
  readonly analysis: ReturnType<typeof measure>
}

/** Half a minute of each. */
const excerpts: Array<Excerpt> = []
beforeAll(async () => {
  for (const { render, title } of demoPieces) {
    const signal = render(rate).map((channel) => channel.slice(15 * rate, 45 * rate))
    excerpts.push({ title, signal, analysis: measure(signal) })
    // Each takes seconds, and the runner wants to hear from its worker.
    await setImmediate()
  }
}, 300_000)

const ofClass = (of: MasteringPlan["class"]) =>
  excerpts.filter(({ analysis }) => decide({ analysis, preset: "adaptive", intensity: 1 }).class === of)

/** How far the spectrum is from the reference, dB RMS over the bands that hold music, whatever the level. */
const imbalanceDb = (signal: Signal): number => {
  const { fingerprint } = measure(signal)
  const deviations = bands.flatMap(({ name }, i) => {
    const share = fingerprint[name] / 100
    return share < minimumBandShare ? [] : [10 * Math.log10(share / referenceShares[i]!)]
  })
  const mean = deviations.reduce((sum, x) => sum + x, 0) / deviations.length
  return Math.sqrt(deviations.reduce((sum, x) => sum + (x - mean) ** 2, 0) / deviations.length)
}

describe("the demo pieces, mastered", () => {
  for (const preset of Preset.literals) {
    it(`reach the loudness that ${preset} promised within 0.5 LU`, () => {
      for (const { analysis, signal, title } of excerpts) {
        const { predicted, settings } = decide({ analysis, preset, intensity: 1 })
        const lufs = integratedLufs(renderChain(signal, rate, settings), rate)
        assert.closeTo(lufs, predicted!.lufs, 0.5, title)
      }
    })
  }

  it.skipIf(!isFfmpegPresent)(
    "keep the ceiling by ffmpeg's meter, at their own rate and at others",
    async () => {
      for (const sampleRate of [rate, 48_000, 96_000]) {
        await setImmediate()
        // Three seconds of each, one after the other, 2 dB louder than decided.
        const parts = excerpts.map(({ analysis, signal }) => {
          const { settings } = decide({ analysis, preset: "bright", intensity: 1 })
          const input = signal.map((channel) => {
            const part = new Float32Array(3.2 * rate)
            part.set(channel.subarray(0, 3 * rate), 0.1 * rate)
            return part
          })
          return deliver(input, rate, sampleRate, { settings: { ...settings, gain_db: settings.gain_db + 2 } })
        })
        const all = [0, 1].map((c) => Float32Array.from(parts.flatMap((part) => Array.from(part[c]!))))
        assert.isAtMost(readWithFfmpeg(all, sampleRate).truePeakDbtp, -0.95, `${sampleRate} Hz`)
      }
    },
    120_000
  )

  it("are of all three classes", () => {
    for (const of of ["compressed_loud", "dynamic_loud", "quiet_or_moderate"] as const) assert.isNotEmpty(ofClass(of))
  })

  it("a quiet one becomes louder, loses at most 3 dB of crest, and comes nearer to the reference spectrum", () => {
    for (const { analysis, signal, title } of ofClass("quiet_or_moderate")) {
      const plan = decide({ analysis, preset: "adaptive", intensity: 1 })
      const output = renderChain(signal, rate, plan.settings)
      if (analysis.fingerprint.lufs < -14.5) {
        assert.isAbove(integratedLufs(output, rate), analysis.fingerprint.lufs + 0.3, title)
      }
      assert.isAtLeast(crestDb(output) - crestDb(signal), -maximumLimitingDb, title)
      assert.isBelow(imbalanceDb(output), imbalanceDb(signal), title)
    }
  })

  it("a compressed one gets 2 to 6 dB of crest back per unit of the factor, and is not louder", () => {
    for (const { analysis, signal, title } of ofClass("compressed_loud")) {
      const plan = decide({ analysis, preset: "adaptive", intensity: 1 })
      const output = renderChain(signal, rate, plan.settings)
      const factor = plan.moves.find(({ parameter }) => parameter === "expansion")!.amount
      const gained = crestDb(output) - crestDb(signal)
      assert.isAtMost(gained, 6 * factor, title)
      assert.isBelow(integratedLufs(output, rate), analysis.fingerprint.lufs, title)
    }
  })

  it("a dynamic one whose peaks are far above keeps level and dynamics, but for the gain that the plan names", () => {
    for (const { analysis, signal, title } of ofClass("dynamic_loud")) {
      const { predicted, settings } = decide({ analysis, preset: "bright", intensity: 1 })
      const result = renderChain(signal, rate, settings)
      assert.closeTo(integratedLufs(result, rate), analysis.fingerprint.lufs + settings.gain_db, 0.3, title)
      assert.closeTo(crestDb(result), crestDb(signal), 0.3, title)
      assert.closeTo(crestDb(result), predicted!.crest_db, 0.5, title)
    }
  })
})
