/**
 * Power spectra of a stereo signal, P = (|L|^2 + |R|^2) / 2, in Hann segments of about 46 ms that overlap by half. Left and
 * right share one complex transform: with Z of L + iR, |L[k]|^2 + |R[k]|^2 = (|Z[k]|^2 + |Z[N-k]|^2) / 2.
 * Compiled: assembly/stereoPower.ts.
 */
import type { Kernels } from "../Kernels.ts"
import { hannWindow, makeComplexFft, nearestPowerOfTwo } from "./Fft.ts"
import { makeSegmenter } from "./Segmenter.ts"

const segmentSeconds = 0.046

/** Samples per segment at a rate. */
export const spectrumSegment = (sampleRate: number): number => nearestPowerOfTwo(segmentSeconds * sampleRate)

export interface StereoSpectrum {
  readonly process: (left: Float32Array, right: Float32Array, length: number) => void
  readonly finish: () => void
  /** The sum of the segments' powers so far. */
  readonly total: Float64Array
}

/**
 * `onPower` gets the unscaled power of each segment, bins 0 to segment / 2, in an array of the kernels' memory that the next
 * segment reuses, and the mean square of the segment's samples before the window. A segment below -240 dB counts as zeros.
 */
export const makeStereoSpectrum = (
  kernels: Kernels,
  sampleRate: number,
  maxFrames: number,
  onPower: (power: Float32Array, meanSquare: number) => void
): StereoSpectrum => {
  const segment = spectrumSegment(sampleRate)
  const half = segment / 2
  const window = kernels.float32(segment)
  window.set(hannWindow(segment))
  const { energies, tables, work } = makeComplexFft(kernels, segment)
  const power = kernels.float32(half + 1)
  const total = kernels.float64(half + 1)

  const onSegment = (buffers: ReadonlyArray<Float32Array>, offset: number) => {
    const energy = kernels.functions.stereoPower(
      buffers[0]!.byteOffset + 4 * offset,
      buffers[1]!.byteOffset + 4 * offset,
      window.byteOffset,
      work.byteOffset,
      tables.byteOffset,
      segment,
      energies.byteOffset,
      power.byteOffset,
      total.byteOffset
    )
    onPower(power, energy / (2 * segment))
  }

  const segmenter = makeSegmenter({
    kernels,
    channels: 2,
    segment,
    startOf: (k) => k * half,
    maxPush: maxFrames,
    onSegment
  })
  const pair: [Float32Array, Float32Array] = [power, power]
  return {
    process: (left, right, length) => {
      pair[0] = left
      pair[1] = right
      segmenter.push(pair, length)
    },
    finish: segmenter.finish,
    total
  }
}
