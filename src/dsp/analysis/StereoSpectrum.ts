/**
 * Power spectra of a stereo signal, P = (|L|^2 + |R|^2) / 2, in Hann frames of about 46 ms that overlap by half. Left and
 * right share one complex transform: with Z of L + iR, |L[k]|^2 + |R[k]|^2 = (|Z[k]|^2 + |Z[N-k]|^2) / 2.
 */
import { hannWindow, makeFft, nearestPowerOfTwo } from "./Fft.ts"
import { makeFramer } from "./Framer.ts"

const frameSeconds = 0.046

/** Samples per frame at a rate. */
export const spectrumFrame = (sampleRate: number): number => nearestPowerOfTwo(frameSeconds * sampleRate)

export interface StereoSpectrum {
  readonly process: (left: Float32Array, right: Float32Array, length: number) => void
  readonly finish: () => void
}

/**
 * `onPower` gets the unscaled power of each frame, bins 0 to frame / 2, in an array that the next frame reuses, and the
 * mean square of the frame's samples before the window.
 */
export const makeStereoSpectrum = (
  sampleRate: number,
  maxFrames: number,
  onPower: (power: Float32Array, meanSquare: number) => void
): StereoSpectrum => {
  const frame = spectrumFrame(sampleRate)
  const half = frame / 2
  const window = hannWindow(frame)
  const fft = makeFft(frame)
  const power = new Float32Array(half + 1)
  const { inIm, inRe, outIm, outRe } = fft

  const onFrame = (buffers: ReadonlyArray<Float32Array>, offset: number) => {
    const left = buffers[0]!
    const right = buffers[1]!
    let energy = 0
    for (let i = 0; i < frame; i++) {
      const l = left[offset + i]!
      const r = right[offset + i]!
      const w = window[i]!
      energy += l * l + r * r
      inRe[i] = w * l
      inIm[i] = w * r
    }
    if (energy === 0) power.fill(0)
    else {
      fft.transform()
      power[0] = (outRe[0]! * outRe[0]! + outIm[0]! * outIm[0]!) / 2
      for (let k = 1; k <= half; k++) {
        const re = outRe[k]!
        const im = outIm[k]!
        const mirroredRe = outRe[frame - k]!
        const mirroredIm = outIm[frame - k]!
        power[k] = (re * re + im * im + mirroredRe * mirroredRe + mirroredIm * mirroredIm) / 4
      }
    }
    onPower(power, energy / (2 * frame))
  }

  const framer = makeFramer({ channels: 2, frame, startOf: (k) => k * half, maxPush: maxFrames, onFrame })
  const pair: [Float32Array, Float32Array] = [power, power]
  return {
    process: (left, right, length) => {
      pair[0] = left
      pair[1] = right
      framer.push(pair, length)
    },
    finish: framer.finish
  }
}
