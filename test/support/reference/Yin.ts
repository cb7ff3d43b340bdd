/**
 * Fundamental frequency by YIN, steps 1 to 5 (A. de Cheveigne and H. Kawahara, "YIN, a fundamental frequency estimator
 * for speech and music", JASA 111, 2002), and how steady it is.
 *
 * The difference function is taken over the part of the segment that both lags share, d(t) = (E[0, W-t) + E[t, W) -
 * 2 r(t)) / (W - t), with r from the Fourier transform of the power spectrum. Two segments share each transform. The
 * parabola of step 5 goes through d itself: through the normalised function, it is biased for short periods.
 */
import { makeFft } from "./Fft.ts"
import { makeSegmenter } from "../../../src/dsp/analysis/Segmenter.ts"
import { silenceMeanSquare } from "../../../src/dsp/analysis/Dynamics.ts"

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
export const makeYin = (rate: number, maxFrames: number, onPitch?: (frequencyHz: number) => void): Yin => {
  const longest = Math.min(size / 2, Math.ceil(rate / lowestHz) + 1)
  const shortest = Math.max(2, Math.floor(rate / highestHz))
  const segment = size - longest
  const hop = Math.round(rate / hopsPerSecond)
  const fft = makeFft(size)
  const { inIm, inRe, outIm, outRe } = fft
  const sums = [new Float64Array(segment + 1), new Float64Array(segment + 1)] as const
  const difference = new Float64Array(longest + 1)
  const pitches = new Float64Array(pairHops)
  let segmentIndex = 0
  let waiting = 0
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

  const pitchOf = (correlation: Float64Array, squares: Float64Array): number => {
    const energy = squares[segment]!
    if (energy / segment < silenceMeanSquare) return 0
    difference[0] = 0
    let sum = 0
    let best = 0
    let bestValue = dipThreshold
    for (let t = 1; t <= longest; t++) {
      const shared = squares[segment - t]! + (energy - squares[t]!)
      const d = Math.max(0, (shared - (2 * correlation[t]!) / size) / (segment - t))
      difference[t] = d
      sum += d
      if (t < shortest) continue
      const normalised = sum > 0 ? (d * t) / sum : 1
      if (normalised < bestValue) {
        best = t
        bestValue = normalised
      } else if (best > 0) break
    }
    // A dip that still falls at the end of the range is not a dip.
    if (best === 0 || best >= longest) return 0
    const before = difference[best - 1]!
    const at = difference[best]!
    const after = difference[best + 1]!
    const curvature = before - 2 * at + after
    const offset = curvature > 0 ? (before - after) / (2 * curvature) : 0
    return rate / (best + Math.max(-0.5, Math.min(0.5, offset)))
  }

  const analyse = (count: number) => {
    inRe.fill(0, segment)
    inIm.fill(0, segment)
    if (count === 1) inIm.fill(0, 0, segment)
    for (const [samples, squares] of [
      [inRe, sums[0]],
      [inIm, sums[1]]
    ] as const) {
      let sum = 0
      for (let i = 0; i < segment; i++) {
        const v = samples[i]!
        sum += v * v
        squares[i + 1] = sum
      }
    }
    const last = size - 1
    fft.transform()
    // Power of the first segment into the real part, of the second into the imaginary: both are even, so are their
    // transforms real.
    const firstPower = outRe[0]! * outRe[0]!
    const secondPower = outIm[0]! * outIm[0]!
    for (let k = 1; k <= size / 2; k++) {
      const m = last + 1 - k
      const xr = (outRe[k]! + outRe[m]!) / 2
      const xi = (outIm[k]! - outIm[m]!) / 2
      const yr = (outIm[k]! + outIm[m]!) / 2
      const yi = (outRe[m]! - outRe[k]!) / 2
      powers[k] = xr * xr + xi * xi
      powers[size / 2 + k] = yr * yr + yi * yi
    }
    inRe[0] = firstPower
    inIm[0] = secondPower
    for (let k = 1; k <= size / 2; k++) {
      inRe[k] = powers[k]!
      inRe[size - k] = powers[k]!
      inIm[k] = powers[size / 2 + k]!
      inIm[size - k] = powers[size / 2 + k]!
    }
    fft.transform()
    note(pitchOf(outRe, sums[0]))
    if (count === 2) note(pitchOf(outIm, sums[1]))
    waiting = 0
  }
  const powers = new Float64Array(size + 1)

  const segmenter = makeSegmenter({
    channels: 1,
    segment,
    startOf: (k) => k * hop,
    maxPush: maxFrames,
    onSegment: (buffers, offset) => {
      const x = buffers[0]!
      const to = waiting === 0 ? inRe : inIm
      for (let i = 0; i < segment; i++) to[i] = x[offset + i]!
      if (++waiting === 2) analyse(2)
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
      if (waiting === 1) analyse(1)
      return pairs < minimumPairs ? 0 : steady / pairs
    }
  }
}
