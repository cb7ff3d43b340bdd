// The side signal through a high-pass, added to left and taken from right.
// Reference: test/support/reference/mastering/StereoWidth.ts.

/**
 * block: f64, left and right, `frames` each.
 * work, kept from call to call, f64 x 11: the factor of the side to arrive at, and the one now; b0 b1 b2 a1 a2; the last
 * two of the side and the last two of the high-passed side, newer first. Direct form I: only one product lies between a
 * result and the next.
 */
export function widenSide(block: usize, frames: i32, work: usize): void {
  const to = load<f64>(work)
  const from = load<f64>(work, 8)
  if (to == 1 && from == 1) return
  store<f64>(work, to, 8)
  const step = (to - from) / <f64>frames
  let extra = from - 1
  const coefficients = work + 16
  const state = work + 56
  let left = block
  let right = block + ((<usize>frames) << 3)
  const b0 = load<f64>(coefficients)
  const b1 = load<f64>(coefficients, 8)
  const b2 = load<f64>(coefficients, 16)
  const a1 = load<f64>(coefficients, 24)
  const a2 = load<f64>(coefficients, 32)
  let x1 = load<f64>(state)
  let x2 = load<f64>(state, 8)
  let y1 = load<f64>(state, 16)
  let y2 = load<f64>(state, 24)
  const end = left + ((<usize>frames) << 3)
  while (left < end) {
    extra += step
    const l = load<f64>(left)
    const r = load<f64>(right)
    const x = (l - r) / 2
    const y = b0 * x + b1 * x1 + b2 * x2 - a2 * y2 - a1 * y1
    x2 = x1
    x1 = x
    y2 = y1
    y1 = y
    store<f64>(left, l + extra * y)
    store<f64>(right, r - extra * y)
    left += 8
    right += 8
  }
  store<f64>(state, x1)
  store<f64>(state, x2, 8)
  store<f64>(state, settled(y1), 16)
  store<f64>(state, settled(y2), 24)
}

function settled(value: f64): f64 {
  return value < 1e-30 && value > -1e-30 ? 0 : value
}
