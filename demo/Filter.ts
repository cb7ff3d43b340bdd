/**
 * A state-variable filter that may be moved every sample without clicks: topology-preserving transform of the
 * trapezoidal integrator. V. Zavalishin, "The Art of VA Filter Design", rev. 2.1.2, ch. 4; A. Simper's form.
 */
export class StateVariableFilter {
  private readonly sampleRate: number
  private ic1 = 0
  private ic2 = 0
  private a1 = 0
  private a2 = 0
  private a3 = 0
  private k = 0
  low = 0
  band = 0
  high = 0

  constructor(sampleRate: number) {
    this.sampleRate = sampleRate
  }

  /** `q` 0.5 and up; 0.7071 is flat. The cutoff is held below 0.45 of the rate. */
  tune(cutoffHz: number, q: number): void {
    const g = Math.tan((Math.PI * Math.min(cutoffHz, 0.45 * this.sampleRate)) / this.sampleRate)
    this.k = 1 / q
    this.a1 = 1 / (1 + g * (g + this.k))
    this.a2 = g * this.a1
    this.a3 = g * this.a2
  }

  /** Takes over the tuning of another filter. */
  tuneLike(other: StateVariableFilter): void {
    this.k = other.k
    this.a1 = other.a1
    this.a2 = other.a2
    this.a3 = other.a3
  }

  /** Feeds one sample; read `low`, `band` (gain q at the centre) or `high` afterwards. */
  process(x: number): void {
    const v3 = x - this.ic2
    const v1 = this.a1 * this.ic1 + this.a2 * v3
    const v2 = this.ic2 + this.a2 * this.ic1 + this.a3 * v3
    this.ic1 = 2 * v1 - this.ic1
    this.ic2 = 2 * v2 - this.ic2
    this.low = v2
    this.band = v1
    this.high = x - this.k * v1 - v2
  }
}

/** Filters one channel in place with a biquad of fixed coefficients (see Biquad). */
export const filterInPlace = (
  samples: Float32Array,
  { b0, b1, b2, a1, a2 }: { b0: number; b1: number; b2: number; a1: number; a2: number }
): void => {
  let s1 = 0
  let s2 = 0
  for (let n = 0; n < samples.length; n++) {
    const x = samples[n]!
    const y = b0 * x + s1
    s1 = b1 * x - a1 * y + s2
    s2 = b2 * x - a2 * y
    samples[n] = y
  }
}
