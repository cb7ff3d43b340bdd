/** A block of the mastering chain: float64, planar, in the memory of the kernels, one channel after the other. */
import type { Kernels } from "../Kernels.ts"

export interface PlanarBlock {
  /** Samples per channel. A multiple of 4. */
  readonly frames: number
  readonly channels: ReadonlyArray<Float64Array<ArrayBuffer>>
  /** Of the first sample of the first channel. */
  readonly address: number
}

export const makePlanarBlock = (kernels: Kernels, channels: number, frames: number): PlanarBlock => {
  const all = kernels.float64(channels * frames)
  return {
    frames,
    channels: Array.from({ length: channels }, (_, channel) => all.subarray(channel * frames, (channel + 1) * frames)),
    address: all.byteOffset
  }
}
