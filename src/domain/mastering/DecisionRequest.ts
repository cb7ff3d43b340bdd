/** What a plan is decided from. */
import type { Fingerprint, Measurements } from "../fingerprint/Fingerprint.ts"
import { BypassableStage, type Preset } from "./MasteringPlan.ts"

export interface AnalysedTrack {
  readonly fingerprint: Fingerprint
  readonly measurements: Measurements
}

export interface DecisionRequest {
  readonly analysis: AnalysedTrack
  readonly preset: Preset
  /** 0-1; 0 leaves every sample as it is. */
  readonly intensity: number
  /** Stages to leave out: the plan is made, and its result predicted, without them. Peak safety stays. */
  readonly bypass?: ReadonlyArray<BypassableStage> | undefined
}

/** Each once, in the order of the chain. */
export const inOrder = (bypass: ReadonlyArray<BypassableStage>): ReadonlyArray<BypassableStage> =>
  BypassableStage.literals.filter((stage) => bypass.includes(stage))
