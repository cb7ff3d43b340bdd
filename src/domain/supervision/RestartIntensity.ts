/** How many restarts are too many: supervisor.erl's `add_restart`. */

export interface RestartIntensity {
  /** So many restarts within the period are borne; the next one escalates. 0: none is; Infinity: it never escalates. */
  readonly intensity: number
  /** Whole seconds, at least 1. */
  readonly periodSeconds: number
}

/** Seconds of past restarts, the newest first. */
export type RestartTimes = ReadonlyArray<number>

export interface CountedRestart {
  readonly times: RestartTimes
  readonly isTooMany: boolean
}

/**
 * Counts a restart at `nowMs`, on a clock that never goes back. As OTP does, in whole seconds, both ends of the period
 * included: with a period of 1 s, restarts at 0.0 s and 1.9 s are counted together, those at 0.9 s and 2.0 s are not.
 */
export const countRestart = (
  { intensity, periodSeconds }: RestartIntensity,
  times: RestartTimes,
  nowMs: number
): CountedRestart => {
  const now = Math.floor(nowMs / 1000)
  const old = times.findIndex((time) => time < now - periodSeconds)
  const counted = [now, ...(old === -1 ? times : times.slice(0, old))]
  return { times: counted, isTooMany: counted.length > intensity }
}
