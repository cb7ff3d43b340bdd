/**
 * Seven-band balance as minimum-phase biquads: a low shelf, five bells and a high shelf (R. Bristow-Johnson's cookbook).
 *
 * Neighbouring filters overlap, so the gain of a filter is not the gain of its band. The filter gains are solved for the
 * mean response of each band, as accurate graphic equalisers do (Oliver & Jot 2015; Välimäki & Liski 2017): a linear
 * system, then a few corrections for what is not linear in dB.
 */
import { bands } from "../../../../src/domain/fingerprint/Fingerprint.ts"
import { type BiquadCoefficients, highShelf, lowShelf, magnitudeDb, peaking } from "../../../../src/dsp/Biquad.ts"

type Shape = "lowShelf" | "bell" | "highShelf"

interface FilterSpec {
  readonly shape: Shape
  readonly frequencyHz: number
  readonly q: number
}

const bandCount = bands.length
/** A slope-1 shelf. */
const shelfQ = Math.SQRT1_2
/** The last corner that a rate can still realise well, as a share of it. */
const highestCorner = 0.4
/** Points a band's mean response is taken at, spaced evenly in octaves. */
const pointsPerBand = 8
/** Filter gains stay within this, dB, however contrary neighbouring bands are. */
const maximumFilterDb = 9

const bellQ = (lowHz: number, highHz: number): number => Math.sqrt(highHz * lowHz) / (highHz - lowHz)

const specs: ReadonlyArray<FilterSpec> = bands.map(({ lowHz, highHz }, band) => {
  if (band === 0) return { shape: "lowShelf", frequencyHz: highHz, q: shelfQ }
  if (band === bandCount - 1) return { shape: "highShelf", frequencyHz: lowHz, q: shelfQ }
  return { shape: "bell", frequencyHz: Math.sqrt(lowHz * highHz), q: bellQ(lowHz, highHz) }
})

export interface BalanceDesign {
  /** Gain of each filter, dB, for the wanted gain of each band, dB. Bands above the rate's reach get 0. */
  readonly filterGainsDb: (bandGainsDb: ReadonlyArray<number>) => Float64Array
  /** The sections for these filter gains, in series. */
  readonly sections: (filterGainsDb: ArrayLike<number>) => ReadonlyArray<BiquadCoefficients>
  /** Analytic response of the sections, dB. */
  readonly responseDb: (filterGainsDb: ArrayLike<number>, frequencyHz: number) => number
}

export const designBalance = (sampleRate: number): BalanceDesign => {
  const reachHz = 0.49 * sampleRate
  const active = specs.flatMap((spec, band) => (spec.frequencyHz < highestCorner * sampleRate ? [band] : []))
  const points = bands.map(({ lowHz, highHz }) => {
    const ratio = Math.min(highHz, reachHz) / lowHz
    return Array.from({ length: pointsPerBand }, (_, i) => lowHz * ratio ** ((i + 0.5) / pointsPerBand))
  })

  const section = (band: number, gainDb: number): BiquadCoefficients => {
    const { shape, frequencyHz, q } = specs[band]!
    const design = shape === "bell" ? peaking : shape === "lowShelf" ? lowShelf : highShelf
    return design(sampleRate, frequencyHz, gainDb, q)
  }
  const sections = (gains: ArrayLike<number>) => active.map((band) => section(band, gains[band]!))
  const responseDb = (gains: ArrayLike<number>, frequencyHz: number) =>
    sections(gains).reduce((sum, coefficients) => sum + magnitudeDb(coefficients, sampleRate, frequencyHz), 0)

  const meanDb = (band: number, response: (frequencyHz: number) => number): number =>
    points[band]!.reduce((sum, frequencyHz) => sum + response(frequencyHz), 0) / pointsPerBand

  // Response of each filter in each band per dB; measured at 2 dB, in the middle of what is used.
  const probeDb = 2
  const inverse = invert(
    active.map((row) =>
      active.map((column) => {
        const coefficients = section(column, probeDb)
        return meanDb(row, (frequencyHz) => magnitudeDb(coefficients, sampleRate, frequencyHz)) / probeDb
      })
    )
  )

  const filterGainsDb = (bandGainsDb: ReadonlyArray<number>): Float64Array => {
    const gains = new Float64Array(bandCount)
    if (bandGainsDb.every((gain) => gain === 0)) return gains
    for (let pass = 0; pass < 4; pass++) {
      const coefficients = sections(gains)
      const response = (frequencyHz: number) =>
        coefficients.reduce((sum, one) => sum + magnitudeDb(one, sampleRate, frequencyHz), 0)
      const residual = active.map((band) => bandGainsDb[band]! - meanDb(band, response))
      for (const [i, band] of active.entries()) {
        const step = residual.reduce((sum, value, j) => sum + inverse[i]![j]! * value, 0)
        gains[band] = Math.min(maximumFilterDb, Math.max(-maximumFilterDb, gains[band]! + step))
      }
    }
    return gains
  }

  return { filterGainsDb, sections, responseDb }
}

