/**
 * Power spectra of a stereo signal, P = (|L|^2 + |R|^2) / 2, in Hann frames of about 46 ms that overlap by half. Left and
 * right share one complex transform: with Z of L + iR, |L[k]|^2 + |R[k]|^2 = (|Z[k]|^2 + |Z[N-k]|^2) / 2.
 * Compiled: assembly/stereoPower.ts.
 */
import type { Kernels } from "../Kernels.ts"
import { hannWindow, makeComplexFft, nearestPowerOfTwo } from "./Fft.ts"
import { makeFramer } from "./Framer.ts"

const frameSeconds = 0.046

/** Samples per frame at a rate. */
export const spectrumFrame = (sampleRate: number): number => nearestPowerOfTwo(frameSeconds * sampleRate)

export interface StereoSpectrum {
  readonly process: (left: Float32Array, right: Float32Array, length: number) => void
  readonly finish: () => void
  /** The sum of the frames' powers so far. */
  readonly total: Float64Array
}

/**
 * `onPower` gets the unscaled power of each frame, bins 0 to frame / 2, in an array of the kernels' memory that the next
 * frame reuses, and the mean square of the frame's samples before the window. A frame below -240 dB counts as zeros.
 */
export const makeStereoSpectrum = (
  kernels: Kernels,
  sampleRate: number,
  maxFrames: number,
  onPower: (power: Float32Array, meanSquare: number) => void
): StereoSpectrum => {
  const frame = spectrumFrame(sampleRate)
  const half = frame / 2
  const window = kernels.float32(frame)
  window.set(hannWindow(frame))
  const { energies, tables, work } = makeComplexFft(kernels, frame)
  const power = kernels.float32(half + 1)
  const total = kernels.float64(half + 1)

  const onFrame = (buffers: ReadonlyArray<Float32Array>, offset: number) => {
    const energy = kernels.functions.stereoPower(
      buffers[0]!.byteOffset + 4 * offset,
      buffers[1]!.byteOffset + 4 * offset,
      window.byteOffset,
      work.byteOffset,
      tables.byteOffset,
      frame,
      energies.byteOffset,
      power.byteOffset,
      total.byteOffset
    )
    onPower(power, energy / (2 * frame))
  }

  const framer = makeFramer({ kernels, channels: 2, frame, startOf: (k) => k * half, maxPush: maxFrames, onFrame })
  const pair: [Float32Array, Float32Array] = [power, power]
  return {
    process: (left, right, length) => {
      pair[0] = left
      pair[1] = right
      framer.push(pair, length)
    },
    finish: framer.finish,
    total
  }
}
