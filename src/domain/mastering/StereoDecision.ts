/** How wide a track is made: narrow ones wider, where they stand it, and too wide ones narrower. */
import type { AnalysedTrack } from "./DecisionRequest.ts"
import { audible, clamp } from "./Decibels.ts"
import type { Move } from "./MasteringPlan.ts"
import { causesOf } from "./MoveCauses.ts"
import * as Sentences from "./PlanSentences.ts"

/** Widths between these are natural; below 0.03 is mono, above 0.5 the side is louder than the middle. */
const narrowWidth = 0.2
const wideWidth = 0.5
const monoWidth = 0.03
const minimumCorrelation = 0.2
const maximumSideGainDb = 2

export interface Stereo {
  readonly gainDb: number
  readonly loudnessChangeLu: number
  readonly moves: ReadonlyArray<Move>
}

export const noStereo: Stereo = { gainDb: 0, loudnessChangeLu: 0, moves: [] }

export const decideStereo = ({ fingerprint, measurements }: AnalysedTrack, intensity: number): Stereo => {
  const { stereo_width: width, phase_correlation: correlation } = fingerprint
  if (measurements.channels !== 2 || width < monoWidth) return noStereo
  const mayWiden = correlation >= minimumCorrelation
  const widening = mayWiden ? Math.min((narrowWidth - width) / 0.1, (width - monoWidth) / 0.05) : 0
  const narrowing = (width - wideWidth) / 0.2
  const gainDb = audible(intensity * maximumSideGainDb * (clamp(widening, 0, 1) - clamp(narrowing, 0, 1)))
  if (gainDb === 0) return noStereo
  const sideToMiddle = (width / Math.max(1 - width, 1e-6)) ** 2
  return {
    gainDb,
    loudnessChangeLu: 10 * Math.log10((1 + sideToMiddle * 10 ** (gainDb / 10)) / (1 + sideToMiddle)),
    moves: [
      {
        stage: "stereo",
        parameter: "side gain above 120 Hz",
        amount: gainDb,
        unit: "dB",
        causes: causesOf(fingerprint, "stereo_width", "phase_correlation"),
        reason: Sentences.sideGainReason(width, gainDb)
      }
    ]
  }
}
