/**
 * Harmonic against percussive energy by median filtering: D. FitzGerald, "Harmonic/percussive separation using median
 * filtering" (DAFx 2010). Of a power spectrum S per segment, H is the median over 17 segments and P the median over 15 bins
 * (the spectrum goes on mirrored at both ends); the soft mask is m = H / (H + P), and the result
 * sum(S m^2) / (sum(S m^2) + sum(S (1 - m)^2)) over all bins of all segments but the first and last eight.
 *
 * Two neighbouring windows share all but one value, so one sorting network yields the two middle values of what they
 * share, and each window's own value is put between them: median = max(lower, min(upper, own)). Sorted runs of 2, 4 and
 * 8 segments are kept and serve several windows.
 */
import { addressOf, type Kernels } from "../Kernels.ts"

const windowSegments = 17
const reachSegments = (windowSegments - 1) / 2
/** Of the shared values of two neighbouring windows, segments come in pairs, and eight pairs are shared. */
const sharedPairs = reachSegments
/** Powers of two, no less than how far back each is looked at. */
const segmentsKept = 32
const twosKept = 2
const foursKept = 4
const eightsKept = 8
/** Pairs of bins that the mirrored spectrum needs before bin 0 and after the last, and the vector that reads last. */
const mirroredPairs = 4 + 4 + 4

export interface HarmonicPercussive {
  /** Power per bin, not negative; the array is not kept. */
  readonly process: (power: Float32Array) => void
  /** H / (H + P) in [0, 1]; null if no segment had a full window or there was no energy. Ends the measurement. */
  readonly result: () => number | null
}

/** `bins` is odd, 9 or more. */
export const makeHarmonicPercussive = (kernels: Kernels, bins: number): HarmonicPercussive => {
  const { medianOverTime, separate, sortSegments, storeSpectrum } = kernels.functions
  const plane = 4 * Math.ceil((bins / 2 + mirroredPairs) / 4)
  const segmentFloats = 2 * plane
  const input = kernels.float32(bins)
  /** Slot `i` of a ring of sorted runs of `run` segments each. */
  const ring = (kept: number, run: number) => {
    const { byteOffset } = kernels.float32(kept * run * segmentFloats)
    return (i: number) => byteOffset + 4 * ((i + kept) % kept) * run * segmentFloats
  }
  const segment = ring(segmentsKept, 1)
  const two = ring(twosKept, 2)
  const four = ring(foursKept, 4)
  const eight = ring(eightsKept, 8)
  const earlier = kernels.float32(segmentFloats).byteOffset
  const later = kernels.float32(segmentFloats).byteOffset
  const work = kernels.float32(6 * plane).byteOffset
  const sums = kernels.float64(2)
  let count = 0

  const accumulate = (index: number, overTime: number) =>
    separate(segment(index), overTime, bins, plane, work, sums.byteOffset)

  /** Medians of the two segments in the middle of pairs j to j + 7, with the segments before and after them. */
  const medians = (j: number) =>
    medianOverTime(eight(j), eight(j + 4), segment(2 * j - 1), segment(2 * j + 2 * sharedPairs), earlier, later, plane)

  /** The two segments whose windows share pairs j to j + 7; `segment` 2j + 16 is known. */
  const measure = (j: number) => {
    medians(j)
    const middle = 2 * j + reachSegments - 1
    if (middle >= reachSegments) accumulate(middle, earlier)
    accumulate(middle + 1, later)
  }

  const process = (power: Float32Array) => {
    storeSpectrum(addressOf(power, bins, input), bins, segment(count), plane)
    count++
    if (count % 2 !== 0) return
    const j = count / 2 - 1
    if (j >= sharedPairs) measure(j - sharedPairs)
    // Runs are named by their first pair.
    sortSegments(segment(2 * j), segment(2 * j + 1), two(j - 1), two(j), four(j - 3), four(j - 1), eight(j - 3), plane)
  }

  const result = () => {
    // An odd last segment completes two more windows.
    if (count % 2 === 1 && count >= windowSegments) measure((count - windowSegments) / 2)
    // An even last segment 2j + 1 is the end of the window around 2j - 7, which shares pairs j - 7 to j.
    else if (count >= windowSegments) {
      const j = count / 2 - sharedPairs
      medians(j)
      accumulate(2 * j + reachSegments - 1, earlier)
    }
    const total = sums[0]! + sums[1]!
    return total > 0 ? sums[0]! / total : null
  }

  return { process, result }
}
