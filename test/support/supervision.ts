/** Children that note what happens to them and end when the test says so. */
import { Deferred, Effect, type Exit, type Scope } from "effect"
import type { Child } from "../../src/layers/supervision/Child.ts"

export interface ActorOptions extends Partial<Pick<Child, "restart" | "shutdown" | "kill">> {
  /** Before it is there. Its failure is the start's. */
  readonly onStart?: Effect.Effect<unknown, unknown, Scope.Scope>
  /** What it does when it is told to end; cannot be interrupted. */
  readonly onStop?: Effect.Effect<unknown>
}

/** Actors of one log: `+a` a started, `?a` did not, `!a` ended by itself, `-a` ended because it was told to. */
export const makeTroupe = () => {
  const log: Array<string> = []
  const lives = new Map<string, Deferred.Deferred<unknown, unknown>>()
  let read = 0

  const actor = (id: string, { onStart = Effect.void, onStop = Effect.void, ...spec }: ActorOptions = {}): Child => ({
    id,
    type: "worker",
    restart: "permanent",
    shutdown: 5000,
    ...spec,
    start: Effect.gen(function* () {
      yield* Effect.onError(onStart, () => Effect.sync(() => log.push(`?${id}`)))
      const life = yield* Deferred.make<unknown, unknown>()
      yield* Effect.addFinalizer(() =>
        Effect.gen(function* () {
          const isDone = yield* Deferred.isDone(life)
          if (!isDone) yield* onStop
          if (lives.get(id) === life) lives.delete(id)
          log.push(`${isDone ? "!" : "-"}${id}`)
        })
      )
      lives.set(id, life)
      log.push(`+${id}`)
      return { ended: Deferred.await(life) }
    })
  })

  return {
    actor,
    log,
    /** What was noted since the last look. */
    news: () => {
      const news = log.slice(read).join(" ")
      read = log.length
      return news
    },
    running: () => [...lives.keys()].sort(),
    /** Ends the life that runs, if one does. */
    end: (id: string, exit: Exit.Exit<unknown, unknown>) =>
      Effect.suspend(() => {
        const life = lives.get(id)
        return life === undefined ? Effect.void : Effect.zipRight(Deferred.done(life, exit), settle)
      })
  }
}

/** Lets all fibers run until they wait for something: nothing here waits for anything but fibers and the test clock. */
export const settle = Effect.repeatN(Effect.yieldNow(), 300)
