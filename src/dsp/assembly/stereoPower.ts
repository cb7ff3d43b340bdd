// Power spectrum of a stereo segment. Reference: test/support/reference/StereoSpectrum.ts.
import { complexFft } from "./fft"

/** Sum of squares of a segment below which it counts as digital silence: -240 dB and less, far below any real noise. */
const NOTHING: f64 = 1e-20

/**
 * (|L|^2 + |R|^2) / 2 of a windowed segment, bins 0 to size / 2. With Z of L + iR, |L[k]|^2 + |R[k]|^2 =
 * (|Z[k]|^2 + |Z[size - k]|^2) / 2. Returns the sum of squares of the segment's samples before the window.
 *
 * left, right, window, work, tables, size, energies: as in complexFft.
 * power: f32 x (size / 2 + 1), overwritten. total: f64 x (size / 2 + 1), to which the power is added.
 */
export function stereoPower(
  left: usize,
  right: usize,
  window: usize,
  work: usize,
  tables: usize,
  size: i32,
  energies: usize,
  power: usize,
  total: usize
): f64 {
  complexFft(left, right, window, work, tables, size, energies)
  const energy = load<f64>(energies) + load<f64>(energies, 8)
  if (energy < NOTHING) {
    memory.fill(power, 0, <usize>size * 2 + 4)
    return energy
  }
  const bytes = (<usize>size) << 2
  const re0 = load<f32>(work)
  const im0 = load<f32>(work + bytes)
  const power0: f32 = (re0 * re0 + im0 * im0) / 2
  store<f32>(power, power0)
  store<f64>(total, load<f64>(total) + <f64>power0)
  power += 4
  total += 8
  const quarter = f32x4.splat(0.25)
  const end = work + (bytes >> 1)
  // Bins k to k + 3 from 1 on, and their mirror images in falling order.
  let at = work + 4
  let mirrored = work + bytes - 16
  while (at < end) {
    const re = v128.load(at)
    const im = v128.load(at + bytes)
    const mirroredRe = v128.load(mirrored)
    const mirroredIm = v128.load(mirrored + bytes)
    const falling = f32x4.add(f32x4.mul(mirroredRe, mirroredRe), f32x4.mul(mirroredIm, mirroredIm))
    const sum = f32x4.add(
      f32x4.add(f32x4.mul(re, re), f32x4.mul(im, im)),
      v128.shuffle<f32>(falling, falling, 3, 2, 1, 0)
    )
    const p = f32x4.mul(sum, quarter)
    v128.store(power, p)
    v128.store(total, f64x2.add(v128.load(total), f64x2.promote_low_f32x4(p)))
    v128.store(total, f64x2.add(v128.load(total, 16), f64x2.promote_low_f32x4(v128.shuffle<f32>(p, p, 2, 3, 2, 3))), 16)
    power += 16
    total += 32
    at += 16
    mirrored -= 16
  }
  return energy
}
