/** Centroid, roll-off and flatness of power spectra, averaged over segments (the definitions of librosa.feature). */
import { addressOf, type Kernels } from "../Kernels.ts"

/** Share of the summed magnitudes that lies at or below the roll-off. */
const rolloffShare = 0.85
/** Floor of a bin's power in the flatness, of an unscaled transform: keeps empty bins from deciding it. */
const flatnessFloor = 1e-10

export interface SpectralShapeResult {
  readonly centroidHz: number
  readonly rolloffHz: number
  readonly flatness: number
}

export interface SpectralShape {
  /** Unscaled power per bin, 0 Hz to Nyquist. */
  readonly process: (power: Float32Array) => void
  /** Means over the segments; zeros without any. */
  readonly result: () => SpectralShapeResult
}

/** `bins` bins from 0 Hz to Nyquist, `binHz` apart. */
export const makeSpectralShape = (kernels: Kernels, bins: number, binHz: number): SpectralShape => {
  const input = kernels.float32(bins)
  const work = kernels.float64(Math.ceil(bins / 2) + 2 + Math.ceil(bins / 64)).byteOffset
  const sums = kernels.float64(6)
  let segments = 0
  let centroidSum = 0
  let rolloffSum = 0
  let flatnessSum = 0

  const process = (power: Float32Array) => {
    kernels.functions.spectralShape(
      addressOf(power, bins, input),
      bins,
      rolloffShare,
      flatnessFloor,
      work,
      sums.byteOffset
    )
    const magnitude = sums[0]!
    if (magnitude === 0) return
    segments++
    centroidSum += sums[1]! / magnitude
    rolloffSum += sums[2]!
    const logarithm = Math.log2(sums[4]!) + sums[5]!
    flatnessSum += 2 ** (logarithm / bins) / (sums[3]! / bins)
  }

  const result = (): SpectralShapeResult =>
    segments === 0
      ? { centroidHz: 0, rolloffHz: 0, flatness: 0 }
      : {
          centroidHz: (binHz * centroidSum) / segments,
          rolloffHz: (binHz * rolloffSum) / segments,
          // The geometric mean of equal numbers can round to just above their arithmetic mean.
          flatness: Math.min(1, flatnessSum / segments)
        }

  return { process, result }
}
