/**
 * Gives crushed transients their height back: what lies between them is lowered, they themselves pass at their level.
 * Nothing is ever raised, so neither the peaks nor the noise floor nor the loudness can exceed the input's.
 *
 * A transient is where the power of the last few milliseconds stands out of that of the last tenth of a second, by 3 dB
 * and fully by 5 (one detector for all channels; the ratio of a fast and a slow envelope as in onset detection,
 * independent of level). The signal is delayed by one block, so that the gain is up when the transient arrives.
 */
import type { Kernels } from "../Kernels.ts"

/** Long enough that a steady 30 Hz tone does not stand out within its own period. */
const fastSeconds = 0.003
const slowSeconds = 0.1
const releaseSeconds = 0.02
/** Lowering the body by this much more makes up for the share that transients have in the RMS; see its test. */
const depthPerExpansion = 1.1

/** What the body is lowered by so that the crest of a whole track rises by `expansionDb`, dB. */
export const expanderDepthDb = (expansionDb: number): number => expansionDb * depthPerExpansion

export interface TransientExpander {
  /** Of the work of the kernel `expand`. */
  readonly address: number
  /** Samples by which the output lags the input. */
  readonly latencyFrames: number
  /** What the body is lowered by, 0 or more. */
  readonly setDepthDb: (depthDb: number) => void
}

export const makeTransientExpander = (
  { float64 }: Kernels,
  options: { readonly sampleRate: number; readonly channels: number; readonly blockFrames: number }
): TransientExpander => {
  const { blockFrames, channels, sampleRate } = options
  const perBlock = (seconds: number) => 1 - Math.exp(-blockFrames / (seconds * sampleRate))
  const work = float64(8 + channels * blockFrames)
  work.set([0, perBlock(fastSeconds), perBlock(slowSeconds), perBlock(releaseSeconds), 0, 0, 0, 1])
  return {
    address: work.byteOffset,
    latencyFrames: blockFrames,
    setDepthDb: (depthDb) => {
      work[0] = depthDb
    }
  }
}
