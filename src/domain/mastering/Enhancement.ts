/** What a listener asked for: the preset, how much of it, and whether it is heard at all. */
import { Schema } from "effect"
import { BypassableStage, Intensity, Preset } from "./MasteringPlan.ts"

export const Enhancement = Schema.Struct({
  preset: Preset,
  intensity: Intensity,
  /** false: every sample passes as it is, at the same place, until it is true again. */
  enabled: Schema.Boolean,
  /** Stages to leave out. */
  bypass: Schema.optionalWith(Schema.Array(BypassableStage), { default: () => [] })
})
export type Enhancement = typeof Enhancement.Type

/** 0-1: what the plan is decided by. */
export const effectiveIntensity = ({ enabled, intensity }: Enhancement): number => (enabled ? intensity : 0)
