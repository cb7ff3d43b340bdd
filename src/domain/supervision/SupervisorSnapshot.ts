/** A supervision tree as plain data, to be looked at. */
import { Schema } from "effect"

/** restarting: waits for its next start, or for a sibling's; ended: by itself, and not to be started again. */
export const ChildStatus = Schema.Literal("starting", "running", "restarting", "stopping", "ended")
export type ChildStatus = typeof ChildStatus.Type

export interface SupervisorSnapshot {
  readonly id: string
  readonly type: "worker" | "supervisor"
  readonly status: ChildStatus
  /** How often it was started again, for its own sake or a sibling's, under the supervisor that runs now. */
  readonly restarts: number
  /** A sentence without stack or path. */
  readonly last_failure: string | null
  /** Since when it has this status, in ms since 1970. */
  readonly since: number
  /** In the order of their start. Of a worker: those of the process that it is, if it has any. */
  readonly children: ReadonlyArray<SupervisorSnapshot>
}

export const SupervisorSnapshot = Schema.Struct({
  id: Schema.String,
  type: Schema.Literal("worker", "supervisor"),
  status: ChildStatus,
  restarts: Schema.NonNegativeInt,
  last_failure: Schema.NullOr(Schema.String),
  since: Schema.Int,
  children: Schema.Array(Schema.suspend((): Schema.Schema<SupervisorSnapshot> => SupervisorSnapshot))
}).annotations({ identifier: "SupervisorSnapshot" })
