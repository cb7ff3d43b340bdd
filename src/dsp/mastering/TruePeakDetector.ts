/**
 * Peaks between samples, for the limiter: 4x oversampling (ITU-R BS.1770-4, Annex 2) with 32 taps a phase, and a
 * parabola through three neighbouring points at each extremum. Plain 4x reads up to 0.69 dB low near Nyquist
 * (20 log10 cos(pi / 8)); the parabola recovers most of that.
 *
 * Where there is much energy near Nyquist a short filter can read more than a long one, by 0.2 dB on real music. As many
 * meters are built like libebur128's (12 taps a phase, Hann window), its points are looked at as well.
 *
 * Most of that is passed over where bounds show that no peak can reach the ceiling; the gains are the same to the bit.
 */
import type { Kernels } from "../Kernels.ts"

const tapCount = 32
const pairCount = tapCount / 2
/**
 * Kaiser beta: 80 dB of stop band, and a slope from 0.41 of the rate on, as the meters of ffmpeg and libebur128 have it.
 * A sharper filter finds higher peaks where there is energy above 0.45 of the rate, but misses some that they find.
 */
const kaiserBeta = 8
/** Below this share of the ceiling no parabola can reach it: cos(pi / 8) = 0.924, less what the taps lose near Nyquist. */
const parabolaFrom = 0.88

/** Bounds on exact sums, for sums in float32. */
const rounding = 1.00001

/** A sample is known to peak only when this many later ones have been seen. */
export const detectorDelayFrames = pairCount
/** Samples before the one looked at that the detector reads (one interval earlier included). */
export const detectorHistoryFrames = pairCount
/** Samples that share an entry in `maxima`. */
export const groupFrames = 8

const besselI0 = (x: number): number => {
  let sum = 1
  let term = 1
  for (let k = 1; k < 40; k++) {
    term *= (x / (2 * k)) ** 2
    sum += term
  }
  return sum
}

const shortPairCount = 6

/** libebur128's taps `fraction` of a sample after tap 5: a sinc under a Hann window, as it stands. */
const shortInterpolator = (fraction: number): Float64Array =>
  Float64Array.from({ length: 2 * shortPairCount }, (_, k) => {
    const t = k - (shortPairCount - 1) - fraction
    return (Math.sin(Math.PI * t) / (Math.PI * t)) * 0.5 * (1 + Math.cos((Math.PI * t) / shortPairCount))
  })

/** Taps that interpolate `fraction` of a sample after tap 15, unity at DC. */
const interpolator = (fraction: number): Float64Array => {
  const taps = new Float64Array(tapCount)
  for (let k = 0; k < tapCount; k++) {
    const t = k - (pairCount - 1) - fraction
    const window = besselI0(kaiserBeta * Math.sqrt(1 - (t / pairCount) ** 2)) / besselI0(kaiserBeta)
    taps[k] = (Math.sin(Math.PI * t) / (Math.PI * t)) * window
  }
  const sum = taps.reduce((total, tap) => total + tap, 0)
  return taps.map((tap) => tap / sum)
}

// The phases 1/4 and 3/4 mirror each other: both come from the even and the odd half of one set of taps.
const half = interpolator(0.5)
const quarter = interpolator(0.25)
const evenHalf = (taps: Float64Array) => taps.map((tap, k) => (tap + taps[taps.length - 1 - k]!) / 2)
const oddHalf = (taps: Float64Array) => taps.map((tap, k) => (tap - taps[taps.length - 1 - k]!) / 2)
const even = evenHalf(quarter)
const odd = oddHalf(quarter)
const shortHalf = shortInterpolator(0.5)
const shortEven = evenHalf(shortInterpolator(0.25))
const shortOdd = oddHalf(shortInterpolator(0.25))

/** From the inside outwards: the pair around the point first. */
const pairsOf = (halfTaps: Float64Array, evenTaps: Float64Array, oddTaps: Float64Array): ReadonlyArray<number> =>
  Array.from({ length: halfTaps.length / 2 }, (_, k) => halfTaps.length / 2 - 1 - k).flatMap((k) => [
    halfTaps[k]!,
    evenTaps[k]!,
    oddTaps[k]!
  ])

const sumOf = (values: ArrayLike<number>): number => Array.from(values).reduce((sum, value) => sum + Math.abs(value), 0)

/** Taps within `reach` pairs of the middle. */
const inner = (taps: Float64Array, reach: number) => taps.slice(taps.length / 2 - reach, taps.length / 2 + reach)

/** The taps less what the long filter's inner four pairs do. */
const lessInner = (taps: Float64Array, long: Float64Array): Float64Array =>
  taps.map((tap, k) => {
    const place = k - taps.length / 2
    return place < -innerPairs || place >= innerPairs ? tap : tap - long[place + long.length / 2]!
  })

const innerPairs = 4
const shortQuarter = shortInterpolator(0.25)
const groupReach = 8
const longest = Math.max(sumOf(half), sumOf(quarter))
const nearest = Math.max(sumOf(inner(half, groupReach)), sumOf(inner(quarter, groupReach)))
const furthest = Math.max(
  sumOf(half) - sumOf(inner(half, groupReach)),
  sumOf(quarter) - sumOf(inner(quarter, groupReach))
)
const shortest = Math.max(sumOf(shortHalf), sumOf(shortQuarter))
const restHalf = Math.max(sumOf(lessInner(half, half)) / parabolaFrom, sumOf(lessInner(shortHalf, half)))
const restQuarter = Math.max(sumOf(lessInner(quarter, quarter)) / parabolaFrom, sumOf(lessInner(shortQuarter, quarter)))

/** As of the kernel `detectTruePeaks`, which see. */
export interface DetectorTables {
  readonly tapsAt: number
  readonly boundsAt: number
}

/** `isExhaustive`: nothing is passed over, for comparison. */
export const makeDetectorTables = ({ float32 }: Kernels, isExhaustive: boolean): DetectorTables => {
  const taps = float32(3 * (pairCount + shortPairCount))
  taps.set([...pairsOf(half, even, odd), ...pairsOf(shortHalf, shortEven, shortOdd)])
  const bounds = float32(6)
  const sums = [
    Math.max(longest / parabolaFrom, shortest),
    Math.max(nearest / parabolaFrom, shortest),
    furthest / parabolaFrom,
    restHalf,
    restQuarter
  ]
  bounds.set([...sums.map((sum) => (isExhaustive ? Infinity : sum * rounding)), parabolaFrom])
  return { tapsAt: taps.byteOffset, boundsAt: bounds.byteOffset }
}
