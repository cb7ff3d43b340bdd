// Peaks between samples for the limiter, four neighbouring intervals a vector.
// Reference: test/support/reference/mastering/TruePeakDetector.ts.

/** Pairs of taps of a phase of the long filter, of the short one, and of the long one's middle that a bound starts from. */
const PAIRS: usize = 16
const SHORT_PAIRS: usize = 6
const INNER_PAIRS: usize = 4
/** Bytes of the three factors of a pair. */
const PAIR_BYTES: usize = 12
/** Samples that share a largest magnitude. */
const GROUP: i32 = 8

/**
 * A block (f64, planar, channels x frames) to float32 lines, `lineStride` bytes apart, and the largest magnitude of every
 * 8 samples to `maxima`, f32, `maximaStride` bytes apart. What float32 cannot hold becomes its largest number.
 */
export function enterLines(
  block: usize,
  channels: i32,
  frames: i32,
  lines: usize,
  lineStride: usize,
  maxima: usize,
  maximaStride: usize
): void {
  const largest = f64x2.splat(3.4028234663852886e38)
  const smallest = f64x2.neg(largest)
  for (let channel: i32 = 0; channel < channels; channel++) {
    let line = lines + <usize>channel * lineStride
    let maximum = maxima + <usize>channel * maximaStride
    const end = block + ((<usize>frames) << 3)
    while (block < end) {
      const a = f64x2.pmin(f64x2.pmax(v128.load(block), smallest), largest)
      const b = f64x2.pmin(f64x2.pmax(v128.load(block, 16), smallest), largest)
      const c = f64x2.pmin(f64x2.pmax(v128.load(block, 32), smallest), largest)
      const d = f64x2.pmin(f64x2.pmax(v128.load(block, 48), smallest), largest)
      const low = v128.shuffle<f64>(f32x4.demote_f64x2_zero(a), f32x4.demote_f64x2_zero(b), 0, 2)
      const high = v128.shuffle<f64>(f32x4.demote_f64x2_zero(c), f32x4.demote_f64x2_zero(d), 0, 2)
      v128.store(line, low)
      v128.store(line, high, 16)
      store<f32>(maximum, largestLane(f32x4.pmax(f32x4.abs(low), f32x4.abs(high))))
      block += 64
      line += 32
      maximum += 4
    }
  }
}

/**
 * The peaks of the intervals from each of `frames` samples to the next, of all channels, exact where near `ceiling` or
 * above; others may be left at less. Returns 1 where one exceeds the ceiling.
 *
 * lines: address of the first of these samples of the first channel. 16 samples before it, and 16 behind the last one,
 * are read. maxima: address of the maximum of the 8 samples that start there. Strides as in enterLines.
 * taps: f32 x 3 (16 + 6); for each pair outwards, of the long filter and then of the short one, the factor of the pair's
 * sum at 1/2, and those of its sum and its difference at 1/4 (at 3/4 that of the difference changes its sign).
 * bounds: f32 x 6, sums of magnitudes of taps: all; those within 8 samples; the others; all but what the inner four pairs
 * of the long filter stand for, at 1/2 and at 1/4; the share of the ceiling from which parabolas are looked at. The sums
 * of the long filter are divided by that share. Where they are infinite, nothing is skipped.
 * peaks: f32 x frames, overwritten.
 */
