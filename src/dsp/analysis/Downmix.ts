/**
 * Any number of channels to left and right: ITU-R BS.775-3, Annex 4 (centre and surrounds at -3 dB, LFE left out), in
 * the channel order of `channelWeights`. Not scaled down: sums may exceed full scale, which floats hold.
 */

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

const average = (left: Float32Array, right: Float32Array, out: Float32Array, length: number): void => {
  for (let i = 0; i < length; i++) out[i] = (left[i]! + right[i]!) / 2
}

const add = (x: Float32Array, gain: number, out: Float32Array, length: number): void => {
  for (let i = 0; i < length; i++) out[i] = out[i]! + gain * x[i]!
}

export interface Downmix {
  readonly process: (channels: ReadonlyArray<Float32Array>, length: number) => void
  /** The block's own arrays for mono and stereo, else arrays that the next block reuses. */
  readonly left: () => Float32Array
  readonly right: () => Float32Array
  /** (left + right) / 2, in an array that the next block reuses. */
  readonly mid: Float32Array
}

export const makeDownmix = (channels: number, maxFrames: number): Downmix => {
  const gains = downmixGains(channels)
  const mixedLeft = new Float32Array(channels > 2 ? maxFrames : 0)
  const mixedRight = new Float32Array(channels > 2 ? maxFrames : 0)
  const mid = new Float32Array(maxFrames)
  let left: Float32Array = mixedLeft
  let right: Float32Array = mixedRight
  const process = (input: ReadonlyArray<Float32Array>, length: number) => {
    if (channels <= 2) {
      left = input[0]!
      right = input[channels - 1]!
      average(left, right, mid, length)
      return
    }
    mixedLeft.fill(0, 0, length)
    mixedRight.fill(0, 0, length)
    for (let c = 0; c < channels; c++) {
      const x = input[c]!
      const [gainLeft, gainRight] = gains[c]!
      if (gainLeft !== 0) add(x, gainLeft, mixedLeft, length)
      if (gainRight !== 0) add(x, gainRight, mixedRight, length)
    }
    average(left, right, mid, length)
  }
  return { process, left: () => left, right: () => right, mid }
}