/** Gauss-Jordan with row pivots; the matrices here are diagonally dominant and at most 7 x 7. */
const invert = (matrix: ReadonlyArray<ReadonlyArray<number>>): ReadonlyArray<ReadonlyArray<number>> => {
  const size = matrix.length
  const rows = matrix.map((row, i) => [...row, ...row.map((_, j) => (i === j ? 1 : 0))])
  for (let column = 0; column < size; column++) {
    let pivot = column
    for (let row = column + 1; row < size; row++) {
      if (Math.abs(rows[row]![column]!) > Math.abs(rows[pivot]![column]!)) pivot = row
    }
    const chosen = rows[pivot]!
    rows[pivot] = rows[column]!
    rows[column] = chosen
    const scale = 1 / chosen[column]!
    for (let j = 0; j < 2 * size; j++) chosen[j] = chosen[j]! * scale
    for (let row = 0; row < size; row++) {
      if (row === column) continue
      const factor = rows[row]![column]!
      for (let j = 0; j < 2 * size; j++) rows[row]![j] = rows[row]![j]! - factor * chosen[j]!
    }
  }
  return rows.map((row) => row.slice(size))
}

export interface BalanceEq {
  /** Takes new filter gains, dB; cheap where they are as before. Allocates nothing. */
  readonly setFilterGainsDb: (gainsDb: Float64Array) => void
  /** In place; one array of equal length per channel. */
  readonly process: (block: ReadonlyArray<Float64Array>) => void
}

export const makeBalanceEq = (options: { readonly sampleRate: number; readonly channels: number }): BalanceEq => {
  const { channels, sampleRate } = options
  const current = new Float64Array(bandCount)
  // A band that has come to 0 dB goes on until its tail is gone: cutting it off would click.
  const isActive = new Uint8Array(bandCount)
  // b0 b1 b2 a1 a2 of each band; state s1 s2 of each band and channel (transposed direct form II).
  const coefficients = new Float64Array(bandCount * 5)
  // Those of the block before: a step of coefficients is a click, so they move sample by sample.
  const before = new Float64Array(bandCount * 5)
  const isMoving = new Uint8Array(bandCount)
  const state = new Float64Array(bandCount * channels * 2)
  const cosines = new Float64Array(bandCount)
  const sines = new Float64Array(bandCount)
  const isReachable: ReadonlyArray<boolean> = specs.map(({ frequencyHz }, band) => {
    cosines[band] = Math.cos((2 * Math.PI * frequencyHz) / sampleRate)
    sines[band] = Math.sin((2 * Math.PI * frequencyHz) / sampleRate)
    return frequencyHz < highestCorner * sampleRate
  })

  // The cookbook's formulae once more, as in Biquad.ts, because a glide calls them where nothing may be allocated.
  const update = (band: number, gainDb: number): void => {
    const { shape, q } = specs[band]!
    const cos = cosines[band]!
    const sin = sines[band]!
    const a = 10 ** (gainDb / 40)
    const at = band * 5
    let b0: number, b1: number, b2: number, a0: number, a1: number, a2: number
    if (shape === "bell") {
      const alpha = sin / (2 * q)
      b0 = 1 + alpha * a
      b1 = -2 * cos
      b2 = 1 - alpha * a
      a0 = 1 + alpha / a
      a1 = -2 * cos
      a2 = 1 - alpha / a
    } else {
      // The high shelf is the low shelf with the sign of cos turned.
      const turn = shape === "lowShelf" ? 1 : -1
      const beta = (Math.sqrt(a) * sin) / q
      b0 = a * (a + 1 - turn * (a - 1) * cos + beta)
      b1 = 2 * turn * a * (a - 1 - turn * (a + 1) * cos)
      b2 = a * (a + 1 - turn * (a - 1) * cos - beta)
      a0 = a + 1 + turn * (a - 1) * cos + beta
      a1 = -2 * turn * (a - 1 + turn * (a + 1) * cos)
      a2 = a + 1 + turn * (a - 1) * cos - beta
    }
    coefficients[at] = b0 / a0
    coefficients[at + 1] = b1 / a0
    coefficients[at + 2] = b2 / a0
    coefficients[at + 3] = a1 / a0
    coefficients[at + 4] = a2 / a0
  }

  for (let band = 0; band < bandCount; band++) if (isReachable[band]!) update(band, 0)
  before.set(coefficients)
  let hasStarted = false

  const setFilterGainsDb = (gainsDb: Float64Array): void => {
    for (let band = 0; band < bandCount; band++) {
      const gainDb = isReachable[band]! ? gainsDb[band]! : 0
      if (gainDb === current[band]) continue
      current[band] = gainDb
      update(band, gainDb)
      if (hasStarted) isMoving[band] = 1
      else before.set(coefficients.subarray(band * 5, band * 5 + 5), band * 5)
      isActive[band] = 1
    }
  }

  const process = (block: ReadonlyArray<Float64Array>): void => {
    hasStarted = true
    for (let band = 0; band < bandCount; band++) {
      if (isActive[band] === 0) continue
      let channel = 0
      if (isMoving[band] === 1) {
        isMoving[band] = 0
        for (; channel < channels; channel++) {
          filterMoving(before, coefficients, band * 5, state, (band * channels + channel) * 2, block[channel]!)
        }
        for (let i = band * 5; i < band * 5 + 5; i++) before[i] = coefficients[i]!
      }
      for (; channel + 1 < channels; channel += 2) {
        filterPair(coefficients, band * 5, state, (band * channels + channel) * 2, block[channel]!, block[channel + 1]!)
      }
      if (channel < channels) {
        filterOne(coefficients, band * 5, state, (band * channels + channel) * 2, block[channel]!)
      }
      if (current[band] === 0 && hasDecayed(state, band * channels * 2, channels * 2)) {
        state.fill(0, band * channels * 2, (band + 1) * channels * 2)
        isActive[band] = 0
      }
    }
  }
  return { setFilterGainsDb, process }
}

