/** Work that several want at the same time, done once: it runs as long as somebody waits for it, and a little longer. */
import { type Duration, Effect, Fiber, type Scope } from "effect"

interface Entry<A> {
  readonly value: A
  readonly fiber: Fiber.RuntimeFiber<void>
  waiting: number
  /** How many have gone: who goes last is the last only as long as nobody has gone after. */
  departures: number
}

export interface SharedWork<A> {
  /**
   * What belongs to the running work of this key; `begin` makes it, and the work itself, where none runs. Held until
   * the scope closes: when the last holder has gone for `linger`, the work is interrupted.
   */
  readonly join: (
    key: string,
    begin: Effect.Effect<{ readonly value: A; readonly work: Effect.Effect<void> }>
  ) => Effect.Effect<A, never, Scope.Scope>
  /** Of the work that runs now. */
  readonly keys: () => ReadonlyArray<string>
}

/** Work that still runs when the scope closes is interrupted. */
export const makeSharedWork = <A>(
  linger: Duration.DurationInput,
  onBegun: (key: string, fiber: Fiber.RuntimeFiber<void>) => Effect.Effect<void> = () => Effect.void
): Effect.Effect<SharedWork<A>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const entries = new Map<string, Entry<A>>()
    const lock = yield* Effect.makeSemaphore(1)

    const forget = (key: string, fiber: Fiber.RuntimeFiber<void>) => {
      if (entries.get(key)?.fiber === fiber) entries.delete(key)
    }

    const start = (key: string, begin: Parameters<SharedWork<A>["join"]>[1]) =>
      Effect.gen(function* () {
        const { value, work } = yield* begin
        const fiber: Fiber.RuntimeFiber<void> = yield* Effect.interruptible(work).pipe(
          // Whoever comes from now on begins anew: what was found is in the caches by now.
          Effect.ensuring(Effect.sync(() => forget(key, fiber))),
          Effect.forkIn(scope)
        )
        const entry: Entry<A> = { value, fiber, waiting: 0, departures: 0 }
        if (fiber.unsafePoll() === null) entries.set(key, entry)
        yield* onBegun(key, fiber)
        return entry
      })

    const leave = (key: string, entry: Entry<A>) =>
      Effect.suspend(() => {
        entry.waiting -= 1
        entry.departures += 1
        if (entry.waiting > 0) return Effect.void
        const { departures } = entry
        return Effect.sleep(linger).pipe(
          Effect.zipRight(
            Effect.suspend(() => {
              if (entry.waiting > 0 || entry.departures !== departures) return Effect.void
              forget(key, entry.fiber)
              return Effect.asVoid(Fiber.interruptFork(entry.fiber))
            })
          ),
          Effect.interruptible,
          Effect.forkIn(scope),
          Effect.asVoid
        )
      })

    return {
      join: (key, begin) =>
        Effect.acquireRelease(
          lock.withPermits(1)(
            Effect.gen(function* () {
              const entry = entries.get(key) ?? (yield* start(key, begin))
              entry.waiting += 1
              return entry
            })
          ),
          (entry) => leave(key, entry)
        ).pipe(Effect.map(({ value }) => value)),
      keys: () => [...entries.keys()]
    }
  })
