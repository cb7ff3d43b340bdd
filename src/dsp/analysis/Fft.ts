/**
 * Complex discrete Fourier transforms of a power-of-two size, by Stockham's self-sorting radix-4 form (decimation in
 * frequency). Source: C. Van Loan, "Computational Frameworks for the Fast Fourier Transform" (1992), section 1.7.
 * `makeComplexFft` is compiled and of single precision, for spectra; `makeFft` is of double precision, for the few
 * transforms of a whole track's series.
 *
 * Two real signals travel as one complex one (the first in the real part, the second in the imaginary part); with
 * Z = X + iY the spectra separate as X[k] = (Z[k] + conj Z[N-k]) / 2 and Y[k] = (Z[k] - conj Z[N-k]) / 2i.
 */
import type { Kernels } from "../Kernels.ts"

export interface Fft {
  readonly size: number
  /** Input, `size` values each. `transform` overwrites it. */
  readonly inRe: Float64Array
  readonly inIm: Float64Array
  /** Output of the last `transform`, unscaled, bins 0 to size-1. May be the same arrays as the input. */
  readonly outRe: Float64Array
  readonly outIm: Float64Array
  /** Forward transform, exp(-2 pi i k n / size). */
  readonly transform: () => void
}

const pass4 = (
  xr: Float64Array,
  xi: Float64Array,
  yr: Float64Array,
  yi: Float64Array,
  quarter: number,
  stride: number,
  cos: Float64Array,
  sin: Float64Array
): void => {
  const step = stride * quarter
  for (let p = 0; p < quarter; p++) {
    const from = stride * p
    const to = 4 * from
    if (p === 0) {
      for (let q = 0; q < stride; q++) {
        const ar = xr[q]!
        const ai = xi[q]!
        const br = xr[q + step]!
        const bi = xi[q + step]!
        const cr = xr[q + 2 * step]!
        const ci = xi[q + 2 * step]!
        const dr = xr[q + 3 * step]!
        const di = xi[q + 3 * step]!
        const sr = ar + cr
        const si = ai + ci
        const tr = ar - cr
        const ti = ai - ci
        const ur = br + dr
        const ui = bi + di
        const vr = br - dr
        const vi = bi - di
        yr[q] = sr + ur
        yi[q] = si + ui
        yr[q + stride] = tr + vi
        yi[q + stride] = ti - vr
        yr[q + 2 * stride] = sr - ur
        yi[q + 2 * stride] = si - ui
        yr[q + 3 * stride] = tr - vi
        yi[q + 3 * stride] = ti + vr
      }
      continue
    }
    const w1r = cos[from]!
    const w1i = -sin[from]!
    const w2r = cos[2 * from]!
    const w2i = -sin[2 * from]!
    const w3r = cos[3 * from]!
    const w3i = -sin[3 * from]!
    for (let q = 0; q < stride; q++) {
      const i = from + q
      const o = to + q
      const ar = xr[i]!
      const ai = xi[i]!
      const br = xr[i + step]!
      const bi = xi[i + step]!
      const cr = xr[i + 2 * step]!
      const ci = xi[i + 2 * step]!
      const dr = xr[i + 3 * step]!
      const di = xi[i + 3 * step]!
      const sr = ar + cr
      const si = ai + ci
      const tr = ar - cr
      const ti = ai - ci
      const ur = br + dr
      const ui = bi + di
      const vr = br - dr
      const vi = bi - di
      yr[o] = sr + ur
      yi[o] = si + ui
      const er = tr + vi
      const ei = ti - vr
      yr[o + stride] = er * w1r - ei * w1i
      yi[o + stride] = er * w1i + ei * w1r
      const fr = sr - ur
      const fi = si - ui
      yr[o + 2 * stride] = fr * w2r - fi * w2i
      yi[o + 2 * stride] = fr * w2i + fi * w2r
      const gr = tr - vi
      const gi = ti + vr
      yr[o + 3 * stride] = gr * w3r - gi * w3i
      yi[o + 3 * stride] = gr * w3i + gi * w3r
    }
  }
}

/** The first pass, stride 1: one butterfly a twiddle, written out for its locality. */
const firstPass4 = (
  xr: Float64Array,
  xi: Float64Array,
  yr: Float64Array,
  yi: Float64Array,
  quarter: number,
  cos: Float64Array,
  sin: Float64Array
): void => {
  for (let p = 0; p < quarter; p++) {
    const ar = xr[p]!
    const ai = xi[p]!
    const br = xr[p + quarter]!
    const bi = xi[p + quarter]!
    const cr = xr[p + 2 * quarter]!
    const ci = xi[p + 2 * quarter]!
    const dr = xr[p + 3 * quarter]!
    const di = xi[p + 3 * quarter]!
    const w1r = cos[p]!
    const w1i = -sin[p]!
    const w2r = cos[2 * p]!
    const w2i = -sin[2 * p]!
    const w3r = cos[3 * p]!
    const w3i = -sin[3 * p]!
    const sr = ar + cr
    const si = ai + ci
    const tr = ar - cr
    const ti = ai - ci
    const ur = br + dr
    const ui = bi + di
    const vr = br - dr
    const vi = bi - di
    const o = 4 * p
    yr[o] = sr + ur
    yi[o] = si + ui
    const er = tr + vi
    const ei = ti - vr
    yr[o + 1] = er * w1r - ei * w1i
    yi[o + 1] = er * w1i + ei * w1r
    const fr = sr - ur
    const fi = si - ui
    yr[o + 2] = fr * w2r - fi * w2i
    yi[o + 2] = fr * w2i + fi * w2r
    const gr = tr - vi
    const gi = ti + vr
    yr[o + 3] = gr * w3r - gi * w3i
    yi[o + 3] = gr * w3i + gi * w3r
  }
}

