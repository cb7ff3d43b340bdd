/** Waveforms as pure functions of phase in [0, 1) and of its increment per sample (frequency / rate). */

/**
 * The polynomial band-limited step: the correction around a discontinuity that takes most of the aliasing away.
 * V. Valimaki, A. Huovilainen, "Antialiasing oscillators in subtractive synthesis", IEEE SPM 24(2), 2007.
 */
const polyBlep = (phase: number, increment: number): number => {
  if (phase < increment) {
    const t = phase / increment
    return t + t - t * t - 1
  }
  if (phase > 1 - increment) {
    const t = (phase - 1) / increment
    return t * t + t + t + 1
  }
  return 0
}

export const saw = (phase: number, increment: number): number => 2 * phase - 1 - polyBlep(phase, increment)

/** `width` is the share of the period spent high, in (0, 1). */
export const pulse = (phase: number, increment: number, width: number): number => {
  const fall = phase + 1 - width
  return (phase < width ? 1 : -1) + polyBlep(phase, increment) - polyBlep(fall >= 1 ? fall - 1 : fall, increment)
}

export const triangle = (phase: number): number => 4 * Math.abs(phase - 0.5) - 1

/** Phase advanced by one sample; the increment must be below 1. */
export const advance = (phase: number, increment: number): number => {
  const next = phase + increment
  return next >= 1 ? next - 1 : next
}

/** Equal temperament, A4 = MIDI 69 = 440 Hz. Fractions are cents. */
export const midiToHz = (midi: number): number => 440 * 2 ** ((midi - 69) / 12)
