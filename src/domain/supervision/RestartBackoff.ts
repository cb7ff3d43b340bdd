/** The pause before a restart. OTP has none: it starts again at once and leaves it to the intensity to give up. */

export interface RestartBackoff {
  /** Before the first restart; doubled with every further one. 0: no pause at all, as OTP. */
  readonly firstMs: number
  /** It grows no further. */
  readonly mostMs: number
  /** A child that ran for this long begins with the first pause again. */
  readonly healthyMs: number
}

export const noBackoff: RestartBackoff = { firstMs: 0, mostMs: 0, healthyMs: 0 }

/** Largest deviation by chance, so that what failed together does not come back together. */
const jitter = 0.2

/**
 * Whole milliseconds before restart number `failures` + 1 in a row.
 * @param chance in [0, 1); 0.5 gives the undisturbed pause.
 */
export const pauseMs = ({ firstMs, mostMs }: RestartBackoff, failures: number, chance: number): number =>
  // 2 ** 1024 is Infinity, and 0 * Infinity no number.
  firstMs === 0 ? 0 : Math.round(Math.min(mostMs, firstMs * 2 ** failures) * (1 + jitter * (2 * chance - 1)))

/** Restarts in a row after another failure of a child that ran for `ranMs`; 0 where it never ran. */
export const failuresBefore = ({ healthyMs }: RestartBackoff, failures: number, ranMs: number): number =>
  ranMs >= healthyMs ? 0 : failures
