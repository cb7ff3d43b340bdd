/** Settings that do nothing: what plans start from. */
import { flatBalanceDb } from "./BalanceDecision.ts"
import type { RenderSettings } from "./MasteringPlan.ts"
import { ceilingDbtp } from "./PeakSafetyDecision.ts"

/** Nothing but the ceiling. */
export const neutral: RenderSettings = {
  bypass: false,
  balance_db: flatBalanceDb,
  expansion_db: 0,
  compressor: null,
  side_gain_db: 0,
  gain_db: 0,
  follow_lufs: null,
  follow_limit_db: 0,
  ceiling_dbtp: ceilingDbtp
}

/** Every sample passes bit for bit. */
export const untouched: RenderSettings = { ...neutral, bypass: true, ceiling_dbtp: null }
