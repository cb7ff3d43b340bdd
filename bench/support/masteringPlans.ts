/** Plans to measure the renderer with. */
import { fallbackPlan } from "../../src/domain/mastering/FallbackPlan.ts"
import type { MasteringPlan, RenderSettings } from "../../src/domain/mastering/MasteringPlan.ts"

const nothing: RenderSettings = {
  bypass: false,
  balance_db: [0, 0, 0, 0, 0, 0, 0],
  expansion_db: 0,
  compressor: null,
  side_gain_db: 0,
  gain_db: 3,
  follow_lufs: null,
  follow_limit_db: 0,
  ceiling_dbtp: -1
}

const settings = {
  /** Every stage works. */
  chain: {
    ...nothing,
    balance_db: [1, -2, 2, 0.5, -1, 1.5, -3],
    compressor: { threshold_dbfs: -18, ratio: 1.4 },
    side_gain_db: 1.5
  },
  /** 3 dB of gain into the limiter. */
  limiter: nothing
} as const satisfies Readonly<Record<string, RenderSettings>>

export type PlanName = keyof typeof settings | "copy"

export const isPlanName = (name: string): name is PlanName => name === "copy" || name in settings

export const settingsOf = (name: keyof typeof settings): RenderSettings => settings[name]

/** null copies the samples. */
export const planOf = (name: PlanName): MasteringPlan | null =>
  name === "copy" ? null : { ...fallbackPlan({ preset: "adaptive", intensity: 1 }), settings: settings[name] }
