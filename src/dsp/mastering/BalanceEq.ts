/**
 * Seven-band balance as minimum-phase biquads: a low shelf, five bells and a high shelf (R. Bristow-Johnson's cookbook).
 *
 * Neighbouring filters overlap, so the gain of a filter is not the gain of its band. The filter gains are solved for the
 * mean response of each band, as accurate graphic equalisers do (Oliver & Jot 2015; Välimäki & Liski 2017): a linear
 * system, then a few corrections for what is not linear in dB.
 */
import { bands } from "../../domain/fingerprint/Fingerprint.ts"
import { type BiquadCoefficients, highShelf, lowShelf, magnitudeDb, peaking } from "../Biquad.ts"
import type { Kernels } from "../Kernels.ts"
import type { PlanarBlock } from "./PlanarBlock.ts"

type Shape = "lowShelf" | "bell" | "highShelf"

interface FilterSpec {
  readonly shape: Shape
  readonly frequencyHz: number
  readonly q: number
}

const bandCount = bands.length
/** b0 b1 b2 a1 a2. */
const sectionLength = 5
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
  /** In place. */
  readonly process: (block: PlanarBlock) => void
  /** Whether the next blocks need no more than the kernel `biquads` with the same list of sections. */
  readonly isSteady: () => boolean
  /** Sections that the kernel shall go through: see `biquads`. A multiple of 4. */
  readonly sectionCount: () => number
  /** Addresses of what the kernel `biquads` needs. */
  readonly coefficientsAt: number
  readonly orderAt: number
  readonly stateAt: number
}

/** So many sections go along a sample together. */
const sectionsAtOnce = 4

export const makeBalanceEq = (
  { float64, functions, int32 }: Kernels,
  options: { readonly sampleRate: number; readonly channels: number }
): BalanceEq => {
  const { channels, sampleRate } = options
  const current = new Float64Array(bandCount)
  // A band that has come to 0 dB goes on until its tail is gone: cutting it off would click.
  const isActive = new Uint8Array(bandCount)
  // b0 b1 b2 a1 a2 of each band, and of an identity that fills the last group of sections up.
  const coefficients = float64((bandCount + 1) * sectionLength)
  coefficients[bandCount * sectionLength] = 1
  const coefficientsAt = coefficients.byteOffset
  // Those of the block before: a step of coefficients is a click, so they move sample by sample.
  const before = float64(bandCount * sectionLength)
  const beforeAt = before.byteOffset
  const isMoving = new Uint8Array(bandCount)
  // s1 s2 of each band and pair of channels, each for both of the pair.
  const stateLength = 4 * Math.ceil(channels / 2)
  const state = float64((bandCount + 1) * stateLength)
  const stateAt = state.byteOffset
  // The bands that are active, and identities; and one band alone.
  const order = int32(sectionsAtOnce * Math.ceil(bandCount / sectionsAtOnce))
  const orderAt = order.byteOffset
  const single = int32(sectionsAtOnce).fill(bandCount)
  const singleAt = single.byteOffset
  let orderLength = 0
  let movingCount = 0
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
    const at = band * sectionLength
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
  before.set(coefficients.subarray(0, before.length))
  let hasStarted = false

  const listActive = (): void => {
    let count = 0
    for (let band = 0; band < bandCount; band++) if (isActive[band] === 1) order[count++] = band
    orderLength = Math.ceil(count / sectionsAtOnce) * sectionsAtOnce
    while (count < orderLength) order[count++] = bandCount
  }

  const setFilterGainsDb = (gainsDb: Float64Array): void => {
    for (let band = 0; band < bandCount; band++) {
      const gainDb = isReachable[band]! ? gainsDb[band]! : 0
      if (gainDb === current[band]) continue
      current[band] = gainDb
      update(band, gainDb)
      if (!hasStarted) arrive(band)
      else if (isMoving[band] === 0) {
        isMoving[band] = 1
        movingCount++
      }
      if (isActive[band] === 0) {
        isActive[band] = 1
        listActive()
      }
    }
  }

  const arrive = (band: number): void => {
    for (let i = band * sectionLength; i < (band + 1) * sectionLength; i++) before[i] = coefficients[i]!
  }

  /** A series has to keep its order: each section's state belongs to what the ones before it let through. */
  const processMoving = ({ address, frames }: PlanarBlock): void => {
    for (let band = 0; band < bandCount; band++) {
      if (isActive[band] === 0) continue
      if (isMoving[band] === 1) {
        const offset = 8 * band * sectionLength
        const bandStateAt = stateAt + 8 * band * stateLength
        functions.movingBiquad(address, channels, frames, beforeAt + offset, coefficientsAt + offset, bandStateAt)
        isMoving[band] = 0
        arrive(band)
      } else {
        single[0] = band
        functions.biquads(address, channels, frames, coefficientsAt, singleAt, sectionsAtOnce, stateAt)
      }
    }
    movingCount = 0
  }

  const retireDecayed = (): void => {
    let hasRetired = false
    for (let band = 0; band < bandCount; band++) {
      if (isActive[band] === 0 || current[band] !== 0) continue
      if (!hasDecayed(state, band * stateLength, stateLength)) continue
      for (let i = band * stateLength; i < (band + 1) * stateLength; i++) state[i] = 0
      isActive[band] = 0
      hasRetired = true
    }
    if (hasRetired) listActive()
  }

  const process = (block: PlanarBlock): void => {
    hasStarted = true
    if (orderLength === 0) return
    if (movingCount > 0) processMoving(block)
    else {
      functions.biquads(block.address, channels, block.frames, coefficientsAt, orderAt, orderLength, stateAt)
    }
    retireDecayed()
  }

  const isSteady = (): boolean => {
    if (movingCount > 0) return false
    for (let band = 0; band < bandCount; band++) if (isActive[band] === 1 && current[band] === 0) return false
    return true
  }

  return {
    setFilterGainsDb,
    process,
    isSteady,
    sectionCount: () => orderLength,
    coefficientsAt,
    orderAt,
    stateAt
  }
}

/** -240 dBFS. */
const inaudible = 1e-12

const hasDecayed = (state: Float64Array, from: number, count: number): boolean => {
  for (let i = from; i < from + count; i++) if (state[i]! > inaudible || state[i]! < -inaudible) return false
  return true
}
