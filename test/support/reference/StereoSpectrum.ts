import { hannWindow, makeFft } from "./Fft.ts"

/** (|L|^2 + |R|^2) / 2 of one Hann segment, bins 0 to size / 2, in double precision; each channel by itself. */
export const stereoPower = (left: Float32Array, right: Float32Array): Float64Array => {
  const size = left.length
  const window = hannWindow(size)
  const fft = makeFft(size)
  const power = new Float64Array(size / 2 + 1)
  for (const samples of [left, right]) {
    for (let n = 0; n < size; n++) fft.inRe[n] = samples[n]! * window[n]!
    fft.inIm.fill(0)
    fft.transform()
    for (let k = 0; k <= size / 2; k++) power[k] = power[k]! + (fft.outRe[k]! ** 2 + fft.outIm[k]! ** 2) / 2
  }
  return power
}
