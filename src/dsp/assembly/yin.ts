// Period of two segments by YIN. Reference: test/support/reference/Yin.ts.

/**
 * Powers of two segments from their common transform (`work`, as complexFft leaves it), times 4: of the first to
 * `powers`, of the second behind it, f32 x size each. They are even, so their transforms are real.
 */
export function powersOfTwo(work: usize, size: i32, powers: usize): void {
  const bytes = (<usize>size) << 2
  const re0 = load<f32>(work)
  const im0 = load<f32>(work + bytes)
  store<f32>(powers, 4 * re0 * re0)
  store<f32>(powers + bytes, 4 * im0 * im0)
  for (let k: i32 = 1; k <= size >> 1; k += 4) {
    const at = (<usize>k) << 2
    const mirrored = (<usize>(size - k - 3)) << 2
    const re = v128.load(work + at)
    const im = v128.load(work + bytes + at)
    const mirroredRe = reversed(v128.load(work + mirrored))
    const mirroredIm = reversed(v128.load(work + bytes + mirrored))
    const x = square(f32x4.add(re, mirroredRe), f32x4.sub(im, mirroredIm))
    const y = square(f32x4.sub(re, mirroredRe), f32x4.add(im, mirroredIm))
    v128.store(powers + at, x)
    v128.store(powers + bytes + at, y)
    v128.store(powers + mirrored, reversed(x))
    v128.store(powers + bytes + mirrored, reversed(y))
  }
}

function reversed(x: v128): v128 {
  return v128.shuffle<f32>(x, x, 3, 2, 1, 0)
}

function square(a: v128, b: v128): v128 {
  return f32x4.add(f32x4.mul(a, a), f32x4.mul(b, b))
}

/**
 * Period of a segment in samples, between them; 0 where there is none.
 *
 * samples: the segment, f32 x `segment`. correlation: its autocorrelation times 1 / `scale`, f32, lags 0 to `longest`.
 * difference: scratch, f64 x (longest + 1). A mean square below `silence` has no period; a period is where the
 * normalised difference first dips below `threshold`, from `shortest` to before `longest` samples.
 */
export function yinPeriod(
  samples: usize,
  segment: i32,
  correlation: usize,
  scale: f64,
  shortest: i32,
  longest: i32,
  silence: f64,
  threshold: f64,
  difference: usize
): f64 {
  const energy = sumOfSquares(samples, segment)
  if (energy < silence * <f64>segment) return 0
  const end = samples + ((<usize>segment) << 2)
  store<f64>(difference, 0)
  // Energy of the part that both lags share, twice: the first and the last t samples are in it once.
  let shared = 2 * energy
  let sum: f64 = 0
  let best: i32 = 0
  let bestValue = threshold
  for (let t: i32 = 1; t <= longest; t++) {
    const at = (<usize>t) << 2
    const head = <f64>load<f32>(samples + at - 4)
    const tail = <f64>load<f32>(end - at)
    shared -= head * head + tail * tail
    const d = max<f64>(0, (shared - 2 * scale * <f64>load<f32>(correlation + at)) / <f64>(segment - t))
    store<f64>(difference + (at << 1), d)
    sum += d
    if (t < shortest) continue
    if (d * <f64>t < bestValue * sum) {
      best = t
      bestValue = (d * <f64>t) / sum
    } else if (best > 0) break
  }
  // A dip that still falls at the end of the range is not a dip.
  if (best == 0 || best >= longest) return 0
  const around = difference + ((<usize>best) << 3)
  const before = load<f64>(around - 8)
  const after = load<f64>(around, 8)
  const curvature = before - 2 * load<f64>(around) + after
  const offset = curvature > 0 ? (before - after) / (2 * curvature) : 0
  return <f64>best + max<f64>(-0.5, min<f64>(0.5, offset))
}

function sumOfSquares(samples: usize, length: i32): f64 {
  let low = f64x2.splat(0)
  let high = f64x2.splat(0)
  let i: i32 = 0
  for (; i + 4 <= length; i += 4) {
    const x = v128.load(samples + ((<usize>i) << 2))
    const squares = f32x4.mul(x, x)
    low = f64x2.add(low, f64x2.promote_low_f32x4(squares))
    high = f64x2.add(high, f64x2.promote_low_f32x4(v128.shuffle<f32>(squares, squares, 2, 3, 2, 3)))
  }
  const pairs = f64x2.add(low, high)
  let sum = f64x2.extract_lane(pairs, 0) + f64x2.extract_lane(pairs, 1)
  for (; i < length; i++) {
    const x = <f64>load<f32>(samples + ((<usize>i) << 2))
    sum += x * x
  }
  return sum
}
