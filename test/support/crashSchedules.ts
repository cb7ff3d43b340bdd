/** Random schedules of children that end, and what the pure core makes of them. */
import type { ExitReason, RestartType } from "../../src/domain/supervision/ChildSpec.ts"
import {
  childExited,
  childStarted,
  childStartFailed,
  initialState,
  type RestartPolicy,
  type Strategy,
  type SupervisorDecision
} from "../../src/domain/supervision/SupervisorDecision.ts"
import { makeRandom } from "./signals.ts"

export interface CrashStep {
  /** Time that passes before it, in ms. */
  readonly gapMs: number
  /** So many of the next starts of this child fail. */
  readonly failing: { readonly id: string; readonly starts: number } | undefined
  /** Ends in this way, if it runs. */
  readonly id: string
  readonly reason: ExitReason
}

export interface CrashSchedule {
  readonly policy: RestartPolicy
  readonly children: ReadonlyArray<{ readonly id: string; readonly restart: RestartType }>
  readonly steps: ReadonlyArray<CrashStep>
}

export interface ScheduleOptions {
  /** Seconds; each schedule takes one of them. */
  readonly periods: ReadonlyArray<number>
  /** Milliseconds; each step takes one of them. */
  readonly gaps: ReadonlyArray<number>
}

const strategies: ReadonlyArray<Strategy> = ["one-for-one", "one-for-all", "rest-for-one"]
const restarts: ReadonlyArray<RestartType> = ["permanent", "permanent", "transient", "temporary"]
const reasons: ReadonlyArray<ExitReason> = ["normal", "shutdown", "abnormal", "abnormal"]
const intensities = [0, 1, 1, 2, 2, 3, 4, 6]

export const makeSchedule = (seed: number, { gaps, periods }: ScheduleOptions): CrashSchedule => {
  const random = makeRandom(seed)
  const upTo = (n: number) => Math.floor(random() * n)
  const one = <A>(values: ReadonlyArray<A>): A => values[upTo(values.length)]!
  const children = Array.from("abcde")
    .slice(0, 1 + upTo(5))
    .map((id) => ({ id, restart: one(restarts) }))
  const anyId = () => one(children).id
  return {
    policy: { strategy: one(strategies), intensity: one(intensities), periodSeconds: one(periods) },
    children,
    steps: Array.from({ length: 1 + upTo(10) }, () => ({
      gapMs: one(gaps),
      failing: random() < 0.2 ? { id: anyId(), starts: 1 + upTo(2) } : undefined,
      id: anyId(),
      reason: one(reasons)
    }))
  }
}

export interface Replay {
  /** What happened at the start, at each step and at the end: `+a` started, `?a` did not start, `!a` ended, `-a` was ended. */
  readonly trace: ReadonlyArray<string>
  readonly hasEscalated: boolean
  /** Before the end. */
  readonly running: ReadonlyArray<string>
}

/** Carries out what the core decides, on children that do as the schedule says. */
export const replay = ({ children, policy, steps }: CrashSchedule): Replay => {
  const specs = children.map((child) => ({ ...child, type: "worker", shutdown: 1000 }) as const)
  const failing = new Map<string, number>()
  let state = initialState(policy, specs)
  let now = 0
  let hasEscalated = false
  let log: Array<string> = []

  const startInOrder = (ids: ReadonlyArray<string>) => {
    for (const id of ids) {
      const failures = failing.get(id) ?? 0
      if (failures > 0) {
        failing.set(id, failures - 1)
        log.push(`?${id}`)
        return perform(childStartFailed(state, id, now))
      }
      log.push(`+${id}`)
      state = childStarted(state, id)
    }
  }
  const perform = (decision: SupervisorDecision): void => {
    state = decision.state
    if (decision._tag === "Continue") return
    log.push(...decision.stop.map((id) => `-${id}`))
    if (decision._tag === "Restart") return startInOrder(decision.start)
    hasEscalated = true
  }
  const isRunning = (id: string) => state.children.some(({ spec, status }) => spec.id === id && status === "running")
  const running = () => state.children.flatMap(({ spec }) => (isRunning(spec.id) ? [spec.id] : []))
  const read = () => {
    const text = log.join(" ")
    log = []
    return text
  }

  startInOrder(specs.map(({ id }) => id))
  const trace = [read()]
  for (const step of steps) {
    now += step.gapMs
    if (step.failing !== undefined) failing.set(step.failing.id, step.failing.starts)
    if (isRunning(step.id)) {
      log.push(`!${step.id}`)
      perform(childExited(state, step.id, step.reason, now))
    }
    trace.push(read())
  }
  const atLast = running()
  trace.push(
    atLast
      .toReversed()
      .map((id) => `-${id}`)
      .join(" ")
  )
  return { trace, hasEscalated, running: atLast }
}
