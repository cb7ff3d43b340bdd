import { interpolator, oversamplingOf } from "../../../src/dsp/analysis/TruePeakMeter.ts"

/** The largest magnitude of one channel and of every point between its samples, with silence around it; linear. */
export const truePeak = (samples: Float32Array, sampleRate: number): number => {
  const oversampling = oversamplingOf(sampleRate)
  const phases = Array.from({ length: oversampling - 1 }, (_, p) => interpolator((p + 1) / oversampling))
  let peak = 0
  for (const v of samples) peak = Math.max(peak, Math.abs(v))
  for (const taps of phases) {
    const before = taps.length / 2 - 1
    for (let n = -taps.length; n < samples.length + taps.length; n++) {
      let sum = 0
      for (let k = 0; k < taps.length; k++) sum += taps[k]! * (samples[n - before + k] ?? 0)
      peak = Math.max(peak, Math.abs(sum))
    }
  }
  return peak
}
