import { Schema } from "effect"

/** Rates of audio that lathe reads, measures and masters, Hz. Files of others are refused where they are opened. */
const minimumSampleRate = 8000
const maximumSampleRate = 384_000

export const isSupportedSampleRate = (sampleRate: number): boolean =>
  sampleRate >= minimumSampleRate && sampleRate <= maximumSampleRate

/** Rates that a rendering can be asked for, Hz. */
export const DeliveredSampleRate = Schema.Literal(44_100, 48_000, 96_000)
export type DeliveredSampleRate = typeof DeliveredSampleRate.Type
