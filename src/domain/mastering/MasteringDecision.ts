/**
 * Decides how a track is mastered: fingerprint, preset and intensity in, plan out. Pure; renders nothing.
 *
 * What is already loud is restrained, what was crushed gets its transients back, and only what is quiet or moderate is
 * processed in full. Each stage decides its own numbers, in the file of its name; PlanSentences puts them into words.
 * Reasons and numbers: docs/mastering.md.
 */
import { Option } from "effect"
import { decideBalance, noBalance } from "./BalanceDecision.ts"
import { clamp, gainSetting } from "./Decibels.ts"
import { type AnalysedTrack, type DecisionRequest, inOrder } from "./DecisionRequest.ts"
import {
  decideCompression,
  decideExpansion,
  expansionFactor,
  noCompression,
  noExpansion,
  restraint
} from "./DynamicsDecision.ts"
import { fallbackPlan } from "./FallbackPlan.ts"
import { classify } from "./LoudnessClassification.ts"
import { decideReduction, noReduction, raiseMove, wantedLoudness } from "./LoudnessDecision.ts"
import type { BypassableStage, MasteringPlan, Preset } from "./MasteringPlan.ts"
import { neutral, untouched } from "./NeutralSettings.ts"
import { decidePeakSafety } from "./PeakSafetyDecision.ts"
import * as Sentences from "./PlanSentences.ts"
import { characters } from "./PresetCharacter.ts"
import { decideStereo, noStereo } from "./StereoDecision.ts"

/** The plan of a track that may not have been analysed yet. */
export const planFor = (
  analysis: Option.Option<AnalysedTrack>,
  request: Omit<DecisionRequest, "analysis">
): MasteringPlan =>
  Option.match(analysis, {
    onNone: () => fallbackPlan(request),
    onSome: (analysis) => decide({ ...request, analysis })
  })

/** The plan of an analysed track. Every valid analysis has one; it decodes by MasteringPlan's schema. */
export const decide = ({ analysis, bypass = [], intensity, preset }: DecisionRequest): MasteringPlan => {
  const request = { analysis, preset, intensity: clamp(intensity, 0, 1), bypassed: inOrder(bypass) }
  if (intensity === 0) return decideNothing(request)
  switch (classify(analysis.fingerprint)) {
    case "compressed_loud":
      return decideCompressedLoud(request)
    case "dynamic_loud":
      return decideDynamicLoud(request)
    case "quiet_or_moderate":
      return decideQuietOrModerate(request)
  }
}

interface Request {
  readonly analysis: AnalysedTrack
  readonly preset: Preset
  /** Within bounds; above 0 but for `decideNothing`. */
  readonly intensity: number
  readonly bypassed: ReadonlyArray<BypassableStage>
}

/** What every plan of an analysed track begins with. */
const commonOf = ({ analysis, bypassed, intensity, preset }: Request) =>
  ({ source: "fingerprint", class: classify(analysis.fingerprint), preset, intensity, bypassed }) as const

const decideNothing = (request: Request): MasteringPlan => {
  const { fingerprint, measurements } = request.analysis
  return {
    ...commonOf(request),
    target_lufs: null,
    predicted: {
      lufs: fingerprint.lufs,
      crest_db: fingerprint.crest_db,
      true_peak_dbtp: measurements.true_peak_dbtp
    },
    summary: Sentences.untouchedSummary,
    moves: [],
    settings: untouched
  }
}

