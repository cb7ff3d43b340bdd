// Median filtering of power spectra over time and over bins. Reference: test/support/reference/HarmonicPercussive.ts.
//
// Powers are compared by their bit patterns: those of non-negative floats are ordered as the floats are, and the minimum
// of integers is one instruction. A spectrum is kept as two planes of `plane` floats, a multiple of 4, even bins and odd
// bins: entry n of the planes are the bins 2n - 8 and 2n - 7, so that four neighbouring pairs of bins fill a vector. The
// entries before bin 0 and after the last hold the mirrored spectrum. Sorted runs are planes as well: the lowest of
// each run, the second lowest and so on, `2 * plane` floats each.

/** Mirrored bins before bin 0. */
const margin: i32 = 8
const marginPairs: i32 = 4

/** Stores a power spectrum of `bins` bins, an odd number from 9 on, as planes at `segment`. */
export function storeSpectrum(power: usize, bins: i32, segment: usize, plane: i32): void {
  const odd = segment + ((<usize>plane) << 2)
  const last = bins - 1
  for (let n: i32 = 0; n < plane; n++) {
    const at = (<usize>n) << 2
    const bin = 2 * n - margin
    if (bin >= 0 && bin + 8 <= bins) {
      const a = v128.load(power + ((<usize>bin) << 2))
      const b = v128.load(power + ((<usize>bin) << 2), 16)
      v128.store(segment + at, v128.shuffle<f32>(a, b, 0, 2, 4, 6))
      v128.store(odd + at, v128.shuffle<f32>(a, b, 1, 3, 5, 7))
      n += 3
    } else {
      store<f32>(segment + at, mirrored(power, bin, last))
      store<f32>(odd + at, mirrored(power, bin + 1, last))
    }
  }
}

function mirrored(power: usize, bin: i32, last: i32): f32 {
  let folded = bin < 0 ? -bin : bin > last ? 2 * last - bin : bin
  // Entries that no window reaches.
  if (folded < 0) folded = 0
  return load<f32>(power + ((<usize>folded) << 2))
}

/**
 * Sorts two segments bin by bin (to `two`), merges them with the two before (to `four`), and those with the four before
 * (to `eight`).
 */
export function sortSegments(
  segment: usize,
  next: usize,
  previousTwo: usize,
  two: usize,
  olderFour: usize,
  four: usize,
  eight: usize,
  plane: i32
): void {
  const step = (<usize>plane) << 3
  for (let at: usize = 0; at < step; at += 16) {
    const x = v128.load(segment + at)
    const y = v128.load(next + at)
    const low = min(x, y)
    const high = max(x, y)
    v128.store(two + at, low)
    v128.store(two + at + step, high)
    const p0 = v128.load(previousTwo + at)
    const p1 = v128.load(previousTwo + at + step)
    const b0 = min(p0, low)
    const p = max(p0, low)
    const q = min(p1, high)
    const b3 = max(p1, high)
    const b1 = min(p, q)
    const b2 = max(p, q)
    v128.store(four + at, b0)
    v128.store(four + at + step, b1)
    v128.store(four + at + 2 * step, b2)
    v128.store(four + at + 3 * step, b3)
    const a0 = v128.load(olderFour + at)
    const a1 = v128.load(olderFour + at + step)
    const a2 = v128.load(olderFour + at + 2 * step)
    const a3 = v128.load(olderFour + at + 3 * step)
    // Batcher's odd-even merge: even places, odd places, then neighbours.
    const r = max(a0, b0)
    const s = min(a2, b2)
    const e1 = min(r, s)
    const e2 = max(r, s)
    const e3 = max(a2, b2)
    const t = max(a1, b1)
    const u = min(a3, b3)
    const o0 = min(a1, b1)
    const o1 = min(t, u)
    const o2 = max(t, u)
    v128.store(eight + at, min(a0, b0))
    v128.store(eight + at + step, min(o0, e1))
    v128.store(eight + at + 2 * step, max(o0, e1))
    v128.store(eight + at + 3 * step, min(o1, e2))
    v128.store(eight + at + 4 * step, max(o1, e2))
    v128.store(eight + at + 5 * step, min(o2, e3))
    v128.store(eight + at + 6 * step, max(o2, e3))
    v128.store(eight + at + 7 * step, max(a3, b3))
  }
}

/**
 * Medians over 17 segments: of the 16 sorted in `first` and `second` with the one before them (to `earlier`) and with the
 * one after them (to `later`), planes like the segments.
 */
