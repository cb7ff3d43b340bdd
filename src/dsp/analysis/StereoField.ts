/** Width and correlation of left and right over a whole track. */
import type { StereoSums } from "./BlockSums.ts"

export interface StereoResult {
  /** RMS(side) / (RMS(mid) + RMS(side)): 0 mono, 0.5 uncorrelated or one side only, 1 out of phase. */
  readonly width: number
  /** Pearson's correlation of left and right; 1 for identical channels, 0 where one of them is constant. */
  readonly correlation: number
}

export interface StereoField {
  /** The sums over one block. */
  readonly process: (block: StereoSums, length: number) => void
  readonly result: () => StereoResult
}

export const makeStereoField = (): StereoField => {
  let count = 0
  let sumL = 0
  let sumR = 0
  let sumLL = 0
  let sumRR = 0
  let sumMM = 0
  let sumSS = 0

  const process = (block: StereoSums, length: number) => {
    count += length
    sumL += block.left
    sumR += block.right
    sumLL += block.leftSquared
    sumRR += block.rightSquared
    sumMM += block.midSquared
    sumSS += block.sideSquared
  }

  const result = (): StereoResult => {
    if (sumSS === 0) return { width: 0, correlation: 1 }
    const varianceL = sumLL - (sumL * sumL) / count
    const varianceR = sumRR - (sumR * sumR) / count
    const covariance = (sumMM - sumSS) / 4 - (sumL * sumR) / count
    // Below this the variance is the rounding of a constant's sums.
    const isConstant = (variance: number, energy: number) => variance <= 1e-12 * energy
    const correlation =
      isConstant(varianceL, sumLL) || isConstant(varianceR, sumRR)
        ? 0
        : Math.max(-1, Math.min(1, covariance / Math.sqrt(varianceL * varianceR)))
    return { width: Math.sqrt(sumSS) / (Math.sqrt(sumMM) + Math.sqrt(sumSS)), correlation }
  }

  return { process, result }
}
