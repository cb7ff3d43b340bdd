import { Context, Effect, type Fiber, type Scope } from "effect"

/** What an actor belongs to; each has a supervisor of its own below the root. */
export type ActorGroup = "library" | "generation" | "streaming"

export interface ActorsService {
  /**
   * Has a supervisor look after a fiber until it ends, as a temporary child: it is seen in the tree, heard of when it
   * fails, ended with its group, and never started again. Whoever forked it remains its owner, too.
   * @param what Names it, with a number behind it. No path: the tree is shown to clients.
   */
  readonly adopt: (group: ActorGroup, what: string, fiber: Fiber.RuntimeFiber<unknown, unknown>) => Effect.Effect<void>
  /**
   * Keeps work going until the scope closes, as a permanent child: after an end of any kind it begins again.
   * @param name Unique in its group.
   */
  readonly keep: (
    group: ActorGroup,
    name: string,
    work: Effect.Effect<unknown, unknown>
  ) => Effect.Effect<void, never, Scope.Scope>
}

/** Supervises what goes on by itself. Where nothing does, as for a single command, work ends with its scope and its first failure. */
export class Actors extends Context.Reference<Actors>()("lathe/Actors", {
  defaultValue: (): ActorsService => ({
    adopt: () => Effect.void,
    keep: (_group, name, work) =>
      work.pipe(
        Effect.catchAllCause((cause) => Effect.logError(`${name} broke off`, cause)),
        Effect.forkScoped,
        Effect.asVoid
      )
  })
}) {}
