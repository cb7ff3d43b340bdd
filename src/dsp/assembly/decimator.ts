// Low-pass and decimation. Reference: test/support/reference/Decimator.ts.

/**
 * out[n] = sum over k of kernel[k] * samples[n * factor + k], for `count` outputs. `taps` is a multiple of 16. Reads up to
 * 3 * factor samples more than the outputs need, and writes up to 3 outputs more.
 */
export function decimate(samples: usize, kernel: usize, taps: i32, factor: i32, out: usize, count: i32): void {
  const step = (<usize>factor) << 2
  const end = kernel + ((<usize>taps) << 2)
  for (let n: i32 = 0; n < count; n += 4) {
    let x0 = samples + <usize>n * step
    let x1 = x0 + step
    let x2 = x1 + step
    let x3 = x2 + step
    let a = f32x4.splat(0)
    let b = f32x4.splat(0)
    let c = f32x4.splat(0)
    let d = f32x4.splat(0)
    for (let tap = kernel; tap < end; tap += 64) {
      let h = v128.load(tap)
      a = f32x4.add(a, f32x4.mul(h, v128.load(x0)))
      b = f32x4.add(b, f32x4.mul(h, v128.load(x1)))
      c = f32x4.add(c, f32x4.mul(h, v128.load(x2)))
      d = f32x4.add(d, f32x4.mul(h, v128.load(x3)))
      h = v128.load(tap, 16)
      a = f32x4.add(a, f32x4.mul(h, v128.load(x0, 16)))
      b = f32x4.add(b, f32x4.mul(h, v128.load(x1, 16)))
      c = f32x4.add(c, f32x4.mul(h, v128.load(x2, 16)))
      d = f32x4.add(d, f32x4.mul(h, v128.load(x3, 16)))
      h = v128.load(tap, 32)
      a = f32x4.add(a, f32x4.mul(h, v128.load(x0, 32)))
      b = f32x4.add(b, f32x4.mul(h, v128.load(x1, 32)))
      c = f32x4.add(c, f32x4.mul(h, v128.load(x2, 32)))
      d = f32x4.add(d, f32x4.mul(h, v128.load(x3, 32)))
      h = v128.load(tap, 48)
      a = f32x4.add(a, f32x4.mul(h, v128.load(x0, 48)))
      b = f32x4.add(b, f32x4.mul(h, v128.load(x1, 48)))
      c = f32x4.add(c, f32x4.mul(h, v128.load(x2, 48)))
      d = f32x4.add(d, f32x4.mul(h, v128.load(x3, 48)))
      x0 += 64
      x1 += 64
      x2 += 64
      x3 += 64
    }
    // The four sums across, as one vector.
    const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 1, 4, 5), v128.shuffle<f32>(a, b, 2, 3, 6, 7))
    const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 1, 4, 5), v128.shuffle<f32>(c, d, 2, 3, 6, 7))
    const sums = f32x4.add(v128.shuffle<f32>(ab, cd, 0, 2, 4, 6), v128.shuffle<f32>(ab, cd, 1, 3, 5, 7))
    v128.store(out + ((<usize>n) << 2), sums)
  }
}
