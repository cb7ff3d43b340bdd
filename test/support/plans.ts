/** Analyses of which only what matters differs, and the plans that are decided from them. */
import { bands, type Fingerprint, type Measurements } from "../../src/domain/fingerprint/Fingerprint.ts"
import { referenceShares } from "../../src/domain/mastering/BalanceDecision.ts"
import { decide } from "../../src/domain/mastering/MasteringDecision.ts"
import type { MasteringPlan, Move, Preset } from "../../src/domain/mastering/MasteringPlan.ts"
import { someAnalysis } from "./analyses.ts"

type Shares = Pick<Fingerprint, (typeof bands)[number]["name"]>

/** Shares of the reference spectrum: nothing to balance. */
export const evenShares = Object.fromEntries(bands.map(({ name }, i) => [name, referenceShares[i]! * 100])) as Shares

/** Of a balanced spectrum. */
export const analysisOf = (fingerprint: Partial<Fingerprint> = {}, measurements: Partial<Measurements> = {}) => {
  const base = someAnalysis({ ...evenShares, ...fingerprint })
  return { fingerprint: base.fingerprint, measurements: { ...base.measurements, ...measurements } }
}

export const planOf = (
  fingerprint: Partial<Fingerprint>,
  measurements: Partial<Measurements> = {},
  preset: Preset = "adaptive",
  intensity = 1
): MasteringPlan => decide({ analysis: analysisOf(fingerprint, measurements), preset, intensity })

export const moveOf = (plan: MasteringPlan, parameter: string): Move | undefined =>
  plan.moves.find((move) => move.parameter === parameter)