const pass2 = (xr: Float64Array, xi: Float64Array, yr: Float64Array, yi: Float64Array, stride: number): void => {
  for (let q = 0; q < stride; q++) {
    const ar = xr[q]!
    const ai = xi[q]!
    const br = xr[q + stride]!
    const bi = xi[q + stride]!
    yr[q] = ar + br
    yi[q] = ai + bi
    yr[q + stride] = ar - br
    yi[q + stride] = ai - bi
  }
}

/** `size` must be a power of two, 4 or more. */
export const makeFft = (size: number): Fft => {
  const cos = new Float64Array(size)
  const sin = new Float64Array(size)
  for (let k = 0; k < size; k++) {
    cos[k] = Math.cos((2 * Math.PI * k) / size)
    sin[k] = Math.sin((2 * Math.PI * k) / size)
  }
  const inRe = new Float64Array(size)
  const inIm = new Float64Array(size)
  const workRe = new Float64Array(size)
  const workIm = new Float64Array(size)
  const exponent = Math.log2(size)
  const endsInWork = Math.ceil(exponent / 2) % 2 === 1

  const transform = () => {
    let xr = inRe
    let xi = inIm
    let yr = workRe
    let yi = workIm
    let length = size
    let stride = 1
    while (length > 1) {
      if (stride === 1) {
        firstPass4(xr, xi, yr, yi, length >> 2, cos, sin)
        length >>= 2
        stride = 4
      } else if (length >= 4) {
        pass4(xr, xi, yr, yi, length >> 2, stride, cos, sin)
        length >>= 2
        stride <<= 2
      } else {
        pass2(xr, xi, yr, yi, stride)
        length = 1
      }
      const sr = xr
      const si = xi
      xr = yr
      xi = yi
      yr = sr
      yi = si
    }
  }

  return { size, inRe, inIm, outRe: endsInWork ? workRe : inRe, outIm: endsInWork ? workIm : inIm, transform }
}

/** The compiled transform (assembly/fft.ts) of one size: its tables and its work array in the kernels' memory. */
export interface ComplexFft {
  readonly size: number
  /** Twiddle factors, for kernels that call the transform themselves. */
  readonly tables: Float32Array
  /** 4 x size. After a transform: `size` real parts, then `size` imaginary parts, unscaled; the rest is scratch. */
  readonly work: Float32Array
  /** After a transform: the sums of squares of the two inputs, before the window. */
  readonly energies: Float64Array
  /**
   * Forward transform, exp(-2 pi i k n / size), of window * (re + i im): addresses of `size` float32 each. A window that
   * ends in zeros pads with zeros.
   */
  readonly transform: (re: number, im: number, window: number) => void
}

/** `size` must be a power of two, 16 or more. */
export const makeComplexFft = (kernels: Kernels, size: number): ComplexFft => {
  const { complexFft } = kernels.functions
  const tables = kernels.float32((3 * size) / 2)
  const work = kernels.float32(4 * size)
  const energies = kernels.float64(2)
  for (let p = 0; p < size / 4; p++) {
    for (let m = 1; m <= 3; m++) {
      const at = 24 * (p >> 2) + 8 * (m - 1) + (p & 3)
      tables[at] = Math.cos((2 * Math.PI * m * p) / size)
      tables[at + 4] = -Math.sin((2 * Math.PI * m * p) / size)
    }
  }
  const transform = (re: number, im: number, window: number) =>
    complexFft(re, im, window, work.byteOffset, tables.byteOffset, size, energies.byteOffset)
  return { size, tables, work, energies, transform }
}

/**
 * Hann window sampled between the integers, sin^2(pi (n + 1/2) / size): at a hop of half the size its shifts sum to 1,
 * and no sample of a segment has weight 0.
 */
export const hannWindow = (size: number): Float64Array =>
  Float64Array.from({ length: size }, (_, n) => Math.sin((Math.PI * (n + 0.5)) / size) ** 2)

/** The power of two nearest to `value` (the lower one of two equally near), 4 or more. */
export const nearestPowerOfTwo = (value: number): number => {
  const lower = 2 ** Math.floor(Math.log2(value))
  return Math.max(4, value - lower <= 2 * lower - value ? lower : 2 * lower)
}
