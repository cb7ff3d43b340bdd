/** A supervisor at work: has domain/supervision decide, and does what was decided, one thing after the other. */
import { Deferred, Effect, type Exit, Fiber, Queue, Random } from "effect"
import { ChildShutdown, exitReasonOf } from "../../domain/supervision/ChildEnd.ts"
import { failuresBefore, pauseMs, type RestartBackoff } from "../../domain/supervision/RestartBackoff.ts"
import * as Decision from "../../domain/supervision/SupervisorDecision.ts"
import type { Child } from "./Child.ts"
import { ChildStartFailed } from "./ChildStartFailed.ts"
import { makePauses, type Pause } from "./Pauses.ts"
import { makeSlots, nowMs, type Slot, type Slots } from "./Slots.ts"

export type Event =
  | { readonly _tag: "Exited"; readonly id: string; readonly life: number; readonly exit: Exit.Exit<unknown, unknown> }
  | { readonly _tag: "StartFailed"; readonly slot: Slot; readonly life: number }
  | { readonly _tag: "PauseOver"; readonly pause: Pause }
  | { readonly _tag: "StartChild"; readonly child: Child; readonly reply: Deferred.Deferred<void, ChildStartFailed> }
  | { readonly _tag: "StopChild"; readonly id: string; readonly reply: Deferred.Deferred<void> }

/** Its children, and what it has decided about them. Once its loop has begun, nobody else changes it. */
export interface Supervision {
  readonly id: string
  readonly policy: Decision.RestartPolicy
  readonly backoff: RestartBackoff
  readonly events: Queue.Queue<Event>
  readonly slots: Slots
  readonly pauses: ReturnType<typeof makePauses>
  state: Decision.SupervisorState
  loop: Fiber.Fiber<unknown> | undefined
  /** Done when it has given up or is told to end: nothing is started any more. */
  readonly over: Deferred.Deferred<void>
  /** Fails once it has given up and has ended its children. */
  readonly ended: Deferred.Deferred<never, ChildShutdown>
}

type Fixed = Pick<Supervision, "id" | "policy" | "backoff">

/** None of the children is started yet. */
export const make = (fixed: Fixed, children: ReadonlyArray<Child>): Effect.Effect<Supervision> =>
  Effect.gen(function* () {
    const events = yield* Queue.unbounded<Event>()
    const slots = makeSlots(fixed.id, (id, life, exit) => {
      events.unsafeOffer({ _tag: "Exited", id, life, exit })
    })
    yield* Effect.forEach(children, slots.add)
    return {
      ...fixed,
      events,
      slots,
      pauses: makePauses((pause) => events.offer({ _tag: "PauseOver", pause })),
      state: Decision.initialState(fixed.policy, children),
      loop: undefined,
      over: yield* Deferred.make<void>(),
      ended: yield* Deferred.make<never, ChildShutdown>()
    }
  })

/** Ends at the first that fails, and succeeds with it. */
export const startInOrder = Effect.fnUntraced(function* (self: Supervision, ids: ReadonlyArray<string>) {
  for (const id of ids) {
    const slot = self.slots.get(id)
    if (slot === undefined) continue
    if (!(yield* self.slots.start(slot))) return slot
    self.state = Decision.childStarted(self.state, id)
  }
  return undefined
})

/** From now on it looks after its children. */
export const beginLoop = (self: Supervision) =>
  Effect.uninterruptible(
    Effect.map(Effect.forkDaemon(Effect.interruptible(work(self))), (fiber) => {
      self.loop = fiber
    })
  )

const work = (self: Supervision) =>
  Effect.gen(function* () {
    while (!(yield* Deferred.isDone(self.over))) yield* handle(self, yield* self.events.take)
  }).pipe(
    // It would be a fault of the supervisor itself: whoever waits for its end hears of it.
    Effect.tapDefect((cause) =>
      Effect.zipRight(Effect.logError("A supervisor broke", cause), Deferred.failCause(self.ended, cause))
    ),
    Effect.annotateLogs({ supervisor: self.id })
  )

/** Ends all that it has started, and forgets it. */
export const endAll = (self: Supervision) =>
  Effect.gen(function* () {
    const { loop, over, pauses, slots } = self
    yield* Deferred.succeed(over, undefined)
    if (loop !== undefined) yield* Fiber.interrupt(loop)
    yield* pauses.cancel(() => true)
    yield* slots.stopAll
    yield* slots.keep([])
  })

