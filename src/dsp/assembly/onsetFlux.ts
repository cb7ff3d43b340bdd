// Log-filtered spectral flux, four segments at a time, one a lane. Reference: test/support/reference/OnsetFlux.ts.

/**
 * Magnitudes (times 2) of four segments from two transforms of two segments each, `work` and `next` as complexFft leaves
 * them: bin k at magnitudes + 16 k, a lane a segment, for k = 1 to `last` and up to three more.
 */
export function fourMagnitudes(work: usize, next: usize, size: i32, last: i32, magnitudes: usize): void {
  const imaginary = (<usize>size) << 2
  for (let k: i32 = 1; k <= last; k += 4) {
    const at = (<usize>k) << 2
    const mirrored = (<usize>(size - k - 3)) << 2
    let re = v128.load(work + at)
    let im = v128.load(work + imaginary + at)
    let mirroredRe = reversed(v128.load(work + mirrored))
    let mirroredIm = reversed(v128.load(work + imaginary + mirrored))
    const a = length(f32x4.add(re, mirroredRe), f32x4.sub(im, mirroredIm))
    const b = length(f32x4.sub(re, mirroredRe), f32x4.add(im, mirroredIm))
    re = v128.load(next + at)
    im = v128.load(next + imaginary + at)
    mirroredRe = reversed(v128.load(next + mirrored))
    mirroredIm = reversed(v128.load(next + imaginary + mirrored))
    const c = length(f32x4.add(re, mirroredRe), f32x4.sub(im, mirroredIm))
    const d = length(f32x4.sub(re, mirroredRe), f32x4.add(im, mirroredIm))
    const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5)
    const cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5)
    const abHigh = v128.shuffle<f32>(a, b, 2, 6, 3, 7)
    const cdHigh = v128.shuffle<f32>(c, d, 2, 6, 3, 7)
    const to = magnitudes + ((<usize>k) << 4)
    v128.store(to, v128.shuffle<f64>(ab, cd, 0, 2))
    v128.store(to, v128.shuffle<f64>(ab, cd, 1, 3), 16)
    v128.store(to, v128.shuffle<f64>(abHigh, cdHigh, 0, 2), 32)
    v128.store(to, v128.shuffle<f64>(abHigh, cdHigh, 1, 3), 48)
  }
}

function reversed(x: v128): v128 {
  return v128.shuffle<f32>(x, x, 3, 2, 1, 0)
}

function length(a: v128, b: v128): v128 {
  return f32x4.sqrt(f32x4.add(f32x4.mul(a, a), f32x4.mul(b, b)))
}

/**
 * log10(1 + scale * band) of each triangular band, and what each rose by over the largest of itself and its neighbours
 * a segment before, summed over all bands and over the first `lowBands`.
 *
 * magnitudes: as from fourMagnitudes. places: the bins of the triangles' corners, ascending, i32 x (bands + 2): band b
 * rises from places[b] to places[b + 1], and falls to places[b + 2]. rising: per bin, its weight in the band that rises
 * there (f32).
 * bands: scratch, v128 x (bands + 2). largest: what is kept for the next four segments, v128 x (bands + 1).
 * flux: of all bands, one lane a segment, then of the low bands (f32 x 8).
 */
export function onsetFlux(
  magnitudes: usize,
  places: usize,
  rising: usize,
  bandCount: i32,
  lowBands: i32,
  scale: f32,
  bands: usize,
  largest: usize,
  flux: usize
): void {
  const scales = f32x4.splat(scale)
  const segments = bandCount + 1
  let k = load<i32>(places) + 1
  let up = f32x4.splat(0)
  // Entry 0 and the one after the last stay 0: less than any band.
  let band = bands
  for (let s: i32 = 0; s < segments; s++) {
    const end = load<i32>(places + ((<usize>s) << 2), 4)
    let sum = f32x4.splat(0)
    let weighted = f32x4.splat(0)
    for (; k <= end; k++) {
      const m = v128.load(magnitudes + ((<usize>k) << 4))
      sum = f32x4.add(sum, m)
      weighted = f32x4.add(weighted, f32x4.mul(m, v128.load32_splat(rising + ((<usize>k) << 2))))
    }
    if (s > 0) {
      const triangle = f32x4.add(up, f32x4.sub(sum, weighted))
      v128.store(band, log10(f32x4.add(f32x4.splat(1), f32x4.mul(scales, triangle))))
    }
    up = weighted
    band += 16
  }
  let all = f32x4.splat(0)
  let low = f32x4.splat(0)
  let before = v128.load(bands)
  let here = v128.load(bands, 16)
  for (let b: i32 = 0; b < bandCount; b++) {
    const at = (<usize>b) << 4
    const after = v128.load(bands + at, 32)
    const two = f32x4.pmax(before, here)
    if (b == lowBands - 1) {
      // The low bands end here: the next one is no neighbour.
      low = f32x4.add(all, rise(here, two, largest + ((<usize>bandCount) << 4)))
    }
    all = f32x4.add(all, rise(here, f32x4.pmax(two, after), largest + at))
    before = here
    here = after
  }
  v128.store(flux, all)
  v128.store(flux, low, 16)
}

// What `now` exceeds the maximum of the segment before it by, which for the first lane is the last one kept.
function rise(now: v128, maximum: v128, kept: usize): v128 {
  const before = v128.shuffle<f32>(v128.load(kept), maximum, 3, 4, 5, 6)
  v128.store(kept, maximum)
  return f32x4.pmax(f32x4.splat(0), f32x4.sub(now, before))
}

// Of numbers from 1 on, with an error below 2e-7 (up to 256) of log10: y = m 2^e with m within sqrt(1/2) and sqrt(2), and
// ln m = 2 (s + s^3/3 + s^5/5 + s^7/7 ...) with s = (m - 1) / (m + 1).
function log10(y: v128): v128 {
  const exponent = i32x4.shr_s(i32x4.sub(y, i32x4.splat(0x3f35_04f3)), 23)
  const m = i32x4.sub(y, i32x4.shl(exponent, 23))
  const s = f32x4.div(f32x4.sub(m, f32x4.splat(1)), f32x4.add(m, f32x4.splat(1)))
  const t = f32x4.mul(s, s)
  // 2 / ln 10 over 7, 5, 3, 1.
  let sum = f32x4.splat(0.124084137)
  sum = f32x4.add(f32x4.mul(sum, t), f32x4.splat(0.173717793))
  sum = f32x4.add(f32x4.mul(sum, t), f32x4.splat(0.289529655))
  sum = f32x4.add(f32x4.mul(sum, t), f32x4.splat(0.868588964))
  // log10(2).
  return f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(exponent), f32x4.splat(0.301029996)), f32x4.mul(s, sum))
}
