/** How a track stays below the ceiling: by a static trim as far as that goes, by the limiter beyond it. */
import type { AnalysedTrack } from "./DecisionRequest.ts"
import { clamp } from "./Decibels.ts"
import type { Move } from "./MasteringPlan.ts"
import * as Sentences from "./PlanSentences.ts"

/** What is delivered stays below this, dBTP (EBU R 128 and AES TD1008 name the same ceiling). */
export const ceilingDbtp = -1
/** The largest overshoot that is trimmed away, dB; the limiter serves beyond it. */
const maximumTrimDb = 2
/** The most crest that the limiter may be asked to remove, dB. */
export const maximumLimitingDb = 3

/**
 * What limiting costs in loudness, LU; measured on the signals of the renderer's tests (docs/mastering.md). Where peaks
 * are short and rare, the music between them is held back with them; in dense music there is nothing between.
 */
const limitingLossLu = (limitedDb: number, crestDb: number): number => limitedDb * clamp(0.009 * (crestDb - 6), 0, 0.15)

export interface PeakSafety {
  /** Static, >= 0. */
  readonly trimDb: number
  /** What the limiter will take off the highest peak, dB >= 0. */
  readonly limitedDb: number
  /** What that takes off the loudness, LU >= 0. */
  readonly loudnessLossLu: number
  /** What it takes off the crest factor, which knows sample peaks only, dB; the RMS falls with the loudness. */
  readonly crestLossDb: number
  /** True peak of the result. */
  readonly truePeakDbtp: number
  readonly move: Move
}

/**
 * After `gainDb` of everything else: trim up to 2 dB; the limiter beyond that, up to 3 dB; a trim again for what even
 * that would leave. `sparesDynamics`: beyond 2 dB the trim stays, and the limiter takes the rest only.
 */
export const decidePeakSafety = (
  { fingerprint, measurements }: AnalysedTrack,
  gainDb: number,
  { sparesDynamics = false }: { readonly sparesDynamics?: boolean } = {}
): PeakSafety => {
  const peak = clamp(measurements.true_peak_dbtp + gainDb, -200, 200)
  const overDb = peak - ceilingDbtp
  const causes = [{ name: "true_peak_dbtp", value: peak }]
  const unlimited = { limitedDb: 0, loudnessLossLu: 0, crestLossDb: 0 }
  if (overDb <= 0) return { ...unlimited, trimDb: 0, truePeakDbtp: peak, move: standby(causes) }
  if (overDb <= maximumTrimDb) {
    return {
      ...unlimited,
      trimDb: overDb,
      truePeakDbtp: ceilingDbtp,
      move: {
        stage: "peak_safety",
        parameter: "static trim",
        amount: -overDb,
        unit: "dB",
        causes,
        reason: Sentences.trimReason(peak, overDb, ceilingDbtp)
      }
    }
  }
  const limitedDb = Math.min(overDb - (sparesDynamics ? maximumTrimDb : 0), maximumLimitingDb)
  const trimDb = overDb - limitedDb
  const loudnessLossLu = limitingLossLu(limitedDb, fingerprint.crest_db)
  return {
    trimDb,
    limitedDb,
    loudnessLossLu,
    crestLossDb: clamp(measurements.sample_peak_dbfs + gainDb - trimDb - ceilingDbtp, 0, limitedDb) - loudnessLossLu,
    truePeakDbtp: ceilingDbtp,
    move: {
      stage: "peak_safety",
      parameter: "true-peak limiter",
      amount: -limitedDb,
      unit: "dB",
      causes,
      reason: Sentences.limiterReason(peak, limitedDb, trimDb)
    }
  }
}

/** The limiter is there, and not expected to have anything to do. */
export const standby = (causes: Move["causes"]): Move => ({
  stage: "peak_safety",
  parameter: "true-peak limiter",
  amount: 0,
  unit: "dB",
  causes,
  reason: Sentences.standbyReason(ceilingDbtp)
})
