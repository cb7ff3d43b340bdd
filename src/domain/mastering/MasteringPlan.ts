/**
 * A mastering plan: what is done to a track, by how much, and which dimension caused it. Data only: the player shows
 * it, the RPC returns it, the renderer obeys its `settings`. Decided by MasteringDecision.
 */
import { Schema } from "effect"

export const Preset = Schema.Literal("adaptive", "gentle", "warm", "bright", "punchy")
export type Preset = typeof Preset.Type

/** 0 leaves every sample as it is, 1 applies every move in full. */
export const Intensity = Schema.Finite.pipe(Schema.between(0, 1))

/** What can be left out of a plan. Peak safety cannot: the ceiling always holds. */
export const BypassableStage = Schema.Literal("balance", "dynamics", "width", "gain")
export type BypassableStage = typeof BypassableStage.Type

/** Classes of the 2D Loudness-War Restraint Principle; `unknown` where there is no fingerprint to class by. */
export const LoudnessClass = Schema.Literal("compressed_loud", "dynamic_loud", "quiet_or_moderate", "unknown")
export type LoudnessClass = typeof LoudnessClass.Type

/** One move. `causes` are the dimensions and measurements it was decided from, with their values. */
export const Move = Schema.Struct({
  stage: Schema.Literal("balance", "dynamics", "stereo", "loudness", "peak_safety"),
  /** What is moved, e.g. `gain at 120 Hz`, `expansion`. */
  parameter: Schema.String,
  amount: Schema.Finite,
  unit: Schema.Literal("dB", "LU", "dBTP", "ratio", "factor"),
  causes: Schema.Array(Schema.Struct({ name: Schema.String, value: Schema.Finite })),
  /** A sentence for a person. */
  reason: Schema.String
})
export type Move = typeof Move.Type

const Decibels = Schema.Finite.pipe(Schema.between(-60, 60))

/** What the renderer is told. Decibels and Hz; the renderer turns them into linear factors once. */
export const RenderSettings = Schema.Struct({
  /** True only at intensity 0: samples pass bit for bit and nothing else here is looked at. */
  bypass: Schema.Boolean,
  /** Gain of each of the seven bands, in the order of `bands`. */
  balance_db: Schema.Array(Decibels).pipe(Schema.itemsCount(7)),
  /** Crest factor to give back, dB: what lies between the transients is lowered, nothing is raised. 0 = none. */
  expansion_db: Schema.Finite.pipe(Schema.between(0, 6)),
  /** Gentle compression of what exceeds `threshold_dbfs` (RMS over about 10 ms, before `gain_db`); null = none. */
  compressor: Schema.NullOr(
    Schema.Struct({ threshold_dbfs: Decibels, ratio: Schema.Finite.pipe(Schema.between(1, 4)) })
  ),
  /** Gain of the side signal above 120 Hz, dB; 0 = untouched. Two channels only. */
  side_gain_db: Decibels,
  /** Static gain: loudness and trim together. */
  gain_db: Decibels,
  /** Follow the loudness that was heard so far toward this target; null = static gain only. Used without a fingerprint. */
  follow_lufs: Schema.NullOr(Schema.Finite.pipe(Schema.between(-40, 0))),
  /** Most that following may add, dB. It never takes away: a track above its target stays at its level. */
  follow_limit_db: Schema.Finite.pipe(Schema.between(0, 12)),
  /** Ceiling of the look-ahead true-peak limiter; null = no limiter. */
  ceiling_dbtp: Schema.NullOr(Schema.Finite.pipe(Schema.between(-20, 0)))
}).annotations({ identifier: "RenderSettings" })
export type RenderSettings = typeof RenderSettings.Type

export const MasteringPlan = Schema.Struct({
  /** Whether a fingerprint decided, or its absence. */
  source: Schema.Literal("fingerprint", "fallback"),
  class: LoudnessClass,
  preset: Preset,
  intensity: Intensity,
  /** Stages that were left out on request, in the order of the chain. */
  bypassed: Schema.optionalWith(Schema.Array(BypassableStage), { default: () => [] }),
  /** The preset's target, LUFS; null where the class asks for no loudness move. `predicted.lufs` says what is reached. */
  target_lufs: Schema.NullOr(Schema.Finite),
  /** What the result will measure; null in the fallback, which cannot know. */
  predicted: Schema.NullOr(
    Schema.Struct({ lufs: Schema.Finite, crest_db: Schema.Finite, true_peak_dbtp: Schema.Finite })
  ),
  /** The plan in one sentence. */
  summary: Schema.String,
  moves: Schema.Array(Move),
  settings: RenderSettings
}).annotations({ identifier: "MasteringPlan" })
export type MasteringPlan = typeof MasteringPlan.Type
