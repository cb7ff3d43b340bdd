/** Centroid, roll-off and flatness of power spectra, averaged over segments (the definitions of librosa.feature). */

/** Share of the summed magnitudes that lies at or below the roll-off. */
const rolloffShare = 0.85
/** Floor of a bin's power in the flatness, of an unscaled transform: keeps empty bins from deciding it. */
const flatnessFloor = 1e-10
/** Products of this many powers between the floor and 60 dB above full scale stay inside a double's range. */
const productRun = 16

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

export const makeSpectralShape = (bins: number, binHz: number): SpectralShape => {
  const magnitude = new Float64Array(bins)
  let segments = 0
  let centroidSum = 0
  let rolloffSum = 0
  let flatnessSum = 0

  const process = (power: Float32Array) => {
    let sum = 0
    let moment = 0
    let arithmetic = 0
    let logarithms = 0
    let product = 1
    for (let k = 0; k < bins; k++) {
      const p = power[k]!
      const m = Math.sqrt(p)
      magnitude[k] = m
      sum += m
      moment += k * m
      const floored = p > flatnessFloor ? p : flatnessFloor
      arithmetic += floored
      product *= floored
      if (k % productRun === productRun - 1) {
        logarithms += Math.log(product)
        product = 1
      }
    }
    logarithms += Math.log(product)
    if (sum === 0) return
    const wanted = rolloffShare * sum
    let below = 0
    let k = -1
    while (below < wanted && k < bins - 1) below += magnitude[++k]!
    segments++
    centroidSum += moment / sum
    rolloffSum += k
    flatnessSum += Math.exp(logarithms / bins) / (arithmetic / bins)
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
