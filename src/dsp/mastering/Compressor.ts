/**
 * Gentle compressor, one gain for all channels: RMS detector, soft knee (6 dB), gain moved linearly over each block
 * (Giannoulis, Massberg & Reiss, "Digital Dynamic Range Compressor Design", JAES 60-6, 2012: feed-forward, decibel domain,
 * smoothed gain).
 */
import type { Kernels } from "../Kernels.ts"

const rmsSeconds = 0.01
const attackSeconds = 0.01
const releaseSeconds = 0.15

export interface Compressor {
  /** Of the work of the kernel `compress`. */
  readonly address: number
  /** `slope` is 1 - 1 / ratio: the share of what exceeds the threshold that is taken away. */
  readonly set: (thresholdDbfs: number, slope: number) => void
}

export const makeCompressor = (
  { float64 }: Kernels,
  options: { readonly sampleRate: number; readonly blockFrames: number }
): Compressor => {
  const perBlock = (seconds: number) => 1 - Math.exp(-options.blockFrames / (seconds * options.sampleRate))
  const work = float64(8)
  work.set([0, 0, perBlock(rmsSeconds), perBlock(attackSeconds), perBlock(releaseSeconds), 0, 0, 1])
  return {
    address: work.byteOffset,
    set: (thresholdDbfs, slope) => {
      work[0] = thresholdDbfs
      work[1] = slope
    }
  }
}
