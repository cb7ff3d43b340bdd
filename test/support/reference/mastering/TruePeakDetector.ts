/**
 * Peaks between samples, for the limiter: 4x oversampling (ITU-R BS.1770-4, Annex 2) with 32 taps a phase, and a
 * parabola through three neighbouring points at each extremum. Plain 4x reads up to 0.69 dB low near Nyquist
 * (20 log10 cos(pi / 8)); the parabola recovers most of that.
 *
 * Where there is much energy near Nyquist a short filter can read more than a long one, by 0.2 dB on real music. As many
 * meters are built like libebur128's (12 taps a phase, Hann window), its points are looked at as well.
 */

const tapCount = 32
const pairCount = tapCount / 2
/**
 * Kaiser beta: 80 dB of stop band, and a slope from 0.41 of the rate on, as the meters of ffmpeg and libebur128 have it.
 * A sharper filter finds higher peaks where there is energy above 0.45 of the rate, but misses some that they find.
 */
const kaiserBeta = 8
/** Below this share of the ceiling no parabola can reach it: cos(pi / 8) = 0.924, less what the taps lose near Nyquist. */
const parabolaFrom = 0.88

/** A sample is known to peak only when this many later ones have been seen. */
export const detectorDelayFrames = pairCount
/** Samples before the one looked at that the detector reads (one interval earlier included). */
export const detectorHistoryFrames = pairCount

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
/** No interpolated point exceeds the samples under these taps by more than this. */
const gainBound = (taps: Float64Array, isCounted: (k: number) => boolean) =>
  taps.reduce((sum, tap, k) => (isCounted(k) ? sum + Math.abs(tap) : sum), 0)
const nearFrom = pairCount / 2
const isNear = (k: number) => k >= nearFrom && k < tapCount - nearFrom
const worst = (isCounted: (k: number) => boolean) => Math.max(gainBound(half, isCounted), gainBound(quarter, isCounted))
const worstGain = worst(() => true) / parabolaFrom
const worstNearGain = worst(isNear)
const worstFarGain = worst((k) => !isNear(k))
/** Intervals that are looked at or passed over together. */
const groupLength = 8

/** True where samples that stay within `peak` cannot reach `ceiling` between each other either. */
export const staysBelow = (peak: number, ceiling: number): boolean => peak * worstGain < ceiling

/**
 * Raises `peaks[n]` to the peak of the interval from sample `from + n` to the next, for n in [0, count). Reads `samples`
 * from `from - 16` to `from + count + 15`, of which none may exceed `largest`. Exact only where a peak is near `ceiling`
 * or above: others are left lower.
 */
export const detectTruePeaks = (
  samples: Float64Array,
  from: number,
  count: number,
  largest: number,
  ceiling: number,
  peaks: Float64Array
): void => {
  const enough = (parabolaFrom * ceiling - worstFarGain * largest) / worstNearGain
  for (let start = 0; start < count; start += groupLength) {
    const stop = Math.min(count, start + groupLength)
    let near = 0
    const last = from + stop + nearFrom
    for (let at = from + start - nearFrom + 1; at < last; at++) {
      const x = samples[at]!
      const magnitude = x < 0 ? -x : x
      if (magnitude > near) near = magnitude
    }
    if (near >= enough) detectGroup(samples, from, start, stop, ceiling, peaks)
  }
}

const detectGroup = (
  samples: Float64Array,
  from: number,
  start: number,
  stop: number,
  ceiling: number,
  peaks: Float64Array
): void => {
  const near = parabolaFrom * ceiling
  let before = threeQuarterPoint(samples, from + start - 1)
  for (let n = start; n < stop; n++) {
    const at = from + n
    let y2 = 0
    let e = 0
    let o = 0
    let left = at - pairCount + 1
    let right = at + pairCount
    for (let k = 0; k < pairCount; k++) {
      const a = samples[left++]!
      const b = samples[right--]!
      const s = a + b
      y2 += half[k]! * s
      e += even[k]! * s
      o += odd[k]! * (a - b)
    }
    let s2 = 0
    let se = 0
    let so = 0
    left = at - shortPairCount + 1
    right = at + shortPairCount
    for (let k = 0; k < shortPairCount; k++) {
      const a = samples[left++]!
      const b = samples[right--]!
      const s = a + b
      s2 += shortHalf[k]! * s
      se += shortEven[k]! * s
      so += shortOdd[k]! * (a - b)
    }
    const y0 = samples[at]!
    const y1 = e + o
    const y3 = e - o
    const y4 = samples[at + 1]!
    const m0 = y0 < 0 ? -y0 : y0
    const m1 = y1 < 0 ? -y1 : y1
    const m2 = y2 < 0 ? -y2 : y2
    const m3 = y3 < 0 ? -y3 : y3
    let peak = m0 > m1 ? m0 : m1
    if (m2 > peak) peak = m2
    if (m3 > peak) peak = m3
    if (peak > near) {
      const v0 = vertex(before, y0, y1)
      const v1 = vertex(y0, y1, y2)
      const v2 = vertex(y1, y2, y3)
      const v3 = vertex(y2, y3, y4)
      if (v0 > peak) peak = v0
      if (v1 > peak) peak = v1
      if (v2 > peak) peak = v2
      if (v3 > peak) peak = v3
    }
    if (s2 < 0) s2 = -s2
    if (se < 0) se = -se
    if (so < 0) so = -so
    if (s2 > peak) peak = s2
    if (se + so > peak) peak = se + so
    if (peak > peaks[n]!) peaks[n] = peak
    before = y3
  }
}

const threeQuarterPoint = (samples: Float64Array, at: number): number => {
  let y = 0
  for (let k = 0; k < pairCount; k++) {
    const a = samples[at - pairCount + 1 + k]!
    const b = samples[at + pairCount - k]!
    y += even[k]! * (a + b) - odd[k]! * (a - b)
  }
  return y
}

/** |extremum| of the parabola through three equidistant points, where the middle one is an extremum; else 0. */
const vertex = (a: number, b: number, c: number): number => {
  const d = a - 2 * b + c
  if (b > 0 ? a <= b && c <= b && d < 0 : a >= b && c >= b && d > 0) {
    const height = b - ((a - c) * (a - c)) / (8 * d)
    return height < 0 ? -height : height
  }
  return 0
}
