// Polyphase resampling: an FIR filter of its own for every place between two input samples that an output can have.
// Reference: test/support/reference/mastering/Resampler.ts.

/**
 * `count` outputs of each channel, from `lines` (f32, channels `lineStride` bytes apart) to `out` (f32, channels
 * `outStride` bytes apart).
 *
 * table: f32, rows + 1 filters of `taps` (a multiple of 8), the one for a whole sample later included.
 * work: i32 x 7; taps; rows; phases, into which the step of the input is divided; what an output is behind the one before,
 * whole samples and phases of the rest; then, kept from call to call, the place in the line of the first sample that
 * the next output needs, and the phase of it. Where there are fewer rows than phases, filters between two rows are
 * interpolated.
 */
export function resample(
  lines: usize,
  lineStride: usize,
  channels: i32,
  table: usize,
  work: usize,
  out: usize,
  outStride: usize,
  count: i32
): void {
  const taps = load<i32>(work)
  const rows = load<i32>(work, 4)
  const phases = load<i32>(work, 8)
  const stepWhole = load<i32>(work, 12)
  const stepRest = load<i32>(work, 16)
  const rowBytes = (<usize>taps) << 2
  const isExact = rows == phases
  let at: i32 = 0
  let phase: i32 = 0
  for (let channel: i32 = 0; channel < channels; channel += 2) {
    const x0 = lines + <usize>channel * lineStride
    const x1 = channel + 1 < channels ? x0 + lineStride : x0
    let y0 = out + <usize>channel * outStride
    let y1 = channel + 1 < channels ? y0 + outStride : y0
    at = load<i32>(work, 20)
    phase = load<i32>(work, 24)
    for (let n: i32 = 0; n < count; n++) {
      const place = (<usize>at) << 2
      let sums: v128
      if (isExact) sums = convolve(table + <usize>phase * rowBytes, x0 + place, x1 + place, rowBytes)
      else {
        const scaled = phase * rows
        const row = table + <usize>(scaled / phases) * rowBytes
        const share = f32x4.splat(<f32>(scaled % phases) / <f32>phases)
        const a = convolve(row, x0 + place, x1 + place, rowBytes)
        const b = convolve(row + rowBytes, x0 + place, x1 + place, rowBytes)
        sums = f32x4.add(a, f32x4.mul(share, f32x4.sub(b, a)))
      }
      store<f32>(y1, f32x4.extract_lane(sums, 1))
      store<f32>(y0, f32x4.extract_lane(sums, 0))
      y0 += 4
      y1 += 4
      at += stepWhole
      phase += stepRest
      if (phase >= phases) {
        phase -= phases
        at++
      }
    }
  }
  store<i32>(work, at, 20)
  store<i32>(work, phase, 24)
}

// Lane 0: the first channel's sum, lane 1: the second's.
function convolve(h: usize, x0: usize, x1: usize, bytes: usize): v128 {
  let a = f32x4.splat(0)
  let b = f32x4.splat(0)
  let c = f32x4.splat(0)
  let d = f32x4.splat(0)
  const end = h + bytes
  for (; h < end; h += 32) {
    const h0 = v128.load(h)
    const h1 = v128.load(h, 16)
    a = f32x4.add(a, f32x4.mul(h0, v128.load(x0)))
    b = f32x4.add(b, f32x4.mul(h0, v128.load(x1)))
    c = f32x4.add(c, f32x4.mul(h1, v128.load(x0, 16)))
    d = f32x4.add(d, f32x4.mul(h1, v128.load(x1, 16)))
    x0 += 32
    x1 += 32
  }
  a = f32x4.add(a, c)
  b = f32x4.add(b, d)
  const two = f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7))
  return f32x4.add(two, v128.shuffle<f32>(two, two, 2, 3, 2, 3))
}
