// Power of two segments by pitch class. Reference: test/support/reference/Chroma.ts.

/**
 * work: the transform of two segments, as complexFft leaves it. Run i are the bins from ends[i - 1] (`first` for i = 0) to
 * before ends[i] (i32 x runs) and belongs to class (i + firstClass) modulo `classes`.
 * powers: scratch, f32 x 2 (size / 2 + 4). shares: power (times 4) of both segments by class, f64x2 x classes.
 */
export function powerByClass(
  work: usize,
  size: i32,
  first: i32,
  ends: usize,
  runs: i32,
  firstClass: i32,
  classes: i32,
  powers: usize,
  shares: usize
): void {
  const imaginary = (<usize>size) << 2
  const second = powers + (((<usize>size) << 1) + 16)
  const last = runs > 0 ? load<i32>(ends + ((<usize>(runs - 1)) << 2)) : 0
  for (let k: i32 = first; k < last; k += 4) {
    const at = (<usize>k) << 2
    const mirrored = (<usize>(size - k - 3)) << 2
    const re = v128.load(work + at)
    const im = v128.load(work + imaginary + at)
    let mirroredRe = v128.load(work + mirrored)
    let mirroredIm = v128.load(work + imaginary + mirrored)
    mirroredRe = v128.shuffle<f32>(mirroredRe, mirroredRe, 3, 2, 1, 0)
    mirroredIm = v128.shuffle<f32>(mirroredIm, mirroredIm, 3, 2, 1, 0)
    v128.store(powers + at, square(f32x4.add(re, mirroredRe), f32x4.sub(im, mirroredIm)))
    v128.store(second + at, square(f32x4.sub(re, mirroredRe), f32x4.add(im, mirroredIm)))
  }
  memory.fill(shares, 0, (<usize>classes) << 4)
  let k = first
  let c = firstClass
  for (let run: i32 = 0; run < runs; run++) {
    const end = load<i32>(ends + ((<usize>run) << 2))
    let x: f64 = 0
    let y: f64 = 0
    for (; k < end; k++) {
      x += load<f32>(powers + ((<usize>k) << 2))
      y += load<f32>(second + ((<usize>k) << 2))
    }
    const share = shares + ((<usize>c) << 4)
    store<f64>(share, load<f64>(share) + x)
    store<f64>(share, load<f64>(share, 8) + y, 8)
    c = c + 1 == classes ? 0 : c + 1
  }
}

function square(a: v128, b: v128): v128 {
  return f32x4.add(f32x4.mul(a, a), f32x4.mul(b, b))
}
