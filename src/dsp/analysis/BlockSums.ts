/**
 * Everything about a block that is a sum or a maximum over its samples, taken in one pass (assembly/blockSums.ts), and the
 * two channels and their middle that the other measurements start from.
 */
import type { Kernels } from "../Kernels.ts"
import { makeDownmix } from "./Downmix.ts"

/** The largest positive code of 16 bits. A clipped 16-bit file never reaches 1 on the positive side. */
const clippedAt = 32767 / 32768

/** Over all samples of all channels. */
export interface BlockLevels {
  /** Largest magnitude, linear. */
  readonly peak: number
  /** Sum of squares: finite exactly if every sample is. */
  readonly energy: number
  /** Samples at full scale or beyond. */
  readonly clipped: number
}

/** Sums over the samples of left and right as mixed down; mid is their sum here, side their difference. */
export interface StereoSums {
  readonly left: number
  readonly right: number
  readonly leftSquared: number
  readonly rightSquared: number
  readonly midSquared: number
  readonly sideSquared: number
}

export interface BlockSums {
  /** A block in the memory of the kernels. What the getters give is then of this block, until the next one. */
  readonly process: (channels: ReadonlyArray<Float32Array>, length: number) => void
  readonly levels: () => BlockLevels
  readonly stereo: () => StereoSums
  /** Left and right as mixed down. */
  readonly left: () => Float32Array
  readonly right: () => Float32Array
  /** (left + right) / 2. */
  readonly mid: Float32Array
}

export const makeBlockSums = (kernels: Kernels, channels: number, maxFrames: number): BlockSums => {
  const downmix = makeDownmix(kernels, channels, maxFrames)
  const mid = kernels.float32(maxFrames)
  const sums = kernels.float64(8)
  let levels: BlockLevels = { peak: 0, energy: 0, clipped: 0 }

  const sumUp = (left: Float32Array, right: Float32Array, length: number) =>
    kernels.functions.blockSums(
      kernels.addressOf(left),
      kernels.addressOf(right),
      mid.byteOffset,
      length,
      clippedAt,
      sums.byteOffset
    )

  /** Levels of two channels, or of one that was taken for both. */
  const levelsOf = (count: number): BlockLevels => ({
    peak: sums[6]!,
    energy: count === 1 ? sums[2]! : sums[2]! + sums[3]!,
    clipped: count === 1 ? sums[7]! / 2 : sums[7]!
  })

  const levelsOfAll = (block: ReadonlyArray<Float32Array>, length: number): BlockLevels => {
    let [peak, energy, clipped] = [0, 0, 0]
    for (let c = 0; c < channels; c += 2) {
      const isPair = c + 1 < channels
      sumUp(block[c]!, block[isPair ? c + 1 : c]!, length)
      const pair = levelsOf(isPair ? 2 : 1)
      peak = Math.max(peak, pair.peak)
      energy += pair.energy
      clipped += pair.clipped
    }
    return { peak, energy, clipped }
  }

  const process = (block: ReadonlyArray<Float32Array>, length: number) => {
    if (channels > 2) levels = levelsOfAll(block, length)
    downmix.process(block, length)
    sumUp(downmix.left(), downmix.right(), length)
    if (channels <= 2) levels = levelsOf(channels)
  }

  const stereo = (): StereoSums => ({
    left: sums[0]!,
    right: sums[1]!,
    leftSquared: sums[2]!,
    rightSquared: sums[3]!,
    midSquared: sums[4]!,
    sideSquared: sums[5]!
  })

  return { process, levels: () => levels, stereo, left: downmix.left, right: downmix.right, mid }
}
