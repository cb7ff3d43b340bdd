/** What is done to dynamics: crushed transients are given back, a large crest is held back, and all else is left alone. */
import type { Fingerprint } from "../fingerprint/Fingerprint.ts"
import type { AnalysedTrack } from "./DecisionRequest.ts"
import { clamp } from "./Decibels.ts"
import { compressedCrestDb } from "./LoudnessClassification.ts"
import type { Move, Preset, RenderSettings } from "./MasteringPlan.ts"
import { causesOf } from "./MoveCauses.ts"
import * as Sentences from "./PlanSentences.ts"
import { characters } from "./PresetCharacter.ts"

/** Crest given back per unit of the expansion factor, dB. */
const expansionPerFactorDb = 4

// What the stages cost in loudness, LU, measured on the signals of the renderer's tests (docs/mastering.md).
const loudnessPerExpansionDb = 1
const loudnessPerCompressionSlope = 0.9

/** How much crest a compressed track gets back: 0.1 at 12 dB, 0.5 at 8 dB and below. */
export const expansionFactor = (crestDb: number): number => clamp((compressedCrestDb - crestDb) / 10, 0.1, 0.5)

export interface Expansion {
  /** Crest given back, dB. */
  readonly expansionDb: number
  /** What that takes off the loudness, LU. */
  readonly loudnessLossLu: number
  readonly moves: ReadonlyArray<Move>
}

export const noExpansion: Expansion = { expansionDb: 0, loudnessLossLu: 0, moves: [] }

/** `factor`: as of `expansionFactor`, times the intensity. */
export const decideExpansion = (fingerprint: Fingerprint, factor: number): Expansion => {
  const expansionDb = expansionPerFactorDb * factor
  return {
    expansionDb,
    loudnessLossLu: loudnessPerExpansionDb * expansionDb,
    moves: [
      {
        stage: "dynamics",
        parameter: "expansion",
        amount: factor,
        unit: "factor",
        causes: causesOf(fingerprint, "lufs", "crest_db"),
        reason: Sentences.expansionReason(fingerprint, expansionDb)
      }
    ]
  }
}

export interface Compression {
  readonly setting: RenderSettings["compressor"]
  readonly loudnessChangeLu: number
  /** Crest taken off, dB; a rough estimate. */
  readonly crestDb: number
  readonly moves: ReadonlyArray<Move>
}

export const noCompression: Compression = { setting: null, loudnessChangeLu: 0, crestDb: 0, moves: [] }

/** From a ratio of 1 at a crest of 12 dB to 1.5 at 22 dB, on what lies 6 dB or more above the track's RMS. */
export const decideCompression = (analysis: AnalysedTrack, preset: Preset, intensity: number): Compression => {
  const { fingerprint, measurements } = analysis
  const { crest_db } = fingerprint
  const strength = intensity * characters[preset].compressionStrength * clamp((crest_db - 12) / 10, 0, 1)
  const ratio = 1 + 0.5 * strength
  if (ratio < 1.01) return noCompression
  const thresholdDbfs = clamp(measurements.sample_peak_dbfs - crest_db + 6, -60, 0)
  const slope = 1 - 1 / ratio
  return {
    setting: { threshold_dbfs: thresholdDbfs, ratio },
    loudnessChangeLu: -loudnessPerCompressionSlope * slope,
    crestDb: Math.min(crest_db, slope * 3),
    moves: [
      {
        stage: "dynamics",
        parameter: "compression",
        amount: ratio,
        unit: "ratio",
        causes: causesOf(fingerprint, "crest_db"),
        reason: Sentences.compressionReason(crest_db, thresholdDbfs, ratio)
      }
    ]
  }
}

/** That nothing is done, and why. */
export const restraint = (fingerprint: Fingerprint): Move => ({
  stage: "dynamics",
  parameter: "restraint",
  amount: 0,
  unit: "factor",
  causes: causesOf(fingerprint, "lufs", "crest_db"),
  reason: Sentences.restraintReason
})
