/**
 * Fundamental frequency by YIN, steps 1 to 5 (A. de Cheveigne and H. Kawahara, "YIN, a fundamental frequency estimator
 * for speech and music", JASA 111, 2002), and how steady it is.
 *
 * The difference function is taken over the part of the segment that both lags share, d(t) = (E[0, W-t) + E[t, W) -
 * 2 r(t)) / (W - t), with r from the Fourier transform of the power spectrum. Two segments share each transform. The
 * parabola of step 5 goes through d itself: through the normalised function, it is biased for short periods.
 */
import type { Kernels } from "../Kernels.ts"
import { makeComplexFft } from "./Fft.ts"
import { makeSegmenter } from "./Segmenter.ts"
import { silenceMeanSquare } from "./Dynamics.ts"

const lowestHz = 65
const highestHz = 2093
/** Step 4: the first dip of the normalised difference below this is the period. */
const dipThreshold = 0.15
const size = 1024
const hopsPerSecond = 40
/** 0.1 s. */
const pairHops = 4
const steadyCents = 25
/** Fewer pairs of voiced segments say nothing about a track. */
const minimumPairs = 10

export interface Yin {
  readonly process: (samples: Float32Array, length: number) => void
  /** Share of the pairs of voiced segments 0.1 s apart that differ by less than 25 cents. Ends the measurement. */
  readonly stability: () => number
}

/** `rate` between 8 and 16 kHz; `onPitch` gets the pitch of each segment in Hz, 0 where there is none. */
export const makeYin = (
  kernels: Kernels,
  rate: number,
  maxFrames: number,
  onPitch?: (frequencyHz: number) => void
): Yin => {
  const longest = Math.min(size / 2, Math.ceil(rate / lowestHz) + 1)
  const shortest = Math.max(2, Math.floor(rate / highestHz))
  const segment = size - longest
  const hop = Math.round(rate / hopsPerSecond)
  const fft = makeComplexFft(kernels, size)
  const padded = kernels.float32(size).fill(1, 0, segment)
  const whole = kernels.float32(size).fill(1)
  const powers = kernels.float32(2 * size).byteOffset
  const difference = kernels.float64(longest + 1).byteOffset
  const pitches = new Float64Array(pairHops)
  let segmentIndex = 0
  let pairs = 0
  let steady = 0

  const note = (frequencyHz: number) => {
    onPitch?.(frequencyHz)
    const slot = segmentIndex % pairHops
    const earlier = pitches[slot]!
    if (frequencyHz > 0 && earlier > 0) {
      pairs++
      if (Math.abs(1200 * Math.log2(frequencyHz / earlier)) < steadyCents) steady++
    }
    pitches[slot] = frequencyHz
    segmentIndex++
  }

  const pitchOf = (samples: number, correlation: number): number => {
    const period = kernels.functions.yinPeriod(
      samples,
      segment,
      correlation,
      // The powers are four times too large, and the transform is not scaled.
      1 / (4 * size),
      shortest,
      longest,
      silenceMeanSquare,
      dipThreshold,
      difference
    )
    return period > 0 ? rate / period : 0
  }

  /** `count` segments, one or two, at addresses. */
  const analyse = (one: number, other: number, count: number) => {
    const { byteOffset: work } = fft.work
    fft.transform(one, other, padded.byteOffset)
    kernels.functions.powersOfTwo(work, size, powers)
    fft.transform(powers, powers + 4 * size, whole.byteOffset)
    note(pitchOf(one, work))
    if (count === 2) note(pitchOf(other, work + 4 * size))
  }

  let known = 0
  let bufferAddress = 0
  const addressOfSegment = (k: number) => bufferAddress + 4 * segmenter.offsetOf(k)
  const segmenter = makeSegmenter({
    kernels,
    channels: 1,
    segment,
    startOf: (k) => k * hop,
    maxPush: maxFrames,
    groupSegments: 2,
    // The window pads with zeros, times what lies there.
    spareSamples: size - segment,
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
    stability: () => {
      segmenter.finish()
      if (known % 2 === 1) analyse(addressOfSegment(known - 1), addressOfSegment(known - 1), 1)
      return pairs < minimumPairs ? 0 : steady / pairs
    }
  }
}
