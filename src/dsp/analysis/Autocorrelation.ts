/**
 * Autocorrelation of a series of any length for a bounded range of lags: exact, by cross-correlating each segment with
 * itself and what follows it (overlap-save), so that time grows with the length only and memory not at all.
 */
import { makeFft } from "./Fft.ts"

/**
 * r[l] / r[0] for l = 0 to `maxLag`, each r a mean over the pairs that the series has; 0 where it has fewer than half
 * as many pairs as values, and everywhere for a series of zeros.
 */
export const autocorrelation = (series: Float32Array, maxLag: number): Float64Array => {
  let size = 4
  while (size < 4 * maxLag) size *= 2
  const segment = size - maxLag
  const fft = makeFft(size)
  const { inIm, inRe, outIm, outRe } = fft
  const crossRe = new Float64Array(size)
  const crossIm = new Float64Array(size)
  const length = series.length
  for (let start = 0; start < length; start += segment) {
    for (let i = 0; i < size; i++) {
      const v = start + i < length ? series[start + i]! : 0
      inRe[i] = i < segment ? v : 0
      inIm[i] = v
    }
    fft.transform()
    for (let k = 0; k < size; k++) {
      const m = (size - k) % size
      const ar = (outRe[k]! + outRe[m]!) / 2
      const ai = (outIm[k]! - outIm[m]!) / 2
      const br = (outIm[k]! + outIm[m]!) / 2
      const bi = (outRe[m]! - outRe[k]!) / 2
      crossRe[k] = crossRe[k]! + ar * br + ai * bi
      crossIm[k] = crossIm[k]! + ar * bi - ai * br
    }
  }
  // The inverse of a spectrum whose transform is real: the forward one of its conjugate.
  for (let k = 0; k < size; k++) {
    inRe[k] = crossRe[k]!
    inIm[k] = -crossIm[k]!
  }
  fft.transform()
  const result = new Float64Array(maxLag + 1)
  const zero = outRe[0]! / length
  if (!(zero > 0)) return result
  for (let l = 0; l <= maxLag && 2 * l <= length; l++) result[l] = outRe[l]! / (length - l) / zero
  return result
}