/** Below this a state is silence; without it an endless tail would end in slow denormal arithmetic. */
const negligible = 1e-30

/** As `filterOne`, while the coefficients move linearly from `from` to `to`: two stable sections have no unstable one between. */
const filterMoving = (
  from: Float64Array,
  to: Float64Array,
  at: number,
  state: Float64Array,
  stateAt: number,
  samples: Float64Array
): void => {
  const step = 1 / samples.length
  let b0 = from[at]!
  let b1 = from[at + 1]!
  let b2 = from[at + 2]!
  let a1 = from[at + 3]!
  let a2 = from[at + 4]!
  const b0Step = (to[at]! - b0) * step
  const b1Step = (to[at + 1]! - b1) * step
  const b2Step = (to[at + 2]! - b2) * step
  const a1Step = (to[at + 3]! - a1) * step
  const a2Step = (to[at + 4]! - a2) * step
  let s1 = state[stateAt]!
  let s2 = state[stateAt + 1]!
  for (let n = 0; n < samples.length; n++) {
    b0 += b0Step
    b1 += b1Step
    b2 += b2Step
    a1 += a1Step
    a2 += a2Step
    const x = samples[n]!
    const y = b0 * x + s1
    s1 = b1 * x - a1 * y + s2
    s2 = b2 * x - a2 * y
    samples[n] = y
  }
  state[stateAt] = settle(s1)
  state[stateAt + 1] = settle(s2)
}

/** -240 dBFS. */
const inaudible = 1e-12

const hasDecayed = (state: Float64Array, from: number, count: number): boolean => {
  for (let i = from; i < from + count; i++) if (state[i]! > inaudible || state[i]! < -inaudible) return false
  return true
}

const settle = (value: number): number => (value < negligible && value > -negligible ? 0 : value)

/** Two channels in one loop: their recursions are independent, so one's latency hides the other's. */
const filterPair = (
  coefficients: Float64Array,
  at: number,
  state: Float64Array,
  stateAt: number,
  left: Float64Array,
  right: Float64Array
): void => {
  const b0 = coefficients[at]!
  const b1 = coefficients[at + 1]!
  const b2 = coefficients[at + 2]!
  const a1 = coefficients[at + 3]!
  const a2 = coefficients[at + 4]!
  let l1 = state[stateAt]!
  let l2 = state[stateAt + 1]!
  let r1 = state[stateAt + 2]!
  let r2 = state[stateAt + 3]!
  for (let n = 0; n < left.length; n++) {
    const l = left[n]!
    const r = right[n]!
    const yl = b0 * l + l1
    const yr = b0 * r + r1
    l1 = b1 * l - a1 * yl + l2
    r1 = b1 * r - a1 * yr + r2
    l2 = b2 * l - a2 * yl
    r2 = b2 * r - a2 * yr
    left[n] = yl
    right[n] = yr
  }
  state[stateAt] = settle(l1)
  state[stateAt + 1] = settle(l2)
  state[stateAt + 2] = settle(r1)
  state[stateAt + 3] = settle(r2)
}

const filterOne = (
  coefficients: Float64Array,
  at: number,
  state: Float64Array,
  stateAt: number,
  samples: Float64Array
): void => {
  const b0 = coefficients[at]!
  const b1 = coefficients[at + 1]!
  const b2 = coefficients[at + 2]!
  const a1 = coefficients[at + 3]!
  const a2 = coefficients[at + 4]!
  let s1 = state[stateAt]!
  let s2 = state[stateAt + 1]!
  for (let n = 0; n < samples.length; n++) {
    const x = samples[n]!
    const y = b0 * x + s1
    s1 = b1 * x - a1 * y + s2
    s2 = b2 * x - a2 * y
    samples[n] = y
  }
  state[stateAt] = settle(s1)
  state[stateAt + 1] = settle(s2)
}
