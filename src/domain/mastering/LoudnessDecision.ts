/** How loud a track becomes: quiet ones are raised toward the preset's target, crushed ones lowered a little. */
import type { Fingerprint } from "../fingerprint/Fingerprint.ts"
import type { AnalysedTrack } from "./DecisionRequest.ts"
import { clamp, gainSetting } from "./Decibels.ts"
import type { Move } from "./MasteringPlan.ts"
import { causesOf } from "./MoveCauses.ts"
import { maximumLimitingDb, type PeakSafety } from "./PeakSafetyDecision.ts"
import * as Sentences from "./PlanSentences.ts"

/** Most loudness gain: what needs more is hardly music above its noise floor, dB. */
const maximumGainDb = 20
/** The gain reduction of Compressed Loud, dB. */
const compressedLoudReductionDb = 0.5

export interface Reduction {
  readonly reductionDb: number
  readonly moves: ReadonlyArray<Move>
}

export const noReduction: Reduction = { reductionDb: 0, moves: [] }

/** For a compressed track. */
export const decideReduction = (fingerprint: Fingerprint, intensity: number): Reduction => {
  const reductionDb = compressedLoudReductionDb * intensity
  return {
    reductionDb,
    moves: [
      {
        stage: "loudness",
        parameter: "gain reduction",
        amount: -reductionDb,
        unit: "dB",
        causes: causesOf(fingerprint, "lufs", "crest_db"),
        reason: Sentences.reductionReason(reductionDb)
      }
    ]
  }
}

/** LUFS, before the peaks are looked at. Only upward: a track at or above its target keeps its level. */
export const wantedLoudness = (lufs: number, targetLufs: number, intensity: number): number =>
  lufs + intensity * clamp(targetLufs - lufs, 0, maximumGainDb)

export interface Raise {
  readonly analysis: AnalysedTrack
  readonly intensity: number
  readonly targetLufs: number
  readonly wantedLufs: number
  readonly reachedLufs: number
  /** What brings the track from where the stages before leave it to `wantedLufs`, dB. */
  readonly gainDb: number
  readonly safety: PeakSafety
}

export const raiseMove = (raise: Raise): Move => {
  const { fingerprint, measurements } = raise.analysis
  return {
    stage: "loudness",
    parameter: "gain",
    amount: gainSetting(raise.gainDb),
    unit: "dB",
    causes: [...causesOf(fingerprint, "lufs"), { name: "true_peak_dbtp", value: measurements.true_peak_dbtp }],
    reason: raiseReason(raise)
  }
}

const raiseReason = ({ analysis, intensity, reachedLufs, safety, targetLufs, wantedLufs }: Raise): string => {
  const { lufs } = analysis.fingerprint
  const { limitedDb, trimDb } = safety
  const reached = (because: Parameters<typeof Sentences.gainReason>[2]) =>
    Sentences.gainReason(targetLufs, reachedLufs, because)
  if (targetLufs <= lufs) return Sentences.levelStaysReason(lufs, targetLufs, trimDb > 0)
  if (limitedDb > 0 && trimDb > 0) return reached({ limiterTakesAtMostDb: maximumLimitingDb })
  if (trimDb > 0) return reached("peaks")
  if (intensity < 1) return reached({ intensity })
  if (targetLufs - wantedLufs > 0.05) return reached({ gainIsAtMostDb: maximumGainDb })
  return reached({ from: lufs })
}
