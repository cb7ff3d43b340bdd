/** SupervisionTree: the supervisor at the root, over the children that the composition gives it. */
import { Cause, Clock, Effect, Layer } from "effect"
import { failureSentence } from "../domain/supervision/ChildEnd.ts"
import type { RestartPolicy } from "../domain/supervision/SupervisorDecision.ts"
import { SupervisionTree } from "../services/SupervisionTree.ts"
import type { Child } from "./supervision/Child.ts"
import * as Supervisor from "./supervision/Supervisor.ts"

export interface SupervisionTreeOptions {
  readonly children: ReadonlyArray<Child>
  /** What happens when the root gives up, with a sentence why: its children have ended, and nobody starts them again. */
  readonly onEscalation: (reason: string) => Effect.Effect<unknown>
}

const rootId = "lathe"

/** Its children are supervisors: what makes several of them give up within a minute is not mended by another restart. */
export const rootPolicy: RestartPolicy = { strategy: "one-for-one", intensity: 3, periodSeconds: 60 }

const make = ({ children, onEscalation }: SupervisionTreeOptions) =>
  Effect.gen(function* () {
    const root = yield* Supervisor.make({ id: rootId, policy: rootPolicy, children })
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
    return SupervisionTree.of({
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
  })

export const layer = (options: SupervisionTreeOptions): Layer.Layer<SupervisionTree, Supervisor.ChildStartFailed> =>
  Layer.scoped(SupervisionTree, make(options))
