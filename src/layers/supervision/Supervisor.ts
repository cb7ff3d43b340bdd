/** A supervisor, as its owner sees it; how it works is in Supervision.ts. */
import { Deferred, Effect, type Scope } from "effect"
import type { ChildShutdown } from "../../domain/supervision/ChildEnd.ts"
import { noBackoff, type RestartBackoff } from "../../domain/supervision/RestartBackoff.ts"
import type { RestartPolicy } from "../../domain/supervision/SupervisorDecision.ts"
import type { SupervisorSnapshot } from "../../domain/supervision/SupervisorSnapshot.ts"
import type { Child } from "./Child.ts"
import { ChildStartFailed } from "./ChildStartFailed.ts"
import * as Supervision from "./Supervision.ts"

export interface SupervisorOptions {
  /** Unique in the tree: log lines and metrics bear it. */
  readonly id: string
  readonly policy: RestartPolicy
  /** Default: none, as OTP. */
  readonly backoff?: RestartBackoff
  /** In the order of their start, by ids that differ; ended in reverse. */
  readonly children: ReadonlyArray<Child>
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

/** Starts the children. They end with the scope, or at once where one of them does not start. */
export const make = (options: SupervisorOptions): Effect.Effect<Supervisor, ChildStartFailed, Scope.Scope> =>
  Effect.gen(function* () {
    const { backoff = noBackoff, children, id, policy } = options
    const self = yield* Supervision.make({ id, policy, backoff }, children)
    yield* Effect.addFinalizer(() => Supervision.endAll(self))
    const failed = yield* Supervision.startInOrder(
      self,
      children.map((child) => child.id)
    )
    if (failed !== undefined) {
      yield* Supervision.endAll(self)
      return yield* Supervision.startFailure(failed)
    }
    yield* Supervision.beginLoop(self)
    return {
      ended: Deferred.await(self.ended),
      children: self.slots.snapshot,
      startChild: (child) =>
        request<ChildStartFailed>(
          self,
          (reply) => ({ _tag: "StartChild", child, reply }),
          new ChildStartFailed({ child: child.id, detail: "Its supervisor has ended." })
        ),
      stopChild: (id) => request<never>(self, (reply) => ({ _tag: "StopChild", id, reply }), Effect.void)
    }
  })

const request = <E>(
  { events, over }: Supervision.Supervision,
  event: (reply: Deferred.Deferred<void, E>) => Supervision.Event,
  whenOver: Effect.Effect<void, E>
) =>
  Effect.gen(function* () {
    const reply = yield* Deferred.make<void, E>()
    yield* events.offer(event(reply))
    // Who asks may do so where nothing can be interrupted; the side that loses must not be waited for.
    yield* Effect.raceFirst(
      Effect.interruptible(Deferred.await(reply)),
      Effect.interruptible(Effect.zipRight(Deferred.await(over), whenOver))
    )
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