export function detectTruePeaks(
  lines: usize,
  lineStride: usize,
  maxima: usize,
  maximaStride: usize,
  channels: i32,
  frames: i32,
  taps: usize,
  bounds: usize,
  ceiling: f32,
  peaks: usize
): i32 {
  const all = load<f32>(bounds)
  const near = load<f32>(bounds, 4)
  const far = load<f32>(bounds, 8)
  const restHalf = load<f32>(bounds, 12)
  const restQuarter = load<f32>(bounds, 16)
  const parabolaShare = load<f32>(bounds, 20)
  const parabolaFrom = f32x4.splat(parabolaShare * ceiling)
  const ceilings = f32x4.splat(ceiling)
  const perShare = f32x4.splat(1 / parabolaShare)
  const groups = frames / GROUP
  let isOver = false
  let isCleared = false

  for (let channel: i32 = 0; channel < channels; channel++) {
    let at = lines + <usize>channel * lineStride
    let maximum = maxima + <usize>channel * maximaStride
    let largest: f32 = 0
    for (let group: i32 = -2; group < groups + 2; group++) {
      largest = larger(largest, load<f32>(maximum + ((<usize>group) << 2)))
    }
    if (largest * all < ceiling) continue
    if (!isCleared) memory.fill(peaks, 0, (<usize>frames) << 2)
    isCleared = true

    // Three quarters behind the last sample looked at, and where that was.
    let last: f32 = 0
    let lastAt: usize = 0
    let peak = peaks
    for (let group: i32 = 0; group < groups; group++) {
      const close = larger(load<f32>(maximum), larger(load<f32>(maximum - 4), load<f32>(maximum, 4)))
      const around = larger(close, larger(load<f32>(maximum - 8), load<f32>(maximum, 8)))
      maximum += 4
      const groupEnd = at + 4 * GROUP
      if (close * near + around * far < ceiling) {
        at = groupEnd
        peak += 4 * GROUP
        continue
      }
      const halfSlack = f32x4.splat(restHalf * around)
      const quarterSlack = f32x4.splat(restQuarter * around)
      for (; at < groupEnd; at += 16) {
        let half = f32x4.splat(0)
        let even = f32x4.splat(0)
        let odd = f32x4.splat(0)
        let left = at
        let right = at + 4
        let tap = taps
        for (const end = taps + INNER_PAIRS * PAIR_BYTES; tap < end; tap += PAIR_BYTES) {
          const a = v128.load(left)
          const b = v128.load(right)
          const sum = f32x4.add(a, b)
          half = f32x4.add(half, f32x4.mul(sum, v128.load32_splat(tap)))
          even = f32x4.add(even, f32x4.mul(sum, v128.load32_splat(tap, 4)))
          odd = f32x4.add(odd, f32x4.mul(f32x4.sub(a, b), v128.load32_splat(tap, 8)))
          left -= 4
          right += 4
        }
        const y0 = v128.load(at)
        const highest = f32x4.pmax(
          f32x4.mul(f32x4.abs(y0), perShare),
          f32x4.pmax(
            f32x4.add(f32x4.mul(f32x4.abs(half), perShare), halfSlack),
            f32x4.add(f32x4.mul(f32x4.add(f32x4.abs(even), f32x4.abs(odd)), perShare), quarterSlack)
          )
        )
        if (i32x4.all_true(f32x4.lt(highest, ceilings))) {
          peak += 16
          continue
        }
        for (const end = taps + PAIRS * PAIR_BYTES; tap < end; tap += PAIR_BYTES) {
          const a = v128.load(left)
          const b = v128.load(right)
          const sum = f32x4.add(a, b)
          half = f32x4.add(half, f32x4.mul(sum, v128.load32_splat(tap)))
          even = f32x4.add(even, f32x4.mul(sum, v128.load32_splat(tap, 4)))
          odd = f32x4.add(odd, f32x4.mul(f32x4.sub(a, b), v128.load32_splat(tap, 8)))
          left -= 4
          right += 4
        }
        let shortHalf = f32x4.splat(0)
        let shortEven = f32x4.splat(0)
        let shortOdd = f32x4.splat(0)
        left = at
        right = at + 4
        for (const end = taps + (PAIRS + SHORT_PAIRS) * PAIR_BYTES; tap < end; tap += PAIR_BYTES) {
          const a = v128.load(left)
          const b = v128.load(right)
          const sum = f32x4.add(a, b)
          shortHalf = f32x4.add(shortHalf, f32x4.mul(sum, v128.load32_splat(tap)))
          shortEven = f32x4.add(shortEven, f32x4.mul(sum, v128.load32_splat(tap, 4)))
          shortOdd = f32x4.add(shortOdd, f32x4.mul(f32x4.sub(a, b), v128.load32_splat(tap, 8)))
          left -= 4
          right += 4
        }
        const y1 = f32x4.add(even, odd)
        const y3 = f32x4.sub(even, odd)
        let found = f32x4.pmax(f32x4.pmax(f32x4.abs(y0), f32x4.abs(half)), f32x4.pmax(f32x4.abs(y1), f32x4.abs(y3)))
        const isNear = f32x4.gt(found, parabolaFrom)
        if (v128.any_true(isNear)) {
          // Only the first of the four can need what a passed-over vector would have left.
          if (lastAt != at - 16 && i32x4.extract_lane(isNear, 0) != 0) last = threeQuarterPoint(at - 4, taps)
          const before = v128.shuffle<f32>(f32x4.splat(last), y3, 0, 4, 5, 6)
          const y4 = v128.load(at, 4)
          const vertices = f32x4.pmax(
            f32x4.pmax(vertex(before, y0, y1), vertex(y0, y1, half)),
            f32x4.pmax(vertex(y1, half, y3), vertex(half, y3, y4))
          )
          found = f32x4.pmax(found, v128.and(vertices, isNear))
        }
        found = f32x4.pmax(found, f32x4.abs(shortHalf))
        // Of |even + odd| and |even - odd| the larger is |even| + |odd|.
        found = f32x4.pmax(found, f32x4.add(f32x4.abs(shortEven), f32x4.abs(shortOdd)))
        if (v128.any_true(f32x4.gt(found, ceilings))) isOver = true
        v128.store(peak, f32x4.pmax(v128.load(peak), found))
        last = f32x4.extract_lane(y3, 3)
        lastAt = at
        peak += 16
      }
    }
  }
  return isOver ? 1 : 0
}

