/**
 * Cuts a planar stream into overlapping frames. Frame k starts at the absolute sample `startOf(k)`. Only complete frames
 * count: one filled up with zeros would see a cut that the track does not have. A track shorter than a frame is the
 * exception and gives one.
 */
import type { Kernels } from "../Kernels.ts"

export interface Framer {
  /** At most `maxPush` samples per channel at a time. */
  readonly push: (channels: ReadonlyArray<Float32Array>, length: number) => void
  readonly finish: () => void
  /** Where frame `k` starts in the buffers: to be asked when all frames of its group have come, or after `finish`. */
  readonly offsetOf: (k: number) => number
}

export const makeFramer = (options: {
  /** Where given, their memory holds the buffers: `byteOffset` plus four times `offset` is then a frame's address. */
  readonly kernels?: Kernels
  readonly channels: number
  readonly frame: number
  /** Strictly increasing, 0 for k = 0, in steps of at most `frame`. */
  readonly startOf: (k: number) => number
  readonly maxPush: number
  /** So many frames, counted from the first on, are kept until the last of them has come. Default 1. */
  readonly groupFrames?: number
  /** So many samples behind a frame may be read: of the track, old ones or zeros. Default 0. */
  readonly spareFrames?: number
  /** The frame is `frame` samples of each buffer from `offset` on. */
  readonly onFrame: (buffers: ReadonlyArray<Float32Array>, offset: number) => void
}): Framer => {
  const { channels, frame, groupFrames = 1, kernels, maxPush, onFrame, spareFrames = 0, startOf } = options
  // Starts are rounded: a later group may reach one sample farther than the first.
  const span = frame + maxPush + startOf(groupFrames - 1) + (groupFrames > 1 ? 1 : 0) + spareFrames
  const buffers = Array.from({ length: channels }, () => kernels?.float32(span) ?? new Float32Array(span))
  let base = 0
  let end = 0
  let k = 0

  const append = (input: ReadonlyArray<Float32Array> | undefined, length: number) => {
    const keepFrom = startOf(k - (k % groupFrames))
    if (keepFrom > base) {
      for (let c = 0; c < channels; c++) buffers[c]!.copyWithin(0, keepFrom - base, end - base)
      base = keepFrom
    }
    for (let c = 0; c < channels; c++) {
      const buffer = buffers[c]!
      if (input === undefined) buffer.fill(0, end - base, end - base + length)
      else buffer.set(input[c]!.subarray(0, length), end - base)
    }
    end += length
    while (startOf(k) + frame <= end) {
      onFrame(buffers, startOf(k) - base)
      k++
    }
  }

  return {
    push: append,
    finish: () => {
      const missing = k === 0 && end > 0 ? frame - end : 0
      for (let filled = 0; filled < missing; filled += maxPush) append(undefined, Math.min(maxPush, missing - filled))
    },
    offsetOf: (k) => startOf(k) - base
  }
}
