/** SupervisionTree and Actors: the supervisor at the root, over the children that the composition gives it and the groups of actors. */
import { Cause, Clock, Context, Effect, Layer } from "effect"
import { failureSentence } from "../../domain/supervision/ChildEnd.ts"
import type { RestartPolicy } from "../../domain/supervision/SupervisorDecision.ts"
import { type ActorGroup, Actors, type ActorsService } from "../../services/Actors.ts"
import { SupervisionTree } from "../../services/SupervisionTree.ts"
import * as Group from "./ActorGroup.ts"
import type { Child } from "./Child.ts"
import type { ChildStartFailed } from "./ChildStartFailed.ts"
import * as Supervisor from "./Supervisor.ts"

export interface SupervisionTreeOptions {
  /** Started first, in this order, and ended last; the groups of actors come behind them. */
  readonly children: ReadonlyArray<Child>
  /** What happens when the root gives up, with a sentence why: its children have ended, and nobody starts them again. */
  readonly onEscalation: (reason: string) => Effect.Effect<unknown>
}

const rootId = "lathe"

/** Its children are supervisors: what makes several of them give up within a minute is not mended by another restart. */
const rootPolicy: RestartPolicy = { strategy: "one-for-one", intensity: 3, periodSeconds: 60 }

const make = ({ children, onEscalation }: SupervisionTreeOptions) =>
  Effect.gen(function* () {
    const groups: Record<ActorGroup, Group.ActorGroup> = {
      generation: Group.make("generation"),
      library: Group.make("library"),
      streaming: Group.make("streaming")
    }
    const root = yield* Supervisor.make({
      id: rootId,
      policy: rootPolicy,
      children: [...children, ...Object.values(groups).map(({ supervised }) => supervised)]
    })
    let status: "running" | "ended" = "running"
    let since = yield* Clock.currentTimeMillis
    let lastFailure: string | null = null
    const giveUp = (cause: Cause.Cause<unknown>) =>
      Effect.gen(function* () {
        if (Cause.isInterruptedOnly(cause)) return
        const reason = failureSentence(cause)
        status = "ended"
        since = yield* Clock.currentTimeMillis
        lastFailure = reason
        yield* onEscalation(reason)
      })
    yield* Effect.forkScoped(Effect.catchAllCause(root.ended, giveUp))
    const actors: ActorsService = {
      adopt: (group, what, fiber) => groups[group].adopt(what, fiber),
      keep: (group, name, work) => groups[group].keep(name, work)
    }
    const tree = SupervisionTree.of({
      snapshot: Effect.map(root.children, (children) => ({
        id: rootId,
        type: "supervisor",
        status,
        restarts: 0,
        last_failure: lastFailure,
        since,
        children
      }))
    })
    return Context.make(SupervisionTree, tree).pipe(Context.add(Actors, actors))
  })

export const layer = (options: SupervisionTreeOptions): Layer.Layer<SupervisionTree | Actors, ChildStartFailed> =>
  Layer.scopedContext(make(options))
