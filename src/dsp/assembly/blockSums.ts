// Everything that is a sum or a maximum over the samples of a block, in one pass over two channels.
// Reference: test/support/reference/BlockSums.ts.

/**
 * mid = (left + right) / 2, and the sums that levels, width and correlation are made of. Mid and side have sums of their
 * own: from those of left and right a faint side would be lost in rounding.
 *
 * left, right: f32 x length. mid: f32 x length rounded up to 4, overwritten.
 * clippedAt: from this magnitude on a sample counts as clipped.
 * sums: f64 x 8, overwritten: L, R, L^2, R^2, (L + R)^2, (L - R)^2, largest magnitude, clipped samples of both. The two
 * squares' sums are finite exactly if every sample is: squares of finite float32 cannot overflow a double.
 */
export function blockSums(left: usize, right: usize, mid: usize, length: i32, clippedAt: f32, sums: usize): void {
  let sumL = f64x2.splat(0)
  let sumR = f64x2.splat(0)
  let sumLL = f64x2.splat(0)
  let sumRR = f64x2.splat(0)
  let sumMM = f64x2.splat(0)
  let sumSS = f64x2.splat(0)
  let peak = f32x4.splat(0)
  const half = f32x4.splat(0.5)
  for (let i: i32 = 0; i < length; i += 4) {
    const at = (<usize>i) << 2
    let l = v128.load(left + at)
    let r = v128.load(right + at)
    if (length - i < 4) {
      const isInside = inside(length - i)
      l = v128.and(l, isInside)
      r = v128.and(r, isInside)
    }
    // One instruction each, where max, which must honour NaN, is seven.
    peak = f32x4.pmax(peak, f32x4.pmax(f32x4.abs(l), f32x4.abs(r)))
    v128.store(mid + at, f32x4.mul(half, f32x4.add(l, r)))
    const l0 = f64x2.promote_low_f32x4(l)
    const r0 = f64x2.promote_low_f32x4(r)
    const l1 = f64x2.promote_low_f32x4(v128.shuffle<f64>(l, l, 1, 1))
    const r1 = f64x2.promote_low_f32x4(v128.shuffle<f64>(r, r, 1, 1))
    sumL = f64x2.add(sumL, f64x2.add(l0, l1))
    sumR = f64x2.add(sumR, f64x2.add(r0, r1))
    sumLL = f64x2.add(sumLL, f64x2.add(f64x2.mul(l0, l0), f64x2.mul(l1, l1)))
    sumRR = f64x2.add(sumRR, f64x2.add(f64x2.mul(r0, r0), f64x2.mul(r1, r1)))
    const m0 = f64x2.add(l0, r0)
    const m1 = f64x2.add(l1, r1)
    sumMM = f64x2.add(sumMM, f64x2.add(f64x2.mul(m0, m0), f64x2.mul(m1, m1)))
    const s0 = f64x2.sub(l0, r0)
    const s1 = f64x2.sub(l1, r1)
    sumSS = f64x2.add(sumSS, f64x2.add(f64x2.mul(s0, s0), f64x2.mul(s1, s1)))
  }
  const largest = largestLane(peak)
  store<f64>(sums, sumOfLanes(sumL))
  store<f64>(sums, sumOfLanes(sumR), 8)
  store<f64>(sums, sumOfLanes(sumLL), 16)
  store<f64>(sums, sumOfLanes(sumRR), 24)
  store<f64>(sums, sumOfLanes(sumMM), 32)
  store<f64>(sums, sumOfLanes(sumSS), 40)
  store<f64>(sums, <f64>largest, 48)
  // Only what comes near full scale is counted one by one.
  const clipped = largest < clippedAt ? 0 : clippedOf(left, length, clippedAt) + clippedOf(right, length, clippedAt)
  store<f64>(sums, <f64>clipped, 56)
}

/** out += gain * x, f32 x length each. */
export function addScaled(x: usize, gain: f32, out: usize, length: i32): void {
  const end = x + ((<usize>length) << 2)
  const gains = f32x4.splat(gain)
  while (x < end) {
    v128.store(out, f32x4.add(v128.load(out), f32x4.mul(gains, v128.load(x))))
    x += 16
    out += 16
  }
}

// All bits of the first `count` lanes.
function inside(count: i32): v128 {
  return i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(count))
}

function clippedOf(x: usize, length: i32, clippedAt: f32): i32 {
  const bound = f32x4.splat(clippedAt)
  let count: i32 = 0
  for (let i: i32 = 0; i < length; i += 4) {
    const isClipped = f32x4.ge(f32x4.abs(v128.load(x + ((<usize>i) << 2))), bound)
    count += popcnt(i32x4.bitmask(v128.and(isClipped, inside(length - i))))
  }
  return count
}

function sumOfLanes(x: v128): f64 {
  return f64x2.extract_lane(x, 0) + f64x2.extract_lane(x, 1)
}

function largestLane(x: v128): f32 {
  return max(
    max(f32x4.extract_lane(x, 0), f32x4.extract_lane(x, 1)),
    max(f32x4.extract_lane(x, 2), f32x4.extract_lane(x, 3))
  )
}
