/**
 * What was found and could not be stored, as on a full disk: kept, tried again until it is, and counted. Nothing of it is
 * measured a second time while the service runs.
 */
import { Cause, Duration, Effect, Schedule } from "effect"
import type { TrackFile, TrackId } from "../../domain/library/Track.ts"
import { Actors } from "../../services/Actors.ts"
import { isRefused } from "../database/sqliteErrors.ts"
import { contentIdOf } from "./FileContent.ts"
import { countWrite } from "./tierMetrics.ts"

/** As many as the memory tier holds; each has some kilobytes. */
const mostOwed = 1024

/** From a write that failed to the next attempt: doubling, to a minute. */
const retryPauses = Schedule.exponential("5 seconds").pipe(Schedule.union(Schedule.spaced(Duration.minutes(1))))

export interface OwedWrites<Known> {
  /** Stores what is known of a file's content, now or later. Does not fail. */
  readonly write: (file: TrackFile, known: Known, store: Effect.Effect<void>) => Effect.Effect<void>
  readonly find: (file: TrackFile) => Known | undefined
  readonly count: () => number
  /** Who measures without being asked to had better wait. */
  readonly isFull: () => boolean
}

interface Owed<Known> {
  readonly content: string
  readonly known: Known
  readonly store: Effect.Effect<void>
}

/** Tried once more when the scope closes. */
export const makeOwedWrites = <Known>() =>
  Effect.gen(function* () {
    const actors = yield* Actors
    const owed = new Map<TrackId, Owed<Known>>()
    const isOwing = yield* Effect.makeLatch(false)

    const attempt = (store: Effect.Effect<void>) =>
      Effect.as(store, "stored" as const).pipe(
        Effect.zipLeft(countWrite("database", "stored")),
        Effect.catchAllCause((cause) =>
          Effect.gen(function* () {
            yield* countWrite("database", "error")
            const isHopeless = isRefused(Cause.squash(cause))
            if (isHopeless || owed.size === 0)
              yield* Effect.logWarning(
                `The database tier of fingerprints cannot be written${isHopeless ? "" : "; it is tried again"}`,
                cause
              )
            return isHopeless ? ("refused" as const) : ("owed" as const)
          })
        )
      )

    /** In their order. Whether nothing is owed any more. */
    const settle = Effect.gen(function* () {
      for (const [id, entry] of owed) {
        if ((yield* attempt(entry.store)) !== "owed" && owed.get(id) === entry) owed.delete(id)
      }
      if (owed.size > 0) return false
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

    const write: OwedWrites<Known>["write"] = (file, known, store) =>
      Effect.gen(function* () {
        const { id } = file.track
        // Whatever is stored of a track replaces what was: an older one must not come later.
        owed.delete(id)
        const outcome = yield* attempt(store)
        if (outcome !== "owed" || owed.size >= mostOwed) return
        owed.set(id, { content: contentIdOf(file), known, store })
        yield* isOwing.open
      })

    return {
      write,
      find: (file) => {
        const entry = owed.get(file.track.id)
        return entry?.content === contentIdOf(file) ? entry.known : undefined
      },
      count: () => owed.size,
      isFull: () => owed.size >= mostOwed
    } satisfies OwedWrites<Known>
  })
