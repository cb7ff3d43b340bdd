/**
 * Cuts a planar stream of any split into the blocks of an absolute grid, so that whatever runs behind it sees the same
 * blocks and computes the same bits. The grid is 100 ms, the step of BS.1770-4's gating blocks; its boundaries are
 * round(k * rate / 10), so that they do not drift at rates that 10 does not divide.
 */
import type { Kernels } from "../Kernels.ts"

export interface BlockClock {
  readonly push: (channels: ReadonlyArray<Float32Array>, length: number) => void
  /** Hands over the last, incomplete block, if there is one. */
  readonly finish: () => void
}

/** Blocks a second. */
export const blocksPerSecond = 10

/** Upper bound of a block's length, samples per channel. */
export const maxBlockFrames = (sampleRate: number): number => Math.ceil(sampleRate / blocksPerSecond) + 1

/** `onBlock` gets arrays of the kernels' memory that the next block reuses. `complete` is false for the last one if it is cut short. */
export const makeBlockClock = (
  kernels: Kernels,
  sampleRate: number,
  channels: number,
  onBlock: (block: ReadonlyArray<Float32Array>, length: number, complete: boolean) => void
): BlockClock => {
  const block = Array.from({ length: channels }, () => kernels.float32(maxBlockFrames(sampleRate)))
  const boundary = (k: number) => Math.round((k * sampleRate) / blocksPerSecond)
  let index = 0
  let size = boundary(1)
  let filled = 0
  return {
    push: (input, length) => {
      let at = 0
      while (at < length) {
        const run = Math.min(length - at, size - filled)
        for (let c = 0; c < channels; c++) {
          const from = input[c]!
          const to = block[c]!
          if (run < 32) for (let i = 0; i < run; i++) to[filled + i] = from[at + i]!
          else to.set(from.subarray(at, at + run), filled)
        }
        at += run
        filled += run
        if (filled === size) {
          onBlock(block, size, true)
          index++
          size = boundary(index + 1) - boundary(index)
          filled = 0
        }
      }
    },
    finish: () => {
      if (filled > 0) onBlock(block, filled, false)
      filled = 0
    }
  }
}
