import { describe, it } from "@effect/vitest"
import type { ChildSpec, ExitReason, RestartType } from "../../../src/domain/supervision/ChildSpec.ts"
import {
  childExited,
  childStarted,
  childStartFailed,
  initialState,
  type Strategy,
  type SupervisorDecision,
  type SupervisorState
} from "../../../src/domain/supervision/SupervisorDecision.ts"
import { assert } from "../../support/assert.ts"

const spec = (id: string, restart: RestartType): ChildSpec => ({ id, restart, type: "worker", shutdown: 5000 })

/** Children a, b, c, all running. */
const running = (strategy: Strategy, restarts: ReadonlyArray<RestartType>, intensity = 5): SupervisorState => {
  const specs = restarts.map((restart, n) => spec("abc"[n]!, restart))
  const state = initialState({ strategy, intensity, periodSeconds: 10 }, specs)
  return specs.reduce((state, { id }) => childStarted(state, id), state)
}

const all = (restart: RestartType) => [restart, restart, restart]

/** "-": nothing to do; "b a | a b": stop b, a, then start a, b; "! b a": stop b, a, and escalate. */
const text = (decision: SupervisorDecision): string => {
  switch (decision._tag) {
    case "Continue":
      return "-"
    case "Restart":
      return `${decision.stop.join(" ")} | ${decision.start.join(" ")}`.trim()
    case "Escalate":
      return `! ${decision.stop.join(" ")}`.trim()
  }
}

const statuses = ({ state }: SupervisorDecision) =>
  state.children.map(({ spec, status }) => `${spec.id} ${status}`).join(", ")

const reasons: ReadonlyArray<ExitReason> = ["normal", "shutdown", "abnormal"]

describe("A supervisor's decision on a child that ended", () => {
  it("is made by restart type and reason", () => {
    const decided = (restart: RestartType) =>
      reasons.map((reason) => text(childExited(running("one-for-one", all(restart)), "b", reason, 0)))
    assert.deepStrictEqual(decided("permanent"), ["| b", "| b", "| b"])
    assert.deepStrictEqual(decided("transient"), ["-", "-", "| b"])
    assert.deepStrictEqual(decided("temporary"), ["-", "-", "-"])
  })

  it("takes along whom the strategy says: stopped from the last to the first, started from the first to the last", () => {
    const decided = (strategy: Strategy, id: string) =>
      text(childExited(running(strategy, all("permanent")), id, "abnormal", 0))
    assert.deepStrictEqual(
      ["a", "b", "c"].map((id) => decided("one-for-one", id)),
      ["| a", "| b", "| c"]
    )
    assert.deepStrictEqual(
      ["a", "b", "c"].map((id) => decided("one-for-all", id)),
      ["c b | a b c", "c a | a b c", "b a | a b c"]
    )
    assert.deepStrictEqual(
      ["a", "b", "c"].map((id) => decided("rest-for-one", id)),
      ["c b | a b c", "c | b c", "| c"]
    )
  })

  it("ends temporary siblings for good, and forgets them", () => {
    const decision = childExited(running("one-for-all", ["permanent", "temporary", "transient"]), "a", "abnormal", 0)
    assert.strictEqual(text(decision), "c b | a c")
    assert.strictEqual(statuses(decision), "a waiting, c waiting")
  })

  it("starts a sibling again with the group that had ended by itself and stayed known", () => {
    const { state } = childExited(running("one-for-all", all("transient")), "b", "normal", 0)
    assert.strictEqual(text(childExited(state, "c", "abnormal", 0)), "a | a b c")
  })

  it("is to escalate at the restart beyond the intensity, with all others ended in reverse", () => {
    for (const strategy of ["one-for-one", "rest-for-one", "one-for-all"] as const) {
      const decision = childExited(running(strategy, all("permanent"), 0), "b", "abnormal", 0)
      assert.strictEqual(text(decision), "! c a")
      assert.strictEqual(statuses(decision), "a ended, b ended, c ended")
    }
  })

  it("is nothing where the child does not run any more", () => {
    const first = childExited(running("one-for-one", all("permanent")), "b", "abnormal", 0)
    assert.strictEqual(text(childExited(first.state, "b", "abnormal", 0)), "-")
    assert.strictEqual(text(childExited(first.state, "x", "abnormal", 0)), "-")
  })
})

describe("A supervisor's decision on a start that failed", () => {
  const crashed = (strategy: Strategy, intensity?: number) =>
    childExited(running(strategy, all("permanent"), intensity), "b", "abnormal", 0).state

  it("is to try again, together with whom the strategy says", () => {
    assert.strictEqual(text(childStartFailed(crashed("one-for-one"), "b", 0)), "| b")
    // a had been started before b failed.
    assert.strictEqual(text(childStartFailed(childStarted(crashed("one-for-all"), "a"), "b", 0)), "a | a b c")
    assert.strictEqual(text(childStartFailed(childStarted(crashed("rest-for-one"), "b"), "c", 0)), "| c")
  })

  it("counts it as a restart", () => {
    assert.strictEqual(text(childStartFailed(crashed("one-for-one", 1), "b", 0)), "! c a")
    assert.strictEqual(text(childStartFailed(crashed("one-for-one", 1), "b", 11_000)), "| b")
  })
})
