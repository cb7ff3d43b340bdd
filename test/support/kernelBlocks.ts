import type { Kernels } from "../../src/dsp/Kernels.ts"
import { inBlocks } from "./musicSignals.ts"

/** As `inBlocks`, with each block in the memory of the kernels, in arrays that the next block reuses. */
export const inKernelBlocks = (
  kernels: Kernels,
  signal: ReadonlyArray<Float32Array>,
  frames: number,
  f: (block: ReadonlyArray<Float32Array>, length: number) => void
): void => {
  const arrays = signal.map(() => kernels.float32(frames))
  inBlocks(signal, frames, (block, length) => {
    block.forEach((samples, c) => arrays[c]!.set(samples))
    f(arrays, length)
  })
}
