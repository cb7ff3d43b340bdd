// Second-order sections in series on a block, two channels in the lanes of a vector, transposed direct form II.
// Reference: test/support/reference/mastering/BalanceEq.ts.

/**
 * Sections of constant coefficients. Four go along each sample together: one alone would wait for its own last result.
 *
 * block: f64, planar, channels x frames. coefficients: b0 b1 b2 a1 a2 of each section (f64 x 5).
 * order: which sections, first to last, i32 x count; count is a multiple of 4. A section may be an identity.
 * state: s1 s2 of each section and pair of channels (f64x2 x 2), kept from call to call. An odd last channel has both
 * lanes.
 */
export function biquads(
  block: usize,
  channels: i32,
  frames: i32,
  coefficients: usize,
  order: usize,
  count: i32,
  state: usize
): void {
  const stride = (<usize>frames) << 3
  const pairs = (channels + 1) >> 1
  const orderEnd = order + ((<usize>count) << 2)
  for (let pair: i32 = 0; pair < pairs; pair++) {
    const left = block + <usize>(2 * pair) * stride
    const right = 2 * pair + 1 < channels ? left + stride : left
    for (let at = order; at < orderEnd; at += 16) {
      const p = load<i32>(at)
      const q = load<i32>(at, 4)
      const r = load<i32>(at, 8)
      const s = load<i32>(at, 12)
      fourSections(
        left,
        right,
        stride,
        coefficients + <usize>p * 40,
        coefficients + <usize>q * 40,
        coefficients + <usize>r * 40,
        coefficients + <usize>s * 40,
        state + ((<usize>(p * pairs + pair)) << 5),
        state + ((<usize>(q * pairs + pair)) << 5),
        state + ((<usize>(r * pairs + pair)) << 5),
        state + ((<usize>(s * pairs + pair)) << 5)
      )
    }
  }
}

function fourSections(
  left: usize,
  right: usize,
  bytes: usize,
  p: usize,
  q: usize,
  r: usize,
  s: usize,
  pState: usize,
  qState: usize,
  rState: usize,
  sState: usize
): void {
  let p1 = v128.load(pState)
  let p2 = v128.load(pState, 16)
  let q1 = v128.load(qState)
  let q2 = v128.load(qState, 16)
  let r1 = v128.load(rState)
  let r2 = v128.load(rState, 16)
  let s1 = v128.load(sState)
  let s2 = v128.load(sState, 16)
  const pb0 = v128.load64_splat(p)
  const pb1 = v128.load64_splat(p, 8)
  const pb2 = v128.load64_splat(p, 16)
  const pa1 = v128.load64_splat(p, 24)
  const pa2 = v128.load64_splat(p, 32)
  const qb0 = v128.load64_splat(q)
  const qb1 = v128.load64_splat(q, 8)
  const qb2 = v128.load64_splat(q, 16)
  const qa1 = v128.load64_splat(q, 24)
  const qa2 = v128.load64_splat(q, 32)
  const rb0 = v128.load64_splat(r)
  const rb1 = v128.load64_splat(r, 8)
  const rb2 = v128.load64_splat(r, 16)
  const ra1 = v128.load64_splat(r, 24)
  const ra2 = v128.load64_splat(r, 32)
  const sb0 = v128.load64_splat(s)
  const sb1 = v128.load64_splat(s, 8)
  const sb2 = v128.load64_splat(s, 16)
  const sa1 = v128.load64_splat(s, 24)
  const sa2 = v128.load64_splat(s, 32)
  const end = left + bytes
  while (left < end) {
    const x = v128.load64_lane(right, v128.load64_splat(left), 1)
    const y = f64x2.add(f64x2.mul(pb0, x), p1)
    p1 = f64x2.add(f64x2.sub(f64x2.mul(pb1, x), f64x2.mul(pa1, y)), p2)
    p2 = f64x2.sub(f64x2.mul(pb2, x), f64x2.mul(pa2, y))
    const z = f64x2.add(f64x2.mul(qb0, y), q1)
    q1 = f64x2.add(f64x2.sub(f64x2.mul(qb1, y), f64x2.mul(qa1, z)), q2)
    q2 = f64x2.sub(f64x2.mul(qb2, y), f64x2.mul(qa2, z))
    const v = f64x2.add(f64x2.mul(rb0, z), r1)
    r1 = f64x2.add(f64x2.sub(f64x2.mul(rb1, z), f64x2.mul(ra1, v)), r2)
    r2 = f64x2.sub(f64x2.mul(rb2, z), f64x2.mul(ra2, v))
    const w = f64x2.add(f64x2.mul(sb0, v), s1)
    s1 = f64x2.add(f64x2.sub(f64x2.mul(sb1, v), f64x2.mul(sa1, w)), s2)
    s2 = f64x2.sub(f64x2.mul(sb2, v), f64x2.mul(sa2, w))
    v128.store64_lane(left, w, 0)
    v128.store64_lane(right, w, 1)
    left += 8
    right += 8
  }
  v128.store(pState, settled(p1))
  v128.store(pState, settled(p2), 16)
  v128.store(qState, settled(q1))
  v128.store(qState, settled(q2), 16)
  v128.store(rState, settled(r1))
  v128.store(rState, settled(r2), 16)
  v128.store(sState, settled(s1))
  v128.store(sState, settled(s2), 16)
}

