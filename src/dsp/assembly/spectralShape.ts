// Centroid, roll-off and flatness of a power spectrum. Reference: test/support/reference/SpectralShape.ts.

/** Bins summed up in float32 before they go on in float64. */
const blockBins: i32 = 64

/**
 * power: unscaled power of `bins` bins. floor: least power of a bin in the flatness, a normal number. work: magnitudes,
 * f32 x bins, and behind them, 16-byte aligned, the sum of each block of 64 bins, f64 x ceil(bins / 64).
 *
 * result (f64 x 6): sum of magnitudes; sum of bin * magnitude; roll-off bin, the first at which the magnitudes up to it
 * reach `rolloffShare` of their sum; sum of floored powers; and their product as mantissa in [1, 2) and binary exponent.
 */
export function spectralShape(
  power: usize,
  bins: i32,
  rolloffShare: f64,
  floor: f32,
  work: usize,
  result: usize
): void {
  const blockSums = work + (((<usize>bins + 3) >> 2) << 4)
  const floors = f32x4.splat(floor)
  const mantissaMask = i32x4.splat(0x007f_ffff)
  const one = i32x4.splat(0x3f80_0000)
  const places = f32x4(0, 1, 2, 3)
  let sum: f64 = 0
  let moment: f64 = 0
  let flooredSum: f64 = 0
  let mantissa: f64 = 1
  let exponent: i64 = 0
  let blocks: usize = 0
  for (let from: i32 = 0; from < bins; from += blockBins) {
    const end = from + blockBins < bins ? from + blockBins : bins
    // Two vectors a turn, in sums of their own: an addition waits for the one before it.
    let magnitudes = f32x4.splat(0)
    let moments = f32x4.splat(0)
    let floored = f32x4.splat(0)
    let product = f32x4.splat(1)
    let exponents = i32x4.splat(0)
    let nextMagnitudes = magnitudes
    let nextMoments = moments
    let nextFloored = floored
    let nextProduct = product
    let place = places
    let k = from
    for (; k + 8 <= end; k += 8) {
      const at = (<usize>k) << 2
      const p = v128.load(power + at)
      const q = v128.load(power + at, 16)
      const m = f32x4.sqrt(p)
      const n = f32x4.sqrt(q)
      v128.store(work + at, m)
      v128.store(work + at, n, 16)
      magnitudes = f32x4.add(magnitudes, m)
      nextMagnitudes = f32x4.add(nextMagnitudes, n)
      moments = f32x4.add(moments, f32x4.mul(place, m))
      nextMoments = f32x4.add(nextMoments, f32x4.mul(f32x4.add(place, f32x4.splat(4)), n))
      place = f32x4.add(place, f32x4.splat(8))
      const raised = f32x4.pmax(floors, p)
      const nextRaised = f32x4.pmax(floors, q)
      floored = f32x4.add(floored, raised)
      nextFloored = f32x4.add(nextFloored, nextRaised)
      product = f32x4.mul(product, v128.or(v128.and(raised, mantissaMask), one))
      nextProduct = f32x4.mul(nextProduct, v128.or(v128.and(nextRaised, mantissaMask), one))
      exponents = i32x4.add(exponents, i32x4.add(i32x4.shr_u(raised, 23), i32x4.shr_u(nextRaised, 23)))
    }
    let blockSum = lanesSum(f32x4.add(magnitudes, nextMagnitudes))
    let blockMoment = lanesSum(f32x4.add(moments, nextMoments))
    flooredSum += lanesSum(f32x4.add(floored, nextFloored))
    mantissa *= lanesProduct(f32x4.mul(product, nextProduct))
    exponent += <i64>lanesSumOfIntegers(exponents) - 127 * (k - from)
    for (; k < end; k++) {
      const at = (<usize>k) << 2
      const p = load<f32>(power + at)
      const m = sqrt(p)
      store<f32>(work + at, m)
      blockSum += m
      blockMoment += <f64>(k - from) * m
      const raised = p > floor ? p : floor
      flooredSum += raised
      mantissa *= raised
    }
    store<f64>(blockSums + (blocks << 3), blockSum)
    blocks++
    sum += blockSum
    moment += blockMoment + <f64>from * blockSum
    const bits = reinterpret<i64>(mantissa)
    exponent += ((bits >> 52) & 0x7ff) - 1023
    mantissa = reinterpret<f64>((bits & 0x000f_ffff_ffff_ffff) | 0x3ff0_0000_0000_0000)
  }
  store<f64>(result, sum)
  store<f64>(result, moment, 8)
  store<f64>(result, <f64>rolloffBin(work, bins, blockSums, rolloffShare * sum), 16)
  store<f64>(result, flooredSum, 24)
  store<f64>(result, mantissa, 32)
  store<f64>(result, <f64>exponent, 40)
}

function rolloffBin(magnitudes: usize, bins: i32, blockSums: usize, wanted: f64): i32 {
  let below: f64 = 0
  let k: i32 = 0
  for (let block = blockSums; k + blockBins < bins; block += 8) {
    const next = below + load<f64>(block)
    if (!(next < wanted)) break
    below = next
    k += blockBins
  }
  for (; k < bins - 1; k++) {
    below += load<f32>(magnitudes + ((<usize>k) << 2))
    if (!(below < wanted)) break
  }
  return k
}

function lanesSum(x: v128): f64 {
  const pairs = f64x2.add(f64x2.promote_low_f32x4(x), f64x2.promote_low_f32x4(v128.shuffle<f32>(x, x, 2, 3, 2, 3)))
  return f64x2.extract_lane(pairs, 0) + f64x2.extract_lane(pairs, 1)
}

function lanesProduct(x: v128): f64 {
  const pairs = f64x2.mul(f64x2.promote_low_f32x4(x), f64x2.promote_low_f32x4(v128.shuffle<f32>(x, x, 2, 3, 2, 3)))
  return f64x2.extract_lane(pairs, 0) * f64x2.extract_lane(pairs, 1)
}

function lanesSumOfIntegers(x: v128): i32 {
  return i32x4.extract_lane(x, 0) + i32x4.extract_lane(x, 1) + i32x4.extract_lane(x, 2) + i32x4.extract_lane(x, 3)
}
