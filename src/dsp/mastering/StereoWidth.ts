/**
 * Gain of the side signal above 120 Hz. The second-order high-pass turns the phase by more than 90 degrees below its
 * corner, so that what it lets through there narrows rather than widens. Where left equals right, nothing changes.
 */
import { highPass } from "../Biquad.ts"
import type { Kernels } from "../Kernels.ts"

const cornerHz = 120

export interface StereoWidth {
  /** Of the work of the kernel `widenSide`. */
  readonly address: number
  /** A factor. Reached at the end of the next block. */
  readonly setSideGain: (gain: number) => void
  /** Reached before the first block. */
  readonly startAt: (gain: number) => void
}

export const makeStereoWidth = ({ float64 }: Kernels, sampleRate: number): StereoWidth => {
  const { b0, b1, b2, a1, a2 } = highPass(sampleRate, cornerHz, Math.SQRT1_2)
  const work = float64(11)
  work.set([1, 1, b0, b1, b2, a1, a2])
  return {
    address: work.byteOffset,
    setSideGain: (gain) => {
      work[0] = gain
    },
    startAt: (gain) => {
      work[0] = gain
      work[1] = gain
    }
  }
}
