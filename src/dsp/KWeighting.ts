/**
 * The K-weighting of ITU-R BS.1770-4 (Annex 1, tables 1 and 2), re-derived for any rate from the analogue prototypes
 * behind the 48 kHz tables: a high shelf for the head and the RLB high-pass.
 *
 * The tables fix the RLB numerator at 1, -2, 1, which is right at 48 kHz only: at other rates the pass-band gain
 * would be off by up to 0.03 dB. It is scaled here by a0(48 kHz) / a0(rate), which keeps the response within
 * 0.015 dB of the 48 kHz one at 32 kHz and above.
 */
import type { BiquadCoefficients } from "./Biquad.ts"

// Prototype parameters that reproduce the standard's 48 kHz tables to their last digit.
const shelf = { frequencyHz: 1681.974450955533, gainDb: 3.999843853973347, q: 0.7071752369554196 }
const rlb = { frequencyHz: 38.13547087602444, q: 0.5003270373238773 }
const tableRate = 48_000

const headShelf = (sampleRate: number): BiquadCoefficients => {
  const k = Math.tan((Math.PI * shelf.frequencyHz) / sampleRate)
  const vh = 10 ** (shelf.gainDb / 20)
  const vb = vh ** 0.4996667741545416
  const a0 = 1 + k / shelf.q + k * k
  return {
    b0: (vh + (vb * k) / shelf.q + k * k) / a0,
    b1: (2 * (k * k - vh)) / a0,
    b2: (vh - (vb * k) / shelf.q + k * k) / a0,
    a1: (2 * (k * k - 1)) / a0,
    a2: (1 - k / shelf.q + k * k) / a0
  }
}

const rlbA0 = (sampleRate: number): number => {
  const k = Math.tan((Math.PI * rlb.frequencyHz) / sampleRate)
  return 1 + k / rlb.q + k * k
}

const rlbHighPass = (sampleRate: number): BiquadCoefficients => {
  const k = Math.tan((Math.PI * rlb.frequencyHz) / sampleRate)
  const a0 = rlbA0(sampleRate)
  const scale = rlbA0(tableRate) / a0
  return { b0: scale, b1: -2 * scale, b2: scale, a1: (2 * (k * k - 1)) / a0, a2: (1 - k / rlb.q + k * k) / a0 }
}

/** The two sections in series, for a rate in Hz. */
export const kWeighting = (sampleRate: number): readonly [BiquadCoefficients, BiquadCoefficients] => [
  headShelf(sampleRate),
  rlbHighPass(sampleRate)
]

/** Offset of the loudness formula, dB: it makes a 997 Hz sine at 0 dBFS in one front channel read -3.01 LUFS. */
const loudnessOffset = -0.691

/** LUFS of a K-weighted, channel-weighted mean square (BS.1770-4, equation 2). */
export const meanSquareToLufs = (meanSquare: number): number => loudnessOffset + 10 * Math.log10(meanSquare)
