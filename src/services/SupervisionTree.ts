import { Context, type Effect } from "effect"
import type { SupervisorSnapshot } from "../domain/supervision/SupervisorSnapshot.ts"

/** Owns the actors that run for as long as the service: starts them, restarts them, ends them. Knows nothing of their work. */
export class SupervisionTree extends Context.Tag("lathe/SupervisionTree")<
  SupervisionTree,
  {
    /** The whole tree as it is now, its root first. */
    readonly snapshot: Effect.Effect<SupervisorSnapshot>
  }
>() {}
