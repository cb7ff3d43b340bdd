// The stages of the mastering chain in a row, for as many blocks as their settings stay the same.
import { biquads } from "./biquads"
import { applyGain, compress, expand } from "./dynamics"
import { limit } from "./limiter"
import { widen } from "./planarBlock"
import { widenSide } from "./stereoWidth"

/**
 * The stages between balance and gain, on the chain's block.
 *
 * chain, i32 x 14: channels; frames of a block; bytes from channel to channel of the input, and of the output; addresses
 * of the block, and of the coefficients, the order and the state of `biquads`; how many sections the order lists;
 * addresses of the work of `expand`, `compress`, `widenSide` (0 where there is none) and `applyGain`, and of the setup of
 * `limit`.
 */
export function shapeBlock(chain: usize): void {
  const channels = load<i32>(chain)
  const frames = load<i32>(chain, 4)
  const block = <usize>load<u32>(chain, 16)
  const width = <usize>load<u32>(chain, 44)
  expand(block, channels, frames, load<u32>(chain, 36))
  compress(block, channels, frames, load<u32>(chain, 40))
  if (width != 0) widenSide(block, frames, width)
}

/** Gain and limiter on the chain's block; what leaves the limiter goes to `out`, f32. */
export function finishBlock(chain: usize, out: usize): void {
  const channels = load<i32>(chain)
  const frames = load<i32>(chain, 4)
  const block = <usize>load<u32>(chain, 16)
  applyGain(block, channels, frames, load<u32>(chain, 48))
  limit(block, channels, frames, load<u32>(chain, 52), out, load<u32>(chain, 12))
}

/** All stages on `count` blocks from `x` to `out`, f32. */
export function renderBlocks(chain: usize, x: usize, out: usize, count: i32): void {
  const channels = load<i32>(chain)
  const frames = load<i32>(chain, 4)
  const block = <usize>load<u32>(chain, 16)
  const sections = load<i32>(chain, 32)
  for (; count > 0; count--) {
    widen(x, load<u32>(chain, 8), block, channels, frames)
    if (sections > 0) {
      biquads(block, channels, frames, load<u32>(chain, 20), load<u32>(chain, 24), sections, load<u32>(chain, 28))
    }
    shapeBlock(chain)
    finishBlock(chain, out)
    x += (<usize>frames) << 2
    out += (<usize>frames) << 2
  }
}

/** The limiter alone, on `count` blocks from `x` to `out`, f32, channels as many bytes apart as their strides say. */
export function limitBlocks(
  x: usize,
  stride: usize,
  block: usize,
  channels: i32,
  frames: i32,
  limiter: usize,
  out: usize,
  outStride: usize,
  count: i32
): void {
  for (; count > 0; count--) {
    widen(x, stride, block, channels, frames)
    limit(block, channels, frames, limiter, out, outStride)
    x += (<usize>frames) << 2
    out += (<usize>frames) << 2
  }
}
