import { Context, type Effect, type Scope } from "effect"

/** Owns what is done when the service begins to stop, before anything that its clients use is taken away. */
export class GracefulShutdown extends Context.Tag("lathe/GracefulShutdown")<
  GracefulShutdown,
  {
    /** Has `last` run when the service begins to stop; not if the scope has closed before. */
    readonly onStop: (last: Effect.Effect<void>) => Effect.Effect<void, never, Scope.Scope>
    /** All of them at once, bounded in time. For who stops the service. */
    readonly run: Effect.Effect<void>
  }
>() {}
