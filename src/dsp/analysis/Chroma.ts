/**
 * Tonal concentration: how few of the twelve pitch classes hold the power of 65 Hz to 2.1 kHz. A segment of about 0.37 s
 * at 11 kHz has bins of 2.7 Hz, less than a semitone at the low end (3.9 Hz). Each bin counts for the nearest semitone
 * of equal temperament, A4 = 440 Hz. Two segments share each transform.
 */
import type { Kernels } from "../Kernels.ts"
import { silenceMeanSquare } from "./Dynamics.ts"
import { hannWindow, makeComplexFft } from "./Fft.ts"
import { makeSegmenter } from "./Segmenter.ts"

const size = 4096
const hop = 1024
const classes = 12
/** C2 to C7, each with its semitone's lower half. */
const lowestHz = 65.406 * 2 ** (-1 / 24)
const highestHz = 2093.005 * 2 ** (1 / 24)
const concertPitchHz = 440

/** Value for power spread evenly. */
export const evenConcentration = 1 / classes

export interface Chroma {
  readonly process: (samples: Float32Array, length: number) => void
  /**
   * Mean over the non-silent segments of the sum of squares of the classes' shares: 1/12 evenly spread, 1 one class. 1/12
   * if there is no such segment. Ends the measurement.
   */
  readonly concentration: () => number
}

/** `process` takes at most `maxFrames` samples at a time. */
export const makeChroma = (kernels: Kernels, rate: number, maxFrames: number): Chroma => {
  const fft = makeComplexFft(kernels, size)
  const window = kernels.float32(size)
  window.set(hannWindow(size))
  const binHz = rate / size
  const first = Math.ceil(lowestHz / binHz)
  const end = Math.min(size / 2, Math.ceil(highestHz / binHz))
  const semitoneOf = (bin: number) => Math.round(classes * Math.log2((bin * binHz) / concertPitchHz))
  const firstSemitone = semitoneOf(first)
  const runs = semitoneOf(end - 1) - firstSemitone + 1
  /** Bin after the last of each semitone. */
  const ends = kernels.int32(runs)
  for (let k = first; k < end; k++) ends.fill(k + 1, semitoneOf(k) - firstSemitone)
  const firstClass = ((firstSemitone % classes) + classes) % classes
  const powers = kernels.float32(size + 8).byteOffset
  /** Of both segments by turns. */
  const shares = kernels.float64(2 * classes)
  let segments = 0
  let sum = 0

  const add = (part: number) => {
    if (fft.energies[part]! / size < silenceMeanSquare) return
    let total = 0
    let squares = 0
    for (let c = part; c < shares.length; c += 2) {
      const v = shares[c]!
      total += v
      squares += v * v
    }
    if (total === 0) return
    segments++
    sum += squares / (total * total)
  }

  /** `count` segments, one or two, at addresses. */
  const analyse = (one: number, other: number, count: number) => {
    fft.transform(one, other, window.byteOffset)
    kernels.functions.powerByClass(
      fft.work.byteOffset,
      size,
      first,
      ends.byteOffset,
      runs,
      firstClass,
      classes,
      powers,
      shares.byteOffset
    )
    add(0)
    if (count === 2) add(1)
  }

  let known = 0
  let bufferAddress = 0
  const addressOfSegment = (k: number) => bufferAddress + 4 * segmenter.offsetOf(k)
  const segmenter = makeSegmenter({
    kernels,
    channels: 1,
    segment: size,
    startOf: (k) => k * hop,
    maxPush: maxFrames,
    groupSegments: 2,
    onSegment: (buffers) => {
      bufferAddress = buffers[0]!.byteOffset
      known++
      if (known % 2 === 0) analyse(addressOfSegment(known - 2), addressOfSegment(known - 1), 2)
    }
  })
  const single: [Float32Array] = [new Float32Array(0)]

  return {
    process: (samples, length) => {
      single[0] = samples
      segmenter.push(single, length)
    },
    concentration: () => {
      segmenter.finish()
      if (known % 2 === 1) analyse(addressOfSegment(known - 1), addressOfSegment(known - 1), 1)
      return segments === 0 ? evenConcentration : sum / segments
    }
  }
}
