/** Gains that make the enhanced music and the original equally loud: the louder one is turned down, none up. */

/** dB, 0 or less. */
export interface MatchGains {
  readonly enhanced: number
  readonly original: number
}

/** LUFS of both; without one of them nothing is changed. */
export const matchGains = (enhancedLufs: number | undefined, originalLufs: number | undefined): MatchGains => {
  if (enhancedLufs === undefined || originalLufs === undefined) return { enhanced: 0, original: 0 }
  const difference = enhancedLufs - originalLufs
  if (!Number.isFinite(difference)) return { enhanced: 0, original: 0 }
  return { enhanced: Math.min(0, -difference), original: Math.min(0, difference) }
}

export const linear = (db: number): number => (db === 0 ? 1 : 10 ** (db / 20))