// In the order of the vectors' sums, so that it is the same number.
function threeQuarterPoint(at: usize, taps: usize): f32 {
  let even: f32 = 0
  let odd: f32 = 0
  let right = at + 4
  for (const end = taps + PAIRS * PAIR_BYTES; taps < end; taps += PAIR_BYTES) {
    const a = load<f32>(at)
    const b = load<f32>(right)
    even += (a + b) * load<f32>(taps, 4)
    odd += (a - b) * load<f32>(taps, 8)
    at -= 4
    right += 4
  }
  return even - odd
}

// |extremum| of the parabola through three equidistant points, where the middle one is an extremum; else 0.
function vertex(a: v128, b: v128, c: v128): v128 {
  const sign = v128.and(b, f32x4.splat(-0.0))
  const height = v128.xor(b, sign)
  const before = v128.xor(a, sign)
  const after = v128.xor(c, sign)
  const bend = f32x4.add(f32x4.sub(before, height), f32x4.sub(after, height))
  const tilt = f32x4.sub(before, after)
  const isExtremum = v128.and(
    v128.and(f32x4.le(before, height), f32x4.le(after, height)),
    f32x4.lt(bend, f32x4.splat(0))
  )
  const peak = f32x4.sub(height, f32x4.div(f32x4.mul(tilt, tilt), f32x4.mul(f32x4.splat(8), bend)))
  return v128.and(peak, isExtremum)
}

// pmax and this are one instruction each; max, which must honour NaN and the sign of zero, is seven.
function larger(a: f32, b: f32): f32 {
  return a < b ? b : a
}

function largestLane(x: v128): f32 {
  const two = f32x4.pmax(x, v128.shuffle<f32>(x, x, 2, 3, 2, 3))
  return larger(f32x4.extract_lane(two, 0), f32x4.extract_lane(two, 1))
}
