/** Planar stereo buffers that instruments add to and effects work on in place. Full scale = 1. */

export type Stereo = readonly [left: Float32Array<ArrayBuffer>, right: Float32Array<ArrayBuffer>]

/** Silence of `lengthFrames` samples per channel. */
export const silentStereo = (lengthFrames: number): Stereo => [
  new Float32Array(lengthFrames),
  new Float32Array(lengthFrames)
]

export const dbToGain = (db: number): number => 10 ** (db / 20)

/** Equal-power pan: -1 left, 0 centre (-3 dB on both sides), 1 right. */
export const panGains = (pan: number): readonly [left: number, right: number] => {
  const angle = ((pan + 1) * Math.PI) / 4
  return [Math.cos(angle), Math.sin(angle)]
}

/** Adds `source` times `gain` to `target`, over the shorter of the two. */
export const mixInto = (target: Stereo, source: Stereo, gain: number): void => {
  for (let side = 0; side < 2; side++) {
    const to = target[side]!
    const from = source[side]!
    const frames = Math.min(to.length, from.length)
    for (let n = 0; n < frames; n++) to[n] = to[n]! + gain * from[n]!
  }
}

/** Places a mono buffer at `pan`, times `gain`. */
export const panInto = (target: Stereo, source: Float32Array, gain: number, pan: number): void => {
  const [left, right] = panGains(pan)
  const frames = Math.min(target[0].length, source.length)
  for (let n = 0; n < frames; n++) {
    const sample = gain * source[n]!
    target[0][n] = target[0][n]! + left * sample
    target[1][n] = target[1][n]! + right * sample
  }
}
