// Expander and compressor, a block at a time. One level and one gain for all channels of the block, moved linearly over it.
// References: test/support/reference/mastering/TransientExpander.ts and Compressor.ts. Blocks as in planarBlock.ts.
import { delayedRamp, meanSquare, ramp } from "./planarBlock"

/** Excess of fast over slow power up to which nothing is a transient, and from which all of it is: 3 and 5 dB. */
const BODY_DB: f64 = 3
const TRANSIENT_DB: f64 = 5
const BODY: f64 = 1.9952623149688795
const TRANSIENT: f64 = 3.1622776601683795
/** -100 dBFS: below this there is nothing to stand out. */
const EXPANDER_FLOOR: f64 = 1e-10
/** Level of digital silence: finite, and below every threshold. */
const COMPRESSOR_FLOOR: f64 = 1e-12
const KNEE_DB: f64 = 6

/**
 * Lowers what lies between transients, and delays by a block.
 *
 * work, kept from call to call, f64 x (8 + channels x frames): depth in dB; shares that the fast power, the slow power
 * and the release take of what is new, a block; fast power, slow power, lift (0 between transients, 1 in them), and gain,
 * 1 at first; then the block before.
 */
export function expand(block: usize, channels: i32, frames: i32, work: usize): void {
  const depthDb = load<f64>(work)
  const slow = load<f64>(work, 40)
  const power = meanSquare(block, channels * frames)
  const fast = settled(load<f64>(work, 32) + load<f64>(work, 8) * (power - load<f64>(work, 32)))
  store<f64>(work, fast, 32)
  store<f64>(work, settled(slow + load<f64>(work, 16) * (power - slow)), 40)
  const above = (fast + EXPANDER_FLOOR) / (slow + EXPANDER_FLOOR)
  let wanted: f64 = 0
  if (above >= TRANSIENT) wanted = 1
  else if (above > BODY) wanted = (10 * Math.log10(above) - BODY_DB) / (TRANSIENT_DB - BODY_DB)
  let lift = load<f64>(work, 48)
  lift += (wanted > lift ? 1 : load<f64>(work, 24)) * (wanted - lift)
  store<f64>(work, lift, 48)

  const gain = load<f64>(work, 56)
  const next = depthDb == 0 ? 1 : factorOf(-depthDb * (1 - lift))
  store<f64>(work, next, 56)
  delayedRamp(block, work + 64, channels, frames, gain, next)
}

/**
 * work, kept from call to call, f64 x 8: threshold in dBFS; slope, 1 - 1 / ratio; shares that the mean square, the attack
 * and the release take of what is new, a block; mean square, gain in dB, and gain, 1 at first.
 */
export function compress(block: usize, channels: i32, frames: i32, work: usize): void {
  const slope = load<f64>(work, 8)
  let level = load<f64>(work, 40)
  level = settled(level + load<f64>(work, 16) * (meanSquare(block, channels * frames) - level))
  store<f64>(work, level, 40)
  const wantedDb = slope == 0 ? 0 : -slope * softKnee(10 * Math.log10(level + COMPRESSOR_FLOOR) - load<f64>(work))
  let gainDb = load<f64>(work, 48)
  gainDb += (wantedDb < gainDb ? load<f64>(work, 24) : load<f64>(work, 32)) * (wantedDb - gainDb)
  if (gainDb > -1e-9) gainDb = 0
  store<f64>(work, gainDb, 48)
  const gain = load<f64>(work, 56)
  const next = gainDb == 0 ? 1 : factorOf(gainDb)
  if (next == 1 && gain == 1) return
  store<f64>(work, next, 56)
  ramp(block, channels, frames, gain, next)
}

/** work, kept from call to call, f64 x 3: gain to arrive at, dB; the one now, dB, and as a factor. */
export function applyGain(block: usize, channels: i32, frames: i32, work: usize): void {
  const nextDb = load<f64>(work)
  const gain = load<f64>(work, 16)
  const next = nextDb == load<f64>(work, 8) ? gain : factorOf(nextDb)
  store<f64>(work, nextDb, 8)
  store<f64>(work, next, 16)
  if (next != 1 || gain != 1) ramp(block, channels, frames, gain, next)
}

function softKnee(overDb: f64): f64 {
  if (overDb <= -KNEE_DB / 2) return 0
  if (overDb >= KNEE_DB / 2) return overDb
  const x = overDb + KNEE_DB / 2
  return (x * x) / (2 * KNEE_DB)
}

function factorOf(db: f64): f64 {
  return db == 0 ? 1 : Math.pow(10, db / 20)
}

function settled(power: f64): f64 {
  return power < 1e-30 ? 0 : power
}
