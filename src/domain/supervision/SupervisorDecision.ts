/**
 * What a supervisor does when a child ends: the decisions of Erlang/OTP's supervisor.erl (OTP 25) as pure functions. Its
 * time is an argument, and it runs nothing: see layers/supervision for what does.
 */
import { type ChildSpec, type ExitReason, mustRestart } from "./ChildSpec.ts"
import { countRestart, type RestartIntensity, type RestartTimes } from "./RestartIntensity.ts"

/**
 * Which children a restart takes along. one-for-one: none; one-for-all: all; rest-for-one: those started after it.
 */
export type Strategy = "one-for-one" | "one-for-all" | "rest-for-one"

export interface RestartPolicy extends RestartIntensity {
  readonly strategy: Strategy
}

export interface SupervisedChild {
  readonly spec: ChildSpec
  /** waiting: a decision said to start it, and nothing said that it runs; ended: by itself, and not to be restarted. */
  readonly status: "waiting" | "running" | "ended"
}

export interface SupervisorState {
  readonly policy: RestartPolicy
  /** In the order of their start. A temporary child that ended is gone. */
  readonly children: ReadonlyArray<SupervisedChild>
  readonly restarts: RestartTimes
}

export type SupervisorDecision =
  | { readonly _tag: "Continue"; readonly state: SupervisorState }
  | {
      readonly _tag: "Restart"
      readonly state: SupervisorState
      /** Running children to be ended first, in this order. */
      readonly stop: ReadonlyArray<string>
      /** To be started then, in this order. Ends at the first that fails: see `childStartFailed`. */
      readonly start: ReadonlyArray<string>
    }
  | {
      /** End the children that run, in this order, then the supervisor itself, with reason shutdown. */
      readonly _tag: "Escalate"
      readonly state: SupervisorState
      readonly stop: ReadonlyArray<string>
    }

/** All children wait to be started, in their order. */
export const initialState = (policy: RestartPolicy, specs: ReadonlyArray<ChildSpec>): SupervisorState => ({
  policy,
  children: specs.map((spec) => ({ spec, status: "waiting" })),
  restarts: []
})

export const childStarted = (state: SupervisorState, id: string): SupervisorState => withStatus(state, id, "running")

/** Adds a child as the last one; it waits to be started. */
export const addChild = (state: SupervisorState, spec: ChildSpec): SupervisorState => ({
  ...state,
  children: [...state.children, { spec, status: "waiting" }]
})

export const removeChild = (state: SupervisorState, id: string): SupervisorState => ({
  ...state,
  children: state.children.filter(({ spec }) => spec.id !== id)
})

/** A running child ended, and the supervisor had not asked for it. */
export const childExited = (
  state: SupervisorState,
  id: string,
  reason: ExitReason,
  nowMs: number
): SupervisorDecision => {
  const child = state.children.find(({ spec }) => spec.id === id)
  if (child?.status !== "running") return { _tag: "Continue", state }
  if (mustRestart(child.spec.restart, reason)) return restart(state, id, nowMs)
  const next = child.spec.restart === "temporary" ? removeChild(state, id) : withStatus(state, id, "ended")
  return { _tag: "Continue", state: next }
}

/** A child that a decision said to start did not start. It counts as one more restart, and is tried again. */
export const childStartFailed = (state: SupervisorState, id: string, nowMs: number): SupervisorDecision =>
  state.children.some(({ spec, status }) => spec.id === id && status === "waiting")
    ? restart(state, id, nowMs)
    : { _tag: "Continue", state }

const restart = (state: SupervisorState, id: string, nowMs: number): SupervisorDecision => {
  const { isTooMany, times } = countRestart(state.policy, state.restarts, nowMs)
  const counted = { ...state, restarts: times }
  if (isTooMany) {
    const children = counted.children.map(({ spec }): SupervisedChild => ({ spec, status: "ended" }))
    return { _tag: "Escalate", state: { ...counted, children }, stop: toStop(counted.children, id) }
  }
  const group = groupOf(counted, id)
  const isInGroup = new Set(group.map(({ spec }) => spec.id))
  // As OTP: temporary children of the group are forgotten, and all others started, also those that had ended by themselves.
  const children = counted.children.flatMap((child): ReadonlyArray<SupervisedChild> => {
    if (!isInGroup.has(child.spec.id)) return [child]
    return child.spec.restart === "temporary" ? [] : [{ spec: child.spec, status: "waiting" }]
  })
  return {
    _tag: "Restart",
    state: { ...counted, children },
    stop: toStop(group, id),
    start: children.filter(({ spec }) => isInGroup.has(spec.id)).map(({ spec }) => spec.id)
  }
}

const groupOf = ({ children, policy }: SupervisorState, id: string): ReadonlyArray<SupervisedChild> => {
  const index = children.findIndex(({ spec }) => spec.id === id)
  switch (policy.strategy) {
    case "one-for-one":
      return children.slice(index, index + 1)
    case "rest-for-one":
      return children.slice(index)
    case "one-for-all":
      return children
  }
}

/** The last started first; without the one that is gone already. */
const toStop = (children: ReadonlyArray<SupervisedChild>, gone: string): ReadonlyArray<string> =>
  children
    .filter(({ spec, status }) => status === "running" && spec.id !== gone)
    .map(({ spec }) => spec.id)
    .toReversed()

const withStatus = (state: SupervisorState, id: string, status: SupervisedChild["status"]): SupervisorState => ({
  ...state,
  children: state.children.map((child) => (child.spec.id === id ? { ...child, status } : child))
})
