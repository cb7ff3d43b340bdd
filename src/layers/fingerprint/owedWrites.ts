/**
 * What was found and could not be stored, as on a full disk: kept, tried again until it is, and counted. Nothing of it is
 * measured a second time while the service runs.
 */
import { Duration, Effect, Schedule } from "effect"
import { Actors } from "../../services/Actors.ts"
import { countWrite } from "./tierMetrics.ts"

/** As many as the memory tier holds; each has some kilobytes. */
const mostOwed = 1024

/** From a write that failed to the next attempt: doubling, to a minute. */
const retryPauses = Schedule.exponential("5 seconds").pipe(Schedule.union(Schedule.spaced(Duration.minutes(1))))

export interface OwedWrites<Known> {
  /** Stores what is known of a content, now or later. Does not fail. */
  readonly write: (id: string, known: Known, store: Effect.Effect<void>) => Effect.Effect<void>
  readonly find: (id: string) => Known | undefined
  readonly count: () => number
  /** Who measures without being asked to had better wait. */
  readonly isFull: () => boolean
}

interface Owed<Known> {
  readonly known: Known
  readonly store: Effect.Effect<void>
}

/** Tried once more when the scope closes. */
export const makeOwedWrites = <Known>() =>
  Effect.gen(function* () {
    const actors = yield* Actors
    const owed = new Map<string, Owed<Known>>()
    const isOwing = yield* Effect.makeLatch(false)

    const tried = (store: Effect.Effect<void>) =>
      Effect.as(store, true).pipe(
        Effect.zipLeft(countWrite("database", "stored")),
        Effect.catchAllCause((cause) =>
          countWrite("database", "error").pipe(
            Effect.zipRight(
              owed.size === 0
                ? Effect.logWarning("The database tier of fingerprints cannot be written; it is tried again", cause)
                : Effect.void
            ),
            Effect.as(false)
          )
        )
      )

    /** In their order, up to the first that fails again. */
    const settle = Effect.gen(function* () {
      for (const [id, entry] of owed) {
        if (!(yield* tried(entry.store))) return false
        if (owed.get(id) === entry) owed.delete(id)
      }
      yield* isOwing.close
      yield* Effect.logInfo("All fingerprints are stored that could not be")
      return true
    })
    const settleAll = Effect.repeat(settle, { schedule: retryPauses, until: (isSettled) => isSettled })
    yield* actors.keep(
      "generation",
      "owed writes",
      Effect.forever(isOwing.await.pipe(Effect.zipRight(Effect.sleep("5 seconds")), Effect.zipRight(settleAll)))
    )
    yield* Effect.addFinalizer(() => (owed.size > 0 ? settle : Effect.void))

    const write: OwedWrites<Known>["write"] = (id, known, store) =>
      Effect.gen(function* () {
        const isStored = yield* tried(store)
        owed.delete(id)
        if (isStored || owed.size >= mostOwed) return
        owed.set(id, { known, store })
        yield* isOwing.open
      })

    return {
      write,
      find: (id) => owed.get(id)?.known,
      count: () => owed.size,
      isFull: () => owed.size >= mostOwed
    } satisfies OwedWrites<Known>
  })
