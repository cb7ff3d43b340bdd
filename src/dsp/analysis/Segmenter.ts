/**
 * Cuts a planar stream into overlapping segments. Segment k starts at the absolute sample `startOf(k)`. Only complete segments
 * count: one filled up with zeros would see a cut that the track does not have. A track shorter than a segment is the
 * exception and gives one.
 */
import type { Kernels } from "../Kernels.ts"

export interface Segmenter {
  /** At most `maxPush` samples per channel at a time. */
  readonly push: (channels: ReadonlyArray<Float32Array>, length: number) => void
  readonly finish: () => void
  /** Where segment `k` starts in the buffers: to be asked when all segments of its group have come, or after `finish`. */
  readonly offsetOf: (k: number) => number
}

export const makeSegmenter = (options: {
  /** Where given, their memory holds the buffers: `byteOffset` plus four times `offset` is then a segment's address. */
  readonly kernels?: Kernels
  readonly channels: number
  readonly segment: number
  /** Strictly increasing, 0 for k = 0, in steps of at most `segment`. */
  readonly startOf: (k: number) => number
  readonly maxPush: number
  /** So many segments, counted from the first on, are kept until the last of them has come. Default 1. */
  readonly groupSegments?: number
  /** So many samples behind a segment may be read: of the track, old ones or zeros. Default 0. */
  readonly spareSamples?: number
  /** The segment is `segment` samples of each buffer from `offset` on. */
  readonly onSegment: (buffers: ReadonlyArray<Float32Array>, offset: number) => void
}): Segmenter => {
  const { channels, segment, groupSegments = 1, kernels, maxPush, onSegment, spareSamples = 0, startOf } = options
  // Starts are rounded: a later group may reach one sample farther than the first.
  const span = segment + maxPush + startOf(groupSegments - 1) + (groupSegments > 1 ? 1 : 0) + spareSamples
  const buffers = Array.from({ length: channels }, () => kernels?.float32(span) ?? new Float32Array(span))
  let base = 0
  let end = 0
  let k = 0

  const append = (input: ReadonlyArray<Float32Array> | undefined, length: number) => {
    const keepFrom = startOf(k - (k % groupSegments))
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
    while (startOf(k) + segment <= end) {
      onSegment(buffers, startOf(k) - base)
      k++
    }
  }

  return {
    push: append,
    finish: () => {
      const missing = k === 0 && end > 0 ? segment - end : 0
      for (let filled = 0; filled < missing; filled += maxPush) append(undefined, Math.min(maxPush, missing - filled))
    },
    offsetOf: (k) => startOf(k) - base
  }
}
