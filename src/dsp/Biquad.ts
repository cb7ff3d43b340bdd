/**
 * Second-order sections. Coefficients are pure functions of frequency, gain and Q; running state is apart from them.
 * Designs: R. Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients" (W3C note, 2021).
 */

/** H(z) = (b0 + b1 z^-1 + b2 z^-2) / (1 + a1 z^-1 + a2 z^-2). */
export interface BiquadCoefficients {
  readonly b0: number
  readonly b1: number
  readonly b2: number
  readonly a1: number
  readonly a2: number
}

const normalise = (b0: number, b1: number, b2: number, a0: number, a1: number, a2: number): BiquadCoefficients => ({
  b0: b0 / a0,
  b1: b1 / a0,
  b2: b2 / a0,
  a1: a1 / a0,
  a2: a2 / a0
})

/** A bell of `gainDb` at `frequencyHz`; `q` as in the cookbook (bandwidth at half the gain in dB). */
export const peaking = (sampleRate: number, frequencyHz: number, gainDb: number, q: number): BiquadCoefficients => {
  const a = 10 ** (gainDb / 40)
  const w = (2 * Math.PI * frequencyHz) / sampleRate
  const alpha = Math.sin(w) / (2 * q)
  const cos = Math.cos(w)
  return normalise(1 + alpha * a, -2 * cos, 1 - alpha * a, 1 + alpha / a, -2 * cos, 1 - alpha / a)
}

/** A shelf of `gainDb` below `frequencyHz` (its midpoint), slope 1 at q = 0.7071. */
export const lowShelf = (sampleRate: number, frequencyHz: number, gainDb: number, q: number): BiquadCoefficients => {
  const a = 10 ** (gainDb / 40)
  const w = (2 * Math.PI * frequencyHz) / sampleRate
  const cos = Math.cos(w)
  const beta = (Math.sqrt(a) * Math.sin(w)) / q
  return normalise(
    a * (a + 1 - (a - 1) * cos + beta),
    2 * a * (a - 1 - (a + 1) * cos),
    a * (a + 1 - (a - 1) * cos - beta),
    a + 1 + (a - 1) * cos + beta,
    -2 * (a - 1 + (a + 1) * cos),
    a + 1 + (a - 1) * cos - beta
  )
}

/** A shelf of `gainDb` above `frequencyHz` (its midpoint). */
export const highShelf = (sampleRate: number, frequencyHz: number, gainDb: number, q: number): BiquadCoefficients => {
  const a = 10 ** (gainDb / 40)
  const w = (2 * Math.PI * frequencyHz) / sampleRate
  const cos = Math.cos(w)
  const beta = (Math.sqrt(a) * Math.sin(w)) / q
  return normalise(
    a * (a + 1 + (a - 1) * cos + beta),
    -2 * a * (a - 1 + (a + 1) * cos),
    a * (a + 1 + (a - 1) * cos - beta),
    a + 1 - (a - 1) * cos + beta,
    2 * (a - 1 - (a + 1) * cos),
    a + 1 - (a - 1) * cos - beta
  )
}

/** Second-order high-pass, -3 dB at `frequencyHz` for q = 0.7071. */
export const highPass = (sampleRate: number, frequencyHz: number, q: number): BiquadCoefficients => {
  const w = (2 * Math.PI * frequencyHz) / sampleRate
  const alpha = Math.sin(w) / (2 * q)
  const cos = Math.cos(w)
  return normalise((1 + cos) / 2, -(1 + cos), (1 + cos) / 2, 1 + alpha, -2 * cos, 1 - alpha)
}

/** |H| at `frequencyHz`, dB. */
export const magnitudeDb = (c: BiquadCoefficients, sampleRate: number, frequencyHz: number): number => {
  const w = (2 * Math.PI * frequencyHz) / sampleRate
  const power = (x0: number, x1: number, x2: number) => {
    const re = x0 + x1 * Math.cos(w) + x2 * Math.cos(2 * w)
    const im = x1 * Math.sin(w) + x2 * Math.sin(2 * w)
    return re * re + im * im
  }
  return 10 * Math.log10(power(c.b0, c.b1, c.b2) / power(1, c.a1, c.a2))
}
