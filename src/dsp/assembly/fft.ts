// Complex FFT of a power-of-two size in single precision. Stockham's self-sorting radix-4 form, decimation in
// frequency; the last pass is of radix 8 where the size asks for it. Four butterflies a vector. Source: C. Van Loan,
// "Computational Frameworks for the Fast Fourier Transform" (1992), section 1.7. Reference: test/support/reference/Fft.ts.
// Between the passes four real parts and their four imaginary parts lie side by side: element n is at 8 n bytes.

/** sqrt(1/2), the real and imaginary part of the eighth roots of one. */
const HALF_ROOT: f32 = 0.70710678118654752

/**
 * Forward transform of window * (re + i im): exp(-2 pi i k n / size), unscaled. The inputs stay as they are.
 *
 * size: a power of two, 16 or more.
 * re, im, window: f32 x size. A window that ends in zeros pads with zeros, whatever finite values lie there.
 * work: f32 x 4 size. The result is its first half: size real parts, then size imaginary parts.
 * tables: f32 x 3/2 size. For each p of 0 to size/4 - 1 the twiddle factors exp(-2 pi i p m / size), m = 1, 2, 3, in
 * groups of four p: Re 1 (four p), Im 1, Re 2, Im 2, Re 3, Im 3.
 * energies: the sums of squares of re and of im, before the window (f64 x 2).
 */
export function complexFft(
  re: usize,
  im: usize,
  window: usize,
  work: usize,
  tables: usize,
  size: i32,
  energies: usize
): void {
  const half = (<usize>size) << 3
  // The last pass reads the second half: one more pass between needs one more change of sides.
  let from = work + half
  let to = work
  for (let length = size >> 2; length > 8; length >>= 2) {
    const swap = from
    from = to
    to = swap
  }
  firstPass(re, im, window, from, tables, size >> 2, energies)
  let stride = 4
  let length = size >> 2
  while (length > 8) {
    middlePass(from, to, tables, length >> 2, stride)
    const swap = from
    from = to
    to = swap
    stride <<= 2
    length >>= 2
  }
  if (length == 8) lastPass8(from, work, half >> 1, stride)
  else lastPass4(from, work, half >> 1, stride)
}

