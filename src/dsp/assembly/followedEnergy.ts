// K-weighted energy of a block of the mastering chain, two channels in the lanes of a vector.
// Reference: test/support/reference/mastering/LoudnessFollower.ts.

/**
 * Adds the K-weighted energies of a block's channels, each times its weight, to the f64 at `energy`.
 *
 * block: f64, planar, channels x frames. coefficients: b0 b1 b2 a1 a2 of the shelf, then of the high-pass (f64 x 10).
 * weights: f64 x channels rounded up to 2; 0 behind an odd last channel.
 * state: s1 s2 t1 t2 of each pair of channels (f64x2 x 4), kept from call to call.
 */
export function followedEnergy(
  block: usize,
  channels: i32,
  frames: i32,
  coefficients: usize,
  weights: usize,
  state: usize,
  energy: usize
): void {
  const stride = (<usize>frames) << 3
  const b0 = v128.load64_splat(coefficients)
  const b1 = v128.load64_splat(coefficients, 8)
  const b2 = v128.load64_splat(coefficients, 16)
  const a1 = v128.load64_splat(coefficients, 24)
  const a2 = v128.load64_splat(coefficients, 32)
  const c0 = v128.load64_splat(coefficients, 40)
  const c1 = v128.load64_splat(coefficients, 48)
  const c2 = v128.load64_splat(coefficients, 56)
  const d1 = v128.load64_splat(coefficients, 64)
  const d2 = v128.load64_splat(coefficients, 72)
  let total = f64x2.splat(0)
  for (let channel: i32 = 0; channel < channels; channel += 2) {
    let left = block + <usize>channel * stride
    let right = channel + 1 < channels ? left + stride : left
    let s1 = v128.load(state)
    let s2 = v128.load(state, 16)
    let t1 = v128.load(state, 32)
    let t2 = v128.load(state, 48)
    let sum = f64x2.splat(0)
    const end = left + stride
    while (left < end) {
      const x = v128.load64_lane(right, v128.load64_splat(left), 1)
      const y = f64x2.add(f64x2.mul(b0, x), s1)
      s1 = f64x2.add(f64x2.sub(f64x2.mul(b1, x), f64x2.mul(a1, y)), s2)
      s2 = f64x2.sub(f64x2.mul(b2, x), f64x2.mul(a2, y))
      const z = f64x2.add(f64x2.mul(c0, y), t1)
      t1 = f64x2.add(f64x2.sub(f64x2.mul(c1, y), f64x2.mul(d1, z)), t2)
      t2 = f64x2.sub(f64x2.mul(c2, y), f64x2.mul(d2, z))
      sum = f64x2.add(sum, f64x2.mul(z, z))
      left += 8
      right += 8
    }
    v128.store(state, settled(s1))
    v128.store(state, settled(s2), 16)
    v128.store(state, settled(t1), 32)
    v128.store(state, settled(t2), 48)
    total = f64x2.add(total, f64x2.mul(sum, v128.load(weights)))
    state += 64
    weights += 16
  }
  store<f64>(energy, load<f64>(energy) + (f64x2.extract_lane(total, 0) + f64x2.extract_lane(total, 1)))
}

function settled(x: v128): v128 {
  return v128.and(x, f64x2.ge(f64x2.abs(x), f64x2.splat(1e-30)))
}
