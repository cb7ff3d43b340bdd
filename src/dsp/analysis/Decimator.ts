/**
 * Low-pass and decimation by an integer factor, to a rate near 11 kHz where pitches up to 2.1 kHz are measured. Linear
 * phase, Kaiser window: flat within 0.01 dB to 0.32 of the new rate, and what would fold onto that range is down by
 * 60 dB.
 */
import type { Kernels } from "../Kernels.ts"
import { kaiser } from "./TruePeakMeter.ts"

const targetRate = 11_025
/** Taps per unit of the factor; the transition is then 0.36 of the new rate wide, centred on its Nyquist. */
const tapsPerFactor = 16
/** Kaiser, 60 dB: 0.1102 (A - 8.7). */
const kaiserBeta = 5.65

/** The integer factor whose rate is nearest to 11.025 kHz by ratio, 1 or more. */
export const decimationFactor = (sampleRate: number): number => Math.max(1, Math.round(sampleRate / targetRate))

export interface Decimator {
  /** Returns how many samples `output` now holds, from its start. */
  readonly process: (input: Float32Array, length: number) => number
  readonly output: Float32Array
}

/** `process` takes at most `maxFrames` samples at a time. */
export const makeDecimator = (kernels: Kernels, factor: number, maxFrames: number): Decimator => {
  const taps = factor * tapsPerFactor
  const half = taps / 2
  const kernel = kernels.float32(taps)
  // An even, symmetric filter: from its right half.
  const right = Float64Array.from({ length: half }, (_, k) => {
    const distance = (k + 0.5) / factor
    return (Math.sin(Math.PI * distance) / (Math.PI * distance)) * kaiser((k + 0.5) / half, kaiserBeta)
  })
  const sum = 2 * right.reduce((a, b) => a + b, 0)
  right.forEach((v, k) => {
    kernel[half + k] = v / sum
    kernel[half - 1 - k] = v / sum
  })
  // The kernel works on four outputs at a time.
  const output = kernels.float32((factor === 1 ? maxFrames : Math.ceil(maxFrames / factor) + 1) + 3)
  const buffer = kernels.float32(taps + factor + maxFrames + 3 * factor)
  // Half a kernel of zeros before the track centres the first output on its first sample.
  let held = half

  const process = (input: Float32Array, length: number): number => {
    if (factor === 1) {
      output.set(input.subarray(0, length))
      return length
    }
    buffer.set(input.subarray(0, length), held)
    held += length
    const count = held < taps ? 0 : Math.floor((held - taps) / factor) + 1
    kernels.functions.decimate(buffer.byteOffset, kernel.byteOffset, taps, factor, output.byteOffset, count)
    buffer.copyWithin(0, count * factor, held)
    held -= count * factor
    return count
  }

  return { process, output }
}
