/** Root may write where nobody may: with this a test of permissions finds what a user finds. */
import { Effect } from "effect"

/** Of `nobody`. */
const unprivileged = 65_534

/** The effective user of the whole process for as long as `effect` runs: nothing else may run beside it. */
export const withoutPrivileges = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  process.geteuid?.() === 0
    ? Effect.acquireUseRelease(
        Effect.sync(() => process.seteuid?.(unprivileged)),
        () => effect,
        () => Effect.sync(() => process.seteuid?.(0))
      )
    : effect
