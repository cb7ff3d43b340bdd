/** What a supervisor knows of a child, in the terms of Erlang/OTP (supervisor(3erl)). */

/** permanent: started again however it ended; transient: after an abnormal end only; temporary: never. */
export type RestartType = "permanent" | "transient" | "temporary"

/**
 * How a child is ended. Milliseconds: told to end, then killed at that deadline; kill: killed at once; infinity: told to
 * end and waited for, which is right for a supervisor, whose children have deadlines of their own.
 */
export type Shutdown = number | "kill" | "infinity"

export type ChildType = "worker" | "supervisor"

export interface ChildSpec {
  /** Unique among its siblings. */
  readonly id: string
  readonly type: ChildType
  readonly restart: RestartType
  readonly shutdown: Shutdown
}

/** normal: it was done; shutdown: it ended in good order because it had to; abnormal: it failed, broke or was killed. */
export type ExitReason = "normal" | "shutdown" | "abnormal"

/** OTP's rule for an exit that nobody asked for. */
export const mustRestart = (restart: RestartType, reason: ExitReason): boolean =>
  restart === "permanent" || (restart === "transient" && reason === "abnormal")