export function medianOverTime(
  first: usize,
  second: usize,
  before: usize,
  after: usize,
  earlier: usize,
  later: usize,
  plane: i32
): void {
  const step = (<usize>plane) << 3
  for (let at: usize = 0; at < step; at += 16) {
    const a = first + at
    const b = second + at
    let x = v128.load(a)
    let y = v128.load(b + 7 * step)
    let lower = min(x, y)
    let upper = max(x, y)
    x = v128.load(a + step)
    y = v128.load(b + 6 * step)
    lower = max(lower, min(x, y))
    upper = min(upper, max(x, y))
    x = v128.load(a + 2 * step)
    y = v128.load(b + 5 * step)
    lower = max(lower, min(x, y))
    upper = min(upper, max(x, y))
    x = v128.load(a + 3 * step)
    y = v128.load(b + 4 * step)
    lower = max(lower, min(x, y))
    upper = min(upper, max(x, y))
    x = v128.load(a + 4 * step)
    y = v128.load(b + 3 * step)
    lower = max(lower, min(x, y))
    upper = min(upper, max(x, y))
    x = v128.load(a + 5 * step)
    y = v128.load(b + 2 * step)
    lower = max(lower, min(x, y))
    upper = min(upper, max(x, y))
    x = v128.load(a + 6 * step)
    y = v128.load(b + step)
    lower = max(lower, min(x, y))
    upper = min(upper, max(x, y))
    x = v128.load(a + 7 * step)
    y = v128.load(b)
    lower = max(lower, min(x, y))
    upper = min(upper, max(x, y))
    v128.store(earlier + at, max(lower, min(upper, v128.load(before + at))))
    v128.store(later + at, max(lower, min(upper, v128.load(after + at))))
  }
}

/**
 * Splits a segment's power by the soft mask m = h / (h + p), h its medians over time, p the median over 15 bins, and
 * adds sum(S m^2) to sums[0] and sum(S (1 - m)^2) to sums[1] (f64 x 2). `work` holds 6 planes, one of `plane` floats.
 */
