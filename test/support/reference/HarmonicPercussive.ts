/**
 * Harmonic against percussive energy by median filtering: D. FitzGerald, "Harmonic/percussive separation using median
 * filtering" (DAFx 2010). Of a power spectrum S per segment, H is the median over 17 segments and P the median over 15 bins
 * (the spectrum goes on mirrored at both ends); the soft mask is m = H / (H + P), and the result
 * sum(S m^2) / (sum(S m^2) + sum(S (1 - m)^2)) over all bins of all segments but the first and last eight.
 *
 * Medians compare bit patterns: those of non-negative floats are ordered as the floats are, and integers can be
 * exchanged without a branch. Two neighbouring windows share all but one value, so one sorting network yields the two
 * middle values of what they share, and each window's own value is put between them:
 * median = max(lower, min(upper, own)). Sorted runs of 2, 4 and 8 segments are kept and serve several windows.
 */

const windowSegments = 17
const windowBins = 15
const reachSegments = (windowSegments - 1) / 2
const reachBins = (windowBins - 1) / 2

/** Of the shared values of two neighbouring windows, segments come in pairs, and eight pairs are shared. */
const sharedPairs = reachSegments
const eightsKept = 16
const foursKept = 4
const segmentsKept = 32
/** Bins of mirrored spectrum before bin 0; even, so that pairs of windows start at even places. */
const margin = reachBins + 1

export interface HarmonicPercussive {
  /** Power per bin, not negative; the array is not kept. */
  readonly process: (power: Float32Array) => void
  /** H / (H + P) in [0, 1]; null if no segment had a full window or there was no energy. Ends the measurement. */
  readonly result: () => number | null
}

/** Merges the sorted runs a (4 values at `at`) and b (4 at `bt`) into 8 at `to`: Batcher's odd-even merge. */
const mergeFours = (a: Int32Array, at: number, b: Int32Array, bt: number, out: Int32Array, to: number): void => {
  const a0 = a[at]!
  const a1 = a[at + 1]!
  const a2 = a[at + 2]!
  const a3 = a[at + 3]!
  const b0 = b[bt]!
  const b1 = b[bt + 1]!
  const b2 = b[bt + 2]!
  const b3 = b[bt + 3]!
  // Even places: a0 a2 with b0 b2.
  let d = (a0 - b0) | 0
  d &= d >> 31
  const e0 = (b0 + d) | 0
  const p = (a0 - d) | 0
  d = (a2 - b2) | 0
  d &= d >> 31
  const q = (b2 + d) | 0
  const e3 = (a2 - d) | 0
  d = (p - q) | 0
  d &= d >> 31
  const e1 = (q + d) | 0
  const e2 = (p - d) | 0
  // Odd places: a1 a3 with b1 b3.
  d = (a1 - b1) | 0
  d &= d >> 31
  const o0 = (b1 + d) | 0
  const r = (a1 - d) | 0
  d = (a3 - b3) | 0
  d &= d >> 31
  const s = (b3 + d) | 0
  const o3 = (a3 - d) | 0
  d = (r - s) | 0
  d &= d >> 31
  const o1 = (s + d) | 0
  const o2 = (r - d) | 0
  out[to] = e0
  d = (o0 - e1) | 0
  d &= d >> 31
  out[to + 1] = e1 + d
  out[to + 2] = o0 - d
  d = (o1 - e2) | 0
  d &= d >> 31
  out[to + 3] = e2 + d
  out[to + 4] = o1 - d
  d = (o2 - e3) | 0
  d &= d >> 31
  out[to + 5] = e3 + d
  out[to + 6] = o2 - d
  out[to + 7] = o3
}

/** Merges two sorted pairs into 4 at `to`. */
const mergePairs = (a0: number, a1: number, b0: number, b1: number, out: Int32Array, to: number): void => {
  let d = (a0 - b0) | 0
  d &= d >> 31
  out[to] = b0 + d
  const p = (a0 - d) | 0
  d = (a1 - b1) | 0
  d &= d >> 31
  const q = (b1 + d) | 0
  out[to + 3] = a1 - d
  d = (p - q) | 0
  d &= d >> 31
  out[to + 1] = q + d
  out[to + 2] = p - d
}