/**
 * One section whose coefficients move linearly over the block, from `from` to `to` (f64 x 5 each): two stable sections
 * have no unstable one between. state: of the section, as above.
 */
export function movingBiquad(block: usize, channels: i32, frames: i32, from: usize, to: usize, state: usize): void {
  const stride = (<usize>frames) << 3
  const share = 1 / <f64>frames
  const b0Step = f64x2.splat((load<f64>(to) - load<f64>(from)) * share)
  const b1Step = f64x2.splat((load<f64>(to, 8) - load<f64>(from, 8)) * share)
  const b2Step = f64x2.splat((load<f64>(to, 16) - load<f64>(from, 16)) * share)
  const a1Step = f64x2.splat((load<f64>(to, 24) - load<f64>(from, 24)) * share)
  const a2Step = f64x2.splat((load<f64>(to, 32) - load<f64>(from, 32)) * share)
  for (let channel: i32 = 0; channel < channels; channel += 2) {
    let left = block + <usize>channel * stride
    let right = channel + 1 < channels ? left + stride : left
    let b0 = v128.load64_splat(from)
    let b1 = v128.load64_splat(from, 8)
    let b2 = v128.load64_splat(from, 16)
    let a1 = v128.load64_splat(from, 24)
    let a2 = v128.load64_splat(from, 32)
    let s1 = v128.load(state)
    let s2 = v128.load(state, 16)
    const end = left + stride
    while (left < end) {
      b0 = f64x2.add(b0, b0Step)
      b1 = f64x2.add(b1, b1Step)
      b2 = f64x2.add(b2, b2Step)
      a1 = f64x2.add(a1, a1Step)
      a2 = f64x2.add(a2, a2Step)
      const x = v128.load64_lane(right, v128.load64_splat(left), 1)
      const y = f64x2.add(f64x2.mul(b0, x), s1)
      s1 = f64x2.add(f64x2.sub(f64x2.mul(b1, x), f64x2.mul(a1, y)), s2)
      s2 = f64x2.sub(f64x2.mul(b2, x), f64x2.mul(a2, y))
      v128.store64_lane(left, y, 0)
      v128.store64_lane(right, y, 1)
      left += 8
      right += 8
    }
    v128.store(state, settled(s1))
    v128.store(state, settled(s2), 16)
    state += 32
  }
}

// Below this a state is silence; without it an endless tail would end in slow denormal arithmetic.
function settled(x: v128): v128 {
  return v128.and(x, f64x2.ge(f64x2.abs(x), f64x2.splat(1e-30)))
}
