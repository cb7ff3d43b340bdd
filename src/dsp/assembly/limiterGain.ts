// From peaks to the limiter's gain: sliding minimum, release, two box means; and the gain on the delayed samples.
// All of it is reckoned in what a gain lacks to 1: a limiter at rest is zeros.
// Reference: test/support/reference/mastering/LookAheadLimiter.ts.

/** Steps of the smoothed gain in 1. Sums of whole numbers of them are exact: they never drift. */
const STEPS: f64 = 16777216

/**
 * Gains of one block. Returns 0 where all of them are 1, and leaves `gains` as it is then.
 *
 * peaks: f32 x frames, as of detectTruePeaks; read where isOver is 1. limit: largest peak that may pass.
 * window: samples over which the smallest gain is held, more than `frames`. box: length of each box mean.
 * keep: what is left after one sample of what the gain lacks, once no peak holds it.
 * work: kept from call to call, zeros at first. f64 x (4 + Q frames + 2 (box + frames) + frames), Q = (window - 1) /
 * frames rounded up. gains: f32 x frames.
 */
export function limiterGains(
  peaks: usize,
  isOver: i32,
  limit: f64,
  frames: i32,
  window: i32,
  box: i32,
  keep: f64,
  work: usize,
  gains: usize
): i32 {
  // Blocks for which a peak stays in the window.
  let heldBlocks = <i32>load<f64>(work)
  let sum1 = load<f64>(work, 16)
  let sum2 = load<f64>(work, 24)
  const span = window - 1
  const past = (span + frames - 1) / frames
  if (isOver != 0) heldBlocks = past + 1
  if (heldBlocks == 0 && load<f64>(work, 8) == 0 && sum1 == 0 && sum2 == 0) return 0

  const blockBytes = (<usize>frames) << 3
  const boxBytes = (<usize>box) << 3
  // For each sample of the last blocks, the largest from it to the end of its block.
  const toEnd = work + 32
  const newest = toEnd + <usize>(past - 1) * blockBytes
  const steps = toEnd + <usize>past * blockBytes
  const sums = steps + boxBytes + blockBytes
  const wanted = sums + boxBytes + blockBytes

  if (isOver != 0) {
    const one = f64x2.splat(1)
    const zero = f64x2.splat(0)
    const limits = f64x2.splat(limit)
    for (let n: i32 = 0; n < frames; n += 2) {
      const peak = f64x2.promote_low_f32x4(v128.load64_zero(peaks + ((<usize>n) << 2)))
      v128.store(wanted + ((<usize>n) << 3), f64x2.pmax(zero, f64x2.sub(one, f64x2.div(limits, peak))))
    }
  } else memory.fill(wanted, 0, blockBytes)

  // The window starts in the oldest block and, `turn` samples on, in the next one.
  const first = past * frames - span
  const turn = frames - first
  let between = f64x2.splat(0)
  for (let block = past - 1; block >= 2; block--) {
    between = f64x2.pmax(between, v128.load64_splat(toEnd + <usize>block * blockBytes))
  }
  const betweenFirst = past > 1 ? f64x2.pmax(between, v128.load64_splat(toEnd + blockBytes)) : between
  const lacking = steps + boxBytes
  const keeps = f64x2.splat(keep)
  const scale = f64x2.splat(STEPS)
  let start = toEnd + ((<usize>first) << 3)
  let sinceBlock = f64x2.splat(0)
  let envelope = v128.load64_splat(work, 8)
  for (let n: i32 = 0; n < frames; n++) {
    const at = (<usize>n) << 3
    sinceBlock = f64x2.pmax(sinceBlock, v128.load64_splat(wanted + at))
    let held = f64x2.pmax(sinceBlock, n < turn ? betweenFirst : between)
    held = f64x2.pmax(held, v128.load64_splat(start))
    start += 8
    envelope = f64x2.pmax(f64x2.mul(envelope, keeps), held)
    v128.store64_lane(lacking + at, f64x2.ceil(f64x2.mul(envelope, scale)), 0)
  }
  const left = f64x2.extract_lane(envelope, 0)
  store<f64>(work, <f64>(heldBlocks > 0 ? heldBlocks - 1 : 0))
  store<f64>(work, left < 1 / STEPS ? 0 : left, 8)

  const perFull = 1 / (STEPS * <f64>box * <f64>box)
  const smoothed = sums + boxBytes
  for (let n: i32 = 0; n < frames; n++) {
    const at = (<usize>n) << 3
    sum1 += load<f64>(lacking + at) - load<f64>(steps + at)
    store<f64>(smoothed + at, sum1)
    sum2 += sum1 - load<f64>(sums + at)
    store<f32>(gains + ((<usize>n) << 2), <f32>(1 - sum2 * perFull))
  }
  store<f64>(work, sum1, 16)
  store<f64>(work, sum2, 24)
  memory.copy(steps, steps + blockBytes, boxBytes)
  memory.copy(sums, sums + blockBytes, boxBytes)
  memory.copy(toEnd, toEnd + blockBytes, newest - toEnd)
  let largest = f64x2.splat(0)
  for (let n: i32 = frames - 1; n >= 0; n--) {
    const at = (<usize>n) << 3
    largest = f64x2.pmax(largest, v128.load64_splat(wanted + at))
    v128.store64_lane(newest + at, largest, 0)
  }
  return 1
}

/**
 * `frames` samples of each channel from `lines` to `out` (f32, strides in bytes), times `gains` (f32 x frames); as they
 * are where `gains` is 0.
 */
export function leaveLines(
  lines: usize,
  lineStride: usize,
  channels: i32,
  frames: i32,
  gains: usize,
  out: usize,
  outStride: usize
): void {
  const bytes = (<usize>frames) << 2
  for (let channel: i32 = 0; channel < channels; channel++) {
    if (gains == 0) {
      for (let at: usize = 0; at < bytes; at += 16) v128.store(out + at, v128.load(lines + at))
    } else {
      for (let at: usize = 0; at < bytes; at += 16) {
        v128.store(out + at, f32x4.mul(v128.load(lines + at), v128.load(gains + at)))
      }
    }
    lines += lineStride
    out += outStride
  }
}