const decideCompressedLoud = (request: Request): MasteringPlan => {
  const { analysis, bypassed, intensity, preset } = request
  const { fingerprint } = analysis
  const { lufs, crest_db } = fingerprint
  const factor = expansionFactor(crest_db) * intensity
  const expansion = bypassed.includes("dynamics") ? noExpansion : decideExpansion(fingerprint, factor)
  const reduction = bypassed.includes("gain") ? noReduction : decideReduction(fingerprint, intensity)
  // One measure of restraint for both: what needs little expansion gets little balance, and at most half. Less where the
  // waveform is clipped flat: there a filter unfolds new peaks, more crest than was asked for.
  const balance = bypassed.includes("balance")
    ? noBalance
    : decideBalance(fingerprint, preset, factor * clamp((crest_db - 3) / 5, 0, 1))
  const safety = decidePeakSafety(analysis, -reduction.reductionDb)
  return {
    ...commonOf(request),
    target_lufs: null,
    predicted: {
      lufs:
        lufs +
        balance.loudnessChangeLu -
        reduction.reductionDb -
        expansion.loudnessLossLu -
        safety.trimDb -
        safety.loudnessLossLu,
      crest_db: Math.max(0, crest_db + expansion.expansionDb - safety.crestLossDb),
      true_peak_dbtp: safety.truePeakDbtp
    },
    summary: Sentences.compressedLoudSummary(fingerprint, bypassed),
    moves: [...balance.moves, ...expansion.moves, ...reduction.moves, safety.move],
    settings: {
      ...neutral,
      balance_db: balance.gainsDb,
      expansion_db: expansion.expansionDb,
      gain_db: gainSetting(-reduction.reductionDb - safety.trimDb)
    }
  }
}

const decideDynamicLoud = (request: Request): MasteringPlan => {
  const { analysis, bypassed } = request
  const { fingerprint } = analysis
  const safety = decidePeakSafety(analysis, 0, { sparesDynamics: true })
  return {
    ...commonOf(request),
    target_lufs: null,
    predicted: {
      lufs: fingerprint.lufs - safety.trimDb - safety.loudnessLossLu,
      crest_db: Math.max(0, fingerprint.crest_db - safety.crestLossDb),
      true_peak_dbtp: safety.truePeakDbtp
    },
    summary: Sentences.dynamicLoudSummary(fingerprint, bypassed),
    moves: [restraint(fingerprint), safety.move],
    settings: { ...neutral, gain_db: gainSetting(-safety.trimDb) }
  }
}

const decideQuietOrModerate = (request: Request): MasteringPlan => {
  const { analysis, bypassed, intensity, preset } = request
  const { fingerprint } = analysis
  const { lufs, crest_db } = fingerprint
  const { targetLufs } = characters[preset]
  const balance = bypassed.includes("balance") ? noBalance : decideBalance(fingerprint, preset, intensity)
  const compression = bypassed.includes("dynamics") ? noCompression : decideCompression(analysis, preset, intensity)
  const stereo = bypassed.includes("width") ? noStereo : decideStereo(analysis, intensity)
  const changeLu = balance.loudnessChangeLu + compression.loudnessChangeLu + stereo.loudnessChangeLu

  const isRaised = !bypassed.includes("gain")
  const wantedLufs = isRaised ? wantedLoudness(lufs, targetLufs, intensity) : lufs + changeLu
  const gainDb = isRaised ? wantedLufs - lufs - changeLu : 0
  // What the stages before take from or add to the loudness, they take from or add to the peaks as well.
  const safety = decidePeakSafety(analysis, wantedLufs - lufs)
  const reachedLufs = wantedLufs - safety.trimDb - safety.loudnessLossLu
  const raise = { analysis, intensity, targetLufs, wantedLufs, reachedLufs, gainDb, safety }

  return {
    ...commonOf(request),
    target_lufs: isRaised ? targetLufs : null,
    predicted: {
      lufs: reachedLufs,
      // What the compressor holds back does not reach the limiter.
      crest_db: Math.max(0, crest_db - Math.max(compression.crestDb, safety.crestLossDb)),
      true_peak_dbtp: safety.truePeakDbtp
    },
    summary: Sentences.quietOrModerateSummary({ lufs, targetLufs, reachedLufs, bypassed }),
    moves: [
      ...balance.moves,
      ...compression.moves,
      ...stereo.moves,
      ...(isRaised ? [raiseMove(raise)] : []),
      safety.move
    ],
    settings: {
      ...neutral,
      balance_db: balance.gainsDb,
      compressor: compression.setting,
      side_gain_db: stereo.gainDb,
      gain_db: gainSetting(gainDb - safety.trimDb)
    }
  }
}