// Stride 1: a vector holds the inputs of four neighbouring butterflies, whose outputs lie one after the other.
function firstPass(re: usize, im: usize, window: usize, to: usize, tables: usize, quarter: i32, energies: usize): void {
  const step = (<usize>quarter) << 2
  const end = re + step
  let t = tables
  let energyRe = f32x4.splat(0)
  let energyIm = f32x4.splat(0)
  while (re < end) {
    let ar = v128.load(re)
    let ai = v128.load(im)
    let br = v128.load(re + step)
    let bi = v128.load(im + step)
    let cr = v128.load(re + 2 * step)
    let ci = v128.load(im + 2 * step)
    let dr = v128.load(re + 3 * step)
    let di = v128.load(im + 3 * step)
    energyRe = f32x4.add(
      energyRe,
      f32x4.add(f32x4.add(f32x4.mul(ar, ar), f32x4.mul(br, br)), f32x4.add(f32x4.mul(cr, cr), f32x4.mul(dr, dr)))
    )
    energyIm = f32x4.add(
      energyIm,
      f32x4.add(f32x4.add(f32x4.mul(ai, ai), f32x4.mul(bi, bi)), f32x4.add(f32x4.mul(ci, ci), f32x4.mul(di, di)))
    )
    const wa = v128.load(window)
    const wb = v128.load(window + step)
    const wc = v128.load(window + 2 * step)
    const wd = v128.load(window + 3 * step)
    ar = f32x4.mul(ar, wa)
    ai = f32x4.mul(ai, wa)
    br = f32x4.mul(br, wb)
    bi = f32x4.mul(bi, wb)
    cr = f32x4.mul(cr, wc)
    ci = f32x4.mul(ci, wc)
    dr = f32x4.mul(dr, wd)
    di = f32x4.mul(di, wd)
    const sr = f32x4.add(ar, cr)
    const si = f32x4.add(ai, ci)
    const tr = f32x4.sub(ar, cr)
    const ti = f32x4.sub(ai, ci)
    const ur = f32x4.add(br, dr)
    const ui = f32x4.add(bi, di)
    const vr = f32x4.sub(br, dr)
    const vi = f32x4.sub(bi, di)
    const er = f32x4.add(tr, vi)
    const ei = f32x4.sub(ti, vr)
    const fr = f32x4.sub(sr, ur)
    const fi = f32x4.sub(si, ui)
    const gr = f32x4.sub(tr, vi)
    const gi = f32x4.add(ti, vr)
    const w1r = v128.load(t)
    const w1i = v128.load(t, 16)
    const w2r = v128.load(t, 32)
    const w2i = v128.load(t, 48)
    const w3r = v128.load(t, 64)
    const w3i = v128.load(t, 80)
    transpose(
      to,
      f32x4.add(sr, ur),
      f32x4.sub(f32x4.mul(er, w1r), f32x4.mul(ei, w1i)),
      f32x4.sub(f32x4.mul(fr, w2r), f32x4.mul(fi, w2i)),
      f32x4.sub(f32x4.mul(gr, w3r), f32x4.mul(gi, w3i))
    )
    transpose(
      to + 16,
      f32x4.add(si, ui),
      f32x4.add(f32x4.mul(er, w1i), f32x4.mul(ei, w1r)),
      f32x4.add(f32x4.mul(fr, w2i), f32x4.mul(fi, w2r)),
      f32x4.add(f32x4.mul(gr, w3i), f32x4.mul(gi, w3r))
    )
    re += 16
    im += 16
    window += 16
    to += 128
    t += 96
  }
  store<f64>(energies, sumOfLanes(energyRe))
  store<f64>(energies, sumOfLanes(energyIm), 8)
}

// Stores the columns of four rows, each 32 bytes after the one before.
function transpose(to: usize, a: v128, b: v128, c: v128, d: v128): void {
  const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5)
  const cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5)
  const abHigh = v128.shuffle<f32>(a, b, 2, 6, 3, 7)
  const cdHigh = v128.shuffle<f32>(c, d, 2, 6, 3, 7)
  v128.store(to, v128.shuffle<f64>(ab, cd, 0, 2))
  v128.store(to, v128.shuffle<f64>(ab, cd, 1, 3), 32)
  v128.store(to, v128.shuffle<f64>(abHigh, cdHigh, 0, 2), 64)
  v128.store(to, v128.shuffle<f64>(abHigh, cdHigh, 1, 3), 96)
}

function sumOfLanes(x: v128): f64 {
  return (
    <f64>f32x4.extract_lane(x, 0) +
    <f64>f32x4.extract_lane(x, 1) +
    <f64>f32x4.extract_lane(x, 2) +
    <f64>f32x4.extract_lane(x, 3)
  )
}

