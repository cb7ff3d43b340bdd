/** Waiting for a database that another program holds: a backup, a shell. */
import { Cause, Effect, Schedule } from "effect"
import { isBusy } from "./sqliteErrors.ts"

/** Each attempt waits for DatabaseSqlite's busy timeout besides. */
const pauses = Schedule.exponential("100 millis").pipe(Schedule.union(Schedule.spaced("5 seconds")), Schedule.jittered)

const heldByOther = <E>(cause: Cause.Cause<E>) => isBusy(Cause.squash(cause))

/**
 * Does it again until the database is free, however long that takes: for work that nobody waits for, and that must not
 * be lost. It has to be such that it may be done twice.
 */
export const untilFree = <A, E, R>(work: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    let isTold = false
    const tell = Effect.suspend(() => {
      if (isTold) return Effect.void
      isTold = true
      return Effect.logWarning("The database is held by another program; the library waits for it")
    })
    return work.pipe(
      Effect.sandbox,
      Effect.tapError((cause) => (heldByOther(cause) ? tell : Effect.void)),
      Effect.retry({ schedule: pauses, while: heldByOther }),
      Effect.unsandbox
    )
  })
