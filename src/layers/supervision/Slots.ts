/** The children of one supervisor over all of their lives: starts and ends single ones, and remembers how they fare. */
import { Clock, Effect, Exit } from "effect"
import { failureSentence } from "../../domain/supervision/ChildEnd.ts"
import type { ChildStatus, SupervisorSnapshot } from "../../domain/supervision/SupervisorSnapshot.ts"
import type { Child } from "./Child.ts"
import { type ChildInstance, launch } from "./ChildInstance.ts"
import * as SupervisorMetrics from "./supervisorMetrics.ts"

export interface Place {
  readonly child: Child
  /** The life that runs, or is being started or ended. */
  instance: ChildInstance | undefined
  /** How many there were. */
  lives: number
  /** When the latest one began, on the clock of `nowMs`. */
  startedAtMs: number
  /** Restarts in a row, by which the back-off grows. */
  failures: number
  status: ChildStatus
  /** ms since 1970. */
  since: number
  lastFailure: string | null
}

/** Tells when a child ended that had started; `life` says which of its lives. */
export type OnExit = (id: string, life: number, exit: Exit.Exit<unknown, unknown>) => void

/** Milliseconds on a clock that never goes back. */
export const nowMs = Effect.map(Clock.currentTimeNanos, (nanos) => Number(nanos / 1_000_000n))

export const makePlaces = (supervisor: string, onExit: OnExit) => {
  const metrics = SupervisorMetrics.make(supervisor)
  /** In the order in which they are started. */
  const places = new Map<string, Place>()

  const publish = Effect.suspend(() => metrics.setChildren(Array.from(places.values(), ({ status }) => status)))

  const setStatus = (place: Place, status: ChildStatus) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      if (place.status !== status) place.since = now
      place.status = status
      return publish
    })

  const fail = (place: Place, what: string, exit: Exit.Exit<unknown, unknown>) =>
    Effect.suspend(() => {
      if (Exit.isSuccess(exit)) return Effect.void
      place.lastFailure = failureSentence(exit.cause)
      return Effect.logWarning(`${what}: ${place.lastFailure}`)
    }).pipe(Effect.annotateLogs({ supervisor, child: place.child.id }))

  /** Succeeds with whether it started. */
  const start = (place: Place) =>
    Effect.gen(function* () {
      const { id } = place.child
      const life = ++place.lives
      place.startedAtMs = yield* nowMs
      yield* setStatus(place, "starting")
      const instance = yield* Effect.uninterruptible(
        Effect.tap(
          launch(place.child, (exit) => onExit(id, life, exit)),
          (instance) => Effect.sync(() => (place.instance = instance))
        )
      )
      const exit = yield* instance.started
      if (Exit.isSuccess(exit)) yield* setStatus(place, "running")
      else {
        place.instance = undefined
        yield* fail(place, "It does not start", exit)
      }
      return Exit.isSuccess(exit)
    })

  const stop = (place: Place) =>
    Effect.gen(function* () {
      const { instance } = place
      if (instance === undefined) return
      yield* setStatus(place, "stopping")
      yield* instance.stop
      place.instance = undefined
      yield* setStatus(place, "ended")
    })

  const snapshotOf = (place: Place): Effect.Effect<SupervisorSnapshot> =>
    Effect.map(place.instance?.running()?.children ?? Effect.succeed([]), (children) => ({
      id: place.child.id,
      type: place.child.type,
      status: place.status,
      restarts: Math.max(0, place.lives - 1),
      last_failure: place.lastFailure,
      since: place.since,
      children
    }))

  return {
    metrics,
    add: (child: Child) =>
      Effect.map(Clock.currentTimeMillis, (since) => {
        const fresh = { instance: undefined, lives: 0, startedAtMs: 0, failures: 0, lastFailure: null }
        places.set(child.id, { child, ...fresh, status: "starting", since })
      }),
    get: (id: string) => places.get(id),
    setStatus,
    start,
    stop,
    /** Notes an end that nobody asked for; succeeds with the child, unless it is of a life that does not count any more. */
    end: (id: string, life: number, exit: Exit.Exit<unknown, unknown>) =>
      Effect.gen(function* () {
        const place = places.get(id)
        if (place === undefined || place.lives !== life || place.instance === undefined) return undefined
        place.instance = undefined
        yield* fail(place, "It ended", exit)
        yield* setStatus(place, "ended")
        return place
      }),
    /** All but these are forgotten. */
    keep: (ids: ReadonlyArray<string>) => {
      const kept = new Set(ids)
      for (const id of places.keys()) if (!kept.has(id)) places.delete(id)
      return publish
    },
    stopAll: Effect.suspend(() => Effect.forEach([...places.values()].toReversed(), stop, { discard: true })),
    snapshot: Effect.suspend(() => Effect.forEach([...places.values()], snapshotOf))
  }
}
