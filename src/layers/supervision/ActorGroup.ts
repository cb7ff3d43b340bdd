/** A supervisor of actors that come and go, as Elixir's DynamicSupervisor: it starts without any, and never gives up. */
import { Cause, Effect, Exit, Fiber, type Scope } from "effect"
import type { RestartBackoff } from "../../domain/supervision/RestartBackoff.ts"
import type { RestartPolicy } from "../../domain/supervision/SupervisorDecision.ts"
import * as Child from "./Child.ts"
import * as Supervisor from "./Supervisor.ts"

/** What these actors do, playback can be without for a while; without a supervisor it would be without it for good. */
const policy: RestartPolicy = { strategy: "one-for-one", intensity: Infinity, periodSeconds: 60 }

/** Between an end and the next start: 0.25 s, doubling up to 30 s; from the beginning again after a healthy minute. */
const backoff: RestartBackoff = { firstMs: 250, mostMs: 30_000, healthyMs: 60_000 }

export interface ActorGroup {
  /** Goes into the tree. */
  readonly supervised: Child.Child
  /** See services/Actors.ts. Before the group is started, and after it has ended, nobody looks after the fiber. */
  readonly adopt: (what: string, fiber: Fiber.RuntimeFiber<unknown, unknown>) => Effect.Effect<void>
  readonly keep: (name: string, work: Effect.Effect<unknown, unknown>) => Effect.Effect<void, never, Scope.Scope>
}

export const make = (id: string): ActorGroup => {
  /** What a supervisor that is itself started again has to start. */
  const kept = new Map<string, Child.Child>()
  let running: Supervisor.Supervisor | undefined
  let adopted = 0

  const start = (child: Child.Child) =>
    Effect.suspend(() => running?.startChild(child) ?? Effect.void).pipe(
      Effect.catchAll((error) => Effect.logWarning(`Not supervised: ${error.message}`))
    )

  return {
    supervised: {
      ...Supervisor.child({ id, policy, backoff, children: [] }),
      start: Effect.suspend(() => Supervisor.make({ id, policy, backoff, children: [...kept.values()] })).pipe(
        Effect.tap((supervisor) =>
          Effect.acquireRelease(
            Effect.sync(() => void (running = supervisor)),
            () => Effect.sync(() => void (running = undefined))
          )
        )
      )
    },
    adopt: (what, fiber) =>
      // Not waited for: who hands a fiber over may hold what the supervisor waits for.
      Effect.suspend(() =>
        start({
          id: `${what} #${++adopted}`,
          type: "worker",
          restart: "temporary",
          shutdown: 5000,
          start: Effect.as(
            Effect.addFinalizer(() => Fiber.interrupt(fiber)),
            { ended: Effect.flatMap(Fiber.await(fiber), endOf) }
          )
        })
      ).pipe(Effect.interruptible, Effect.forkDaemon, Effect.asVoid),
    keep: (name, work) =>
      Effect.acquireRelease(
        Effect.suspend(() => {
          const child = Child.worker(
            name,
            Effect.tapErrorCause(work, (cause) =>
              Cause.isInterruptedOnly(cause) ? Effect.void : Effect.logError(`${name} broke off`, cause)
            )
          )
          kept.set(name, child)
          return start(child)
        }),
        () =>
          Effect.suspend(() => {
            kept.delete(name)
            return running?.stopChild(name) ?? Effect.void
          })
      )
  }
}

/** Its owner may interrupt it: that is an end in good order. */
const endOf = (exit: Exit.Exit<unknown, unknown>) =>
  Exit.isFailure(exit) && Cause.isInterruptedOnly(exit.cause) ? Effect.void : exit
