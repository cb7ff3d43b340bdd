/** A supervisor: has domain/supervision decide, and does what was decided, one thing after the other. */
import { Data, Deferred, Effect, type Exit, Fiber, Queue, Random, type Scope } from "effect"
import { ChildShutdown, exitReasonOf } from "../../domain/supervision/ChildEnd.ts"
import { failuresBefore, noBackoff, pauseMs, type RestartBackoff } from "../../domain/supervision/RestartBackoff.ts"
import * as Decision from "../../domain/supervision/SupervisorDecision.ts"
import type { SupervisorSnapshot } from "../../domain/supervision/SupervisorSnapshot.ts"
import type { Child } from "./Child.ts"
import { makeSlots, nowMs, type Slot } from "./Slots.ts"

export interface SupervisorOptions {
  /** Unique in the tree: log lines and metrics bear it. */
  readonly id: string
  readonly policy: Decision.RestartPolicy
  /** Default: none, as OTP. */
  readonly backoff?: RestartBackoff
  /** In the order of their start, by ids that differ; ended in reverse. */
  readonly children: ReadonlyArray<Child>
}

/** A child did not start where it has to: with its supervisor, or when it was added. */
export class ChildStartFailed extends Data.TaggedError("ChildStartFailed")<{
  readonly child: string
  /** A sentence. */
  readonly detail: string
}> {
  override get message() {
    return `${this.child} does not start. ${this.detail}`
  }
}

export interface Supervisor {
  /** Fails once it has given up and has ended its children; does not end otherwise. */
  readonly ended: Effect.Effect<never, ChildShutdown>
  readonly children: Effect.Effect<ReadonlyArray<SupervisorSnapshot>>
  /** Adds a child as the last one and starts it; one that does not start is forgotten. */
  readonly startChild: (child: Child) => Effect.Effect<void, ChildStartFailed>
  /** Ends a child for good; done when it has ended. Nothing where there is none of that id. */
  readonly stopChild: (id: string) => Effect.Effect<void>
}

/** Children that wait for their common restart. */
interface Pause {
  readonly ids: ReadonlyArray<string>
  timer?: Fiber.Fiber<unknown>
}

type Event =
  | { readonly _tag: "Exited"; readonly id: string; readonly life: number; readonly exit: Exit.Exit<unknown, unknown> }
  | { readonly _tag: "StartFailed"; readonly slot: Slot; readonly life: number }
  | { readonly _tag: "PauseOver"; readonly pause: Pause }
  | { readonly _tag: "StartChild"; readonly child: Child; readonly reply: Deferred.Deferred<void, ChildStartFailed> }
  | { readonly _tag: "StopChild"; readonly id: string; readonly reply: Deferred.Deferred<void> }

