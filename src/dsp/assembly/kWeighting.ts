// K-weighting and its energy, two channels in the lanes of one vector. Reference: test/support/reference/KWeightedEnergy.ts.

/**
 * Filters two channels by two sections in series and adds up the squares. Direct form I, float64.
 *
 * coefficients: b0 b1 b2 a1 a2 of the first section, then of the second (f64 x 10).
 * state: the last two inputs, outputs of the first section and of the second, each for both channels (f64x2 x 6); kept
 * from call to call.
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
  let v1 = v128.load(state)
  let v2 = v128.load(state, 16)
  let y1 = v128.load(state, 32)
  let y2 = v128.load(state, 48)
  let z1 = v128.load(state, 64)
  let z2 = v128.load(state, 80)
  let energy = f64x2.splat(0)
  for (let i: i32 = 0; i < length; i++) {
    const at = (<usize>i) << 2
    const v = f64x2.promote_low_f32x4(
      v128.shuffle<f32>(v128.load32_zero(left + at), v128.load32_zero(right + at), 0, 4, 1, 5)
    )
    // The last output comes last into each sum: only one product and one difference lie between two outputs.
    const y = f64x2.sub(
      f64x2.sub(f64x2.add(f64x2.add(f64x2.mul(b1, v1), f64x2.mul(b2, v2)), f64x2.mul(b0, v)), f64x2.mul(a2, y2)),
      f64x2.mul(a1, y1)
    )
    const z = f64x2.sub(
      f64x2.sub(f64x2.add(f64x2.add(f64x2.mul(c1, y1), f64x2.mul(c2, y2)), f64x2.mul(c0, y)), f64x2.mul(d2, z2)),
      f64x2.mul(d1, z1)
    )
    v2 = v1
    v1 = v
    y2 = y1
    y1 = y
    z2 = z1
    z1 = z
    energy = f64x2.add(energy, f64x2.mul(z, z))
  }
  v128.store(state, v1)
  v128.store(state, v2, 16)
  v128.store(state, flush(y1), 32)
  v128.store(state, flush(y2), 48)
  v128.store(state, flush(z1), 64)
  v128.store(state, flush(z2), 80)
  v128.store(energies, energy)
}

// Filter states this small are silence that decays; as denormals they would slow every operation down.
function flush(x: v128): v128 {
  return v128.and(x, f64x2.ge(f64x2.abs(x), f64x2.splat(1e-30)))
}
