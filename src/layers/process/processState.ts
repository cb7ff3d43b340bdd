/** What the system says of another process: proc(5), which Linux has and macOS has not. */
import { readdirSync, readFileSync } from "node:fs"

export interface ProcessState {
  /**
   * Of its main thread: R runs or waits for a processor, S sleeps, D waits for a disk, T or t was stopped, Z has ended.
   */
  readonly state: string
  /** Processor time that its main thread has had, ms. */
  readonly cpuMs: number
  /** Memory that it holds, bytes: the native parts too, which no option of Node bounds. */
  readonly rssBytes: number
}

/** One tick of proc(5), ms: USER_HZ is 100 on every Linux. */
const tickMs = 10

/** undefined where the system does not say, or there is no such process. */
export const readProcessState = (pid: number | undefined): ProcessState | undefined => {
  if (pid === undefined) return undefined
  try {
    // Fields 3, 14 and 15: state, user and system time.
    const fields = fieldsOf(pid, pid)
    const resident = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))
    return {
      state: fields[0]!,
      cpuMs: tickMs * (Number(fields[11]) + Number(fields[12])),
      rssBytes: 1024 * Number(resident?.[1] ?? 0)
    }
  } catch {
    return undefined
  }
}

/** Of one thread, from field 3 on. */
const fieldsOf = (pid: number, thread: number | string): ReadonlyArray<string> => {
  const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, "latin1")
  // The name in parentheses may hold anything.
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")
}

/** The state of each thread of a process, as in ProcessState; none where the system does not say. */
export const threadStates = (pid: number | undefined): ReadonlyArray<string> => {
  if (pid === undefined) return []
  try {
    return readdirSync(`/proc/${pid}/task`).map((thread) => fieldsOf(pid, thread)[0]!)
  } catch {
    return []
  }
}
