/**
 * True peak, ITU-R BS.1770-4 Annex 2: the largest absolute value of the oversampled signal. Four times below 96 kHz,
 * twice below 192 kHz, not at all above. Polyphase interpolation with 24 taps a phase (the standard's example has 12):
 * a Kaiser-windowed sinc, flat within 0.1 dB to 0.43 of the rate. Compiled: assembly/truePeak.ts.
 */
import type { Kernels } from "../Kernels.ts"

const tapsPerPhase = 24
const pairs = tapsPerPhase / 2
/** What the kernel computes of a sum before it bounds the rest. */
const innerPairs = 2
const tapsBefore = pairs - 1
/** Samples of the past that the taps of the next point reach. */
const pad = tapsPerPhase - 1
/** The kernel reads groups of 16 samples. */
const groupFrames = 16
/** Shape of the Kaiser window: about 50 dB of stop band, which leaves the pass band as wide as 24 taps allow. */
const kaiserBeta = 4.5
/** Keeps the bounds above what they bound: single precision adds up 24 products to within 2e-6 of their magnitudes. */
const boundMargin = 1 + 1e-5

const besselI0 = (x: number): number => {
  let term = 1
  let sum = 1
  for (let k = 1; k < 40; k++) {
    term *= (x / (2 * k)) ** 2
    sum += term
  }
  return sum
}

/** Value of a Kaiser window at `position` in [-1, 1]. */
export const kaiser = (position: number, beta: number): number =>
  Math.abs(position) > 1 ? 0 : besselI0(beta * Math.sqrt(1 - position * position)) / besselI0(beta)

/** Taps for the point at `fraction` after a sample: weights of the samples from 11 before it to 12 after it. */
export const interpolator = (fraction: number): Float64Array => {
  const taps = Float64Array.from({ length: tapsPerPhase }, (_, k) => {
    const distance = k - tapsBefore - fraction
    const sinc = Math.sin(Math.PI * distance) / (Math.PI * distance)
    return sinc * kaiser(distance / (tapsPerPhase / 2), kaiserBeta)
  })
  const sum = taps.reduce((a, b) => a + b, 0)
  return taps.map((tap) => tap / sum)
}

export const oversamplingOf = (sampleRate: number): number => (sampleRate >= 192_000 ? 1 : sampleRate >= 96_000 ? 2 : 4)

export interface TruePeakMeter {
  readonly process: (channels: ReadonlyArray<Float32Array>, length: number) => void
  /** Linear. Counts the samples themselves too, so it is never below the sample peak. Ends the measurement. */
  readonly result: () => number
}

/** Without `skips` every point is computed, for the same result: to check the kernel's bounds by. */
export const makeTruePeakMeter = (
  kernels: Kernels,
  sampleRate: number,
  channels: number,
  maxFrames: number,
  skips = true
): TruePeakMeter => {
  const { truePeak } = kernels.functions
  const [taps, bounds] = tables(oversamplingOf(sampleRate), skips)
  const tapsHere = kernels.float32(taps.length)
  tapsHere.set(taps)
  const boundsHere = kernels.float32(bounds.length)
  boundsHere.set(bounds)
  const buffer = kernels.float32(pad + Math.max(pad, maxFrames) + groupFrames)
  const groups = kernels.float32(Math.ceil(buffer.length / groupFrames) + 2)
  const pasts = Array.from({ length: channels }, () => new Float32Array(pad))
  const nothing = new Float32Array(pad)
  let peak = 0

  const append = (past: Float32Array, samples: Float32Array, length: number) => {
    buffer.set(past)
    buffer.set(samples.length === length ? samples : samples.subarray(0, length), pad)
    buffer.fill(0, pad + length, pad + length + groupFrames)
    peak = truePeak(
      buffer.byteOffset,
      pad + length,
      tapsHere.byteOffset,
      boundsHere.byteOffset,
      groups.byteOffset,
      peak
    )
    for (let i = 0; i < pad; i++) past[i] = buffer[length + i]!
  }

  return {
    process: (input, length) => {
      for (let c = 0; c < channels; c++) append(pasts[c]!, input[c]!, length)
    },
    result: () => {
      for (const past of pasts) append(past, nothing, pad)
      return peak
    }
  }
}

/** The kernel's `taps` and `bounds`. Phases that the oversampling does not need are zero. */
const tables = (oversampling: number, skips: boolean): readonly [ReadonlyArray<number>, ReadonlyArray<number>] => {
  const none = new Float64Array(tapsPerPhase)
  const half = oversampling >= 2 ? interpolator(1 / 2) : none
  const quarter = oversampling >= 4 ? interpolator(1 / 4) : none
  const outwards = Array.from({ length: pairs }, (_, pair) => [tapsBefore - pair, tapsBefore + 1 + pair] as const)
  const taps = outwards.flatMap(([left, right]) => [
    half[left]!,
    (quarter[left]! + quarter[right]!) / 2,
    (quarter[left]! - quarter[right]!) / 2
  ])
  const magnitudes = (phase: Float64Array, fromPair: number) =>
    outwards.slice(fromPair).reduce((sum, [left, right]) => sum + Math.abs(phase[left]!) + Math.abs(phase[right]!), 0)
  const bounds = [
    Math.max(1, magnitudes(half, 0), magnitudes(quarter, 0)),
    magnitudes(half, innerPairs),
    magnitudes(quarter, innerPairs)
  ]
  return [taps, bounds.map((bound) => (skips ? boundMargin * bound : Infinity))]
}
