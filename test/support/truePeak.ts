/**
 * A true-peak meter by brute force, independent of the product's detector: 16x oversampling, plain maximum. Sinc of 40
 * taps under a Blackman window: like the meters in use it fades above 0.42 of the rate. Where there is energy up to
 * Nyquist (white noise, full-scale alternating samples) an ideal reconstruction would read up to 1 dB more.
 */
import type { Signal } from "./signals.ts"

const factor = 16
const reach = 20

const taps = Array.from({ length: factor }, (_, phase) =>
  Float64Array.from({ length: 2 * reach }, (_, k) => {
    const t = k - (reach - 1) - phase / factor
    const x = (t / reach + 1) / 2
    const window = 0.42 - 0.5 * Math.cos(2 * Math.PI * x) + 0.08 * Math.cos(4 * Math.PI * x)
    return (t === 0 ? 1 : Math.sin(Math.PI * t) / (Math.PI * t)) * window
  })
)

/** dBTP over all channels; -Infinity for silence. What lies before and after the signal is taken as silence. */
export const truePeakDbtp = (signal: Signal): number => {
  let peak = 0
  for (const channel of signal) {
    const padded = new Float64Array(channel.length + 4 * reach)
    padded.set(channel, 2 * reach)
    for (let n = 0; n < channel.length; n++) peak = Math.max(peak, Math.abs(channel[n]!))
    for (let at = reach; at < padded.length - reach; at++) {
      // Where all samples near by are small, so is what lies between them.
      let near = 0
      for (let k = -8; k <= 8; k++) near = Math.max(near, Math.abs(padded[at + k]!))
      if (near < 0.4 * peak) continue
      for (let phase = 1; phase < factor; phase++) {
        const h = taps[phase]!
        let sum = 0
        for (let k = 0; k < h.length; k++) sum += h[k]! * padded[at - reach + 1 + k]!
        const magnitude = Math.abs(sum)
        if (magnitude > peak) peak = magnitude
      }
    }
  }
  return 20 * Math.log10(peak)
}

/**
 * The meter of libebur128 (loudgain and many others), re-written from its description: 4x, a sinc of 49 points under a Hann
 * window, dBTP over all channels.
 */
export const shortFilterTruePeakDbtp = (signal: Signal): number => {
  const points = Array.from({ length: 49 }, (_, j) => {
    const m = (j - 24) / 4
    return (m === 0 ? 1 : Math.sin(Math.PI * m) / (Math.PI * m)) * 0.5 * (1 - Math.cos((2 * Math.PI * j) / 48))
  })
  let peak = 0
  for (const channel of signal) {
    for (let n = 0; n < channel.length; n++) {
      for (let phase = 0; phase < 4; phase++) {
        let sum = 0
        for (let j = phase, k = n; j < points.length && k >= 0; j += 4, k--) sum += points[j]! * channel[k]!
        peak = Math.max(peak, Math.abs(sum))
      }
    }
  }
  return 20 * Math.log10(peak)
}
