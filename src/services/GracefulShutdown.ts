import { Context, type Effect, type Scope } from "effect"

/** Owns what is said to clients when the service begins to stop, before anything that they use is taken away. */
export class Farewells extends Context.Tag("lathe/Farewells")<
  Farewells,
  {
    /** Has `farewell` run when the service begins to stop; not if the scope has closed before. */
    readonly onStop: (farewell: Effect.Effect<void>) => Effect.Effect<void, never, Scope.Scope>
    /** All of them at once, bounded in time. For who stops the service. */
    readonly say: Effect.Effect<void>
  }
>() {}
