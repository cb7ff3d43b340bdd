import { describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import {
  admit,
  type Circuit,
  type CircuitPolicy,
  closed,
  fail,
  release,
  reset,
  succeed
} from "../../../src/domain/supervision/CircuitBreaker.ts"
import { assert } from "../../support/assert.ts"

const policy: CircuitPolicy = { failuresToOpen: 3, openMs: 1000 }

/** Lets one call through at `nowMs` and ends it. */
const call = (circuit: Circuit, nowMs: number, outcome: "good" | "bad"): Circuit => {
  const [admission, admitted] = admit(circuit, nowMs)
  assert(admission.isAdmitted)
  return outcome === "good" ? succeed(admitted, admission.era) : fail(admitted, admission.era, policy, nowMs)
}

const calls = (...outcomes: ReadonlyArray<"good" | "bad">): Circuit =>
  outcomes.reduce((circuit, outcome) => call(circuit, 0, outcome), closed)

const isAdmitted = (circuit: Circuit, nowMs: number): boolean => admit(circuit, nowMs)[0].isAdmitted

describe("A circuit breaker", () => {
  it("opens after so many failures in a row, not before, and not over a success between", () => {
    assert.strictEqual(calls("bad", "bad").state, "closed")
    assert.strictEqual(calls("bad", "bad", "good", "bad", "bad").state, "closed")
    assert.strictEqual(calls("bad", "bad", "bad").state, "open")
  })

  it("refuses while it is open, and after that lets one probe through, and no second beside it", () => {
    const open = calls("bad", "bad", "bad")
    assert.isFalse(isAdmitted(open, 999))
    const [admission, probing] = admit(open, 1000)
    assert.isTrue(admission.isAdmitted)
    assert.strictEqual(probing.state, "half_open")
    assert.isFalse(isAdmitted(probing, 1_000_000))
  })

  it("closes by a probe that succeeds, and opens for as long again by one that fails", () => {
    const open = calls("bad", "bad", "bad")
    assert.strictEqual(call(open, 1000, "good").state, "closed")
    const again = call(open, 1000, "bad")
    assert.strictEqual(again.state, "open")
    assert.isFalse(isAdmitted(again, 1999))
    assert.isTrue(isAdmitted(again, 2000))
  })

  it("needs as many failures after closing as before the first opening", () => {
    const closedAgain = call(calls("bad", "bad", "bad"), 1000, "good")
    assert.strictEqual(call(call(closedAgain, 1000, "bad"), 1000, "bad").state, "closed")
  })

  it("lets another probe through when the first ended without saying anything", () => {
    const [admission, probing] = admit(calls("bad", "bad", "bad"), 1000)
    assert(admission.isAdmitted)
    assert.isTrue(isAdmitted(release(probing, admission.era), 1000))
  })

  it("takes nothing from calls of an earlier era", () => {
    const [early] = admit(closed, 0)
    assert(early.isAdmitted)
    const open = calls("bad", "bad", "bad")
    assert.deepStrictEqual(succeed(open, early.era), open)
    const [, probing] = admit(open, 1000)
    assert.deepStrictEqual(succeed(probing, early.era), probing)
    assert.deepStrictEqual(fail(probing, early.era, policy, 1000), probing)
    assert.deepStrictEqual(release(probing, early.era), probing)
  })

  it("closes at once when the other side is seen to come back", () => {
    const back = reset(calls("bad", "bad", "bad"))
    assert.strictEqual(back.state, "closed")
    assert.isTrue(isAdmitted(back, 0))
  })

  it("has at most one probe under way, and is never stuck, whatever happens in whatever order", () => {
    const step = fc.tuple(fc.constantFrom("admit", "good", "bad", "neutral", "reset"), fc.nat(700))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let circuit: Circuit = closed
        let now = 0
        let running: Array<number> = []
        for (const [what, elapsed] of steps) {
          now += elapsed
          const era = running[0]
          if (what === "admit") {
            const [admission, next] = admit(circuit, now)
            circuit = next
            if (admission.isAdmitted) running.push(admission.era)
          } else if (what === "reset") circuit = reset(circuit)
          else if (era !== undefined) {
            running = running.slice(1)
            if (what === "good") circuit = succeed(circuit, era)
            else if (what === "bad") circuit = fail(circuit, era, policy, now)
            else circuit = release(circuit, era)
          }
          const { era: present, state } = circuit
          if (state === "half_open") assert.isAtMost(running.filter((era) => era === present).length, 1)
        }
        for (const era of running) circuit = release(circuit, era)
        assert.isTrue(isAdmitted(circuit, now + policy.openMs))
      }),
      { seed: 1, numRuns: 500 }
    )
  })
})
