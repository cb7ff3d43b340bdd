/** Why a worker process is gone, and whether what it was doing is to blame. */
import { Data } from "effect"

/**
 * crashed: it ended by itself, or by a fault in its code. hung: it had its time and showed no sign of life. garbage: it
 * sent what is no message. memory: it held more than it may. overdue: one job took too long. killed, stopped: somebody outside did it. unstartable: it
 * never ran. ended: it was told to.
 */
export type LossCause =
  | "crashed"
  | "hung"
  | "garbage"
  | "memory"
  | "overdue"
  | "killed"
  | "stopped"
  | "unstartable"
  | "ended"

/** Stays inside a pool: whoever wanted something of the worker gets it from another one. */
export class WorkerLost extends Data.TaggedError("WorkerLost")<{
  /** Completes the sentence: "A render worker was lost: ...". */
  readonly detail: string
  readonly worker: string
  readonly cause: LossCause
}> {
  override get message() {
    return `${this.worker} was lost: ${this.detail}.`
  }
}

/** What a crash by a fault of its own is signalled by (signal(7)); every other signal comes from outside. */
const ownSignals: ReadonlySet<string> = new Set([
  "SIGABRT",
  "SIGBUS",
  "SIGFPE",
  "SIGILL",
  "SIGSEGV",
  "SIGSYS",
  "SIGTRAP",
  "SIGPIPE"
])

/** By how a process has ended that nobody here has ended. */
export const lossOfExit = (code: number | null, signal: string | null): { cause: LossCause; detail: string } => {
  if (signal === null) return { cause: "crashed", detail: `it exited with ${code}` }
  return { cause: ownSignals.has(signal) ? "crashed" : "killed", detail: `it was ended by ${signal}` }
}

const blaming: ReadonlySet<LossCause> = new Set(["crashed", "hung", "garbage"])

/** Whether what a worker was at when it was lost so is to blame; of `memory` only where it had it alone. */
export const isToBlame = (cause: LossCause): boolean => blaming.has(cause)
