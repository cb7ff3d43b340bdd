// The passes over a block of the mastering chain: f64, planar, one channel of `frames` (a multiple of 4) after the other.

/** Float32 channels, `stride` bytes apart, to a block. */
export function widen(x: usize, stride: usize, block: usize, channels: i32, frames: i32): void {
  for (let channel: i32 = 0; channel < channels; channel++) {
    let at = x + <usize>channel * stride
    const end = at + ((<usize>frames) << 2)
    for (; at < end; at += 16) {
      const v = v128.load(at)
      v128.store(block, f64x2.promote_low_f32x4(v))
      v128.store(block, f64x2.promote_low_f32x4(v128.shuffle<f64>(v, v, 1, 1)), 16)
      block += 32
    }
  }
}

/** Mean square of `count` f64. */
export function meanSquare(x: usize, count: i32): f64 {
  const end = x + ((<usize>count) << 3)
  let even = f64x2.splat(0)
  let odd = f64x2.splat(0)
  for (; x < end; x += 32) {
    const a = v128.load(x)
    const b = v128.load(x, 16)
    even = f64x2.add(even, f64x2.mul(a, a))
    odd = f64x2.add(odd, f64x2.mul(b, b))
  }
  const both = f64x2.add(even, odd)
  return (f64x2.extract_lane(both, 0) + f64x2.extract_lane(both, 1)) / <f64>count
}

/** Times a factor that moves linearly over the block, from `from` to `to`. */
export function ramp(block: usize, channels: i32, frames: i32, from: f64, to: f64): void {
  const step = (to - from) / <f64>frames
  const froms = f64x2.splat(from)
  const steps = f64x2.splat(step)
  const two = f64x2.splat(2)
  for (let channel: i32 = 0; channel < channels; channel++) {
    const end = block + ((<usize>frames) << 3)
    let place = f64x2(1, 2)
    for (; block < end; block += 16) {
      v128.store(block, f64x2.mul(v128.load(block), f64x2.add(froms, f64x2.mul(steps, place))))
      place = f64x2.add(place, two)
    }
  }
}

/** As `ramp`, on what `line` held, which takes what the block held. */
export function delayedRamp(block: usize, line: usize, channels: i32, frames: i32, from: f64, to: f64): void {
  const step = (to - from) / <f64>frames
  const froms = f64x2.splat(from)
  const steps = f64x2.splat(step)
  const two = f64x2.splat(2)
  for (let channel: i32 = 0; channel < channels; channel++) {
    const end = block + ((<usize>frames) << 3)
    let place = f64x2(1, 2)
    for (; block < end; block += 16) {
      const arriving = v128.load(block)
      v128.store(block, f64x2.mul(v128.load(line), f64x2.add(froms, f64x2.mul(steps, place))))
      v128.store(line, arriving)
      line += 16
      place = f64x2.add(place, two)
    }
  }
}
