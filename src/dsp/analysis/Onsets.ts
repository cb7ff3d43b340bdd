/**
 * Picks onsets from a flux series, as SuperFlux does (S. Boeck and G. Widmer, DAFx 2013): a value is an onset if it is
 * the largest within 30 ms to either side, stands out of the mean of 100 ms before to 70 ms after, and comes more than
 * 30 ms after the onset before. The flux of stationary noise grows and wavers with its level, so it must exceed twice
 * the mean, not the mean alone.
 */

/** In hops of 10 ms. */
const reachHops = 3
const meanBeforeHops = 10
const meanAfterHops = 7
const meanFactor = 2
/** In the unit of the flux (decades, summed over bands): steady chords and quiet noise stay below. */
const offset = 0.5

/** Hands over the hop of each onset, ascending, and returns how many there are. Stops at the onset number `atMost`. */
export const pickOnsets = (flux: Float32Array, onOnset: (hop: number) => void, atMost = Infinity): number => {
  let count = 0
  let last = -Infinity
  for (let t = 1; t < flux.length && count < atMost; t++) {
    const value = flux[t]!
    if (value < offset || t - last <= reachHops) continue
    if (!isLargest(flux, t, value)) continue
    const from = Math.max(0, t - meanBeforeHops)
    const end = Math.min(flux.length, t + meanAfterHops + 1)
    let sum = 0
    for (let i = from; i < end; i++) sum += flux[i]!
    if (value < (meanFactor * sum) / (end - from) + offset) continue
    count++
    last = t
    onOnset(t)
  }
  return count
}

/** How many onsets there are, at most `atMost`. */
export const countOnsets = (flux: Float32Array, atMost = Infinity): number => pickOnsets(flux, () => {}, atMost)

/** Of equal values the first counts. */
const isLargest = (flux: Float32Array, t: number, value: number): boolean => {
  for (let i = Math.max(0, t - reachHops); i < t; i++) if (flux[i]! >= value) return false
  const end = Math.min(flux.length, t + reachHops + 1)
  for (let i = t + 1; i < end; i++) if (flux[i]! > value) return false
  return true
}
