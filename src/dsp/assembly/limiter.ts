// The true-peak limiter on a block: delay lines, detector, gain.
// Reference: test/support/reference/mastering/LookAheadLimiter.ts.
import { detectTruePeaks, enterLines } from "./limiterDetector"
import { leaveLines, limiterGains } from "./limiterGain"

/** Samples that the detector looks ahead. */
const DETECTOR_DELAY: i32 = 16
/** Samples that share an entry in `maxima`. */
const GROUP: i32 = 8

/**
 * Takes a block (f64, planar, channels x frames); what leaves is older by the latency, f32, to `out`, channels `outStride`
 * bytes apart.
 *
 * setup, kept from call to call. f64 x 2: largest peak that may pass, `keep` of limiterGains. Then i32 x 15: addresses of
 * lines, maxima, taps, bounds, peaks, gains and work, as of the kernels that they go to; bytes from line to line, and from
 * maxima to maxima; window and box of limiterGains; samples before the entering block that a line holds (a multiple of 8);
 * latency; samples a line is long; place in the line where the block enters, at first behind those samples.
 */
export function limit(block: usize, channels: i32, frames: i32, setup: usize, out: usize, outStride: usize): void {
  const ceiling = load<f64>(setup)
  const lines = <usize>load<u32>(setup, 16)
  const maxima = <usize>load<u32>(setup, 20)
  const peaks = <usize>load<u32>(setup, 32)
  const gains = <usize>load<u32>(setup, 36)
  const lineStride = <usize>load<u32>(setup, 44)
  const maximaStride = <usize>load<u32>(setup, 48)
  const history = load<i32>(setup, 60)
  let entering = load<i32>(setup, 72)
  if (entering + frames > load<i32>(setup, 68)) {
    moveBack(lines, lineStride, channels, entering - history, history)
    moveBack(maxima, maximaStride, channels, (entering - history) / GROUP, history / GROUP)
    entering = history
  }
  enterLines(
    block,
    channels,
    frames,
    placeOf(lines, entering),
    lineStride,
    placeOf(maxima, entering / GROUP),
    maximaStride
  )
  let isOver: i32 = 0
  if (ceiling < Infinity) {
    const detected = entering - DETECTOR_DELAY
    isOver = detectTruePeaks(
      placeOf(lines, detected),
      lineStride,
      placeOf(maxima, detected / GROUP),
      maximaStride,
      channels,
      frames,
      load<u32>(setup, 24),
      load<u32>(setup, 28),
      <f32>ceiling,
      peaks
    )
  }
  const isLimiting = limiterGains(
    peaks,
    isOver,
    ceiling,
    frames,
    load<i32>(setup, 52),
    load<i32>(setup, 56),
    load<f64>(setup, 8),
    load<u32>(setup, 40),
    gains
  )
  const leaving = placeOf(lines, entering - load<i32>(setup, 64))
  leaveLines(leaving, lineStride, channels, frames, isLimiting != 0 ? gains : 0, out, outStride)
  store<i32>(setup, entering + frames, 72)
}

function placeOf(line: usize, at: i32): usize {
  return line + ((<usize>at) << 2)
}

function moveBack(lines: usize, stride: usize, channels: i32, from: i32, count: i32): void {
  for (let channel: i32 = 0; channel < channels; channel++) {
    memory.copy(lines, placeOf(lines, from), (<usize>count) << 2)
    lines += stride
  }
}
