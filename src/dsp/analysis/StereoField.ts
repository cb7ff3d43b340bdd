/** Width and correlation of left and right over a whole track. */

export interface StereoResult {
  /** RMS(side) / (RMS(mid) + RMS(side)): 0 mono, 0.5 uncorrelated or one side only, 1 out of phase. */
  readonly width: number
  /** Pearson's correlation of left and right; 1 for identical channels, 0 where one of them is constant. */
  readonly correlation: number
}

export interface StereoField {
  readonly process: (left: Float32Array, right: Float32Array, length: number) => void
  readonly result: () => StereoResult
}

export const makeStereoField = (): StereoField => {
  let count = 0
  let sumL = 0
  let sumR = 0
  let sumLL = 0
  let sumRR = 0
  let sumLR = 0
  // Mid and side have sums of their own: from LL, RR and LR a faint side would be lost in rounding.
  let sumMM = 0
  let sumSS = 0

  const process = (left: Float32Array, right: Float32Array, length: number) => {
    let l1 = 0
    let r1 = 0
    let ll = 0
    let rr = 0
    let lr = 0
    let mm = 0
    let ss = 0
    for (let i = 0; i < length; i++) {
      const l = left[i]!
      const r = right[i]!
      const m = l + r
      const s = l - r
      l1 += l
      r1 += r
      ll += l * l
      rr += r * r
      lr += l * r
      mm += m * m
      ss += s * s
    }
    count += length
    sumL += l1
    sumR += r1
    sumLL += ll
    sumRR += rr
    sumLR += lr
    sumMM += mm
    sumSS += ss
  }

  const result = (): StereoResult => {
    if (sumSS === 0) return { width: 0, correlation: 1 }
    const varianceL = sumLL - (sumL * sumL) / count
    const varianceR = sumRR - (sumR * sumR) / count
    const covariance = sumLR - (sumL * sumR) / count
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