const min = (a: number, b: number): number => {
  const d = (a - b) | 0
  return (b + (d & (d >> 31))) | 0
}

const max = (a: number, b: number): number => {
  const d = (a - b) | 0
  return (a - (d & (d >> 31))) | 0
}

export const makeHarmonicPercussive = (bins: number): HarmonicPercussive => {
  const width = bins + 2 * margin + windowBins
  // Powers by segment, as floats and as their bit patterns; the spectrum starts at `margin`.
  const segments = new Float32Array(segmentsKept * width)
  const segmentBits = new Int32Array(segments.buffer)
  const twos = new Int32Array(2 * 2 * bins)
  const fours = new Int32Array(foursKept * 4 * bins)
  const eights = new Int32Array(eightsKept * 8 * bins)
  const overTime = [new Float32Array(bins), new Float32Array(bins)] as const
  const overTimeBits = [new Int32Array(overTime[0].buffer), new Int32Array(overTime[1].buffer)] as const
  const overBins = new Float32Array(bins + 1)
  const overBinsBits = new Int32Array(overBins.buffer)
  const pairsOfBins = new Int32Array(width + 1)
  const foursOfBins = new Int32Array(2 * width + 8)
  const eightOfBins = new Int32Array(8)
  let count = 0
  let harmonic = 0
  let percussive = 0

  const store = (power: Float32Array) => {
    const at = (count % segmentsKept) * width
    segments.set(power, at + margin)
    const last = at + margin + bins - 1
    for (let k = 1; k <= margin; k++) segments[at + margin - k] = power[k]!
    for (let k = 1; last + k < at + width; k++) segments[last + k] = power[Math.max(0, bins - 1 - k)]!
  }

  /** Sorted runs that end with pair `j` = segments 2j and 2j + 1. */
  const sortPair = (j: number) => {
    const even = ((2 * j) % segmentsKept) * width + margin
    const odd = ((2 * j + 1) % segmentsKept) * width + margin
    const two = (j % 2) * 2 * bins
    const previousTwo = ((j + 1) % 2) * 2 * bins
    const four = ((j + foursKept - 1) % foursKept) * 4 * bins
    const olderFour = ((j + foursKept - 3) % foursKept) * 4 * bins
    const eight = ((j + eightsKept - 3) % eightsKept) * 8 * bins
    for (let k = 0; k < bins; k++) {
      const x = segmentBits[even + k]!
      const y = segmentBits[odd + k]!
      const d = (x - y) | 0
      const e = d & (d >> 31)
      const low = (y + e) | 0
      const high = (x - e) | 0
      twos[two + 2 * k] = low
      twos[two + 2 * k + 1] = high
      mergePairs(twos[previousTwo + 2 * k]!, twos[previousTwo + 2 * k + 1]!, low, high, fours, four + 4 * k)
      mergeFours(fours, olderFour + 4 * k, fours, four + 4 * k, eights, eight + 8 * k)
    }
  }

  /** Medians over time of the two segments in the middle of pairs j to j + 7, with the segments before and after them. */
  const medianOverTime = (j: number) => {
    const first = (j % eightsKept) * 8 * bins
    const second = ((j + 4) % eightsKept) * 8 * bins
    const before = ((2 * j + segmentsKept - 1) % segmentsKept) * width + margin
    const after = ((2 * j + 2 * sharedPairs) % segmentsKept) * width + margin
    const [earlier, later] = overTimeBits
    for (let k = 0; k < bins; k++) {
      const a = first + 8 * k
      const b = second + 8 * k + 7
      let lower = min(eights[a]!, eights[b]!)
      let upper = max(eights[a]!, eights[b]!)
      for (let i = 1; i < 8; i++) {
        const x = eights[a + i]!
        const y = eights[b - i]!
        lower = max(lower, min(x, y))
        upper = min(upper, max(x, y))
      }
      earlier[k] = max(lower, min(upper, segmentBits[before + k]!))
      later[k] = max(lower, min(upper, segmentBits[after + k]!))
    }
  }

  const medianOverBins = (segment: number) => {
    const at = (segment % segmentsKept) * width
    const end = width - 1
    for (let i = 0; i < end; i += 2) {
      const x = segmentBits[at + i]!
      const y = segmentBits[at + i + 1]!
      pairsOfBins[i] = min(x, y)
      pairsOfBins[i + 1] = max(x, y)
    }
    for (let i = 0; i + 3 < end; i += 2) {
      mergePairs(pairsOfBins[i]!, pairsOfBins[i + 1]!, pairsOfBins[i + 2]!, pairsOfBins[i + 3]!, foursOfBins, 2 * i)
    }
    for (let k = 0; k < bins; k += 2) {
      // Bins k - 6 to k + 7 are shared by the windows of k and k + 1.
      const i = k + margin - reachBins + 1
      mergeFours(foursOfBins, 2 * i, foursOfBins, 2 * (i + 4), eightOfBins, 0)
      // Six more, merged from four and two: even places first, then odd ones.
      const c0 = foursOfBins[2 * i + 16]!
      const c1 = foursOfBins[2 * i + 17]!
      const c2 = foursOfBins[2 * i + 18]!
      const c3 = foursOfBins[2 * i + 19]!
      const d0 = pairsOfBins[i + 12]!
      const d1 = pairsOfBins[i + 13]!
      const s0 = min(c0, d0)
      const t0 = max(c0, d0)
      const e1 = min(c2, t0)
      const e2 = max(c2, t0)
      const o0 = min(c1, d1)
      const t1 = max(c1, d1)
      const o1 = min(c3, t1)
      const s5 = max(c3, t1)
      const s1 = min(o0, e1)
      const s2 = max(o0, e1)
      const s3 = min(o1, e2)
      const s4 = max(o1, e2)
      const a1 = eightOfBins[1]!
      const a2 = eightOfBins[2]!
      const a3 = eightOfBins[3]!
      const a4 = eightOfBins[4]!
      const a5 = eightOfBins[5]!
      const a6 = eightOfBins[6]!
      const lower = max(
        max(max(eightOfBins[0]!, min(a1, s5)), max(min(a2, s4), min(a3, s3))),
        max(max(min(a4, s2), min(a5, s1)), min(a6, s0))
      )
      const upper = min(
        min(min(eightOfBins[7]!, max(a1, s5)), min(max(a2, s4), max(a3, s3))),
        min(min(max(a4, s2), max(a5, s1)), max(a6, s0))
      )
      overBinsBits[k] = max(lower, min(upper, segmentBits[at + i - 1]!))
      overBinsBits[k + 1] = max(lower, min(upper, segmentBits[at + i + 14]!))
    }
  }

  const accumulate = (segment: number, horizontal: Float32Array) => {
    medianOverBins(segment)
    const at = (segment % segmentsKept) * width + margin
    let sumH = 0
    let sumP = 0
    for (let k = 0; k < bins; k++) {
      const h = horizontal[k]!
      const v = overBins[k]!
      const s = segments[at + k]!
      const both = h + v
      // Where both medians are 0 the mask says nothing: half and half.
      const mask = both > 0 ? h / both : 0.5
      sumH += s * mask * mask
      sumP += s * (1 - mask) * (1 - mask)
    }
    harmonic += sumH
    percussive += sumP
  }

  /** The two segments whose windows share pairs j to j + 7; `segment` 2j + 16 is known. */
  const measure = (j: number) => {
    medianOverTime(j)
    const segment = 2 * j + reachSegments - 1
    if (segment >= reachSegments) accumulate(segment, overTime[0])
    accumulate(segment + 1, overTime[1])
  }

  const process = (power: Float32Array) => {
    store(power)
    count++
    if (count % 2 === 0) {
      const j = count / 2 - 1
      if (j >= sharedPairs) measure(j - sharedPairs)
      sortPair(j)
    }
  }

  const result = () => {
    // An odd last segment completes two more windows.
    if (count % 2 === 1 && count >= windowSegments) measure((count - windowSegments) / 2)
    // An even last segment 2j + 1 is the end of the window around 2j - 7, which shares pairs j - 7 to j.
    else if (count >= windowSegments) {
      const j = count / 2 - sharedPairs
      medianOverTime(j)
      accumulate(2 * j + reachSegments - 1, overTime[0])
    }
    const total = harmonic + percussive
    return total > 0 ? harmonic / total : null
  }

  return { process, result }
}
