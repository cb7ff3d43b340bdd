/** Resampling by its definition, float64: every output is a windowed sinc over the inputs around its instant. */

const kaiserBeta = 12.8
const tapsPerRadian = 51.2
const passEdge = 0.907

const besselI0 = (x: number): number => {
  let sum = 1
  let term = 1
  for (let k = 1; k < 60; k++) {
    term *= (x / (2 * k)) ** 2
    sum += term
  }
  return sum
}

/** Output n is the input at n / toHz seconds; as many as lie within it. */
export const resampleByDefinition = (input: Float32Array, fromHz: number, toHz: number): Float64Array => {
  const scale = Math.min(1, toHz / fromHz)
  const half = 4 * Math.ceil(tapsPerRadian / (Math.PI * (1 - passEdge) * scale) / 8)
  const cutoff = ((1 + passEdge) / 2) * scale
  const out = new Float64Array(Math.ceil((input.length * toHz) / fromHz))
  for (let n = 0; n < out.length; n++) {
    const whole = Math.floor((n * fromHz) / toHz)
    const fraction = ((n * fromHz) % toHz) / toHz
    let sum = 0
    let weights = 0
    for (let k = 1 - half; k <= half; k++) {
      const t = k - fraction
      if (Math.abs(t) > half) continue
      const x = Math.PI * cutoff * t
      const weight = (x === 0 ? 1 : Math.sin(x) / x) * besselI0(kaiserBeta * Math.sqrt(1 - (t / half) ** 2))
      weights += weight
      sum += weight * (input[whole + k] ?? 0)
    }
    out[n] = sum / weights
  }
  return out
}
