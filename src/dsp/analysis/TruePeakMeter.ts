/**
 * True peak, ITU-R BS.1770-4 Annex 2: the largest absolute value of the oversampled signal. Four times below 96 kHz,
 * twice below 192 kHz, not at all above. Polyphase interpolation with 24 taps a phase (the standard's example has 12):
 * a Kaiser-windowed sinc, flat within 0.1 dB to 0.43 of the rate.
 *
 * Only the largest value is wanted, so an interpolated point is computed only where it could exceed what was already
 * found: it is bounded by its two nearest samples and, for the rest of the taps, by the largest sample around.
 */

const tapsPerPhase = 24
const tapsBefore = tapsPerPhase / 2 - 1
const tapsAfter = tapsPerPhase / 2
/** Shape of the Kaiser window: about 50 dB of stop band, which leaves the pass band as wide as 24 taps allow. */
const kaiserBeta = 4.5
const groupFrames = 16

const besselI0 = (x: number): number => {
  let term = 1
  let sum = 1
  for (let k = 1; k < 40; k++) {
    term *= (x / (2 * k)) ** 2
    sum += term
  }
  return sum
}

/** Value of a Kaiser window at `position` in [-1, 1]. */
export const kaiser = (position: number, beta: number): number =>
  Math.abs(position) > 1 ? 0 : besselI0(beta * Math.sqrt(1 - position * position)) / besselI0(beta)

/** Taps for the point at `fraction` after a sample: weights of the samples from `tapsBefore` before it on. */
const interpolator = (fraction: number): Float64Array => {
  const taps = Float64Array.from({ length: tapsPerPhase }, (_, k) => {
    const distance = k - tapsBefore - fraction
    const sinc = Math.sin(Math.PI * distance) / (Math.PI * distance)
    return sinc * kaiser(distance / (tapsPerPhase / 2), kaiserBeta)
  })
  const sum = taps.reduce((a, b) => a + b, 0)
  return taps.map((tap) => tap / sum)
}

const oversamplingOf = (sampleRate: number): number => (sampleRate >= 192_000 ? 1 : sampleRate >= 96_000 ? 2 : 4)

export interface TruePeakMeter {
  readonly process: (channels: ReadonlyArray<Float32Array>, length: number) => void
  /** Linear. Counts the samples themselves too, so it is never below the sample peak. Ends the measurement. */
  readonly result: () => number
}

export const makeTruePeakMeter = (sampleRate: number, channels: number, maxFrames: number): TruePeakMeter => {
  const oversampling = oversamplingOf(sampleRate)
  const phases = Array.from({ length: oversampling - 1 }, (_, p) => interpolator((p + 1) / oversampling))
  const rests = phases.map((taps) =>
    taps.reduce((sum, tap, k) => (k === tapsBefore || k === tapsBefore + 1 ? sum : sum + Math.abs(tap)), 0)
  )
  const centreBound = Math.max(0, ...phases.map((taps) => taps[tapsBefore]! + taps[tapsBefore + 1]!))
  const restBound = Math.max(0, ...rests)
  const bound = Math.max(1, ...phases.map((taps) => taps.reduce((sum, tap) => sum + Math.abs(tap), 0)))
  const pad = tapsBefore + tapsAfter
  const buffers = Array.from({ length: channels }, () => new Float32Array(pad + maxFrames))
  const groups = new Float64Array(Math.ceil((pad + maxFrames) / groupFrames))
  let peak = 0

  /** Points between sample n and n + 1, for n from `tapsBefore` on, as far as their taps reach. */
  const scan = (x: Float32Array, length: number) => {
    const groupCount = Math.ceil(length / groupFrames)
    for (let g = 0; g < groupCount; g++) {
      let largest = 0
      const end = Math.min(length, (g + 1) * groupFrames)
      for (let i = g * groupFrames; i < end; i++) {
        const magnitude = Math.abs(x[i]!)
        if (magnitude > largest) largest = magnitude
      }
      groups[g] = largest
      if (largest > peak) peak = largest
    }
    if (oversampling === 1) return
    const last = length - tapsAfter
    for (let g = 0; g < groupCount; g++) {
      // 24 taps reach no farther than the group before and the group after.
      let around = groups[g]!
      if (g > 0 && groups[g - 1]! > around) around = groups[g - 1]!
      if (g + 1 < groupCount && groups[g + 1]! > around) around = groups[g + 1]!
      if (around * bound <= peak) continue
      const from = Math.max(tapsBefore, g * groupFrames)
      const end = Math.min(last, (g + 1) * groupFrames)
      for (let n = from; n < end; n++) {
        const here = Math.abs(x[n]!)
        const next = Math.abs(x[n + 1]!)
        if ((here > next ? here : next) * centreBound + restBound * around <= peak) continue
        for (let p = 0; p < phases.length; p++) {
          const taps = phases[p]!
          const reach = taps[tapsBefore]! * here + taps[tapsBefore + 1]! * next + rests[p]! * around
          if (reach <= peak) continue
          let sum = 0
          const base = n - tapsBefore
          for (let k = 0; k < tapsPerPhase; k++) sum += taps[k]! * x[base + k]!
          const value = Math.abs(sum)
          if (value > peak) peak = value
        }
      }
    }
  }

  const process = (input: ReadonlyArray<Float32Array>, length: number) => {
    for (let c = 0; c < channels; c++) {
      const buffer = buffers[c]!
      buffer.set(input[c]!.subarray(0, length), pad)
      scan(buffer, pad + length)
      buffer.copyWithin(0, length, length + pad)
    }
  }

  const result = () => {
    for (const buffer of buffers) {
      buffer.fill(0, pad, 2 * pad)
      scan(buffer, Math.min(buffer.length, 2 * pad))
    }
    return peak
  }

  return { process, result }
}
