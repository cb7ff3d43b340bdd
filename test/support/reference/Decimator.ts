/**
 * Low-pass and decimation by an integer factor, to a rate near 11 kHz where pitches up to 2.1 kHz are measured. Linear
 * phase, Kaiser window: flat within 0.01 dB to 0.32 of the new rate, and what would fold onto that range is down by
 * 60 dB.
 */
import { kaiser } from "../../../src/dsp/analysis/TruePeakMeter.ts"

/** Taps per unit of the factor; the transition is then 0.36 of the new rate wide, centred on its Nyquist. */
const tapsPerFactor = 16
/** Kaiser, 60 dB: 0.1102 (A - 8.7). */
const kaiserBeta = 5.65

export interface Decimator {
  /** Returns how many samples `output` now holds. */
  readonly process: (input: Float32Array, length: number) => number
  readonly output: Float32Array
}

export const makeDecimator = (factor: number, maxFrames: number): Decimator => {
  const taps = factor * tapsPerFactor
  const half = taps / 2
  // An even, symmetric filter: only its right half is kept.
  const kernel = Float64Array.from({ length: half }, (_, k) => {
    const distance = (k + 0.5) / factor
    return (Math.sin(Math.PI * distance) / (Math.PI * distance)) * kaiser((k + 0.5) / half, kaiserBeta)
  })
  const sum = 2 * kernel.reduce((a, b) => a + b, 0)
  for (let k = 0; k < half; k++) kernel[k] = kernel[k]! / sum
  const output = new Float32Array(factor === 1 ? maxFrames : Math.ceil(maxFrames / factor) + 1)
  // Half a kernel of zeros before the track centres the first output on its first sample.
  const buffer = new Float32Array(taps + factor + maxFrames)
  let held = half

  const process = (input: Float32Array, length: number): number => {
    if (factor === 1) {
      output.set(input.subarray(0, length))
      return length
    }
    buffer.set(input.subarray(0, length), held)
    held += length
    let count = 0
    let at = 0
    for (; at + taps <= held; at += factor) {
      const right = at + half
      const left = right - 1
      let value = 0
      for (let k = 0; k < half; k++) value += kernel[k]! * (buffer[right + k]! + buffer[left - k]!)
      output[count++] = value
    }
    buffer.copyWithin(0, at, held)
    held -= at
    return count
  }

  return { process, output }
}