export function separate(segment: usize, overTime: usize, bins: i32, plane: i32, work: usize, sums: usize): void {
  const step = (<usize>plane) << 2
  const odd = segment + step
  const four = work + 2 * step
  for (let at: usize = 0; at < step; at += 16) {
    const x = v128.load(segment + at)
    const y = v128.load(odd + at)
    v128.store(work + at, min(x, y))
    v128.store(work + at + step, max(x, y))
  }
  // The last entry of the planes has no right neighbour; what it would be merged into is not used.
  for (let at: usize = 0; at + 16 < step; at += 16) {
    const a0 = v128.load(work + at)
    const a1 = v128.load(work + at + step)
    const b0 = v128.load(work + at, 4)
    const b1 = v128.load(work + at + step, 4)
    const p = max(a0, b0)
    const q = min(a1, b1)
    v128.store(four + at, min(a0, b0))
    v128.store(four + at + step, min(p, q))
    v128.store(four + at + 2 * step, max(p, q))
    v128.store(four + at + 3 * step, max(a1, b1))
  }
  const evenBins = i32x4.splat((bins + 1) >> 1)
  const oddBins = i32x4.splat(bins >> 1)
  let index = i32x4(0, 1, 2, 3)
  let harmonic = f64x2.splat(0)
  let percussive = f64x2.splat(0)
  const pairs = (bins + 1) >> 1
  for (let m: i32 = 0; m < pairs; m += 4) {
    // The windows around bins 2m and 2m + 1 share the seven pairs from entry m + 1 on.
    const at = (<usize>m) << 2
    const a = four + at + 4
    let x0 = v128.load(a)
    let x1 = v128.load(a + step)
    let x2 = v128.load(a + 2 * step)
    let x3 = v128.load(a + 3 * step)
    let y0 = v128.load(a, 8)
    let y1 = v128.load(a + step, 8)
    let y2 = v128.load(a + 2 * step, 8)
    let y3 = v128.load(a + 3 * step, 8)
    const r = max(x0, y0)
    const s = min(x2, y2)
    const e1 = min(r, s)
    const e2 = max(r, s)
    const e3 = max(x2, y2)
    const t = max(x1, y1)
    const u = min(x3, y3)
    const o0 = min(x1, y1)
    const o1 = min(t, u)
    const o2 = max(t, u)
    const a0 = min(x0, y0)
    const a1 = min(o0, e1)
    const a2 = max(o0, e1)
    const a3 = min(o1, e2)
    const a4 = max(o1, e2)
    const a5 = min(o2, e3)
    const a6 = max(o2, e3)
    const a7 = max(x3, y3)
    // The six that remain, sorted as well.
    x0 = v128.load(a, 16)
    x1 = v128.load(a + step, 16)
    x2 = v128.load(a + 2 * step, 16)
    x3 = v128.load(a + 3 * step, 16)
    y0 = v128.load(work + at, 28)
    y1 = v128.load(work + at + step, 28)
    const b0 = min(x0, y0)
    y2 = max(x0, y0)
    const f1 = min(x2, y2)
    const f2 = max(x2, y2)
    const g0 = min(x1, y1)
    y3 = max(x1, y1)
    const g1 = min(x3, y3)
    const b5 = max(x3, y3)
    const b1 = min(g0, f1)
    const b2 = max(g0, f1)
    const b3 = min(g1, f2)
    const b4 = max(g1, f2)
    const lower = max(
      max(max(a0, min(a1, b5)), max(min(a2, b4), min(a3, b3))),
      max(max(min(a4, b2), min(a5, b1)), min(a6, b0))
    )
    const upper = min(
      min(min(a7, max(a6, b0)), min(max(a5, b1), max(a4, b2))),
      min(min(max(a3, b3), max(a2, b4)), max(a1, b5))
    )
    const evenMedian = max(lower, min(upper, v128.load(odd + at)))
    const oddMedian = max(lower, min(upper, v128.load(segment + at, 32)))
    const evenPower = v128.and(v128.load(segment + at, 16), i32x4.lt_s(index, evenBins))
    const oddPower = v128.and(v128.load(odd + at, 16), i32x4.lt_s(index, oddBins))
    index = i32x4.add(index, i32x4.splat(4))
    const evenTime = v128.load(overTime + at, 16)
    const oddTime = v128.load(overTime + at + step, 16)
    // Where both medians are 0 the mask says nothing: half and half.
    const evenNone = v128.and(i32x4.eq(v128.or(evenTime, evenMedian), i32x4.splat(0)), f32x4.splat(1))
    const oddNone = v128.and(i32x4.eq(v128.or(oddTime, oddMedian), i32x4.splat(0)), f32x4.splat(1))
    const h = v128.or(evenTime, evenNone)
    const p = v128.or(evenMedian, evenNone)
    const i = v128.or(oddTime, oddNone)
    const q = v128.or(oddMedian, oddNone)
    let hd = lowerDouble(h)
    let pd = lowerDouble(p)
    let share = shareOf(lowerDouble(evenPower), f64x2.add(hd, pd))
    harmonic = f64x2.add(harmonic, f64x2.mul(share, f64x2.mul(hd, hd)))
    percussive = f64x2.add(percussive, f64x2.mul(share, f64x2.mul(pd, pd)))
    hd = upperDouble(h)
    pd = upperDouble(p)
    share = shareOf(upperDouble(evenPower), f64x2.add(hd, pd))
    harmonic = f64x2.add(harmonic, f64x2.mul(share, f64x2.mul(hd, hd)))
    percussive = f64x2.add(percussive, f64x2.mul(share, f64x2.mul(pd, pd)))
    hd = lowerDouble(i)
    pd = lowerDouble(q)
    share = shareOf(lowerDouble(oddPower), f64x2.add(hd, pd))
    harmonic = f64x2.add(harmonic, f64x2.mul(share, f64x2.mul(hd, hd)))
    percussive = f64x2.add(percussive, f64x2.mul(share, f64x2.mul(pd, pd)))
    hd = upperDouble(i)
    pd = upperDouble(q)
    share = shareOf(upperDouble(oddPower), f64x2.add(hd, pd))
    harmonic = f64x2.add(harmonic, f64x2.mul(share, f64x2.mul(hd, hd)))
    percussive = f64x2.add(percussive, f64x2.mul(share, f64x2.mul(pd, pd)))
  }
  store<f64>(sums, load<f64>(sums) + f64x2.extract_lane(harmonic, 0) + f64x2.extract_lane(harmonic, 1))
  store<f64>(sums + 8, load<f64>(sums + 8) + f64x2.extract_lane(percussive, 0) + f64x2.extract_lane(percussive, 1))
}

function min(a: v128, b: v128): v128 {
  return i32x4.min_s(a, b)
}

function max(a: v128, b: v128): v128 {
  return i32x4.max_s(a, b)
}

function lowerDouble(x: v128): v128 {
  return f64x2.promote_low_f32x4(x)
}

function upperDouble(x: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<f32>(x, x, 2, 3, 2, 3))
}

// power / both^2
function shareOf(power: v128, both: v128): v128 {
  return f64x2.div(power, f64x2.mul(both, both))
}
