/**
 * Any number of channels to left and right: ITU-R BS.775-3, Annex 4 (centre and surrounds at -3 dB, LFE left out), in
 * the channel order of `channelWeights`. Not scaled down: sums may exceed full scale, which floats hold.
 */
import type { Kernels } from "../Kernels.ts"

const half = Math.SQRT1_2

/** Gains into left and right, one pair a channel. */
export const downmixGains = (channels: number): ReadonlyArray<readonly [left: number, right: number]> => {
  const left = [1, 0] as const
  const right = [0, 1] as const
  const centre = [half, half] as const
  const lfe = [0, 0] as const
  const surroundLeft = [half, 0] as const
  const surroundRight = [0, half] as const
  // One rear channel is a mono surround: BS.775-3, table 2, 3/1 format.
  const surroundCentre = [0.5, 0.5] as const
  switch (channels) {
    case 1:
      return [[1, 1]]
    case 2:
      return [left, right]
    case 3:
      return [left, right, centre]
    case 4:
      return [left, right, surroundLeft, surroundRight]
    case 5:
      return [left, right, centre, surroundLeft, surroundRight]
    case 6:
      return [left, right, centre, lfe, surroundLeft, surroundRight]
    case 7:
      return [left, right, centre, lfe, surroundCentre, surroundLeft, surroundRight]
    case 8:
      return [left, right, centre, lfe, surroundLeft, surroundRight, surroundLeft, surroundRight]
    default:
      return Array.from({ length: channels }, (_, c) => (c === 0 ? left : c === 1 ? right : centre))
  }
}

export interface Downmix {
  readonly process: (channels: ReadonlyArray<Float32Array>, length: number) => void
  /** The block's own arrays for mono and stereo, else arrays that the next block reuses. */
  readonly left: () => Float32Array
  readonly right: () => Float32Array
}

/** `process` takes arrays in the memory of the kernels. */
export const makeDownmix = (kernels: Kernels, channels: number, maxFrames: number): Downmix => {
  const gains = downmixGains(channels)
  const mixedLeft = kernels.float32(channels > 2 ? maxFrames : 0)
  const mixedRight = kernels.float32(channels > 2 ? maxFrames : 0)
  let left: Float32Array = mixedLeft
  let right: Float32Array = mixedRight
  const add = (samples: Float32Array, gain: number, out: Float32Array, length: number) => {
    if (gain !== 0) kernels.functions.addScaled(kernels.addressOf(samples), gain, out.byteOffset, length)
  }
  const process = (input: ReadonlyArray<Float32Array>, length: number) => {
    if (channels <= 2) {
      left = input[0]!
      right = input[channels - 1]!
      return
    }
    mixedLeft.fill(0, 0, length)
    mixedRight.fill(0, 0, length)
    for (let c = 0; c < channels; c++) {
      const [gainLeft, gainRight] = gains[c]!
      add(input[c]!, gainLeft, mixedLeft, length)
      add(input[c]!, gainRight, mixedRight, length)
    }
  }
  return { process, left: () => left, right: () => right }
}
