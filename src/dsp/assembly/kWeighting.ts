// K-weighting and its energy, two channels in the lanes of one vector. Reference: test/support/kernels.

/**
 * Filters two channels by two sections in series and adds up the squares. Transposed direct form II, float64.
 *
 * coefficients: b0 b1 b2 a1 a2 of the first section, then of the second (f64 x 10).
 * state: s1 s2 t1 t2, each for both channels (f64x2 x 4); kept from call to call.
 * energies: the sums of squares of this call, one a channel (f64 x 2).
 */
export function kWeightedEnergy(
  left: usize,
  right: usize,
  length: i32,
  coefficients: usize,
  state: usize,
  energies: usize
): void {
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
  let s1 = v128.load(state)
  let s2 = v128.load(state, 16)
  let t1 = v128.load(state, 32)
  let t2 = v128.load(state, 48)
  let energy = f64x2.splat(0)
  for (let i: i32 = 0; i < length; i++) {
    const at = (<usize>i) << 2
    const v = f64x2.replace_lane(f64x2.splat(load<f32>(left + at)), 1, load<f32>(right + at))
    const y = f64x2.add(f64x2.mul(b0, v), s1)
    s1 = f64x2.add(f64x2.sub(f64x2.mul(b1, v), f64x2.mul(a1, y)), s2)
    s2 = f64x2.sub(f64x2.mul(b2, v), f64x2.mul(a2, y))
    const z = f64x2.add(f64x2.mul(c0, y), t1)
    t1 = f64x2.add(f64x2.sub(f64x2.mul(c1, y), f64x2.mul(d1, z)), t2)
    t2 = f64x2.sub(f64x2.mul(c2, y), f64x2.mul(d2, z))
    energy = f64x2.add(energy, f64x2.mul(z, z))
  }
  v128.store(state, flush(s1))
  v128.store(state, flush(s2), 16)
  v128.store(state, flush(t1), 32)
  v128.store(state, flush(t2), 48)
  v128.store(energies, energy)
}

// Filter states this small are silence that decays; as denormals they would slow every operation down.
function flush(x: v128): v128 {
  return v128.and(x, f64x2.ge(f64x2.abs(x), f64x2.splat(1e-30)))
}