/** Starts the children. They end with the scope, or at once where one of them does not start. */
export const make = (options: SupervisorOptions): Effect.Effect<Supervisor, ChildStartFailed, Scope.Scope> =>
  Effect.gen(function* () {
    const { backoff = noBackoff, id: supervisor, policy } = options
    const events = yield* Queue.unbounded<Event>()
    const ended = yield* Deferred.make<never, ChildShutdown>()
    /** Done when it has given up or is told to end: nothing is started any more. */
    const over = yield* Deferred.make<void>()
    const slots = makeSlots(supervisor, (id, life, exit) => {
      events.unsafeOffer({ _tag: "Exited", id, life, exit })
    })
    const pauses = new Set<Pause>()
    let state = Decision.initialState(policy, options.children)
    yield* Effect.forEach(options.children, slots.add)

    /** Ends at the first that fails, and succeeds with it. */
    const startInOrder = Effect.fnUntraced(function* (ids: ReadonlyArray<string>) {
      for (const id of ids) {
        const slot = slots.get(id)
        if (slot === undefined) continue
        if (!(yield* slots.start(slot))) return slot
        state = Decision.childStarted(state, id)
      }
      return undefined
    })

    const startAgain = Effect.fnUntraced(function* (ids: ReadonlyArray<string>) {
      const failed = yield* startInOrder(ids)
      // As in OTP it is tried again after the ends that are known by now.
      if (failed !== undefined) yield* events.offer({ _tag: "StartFailed", slot: failed, life: failed.lives })
    })

    const inOrder = (ids: ReadonlyArray<string>, step: (slot: Slot) => Effect.Effect<void>) =>
      Effect.forEach(ids, (id) => Effect.suspend(() => step(slots.get(id)!)), { discard: true })

    const cancelPauses = (which: (pause: Pause) => boolean) =>
      Effect.suspend(() => {
        const cancelled = [...pauses].filter(which)
        for (const pause of cancelled) pauses.delete(pause)
        return Fiber.interruptAll(cancelled.flatMap(({ timer }) => timer ?? []))
      })

    const pauseThenStart = Effect.fnUntraced(function* (ids: ReadonlyArray<string>, cause: Slot, ranMs: number) {
      cause.failures = failuresBefore(backoff, cause.failures, ranMs)
      const duration = pauseMs(backoff, cause.failures, yield* Random.next)
      cause.failures += 1
      if (duration === 0) return yield* startAgain(ids)
      const pause: Pause = { ids }
      pauses.add(pause)
      const wait = Effect.zipRight(Effect.sleep(duration), events.offer({ _tag: "PauseOver", pause }))
      yield* Effect.uninterruptible(
        Effect.map(Effect.forkDaemon(Effect.interruptible(wait)), (timer) => {
          pause.timer = timer
        })
      )
    })

    /** @param ranMs How long the child had run whose end it is about. */
    const perform = Effect.fnUntraced(function* (decision: Decision.SupervisorDecision, cause: Slot, ranMs: number) {
      state = decision.state
      const known = () => slots.keep(state.children.map(({ spec }) => spec.id))
      switch (decision._tag) {
        case "Continue":
          return yield* known()
        case "Restart":
          yield* slots.metrics.countRestart
          yield* cancelPauses(({ ids }) => ids.some((id) => decision.start.includes(id)))
          yield* inOrder(decision.stop, slots.stop)
          yield* known()
          yield* inOrder(decision.start, (slot) => slots.setStatus(slot, "restarting"))
          return yield* pauseThenStart(decision.start, cause, ranMs)
        case "Escalate": {
          const { intensity, periodSeconds } = policy
          const detail = `${supervisor} gives up: more than ${intensity} restarts within ${periodSeconds} s.`
          yield* slots.metrics.countEscalation
          yield* Effect.logError(detail, `The last one was to be of ${cause.child.id}.`)
          yield* Deferred.succeed(over, undefined)
          yield* cancelPauses(() => true)
          yield* slots.stopAll
          return yield* Deferred.fail(ended, new ChildShutdown({ detail }))
        }
      }
    })

    const addAndStart = Effect.fnUntraced(function* (child: Child) {
      if (slots.get(child.id) !== undefined) {
        return yield* new ChildStartFailed({ child: child.id, detail: "There is one of that id." })
      }
      state = Decision.addChild(state, child)
      yield* slots.add(child)
      const failed = yield* startInOrder([child.id])
      if (failed !== undefined) yield* forget(child.id)
      if (failed !== undefined) return yield* startFailure(failed)
    })

    const forget = (id: string) => {
      state = Decision.removeChild(state, id)
      return slots.keep(state.children.map(({ spec }) => spec.id))
    }

    const handle = Effect.fnUntraced(function* (event: Event) {
      switch (event._tag) {
        case "Exited": {
          const { exit, id, life } = event
          const slot = yield* slots.end(id, life, exit)
          if (slot === undefined) return
          const now = yield* nowMs
          const decision = Decision.childExited(state, id, exitReasonOf(exit), now)
          return yield* perform(decision, slot, now - slot.startedAtMs)
        }
        case "StartFailed": {
          const { life, slot } = event
          if (slot.lives !== life) return
          return yield* perform(Decision.childStartFailed(state, slot.child.id, yield* nowMs), slot, 0)
        }
        case "PauseOver":
          if (pauses.delete(event.pause)) yield* startAgain(event.pause.ids)
          return
        case "StartChild":
          return yield* Deferred.complete(event.reply, addAndStart(event.child))
        case "StopChild": {
          const slot = slots.get(event.id)
          yield* cancelPauses(({ ids }) => ids.length === 1 && ids[0] === event.id)
          if (slot !== undefined) yield* slots.stop(slot)
          yield* forget(event.id)
          return yield* Deferred.succeed(event.reply, undefined)
        }
      }
    })

    const work = Effect.gen(function* () {
      while (!(yield* Deferred.isDone(over))) yield* handle(yield* events.take)
    }).pipe(
      // It would be a fault of the supervisor itself: whoever waits for its end hears of it.
      Effect.tapDefect((cause) =>
        Effect.zipRight(Effect.logError("A supervisor broke", cause), Deferred.failCause(ended, cause))
      ),
      Effect.annotateLogs({ supervisor })
    )

    let loop: Fiber.Fiber<unknown> | undefined
    const stop = Effect.gen(function* () {
      yield* Deferred.succeed(over, undefined)
      if (loop !== undefined) yield* Fiber.interrupt(loop)
      yield* cancelPauses(() => true)
      yield* slots.stopAll
      yield* slots.keep([])
    })
    yield* Effect.addFinalizer(() => stop)

    const failed = yield* startInOrder(options.children.map(({ id }) => id))
    if (failed !== undefined) {
      yield* stop
      return yield* startFailure(failed)
    }
    yield* Effect.uninterruptible(
      Effect.map(Effect.forkDaemon(Effect.interruptible(work)), (fiber) => {
        loop = fiber
      })
    )

    const request = <E>(event: (reply: Deferred.Deferred<void, E>) => Event, whenOver: Effect.Effect<void, E>) =>
      Effect.gen(function* () {
        const reply = yield* Deferred.make<void, E>()
        yield* events.offer(event(reply))
        // Who asks may do so where nothing can be interrupted; the side that loses must not be waited for.
        yield* Effect.raceFirst(
          Effect.interruptible(Deferred.await(reply)),
          Effect.interruptible(Effect.zipRight(Deferred.await(over), whenOver))
        )
      })

    return {
      ended: Deferred.await(ended),
      children: slots.snapshot,
      startChild: (child) =>
        request<ChildStartFailed>(
          (reply) => ({ _tag: "StartChild", child, reply }),
          new ChildStartFailed({ child: child.id, detail: "Its supervisor has ended." })
        ),
      stopChild: (id) => request<never>((reply) => ({ _tag: "StopChild", id, reply }), Effect.void)
    }
  })

/** A supervisor as a child of another. It ends with reason shutdown where it gives up, and waits for its children to end. */
export const child = (
  options: SupervisorOptions,
  { restart = "permanent" }: Partial<Pick<Child, "restart">> = {}
): Child => ({
  id: options.id,
  type: "supervisor",
  restart,
  shutdown: "infinity",
  start: make(options)
})

const startFailure = ({ child, lastFailure }: Slot) =>
  new ChildStartFailed({ child: child.id, detail: lastFailure ?? "It ended at once." })
