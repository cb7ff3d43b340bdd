/** Bounds of what a plan says in decibels. */

/** Smaller moves are not worth a filter, dB. */
const inaudibleDb = 0.05

/** The most that a gain of RenderSettings carries, dB. */
const largestGainDb = 60

export const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value))

/** A move, or 0 where nobody would hear it. */
export const audible = (db: number): number => (Math.abs(db) < inaudibleDb ? 0 : db)

/** Within what RenderSettings carries, dB; never -0. */
export const gainSetting = (db: number): number => clamp(db, -largestGainDb, largestGainDb) + 0
