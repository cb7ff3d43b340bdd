// The largest magnitude of an oversampled signal, by a polyphase interpolation of 24 taps a phase. Four neighbouring
// points a vector. Reference: test/support/reference/TruePeakMeter.ts.

/** Pairs of taps of a phase, from the two samples around a point outwards. */
const PAIRS: i32 = 12
/** Samples, and points, of a group. */
const GROUP: i32 = 16
/** Samples before the one before a point that its taps reach. */
const BEFORE: i32 = PAIRS - 1
/** Samples that have no point of their own: the reach of the taps. */
const REACH: i32 = 2 * PAIRS - 1

/**
 * The largest of `peak`, the samples' magnitudes and those of the points between them, as far as their taps find samples
 * in x. Only the largest value is wanted, so a point is computed only where it could exceed what was already found. Two
 * bounds decide that: from the largest sample around; and from the four taps in the middle, exactly, and the largest
 * sample around for the others.
 *
 * x: f32 x length, followed by 64 zero bytes.
 * taps: f32 x 36; for each pair k outwards, with S = x[n-k] + x[n+1+k] and D = x[n-k] - x[n+1+k]: the factor of S at 1/2,
 * and those of S and D at 1/4 (at 3/4 that of D changes its sign). Zeros leave a phase out.
 * bounds: f32 x 3, each a sum of magnitudes of taps: all, the largest of the phases; all but the inner two pairs at 1/2;
 * the same at 1/4 and 3/4. Where they are infinite, nothing is skipped.
 * groups: f32 x (length / 16 + 3), scratch.
 */
export function truePeak(x: usize, length: i32, taps: usize, bounds: usize, groups: usize, peak: f32): f32 {
  const count = (length + GROUP - 1) / GROUP
  let end = x + ((<usize>(count * GROUP)) << 2)
  let group = groups
  for (let at = x; at < end; at += 64) {
    const largest = largestLane(
      f32x4.pmax(
        f32x4.pmax(f32x4.abs(v128.load(at)), f32x4.abs(v128.load(at, 16))),
        f32x4.pmax(f32x4.abs(v128.load(at, 32)), f32x4.abs(v128.load(at, 48)))
      )
    )
    store<f32>(group, largest)
    group += 4
    peak = larger(peak, largest)
  }
  store<f32>(group, 0)
  store<f32>(group, 0, 4)

  const all = load<f32>(bounds)
  const outerHalf = load<f32>(bounds, 4)
  const outerQuarter = load<f32>(bounds, 8)
  const half0 = v128.load32_splat(taps)
  const even0 = v128.load32_splat(taps, 4)
  const odd0 = v128.load32_splat(taps, 8)
  const half1 = v128.load32_splat(taps, 12)
  const even1 = v128.load32_splat(taps, 16)
  const odd1 = v128.load32_splat(taps, 20)
  const points = length - REACH
  // The sample before the point; the one after it is the next.
  let at = x + (BEFORE << 2)
  end = at + ((<usize>points) << 2)
  let found = f32x4.splat(peak)
  for (group = groups; at < end; group += 4) {
    // The taps of a group's points reach over its samples and those of the next two.
    const around = larger(load<f32>(group), larger(load<f32>(group, 4), load<f32>(group, 8)))
    const endOfGroup = at + 4 * GROUP
    if (around * all <= peak) {
      at = endOfGroup
      continue
    }
    const restHalf = f32x4.splat(outerHalf * around)
    const restQuarter = f32x4.splat(outerQuarter * around)
    for (; at < endOfGroup; at += 16) {
      const a0 = v128.load(at)
      const b0 = v128.load(at, 4)
      const a1 = v128.load(at - 4)
      const b1 = v128.load(at, 8)
      const s0 = f32x4.add(a0, b0)
      const s1 = f32x4.add(a1, b1)
      const d0 = f32x4.sub(a0, b0)
      const d1 = f32x4.sub(a1, b1)
      const half = f32x4.abs(f32x4.add(f32x4.mul(s0, half0), f32x4.mul(s1, half1)))
      const even = f32x4.abs(f32x4.add(f32x4.mul(s0, even0), f32x4.mul(s1, even1)))
      const odd = f32x4.abs(f32x4.add(f32x4.mul(d0, odd0), f32x4.mul(d1, odd1)))
      const bound = f32x4.pmax(f32x4.add(half, restHalf), f32x4.add(f32x4.add(even, odd), restQuarter))
      if (i32x4.all_true(f32x4.le(bound, found)) || at >= end) continue
      const largest = largestLane(v128.and(interpolate(at, taps), inside(<i32>((end - at) >> 2))))
      if (largest > peak) {
        peak = largest
        found = f32x4.splat(peak)
      }
    }
  }
  return peak
}

// The largest magnitudes of the points after four samples.
function interpolate(at: usize, taps: usize): v128 {
  let left = at
  let right = at + 4
  let half = f32x4.splat(0)
  let even = f32x4.splat(0)
  let odd = f32x4.splat(0)
  for (let k: i32 = 0; k < PAIRS; k++) {
    const a = v128.load(left)
    const b = v128.load(right)
    const s = f32x4.add(a, b)
    half = f32x4.add(half, f32x4.mul(s, v128.load32_splat(taps)))
    even = f32x4.add(even, f32x4.mul(s, v128.load32_splat(taps, 4)))
    odd = f32x4.add(odd, f32x4.mul(f32x4.sub(a, b), v128.load32_splat(taps, 8)))
    left -= 4
    right += 4
    taps += 12
  }
  // Of |even + odd| and |even - odd| the larger is |even| + |odd|.
  return f32x4.pmax(f32x4.abs(half), f32x4.add(f32x4.abs(even), f32x4.abs(odd)))
}

// All bits of the first `count` lanes.
function inside(count: i32): v128 {
  return i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(count))
}

// pmax and this are one instruction each; max, which must honour NaN and the sign of zero, is seven.
function larger(a: f32, b: f32): f32 {
  return a < b ? b : a
}

function largestLane(x: v128): f32 {
  const two = f32x4.pmax(x, v128.shuffle<f32>(x, x, 2, 3, 2, 3))
  return larger(f32x4.extract_lane(two, 0), f32x4.extract_lane(two, 1))
}
