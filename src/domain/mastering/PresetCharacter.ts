/** What each preset aims at, and how much of each stage it uses. */
import type { Preset } from "./MasteringPlan.ts"

export interface PresetCharacter {
  readonly targetLufs: number
  /** What the preset adds to each band of an already balanced track, dB (before the soft bound). */
  readonly tiltDb: ReadonlyArray<number>
  readonly balanceStrength: number
  readonly compressionStrength: number
}

export const characters: Record<Preset, PresetCharacter> = {
  adaptive: { targetLufs: -14, tiltDb: [0, 0, 0, 0, 0, 0, 0], balanceStrength: 1, compressionStrength: 1 },
  gentle: { targetLufs: -16, tiltDb: [0, 0, 0, 0, 0, 0, 0], balanceStrength: 0.5, compressionStrength: 0.5 },
  warm: { targetLufs: -13, tiltDb: [0.5, 1.5, 1, 0, -0.5, -1, -1.5], balanceStrength: 1, compressionStrength: 1 },
  bright: { targetLufs: -12, tiltDb: [0, -0.5, -1, 0, 1, 1.5, 2], balanceStrength: 1, compressionStrength: 1 },
  punchy: { targetLufs: -14, tiltDb: [1, 1.5, -1, 0, 0.5, 1, 0], balanceStrength: 1, compressionStrength: 0.5 }
}