// Stride 4 and more: a vector holds four butterflies of the same twiddle factors.
function middlePass(from: usize, to: usize, tables: usize, quarter: i32, stride: i32): void {
  const row = (<usize>stride) << 3
  const step = row * quarter
  // The factors of p lie at p * stride: in the first lane of a group, as stride is a multiple of four.
  const tableStep = <usize>stride * 24
  const end = from + step
  while (from < end) {
    const w1r = v128.load32_splat(tables)
    const w1i = v128.load32_splat(tables, 16)
    const w2r = v128.load32_splat(tables, 32)
    const w2i = v128.load32_splat(tables, 48)
    const w3r = v128.load32_splat(tables, 64)
    const w3i = v128.load32_splat(tables, 80)
    const endOfRow = from + row
    while (from < endOfRow) {
      const ar = v128.load(from)
      const ai = v128.load(from, 16)
      const br = v128.load(from + step)
      const bi = v128.load(from + step, 16)
      const cr = v128.load(from + 2 * step)
      const ci = v128.load(from + 2 * step, 16)
      const dr = v128.load(from + 3 * step)
      const di = v128.load(from + 3 * step, 16)
      const sr = f32x4.add(ar, cr)
      const si = f32x4.add(ai, ci)
      const tr = f32x4.sub(ar, cr)
      const ti = f32x4.sub(ai, ci)
      const ur = f32x4.add(br, dr)
      const ui = f32x4.add(bi, di)
      const vr = f32x4.sub(br, dr)
      const vi = f32x4.sub(bi, di)
      const er = f32x4.add(tr, vi)
      const ei = f32x4.sub(ti, vr)
      const fr = f32x4.sub(sr, ur)
      const fi = f32x4.sub(si, ui)
      const gr = f32x4.sub(tr, vi)
      const gi = f32x4.add(ti, vr)
      v128.store(to, f32x4.add(sr, ur))
      v128.store(to, f32x4.add(si, ui), 16)
      v128.store(to + row, f32x4.sub(f32x4.mul(er, w1r), f32x4.mul(ei, w1i)))
      v128.store(to + row, f32x4.add(f32x4.mul(er, w1i), f32x4.mul(ei, w1r)), 16)
      v128.store(to + 2 * row, f32x4.sub(f32x4.mul(fr, w2r), f32x4.mul(fi, w2i)))
      v128.store(to + 2 * row, f32x4.add(f32x4.mul(fr, w2i), f32x4.mul(fi, w2r)), 16)
      v128.store(to + 3 * row, f32x4.sub(f32x4.mul(gr, w3r), f32x4.mul(gi, w3i)))
      v128.store(to + 3 * row, f32x4.add(f32x4.mul(gr, w3i), f32x4.mul(gi, w3r)), 16)
      from += 32
      to += 32
    }
    to += 3 * row
    tables += tableStep
  }
}

// The last pass has no twiddle factors and puts the real parts and the imaginary parts back together.
function lastPass4(from: usize, to: usize, imaginary: usize, stride: i32): void {
  const row = (<usize>stride) << 3
  const step = row >> 1
  const end = from + row
  while (from < end) {
    const ar = v128.load(from)
    const ai = v128.load(from, 16)
    const br = v128.load(from + row)
    const bi = v128.load(from + row, 16)
    const cr = v128.load(from + 2 * row)
    const ci = v128.load(from + 2 * row, 16)
    const dr = v128.load(from + 3 * row)
    const di = v128.load(from + 3 * row, 16)
    const sr = f32x4.add(ar, cr)
    const si = f32x4.add(ai, ci)
    const tr = f32x4.sub(ar, cr)
    const ti = f32x4.sub(ai, ci)
    const ur = f32x4.add(br, dr)
    const ui = f32x4.add(bi, di)
    const vr = f32x4.sub(br, dr)
    const vi = f32x4.sub(bi, di)
    const toIm = to + imaginary
    v128.store(to, f32x4.add(sr, ur))
    v128.store(toIm, f32x4.add(si, ui))
    v128.store(to + step, f32x4.add(tr, vi))
    v128.store(toIm + step, f32x4.sub(ti, vr))
    v128.store(to + 2 * step, f32x4.sub(sr, ur))
    v128.store(toIm + 2 * step, f32x4.sub(si, ui))
    v128.store(to + 3 * step, f32x4.sub(tr, vi))
    v128.store(toIm + 3 * step, f32x4.add(ti, vr))
    from += 32
    to += 16
  }
}