export const startFailure = ({ child, lastFailure }: Slot) =>
  new ChildStartFailed({ child: child.id, detail: lastFailure ?? "It ended at once." })

const handle = Effect.fnUntraced(function* (self: Supervision, event: Event) {
  const { pauses, slots } = self
  switch (event._tag) {
    case "Exited": {
      const { exit, id, life } = event
      const slot = yield* slots.end(id, life, exit)
      if (slot === undefined) return
      const now = yield* nowMs
      const decision = Decision.childExited(self.state, id, exitReasonOf(exit), now)
      return yield* perform(self, decision, slot, now - slot.startedAtMs)
    }
    case "StartFailed": {
      const { life, slot } = event
      if (slot.lives !== life) return
      return yield* perform(self, Decision.childStartFailed(self.state, slot.child.id, yield* nowMs), slot, 0)
    }
    case "PauseOver":
      if (pauses.end(event.pause)) yield* startAgain(self, event.pause.ids)
      return
    case "StartChild":
      return yield* Deferred.complete(event.reply, addAndStart(self, event.child))
    case "StopChild": {
      const slot = slots.get(event.id)
      yield* pauses.cancel(({ ids }) => ids.length === 1 && ids[0] === event.id)
      if (slot !== undefined) yield* slots.stop(slot)
      yield* forget(self, event.id)
      return yield* Deferred.succeed(event.reply, undefined)
    }
  }
})

/** @param ranMs How long the child had run whose end it is about. */
const perform = Effect.fnUntraced(function* (
  self: Supervision,
  decision: Decision.SupervisorDecision,
  cause: Slot,
  ranMs: number
) {
  const { ended, id: supervisor, over, pauses, policy, slots } = self
  self.state = decision.state
  switch (decision._tag) {
    case "Continue":
      return yield* keepKnown(self)
    case "Restart":
      yield* slots.metrics.countRestart
      yield* pauses.cancel(({ ids }) => ids.some((id) => decision.start.includes(id)))
      yield* inOrder(self, decision.stop, slots.stop)
      yield* keepKnown(self)
      yield* inOrder(self, decision.start, (slot) => slots.setStatus(slot, "restarting"))
      return yield* pauseThenStart(self, decision.start, cause, ranMs)
    case "Escalate": {
      const { intensity, periodSeconds } = policy
      const detail = `${supervisor} gives up: more than ${intensity} restarts within ${periodSeconds} s.`
      yield* slots.metrics.countEscalation
      yield* Effect.logError(detail, `The last one was to be of ${cause.child.id}.`)
      yield* Deferred.succeed(over, undefined)
      yield* pauses.cancel(() => true)
      yield* slots.stopAll
      return yield* Deferred.fail(ended, new ChildShutdown({ detail }))
    }
  }
})

const pauseThenStart = Effect.fnUntraced(function* (
  self: Supervision,
  ids: ReadonlyArray<string>,
  cause: Slot,
  ranMs: number
) {
  cause.failures = failuresBefore(self.backoff, cause.failures, ranMs)
  const duration = pauseMs(self.backoff, cause.failures, yield* Random.next)
  cause.failures += 1
  if (duration === 0) return yield* startAgain(self, ids)
  yield* self.pauses.begin(ids, duration)
})

const startAgain = Effect.fnUntraced(function* (self: Supervision, ids: ReadonlyArray<string>) {
  const failed = yield* startInOrder(self, ids)
  // As in OTP it is tried again after the ends that are known by now.
  if (failed !== undefined) yield* self.events.offer({ _tag: "StartFailed", slot: failed, life: failed.lives })
})

const inOrder = ({ slots }: Supervision, ids: ReadonlyArray<string>, step: (slot: Slot) => Effect.Effect<void>) =>
  Effect.forEach(ids, (id) => Effect.suspend(() => step(slots.get(id)!)), { discard: true })

const addAndStart = Effect.fnUntraced(function* (self: Supervision, child: Child) {
  if (self.slots.get(child.id) !== undefined) {
    return yield* new ChildStartFailed({ child: child.id, detail: "There is one of that id." })
  }
  self.state = Decision.addChild(self.state, child)
  yield* self.slots.add(child)
  const failed = yield* startInOrder(self, [child.id])
  if (failed === undefined) return
  yield* forget(self, child.id)
  return yield* startFailure(failed)
})

const forget = (self: Supervision, id: string) => {
  self.state = Decision.removeChild(self.state, id)
  return keepKnown(self)
}

const keepKnown = ({ slots, state }: Supervision) => slots.keep(state.children.map(({ spec }) => spec.id))
