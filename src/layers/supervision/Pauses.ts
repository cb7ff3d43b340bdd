import { Effect, Fiber } from "effect"

/** Children that wait for their common restart. */
export interface Pause {
  readonly ids: ReadonlyArray<string>
  timer?: Fiber.Fiber<unknown>
}

/** The pauses of one supervisor. `onOver` is told of those that were not cancelled in time. */
export const makePauses = (onOver: (pause: Pause) => Effect.Effect<unknown>) => {
  const pauses = new Set<Pause>()
  return {
    begin: (ids: ReadonlyArray<string>, durationMs: number) =>
      Effect.suspend(() => {
        const pause: Pause = { ids }
        pauses.add(pause)
        const wait = Effect.zipRight(Effect.sleep(durationMs), onOver(pause))
        return Effect.map(Effect.forkDaemon(Effect.interruptible(wait)), (timer) => {
          pause.timer = timer
        })
      }).pipe(Effect.uninterruptible),
    /** False: it was cancelled, after it had told of its end. */
    end: (pause: Pause) => pauses.delete(pause),
    cancel: (which: (pause: Pause) => boolean) =>
      Effect.suspend(() => {
        const cancelled = [...pauses].filter(which)
        for (const pause of cancelled) pauses.delete(pause)
        return Fiber.interruptAll(cancelled.flatMap(({ timer }) => timer ?? []))
      })
  }
}
