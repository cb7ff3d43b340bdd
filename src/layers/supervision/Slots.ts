/** The children of one supervisor over all of their lives: starts and ends single ones, and remembers how they fare. */
import { Clock, Effect, Exit } from "effect"
import { failureSentence } from "../../domain/supervision/ChildEnd.ts"
import type { ChildStatus, SupervisorSnapshot } from "../../domain/supervision/SupervisorSnapshot.ts"
import type { Child } from "./Child.ts"
import { type ChildInstance, launch } from "./ChildInstance.ts"
import * as SupervisorMetrics from "./supervisorMetrics.ts"

export interface Slot {
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

export type Slots = ReturnType<typeof makeSlots>

/** Milliseconds on a clock that never goes back. */
export const nowMs = Effect.map(Clock.currentTimeNanos, (nanos) => Number(nanos / 1_000_000n))

export const makeSlots = (supervisor: string, onExit: OnExit) => {
  const metrics = SupervisorMetrics.make(supervisor)
  /** In the order in which they are started. */
  const slots = new Map<string, Slot>()

  const publish = Effect.suspend(() => metrics.setChildren(Array.from(slots.values(), ({ status }) => status)))

  const setStatus = (slot: Slot, status: ChildStatus) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      if (slot.status !== status) slot.since = now
      slot.status = status
      return publish
    })

  const fail = (slot: Slot, what: string, exit: Exit.Exit<unknown, unknown>) =>
    Effect.suspend(() => {
      if (Exit.isSuccess(exit)) return Effect.void
      slot.lastFailure = failureSentence(exit.cause)
      return Effect.logWarning(`${what}: ${slot.lastFailure}`)
    }).pipe(Effect.annotateLogs({ supervisor, child: slot.child.id }))

  /** Succeeds with whether it started. */
  const start = (slot: Slot) =>
    Effect.gen(function* () {
      const { id } = slot.child
      const life = ++slot.lives
      slot.startedAtMs = yield* nowMs
      yield* setStatus(slot, "starting")
      const instance = yield* Effect.uninterruptible(
        Effect.tap(
          launch(slot.child, (exit) => onExit(id, life, exit)),
          (instance) => Effect.sync(() => (slot.instance = instance))
        )
      )
      const exit = yield* instance.started
      if (Exit.isSuccess(exit)) yield* setStatus(slot, "running")
      else {
        slot.instance = undefined
        yield* fail(slot, "It does not start", exit)
      }
      return Exit.isSuccess(exit)
    })

  const stop = (slot: Slot) =>
    Effect.gen(function* () {
      const { instance } = slot
      if (instance === undefined) return
      yield* setStatus(slot, "stopping")
      yield* instance.stop
      slot.instance = undefined
      yield* setStatus(slot, "ended")
    })

  const snapshotOf = (slot: Slot): Effect.Effect<SupervisorSnapshot> =>
    Effect.map(slot.instance?.running()?.children ?? Effect.succeed([]), (children) => ({
      id: slot.child.id,
      type: slot.child.type,
      status: slot.status,
      restarts: Math.max(0, slot.lives - 1),
      last_failure: slot.lastFailure,
      since: slot.since,
      children
    }))

  return {
    metrics,
    add: (child: Child) =>
      Effect.map(Clock.currentTimeMillis, (since) => {
        const fresh = { instance: undefined, lives: 0, startedAtMs: 0, failures: 0, lastFailure: null }
        slots.set(child.id, { child, ...fresh, status: "starting", since })
      }),
    get: (id: string) => slots.get(id),
    setStatus,
    start,
    stop,
    /** Notes an end that nobody asked for; succeeds with the child, unless it is of a life that does not count any more. */
    end: (id: string, life: number, exit: Exit.Exit<unknown, unknown>) =>
      Effect.gen(function* () {
        const slot = slots.get(id)
        if (slot === undefined || slot.lives !== life || slot.instance === undefined) return undefined
        slot.instance = undefined
        yield* fail(slot, "It ended", exit)
        yield* setStatus(slot, "ended")
        return slot
      }),
    /** All but these are forgotten. */
    keep: (ids: ReadonlyArray<string>) => {
      const kept = new Set(ids)
      for (const id of slots.keys()) if (!kept.has(id)) slots.delete(id)
      return publish
    },
    stopAll: Effect.suspend(() => Effect.forEach([...slots.values()].toReversed(), stop, { discard: true })),
    snapshot: Effect.suspend(() => Effect.forEach([...slots.values()], snapshotOf))
  }
}
