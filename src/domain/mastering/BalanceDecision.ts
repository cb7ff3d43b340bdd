/** How the spectrum is balanced: each band toward a reference, softly bounded, with the tilt of the preset. */
import { type BandName, bands, type Fingerprint } from "../fingerprint/Fingerprint.ts"
import { audible } from "./Decibels.ts"
import type { Move, Preset } from "./MasteringPlan.ts"
import { causesOf } from "./MoveCauses.ts"
import * as Sentences from "./PlanSentences.ts"
import { characters } from "./PresetCharacter.ts"

/** The largest move of one band, dB. */
export const maximumBalanceDb = 3
/** A band with a smaller share of the power than this is noise, not music: left alone. */
export const minimumBandShare = 0.0002
/** A deviation this large, dB, gets three quarters of the largest move: tracks differ by 5-10 dB a band and may. */
const balanceSpreadDb = 9

/**
 * Share of the power of each band in the long-term average spectrum of popular music. Elowsson & Friberg, "Long-term
 * Average Spectrum in Popular Music and its Relation to the Level of the Percussion" (AES 142, 2017; 12 345 tracks),
 * approximate its power density by a quadratic in octaves: -2.35 dB/octave at 200 Hz, falling by a further
 * 1.318 dB/octave every octave. These are the integrals of that curve over the seven bands; the test repeats the sum.
 */
export const referenceShares = [0.09288, 0.35833, 0.21765, 0.27031, 0.04322, 0.01022, 0.00738] as const
/** Mean K-weighting (ITU-R BS.1770-4) of each band, weighted by the same curve, dB. */
export const bandWeightsDb = [-5.39, -0.8, -0.05, 0.86, 3.61, 4, 4.04] as const

/** dB, one a band. */
export const flatBalanceDb: ReadonlyArray<number> = [0, 0, 0, 0, 0, 0, 0]

export interface Balance {
  readonly gainsDb: ReadonlyArray<number>
  /** Loudness of the balanced track minus that of the original, LU. */
  readonly loudnessChangeLu: number
  readonly moves: ReadonlyArray<Move>
}

export const noBalance: Balance = { gainsDb: flatBalanceDb, loudnessChangeLu: 0, moves: [] }

/**
 * Toward the reference spectrum, softly bounded. Only the shape counts, not the level: the curve is shifted so that at
 * full strength it leaves the K-weighted loudness as it is.
 */
export const decideBalance = (fingerprint: Fingerprint, preset: Preset, strength: number): Balance => {
  const { tiltDb, balanceStrength } = characters[preset]
  const shares = bands.map(({ name }) => fingerprint[name] / 100)
  const isLive = shares.map((share) => share >= minimumBandShare)
  const deviations = shares.map((share, i) => (isLive[i] ? 10 * Math.log10(referenceShares[i]! / share) : 0))
  const curve = (shiftDb: number, scale: number) =>
    deviations.map((deviation, i) =>
      isLive[i]
        ? scale * balanceStrength * bounded((deviation - shiftDb) / balanceSpreadDb + tiltDb[i]! / maximumBalanceDb)
        : 0
    )
  const change = (gainsDb: ReadonlyArray<number>) => loudnessChange(shares, gainsDb)

  let low = -100
  let high = 100
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2
    if (change(curve(middle, 1)) > 0) low = middle
    else high = middle
  }
  const gainsDb = curve((low + high) / 2, strength).map(audible)
  return {
    gainsDb,
    loudnessChangeLu: change(gainsDb),
    moves: balanceMoves(gainsDb, (name) => causesOf(fingerprint, name), Sentences.balanceAim(preset))
  }
}

/** The tilt of a preset at half strength, for a track of which nothing is known. */
export const fallbackBalance = (preset: Preset, intensity: number): Pick<Balance, "gainsDb" | "moves"> => {
  const gainsDb = characters[preset].tiltDb.map((tilt) => audible(0.5 * intensity * bounded(tilt / maximumBalanceDb)))
  return { gainsDb, moves: balanceMoves(gainsDb, () => [], Sentences.fallbackBalanceAim(preset)) }
}

/** Any argument to within the largest move of a band, dB; a third of it for a small one. */
const bounded = (argument: number): number => maximumBalanceDb * Math.tanh(argument)

/** LU, from the power shares of the bands and their K-weighting. */
const loudnessChange = (shares: ReadonlyArray<number>, gainsDb: ReadonlyArray<number>): number => {
  let before = 0
  let after = 0
  for (const [i, share] of shares.entries()) {
    const power = share * 10 ** (bandWeightsDb[i]! / 10)
    before += power
    after += power * 10 ** (gainsDb[i]! / 10)
  }
  return before > 0 ? 10 * Math.log10(after / before) : 0
}

const balanceMoves = (
  gainsDb: ReadonlyArray<number>,
  causesOfBand: (name: BandName) => Move["causes"],
  aim: string
): ReadonlyArray<Move> =>
  bands.flatMap(({ name, lowHz, highHz }, i): ReadonlyArray<Move> => {
    const gainDb = gainsDb[i]!
    if (gainDb === 0) return []
    const causes = causesOfBand(name)
    return [
      {
        stage: "balance",
        parameter: `gain from ${lowHz} to ${highHz} Hz`,
        amount: gainDb,
        unit: "dB",
        causes,
        reason: Sentences.bandReason(aim, name, causes[0]?.value, gainDb)
      }
    ]
  })
