/** A child of a supervisor: its spec, and how it is started and, where that is not enough, killed. */
import { Effect, Scope } from "effect"
import type { ChildSpec } from "../../domain/supervision/ChildSpec.ts"
import type { SupervisorSnapshot } from "../../domain/supervision/SupervisorSnapshot.ts"

export interface RunningChild {
  /** Lasts as long as the child. Success is a normal end, failure with `ChildShutdown` one in good order, all else abnormal. */
  readonly ended: Effect.Effect<unknown, unknown>
  /** Of a supervisor, or a process that has one: what it supervises, as it is now. */
  readonly children?: Effect.Effect<ReadonlyArray<SupervisorSnapshot>>
}

export interface Child extends ChildSpec {
  /**
   * Acquires the child. Its scope closes when the child ends or is told to. The supervisor waits for a start and does
   * nothing else meanwhile: what takes long belongs into `ended`.
   */
  readonly start: Effect.Effect<RunningChild, unknown, Scope.Scope>
  /** Ends at once what did not end when it was told to. */
  readonly kill?: Effect.Effect<unknown>
}

const defaultShutdownMs = 5000

/** A child that is an effect, begun by its start. By default permanent, with 5 s to end. */
export const worker = (
  id: string,
  run: Effect.Effect<unknown, unknown, Scope.Scope>,
  options: Partial<Pick<Child, "restart" | "shutdown" | "kill">> = {}
): Child => ({
  id,
  type: "worker",
  restart: "permanent",
  shutdown: defaultShutdownMs,
  start: Effect.map(Effect.scope, (scope) => ({ ended: Scope.extend(run, scope) })),
  ...options
})