// Two transforms of four points, of the even and of the odd inputs, and one step of radix 2.
function lastPass8(from: usize, to: usize, imaginary: usize, stride: i32): void {
  const row = (<usize>stride) << 3
  const step = row >> 1
  const end = from + row
  const root = f32x4.splat(HALF_ROOT)
  while (from < end) {
    const toIm = to + imaginary
    // Odd inputs first: their outputs are the ones that wait.
    let ar = v128.load(from + row)
    let ai = v128.load(from + row, 16)
    let br = v128.load(from + 3 * row)
    let bi = v128.load(from + 3 * row, 16)
    let cr = v128.load(from + 5 * row)
    let ci = v128.load(from + 5 * row, 16)
    let dr = v128.load(from + 7 * row)
    let di = v128.load(from + 7 * row, 16)
    let sr = f32x4.add(ar, cr)
    let si = f32x4.add(ai, ci)
    let tr = f32x4.sub(ar, cr)
    let ti = f32x4.sub(ai, ci)
    let ur = f32x4.add(br, dr)
    let ui = f32x4.add(bi, di)
    let vr = f32x4.sub(br, dr)
    let vi = f32x4.sub(bi, di)
    const o0r = f32x4.add(sr, ur)
    const o0i = f32x4.add(si, ui)
    // Times 1, (1 - i) / sqrt 2, -i, (-1 - i) / sqrt 2.
    const er = f32x4.add(tr, vi)
    const ei = f32x4.sub(ti, vr)
    const o1r = f32x4.mul(root, f32x4.add(er, ei))
    const o1i = f32x4.mul(root, f32x4.sub(ei, er))
    const o2r = f32x4.sub(si, ui)
    const o2i = f32x4.sub(ur, sr)
    const gr = f32x4.sub(tr, vi)
    const gi = f32x4.add(ti, vr)
    const o3r = f32x4.mul(root, f32x4.sub(gi, gr))
    const o3i = f32x4.neg(f32x4.mul(root, f32x4.add(gr, gi)))
    ar = v128.load(from)
    ai = v128.load(from, 16)
    br = v128.load(from + 2 * row)
    bi = v128.load(from + 2 * row, 16)
    cr = v128.load(from + 4 * row)
    ci = v128.load(from + 4 * row, 16)
    dr = v128.load(from + 6 * row)
    di = v128.load(from + 6 * row, 16)
    sr = f32x4.add(ar, cr)
    si = f32x4.add(ai, ci)
    tr = f32x4.sub(ar, cr)
    ti = f32x4.sub(ai, ci)
    ur = f32x4.add(br, dr)
    ui = f32x4.add(bi, di)
    vr = f32x4.sub(br, dr)
    vi = f32x4.sub(bi, di)
    const e0r = f32x4.add(sr, ur)
    const e0i = f32x4.add(si, ui)
    const e1r = f32x4.add(tr, vi)
    const e1i = f32x4.sub(ti, vr)
    const e2r = f32x4.sub(sr, ur)
    const e2i = f32x4.sub(si, ui)
    const e3r = f32x4.sub(tr, vi)
    const e3i = f32x4.add(ti, vr)
    v128.store(to, f32x4.add(e0r, o0r))
    v128.store(toIm, f32x4.add(e0i, o0i))
    v128.store(to + step, f32x4.add(e1r, o1r))
    v128.store(toIm + step, f32x4.add(e1i, o1i))
    v128.store(to + 2 * step, f32x4.add(e2r, o2r))
    v128.store(toIm + 2 * step, f32x4.add(e2i, o2i))
    v128.store(to + 3 * step, f32x4.add(e3r, o3r))
    v128.store(toIm + 3 * step, f32x4.add(e3i, o3i))
    v128.store(to + 4 * step, f32x4.sub(e0r, o0r))
    v128.store(toIm + 4 * step, f32x4.sub(e0i, o0i))
    v128.store(to + 5 * step, f32x4.sub(e1r, o1r))
    v128.store(toIm + 5 * step, f32x4.sub(e1i, o1i))
    v128.store(to + 6 * step, f32x4.sub(e2r, o2r))
    v128.store(toIm + 6 * step, f32x4.sub(e2i, o2i))
    v128.store(to + 7 * step, f32x4.sub(e3r, o3r))
    v128.store(toIm + 7 * step, f32x4.sub(e3i, o3i))
    from += 32
    to += 16
  }
}
