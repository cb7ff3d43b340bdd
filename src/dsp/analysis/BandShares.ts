/** How the power of a spectrum spreads over the seven bands, and bass against middle. */
import { bands } from "../../domain/fingerprint/Fingerprint.ts"

/** Bounds of `bass_mid_ratio`, dB: beyond them one of the two is as good as absent. */
const ratioLimitDb = 60

export interface BandResult {
  /** Percent, in the order of `bands`; they sum to 100. */
  readonly shares: ReadonlyArray<number>
  /** dB. */
  readonly bassMidRatioDb: number
}

/** Integral of the spectrum, constant over each bin's width, from `lowHz` to `highHz` or Nyquist; in bins. */
const powerBetween = (power: Float64Array, binHz: number, lowHz: number, highHz: number): number => {
  const low = lowHz / binHz
  const high = Math.min(highHz / binHz, power.length - 1)
  let sum = 0
  for (let k = Math.floor(low + 0.5); k < power.length && k - 0.5 < high; k++) {
    sum += power[k]! * Math.max(0, Math.min(high, k + 0.5) - Math.max(low, k - 0.5))
  }
  return sum
}

/** `power` from 0 Hz to Nyquist, any scale. Null if there is none between 20 Hz and 20 kHz. */
export const bandShares = (power: Float64Array, binHz: number): BandResult | null => {
  const parts = bands.map(({ highHz, lowHz }) => powerBetween(power, binHz, lowHz, highHz))
  const total = parts.reduce((a, b) => a + b, 0)
  if (!(total > 0)) return null
  const bass = powerBetween(power, binHz, 20, 250)
  const mid = powerBetween(power, binHz, 250, 2000)
  const ratio = bass === 0 && mid === 0 ? 0 : 10 * Math.log10(bass / mid)
  return {
    // A part that is nearly all of it can round to just above it.
    shares: parts.map((part) => Math.min(100, (100 * part) / total)),
    bassMidRatioDb: Math.max(-ratioLimitDb, Math.min(ratioLimitDb, ratio))
  }
}
