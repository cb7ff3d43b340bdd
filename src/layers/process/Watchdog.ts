/**
 * Judges a process by what it shows of itself and what the system says of it: whether it hangs, was stopped, holds too
 * much memory, or is only slow. Silence alone proves nothing: a process that the machine does not run is silent too.
 */
import { type ProcessState, readProcessState } from "./processState.ts"

export interface MemoryBound {
  /** Beyond this it gets no new work, bytes. */
  readonly soft: number
  /** Beyond this it is replaced, bytes. */
  readonly hard: number
}

export interface WatchdogOptions {
  readonly pid: number | undefined
  readonly memory?: MemoryBound | undefined
  /** Between two looks, ms. */
  readonly intervalMs: number
  /** For tests. Default: proc(5), and the clock that never goes back, ms. */
  readonly read?: (pid: number | undefined) => ProcessState | undefined
  readonly now?: () => number
}

/** hung: it had its time and said nothing. stopped: somebody outside holds it. memory: beyond the hard bound. */
export interface Verdict {
  readonly cause: "hung" | "stopped" | "memory"
  /** Completes "A worker was lost: ...". */
  readonly detail: string
}

export interface Watchdog {
  /** It is looked at from now on. */
  readonly begin: () => void
  /** It has shown that it lives. */
  readonly sign: () => void
  /** To be called once an interval. undefined: it is well, or slow for reasons that are not its own. */
  readonly look: (silenceMs: number) => Verdict | undefined
  /** Whether the last look found it beyond the soft bound. */
  readonly isSwollen: () => boolean
}

/** A process in an uninterruptible sleep waits for a disk, which may have to spin up first, ms. */
const diskMs = 15_000
/** Of the silence that is allowed, this share spent on a processor is a loop, and not want of one. */
const loopShare = 0.8
/** Where the system says nothing about processes, silence has to last so much longer to prove something. */
const unwatchedFactor = 10

export const makeWatchdog = (options: WatchdogOptions): Watchdog => {
  const { intervalMs, memory, now = () => performance.now(), pid, read = readProcessState } = options
  let lastSign = now()
  let lastLook = lastSign
  let hasSignSinceLook = true
  /** Processor time at the last sign, ms. */
  let cpuAtSign = 0
  /** Since when every look has found it asleep without having run in between. */
  let asleepSince: number | undefined
  let cpuAtLook = -1
  let isSwollen = false

  const sign = () => {
    lastSign = now()
    hasSignSinceLook = true
  }

  const judgeSilence = (found: ProcessState, silence: number, allowed: number, at: number): Verdict | undefined => {
    const seconds = `${(silence / 1000).toFixed(1)} s`
    switch (found.state) {
      case "T":
      case "t":
        return { cause: "stopped", detail: `it was stopped from outside, and silent for ${seconds}` }
      case "D":
        return silence < Math.max(diskMs, allowed)
          ? undefined
          : { cause: "hung", detail: `it has waited for a disk for ${seconds}` }
      case "S":
      case "I":
        return asleepSince !== undefined && at - asleepSince >= allowed
          ? { cause: "hung", detail: `no sign of life for ${seconds}, asleep` }
          : undefined
      default:
        return found.cpuMs - cpuAtSign >= loopShare * allowed
          ? { cause: "hung", detail: `no sign of life for ${seconds}, at work` }
          : undefined
    }
  }

  return {
    begin: () => {
      sign()
      lastLook = lastSign
      asleepSince = undefined
    },
    sign,
    isSwollen: () => isSwollen,
    look: (silenceMs) => {
      const at = now()
      // Its own delay says how long this process did not run; the other one may not have run either.
      const before = lastLook
      const missed = at - before - intervalMs
      lastLook = at
      if (missed > intervalMs) sign()
      const found = read(pid)
      if (found === undefined) {
        const silence = at - lastSign
        return silence < unwatchedFactor * silenceMs
          ? undefined
          : { cause: "hung", detail: `no sign of life for ${(silence / 1000).toFixed(1)} s` }
      }
      isSwollen = memory !== undefined && found.rssBytes > memory.soft
      if (memory !== undefined && found.rssBytes > memory.hard) {
        return { cause: "memory", detail: `it held ${Math.round(found.rssBytes / 2 ** 20)} MB of memory` }
      }
      const sleptOn = found.state !== "R" && found.cpuMs === cpuAtLook && !hasSignSinceLook
      asleepSince = sleptOn ? (asleepSince ?? before) : undefined
      cpuAtLook = found.cpuMs
      if (hasSignSinceLook) {
        cpuAtSign = found.cpuMs
        hasSignSinceLook = false
      }
      const silence = at - lastSign
      return silence < silenceMs ? undefined : judgeSilence(found, silence, silenceMs, at)
    }
  }
}
