import { describe, it } from "@effect/vitest"
import type { ProcessState } from "../../../src/layers/process/processState.ts"
import { makeWatchdog, type MemoryBound, type Verdict } from "../../../src/layers/process/Watchdog.ts"
import { assert } from "../../support/assert.ts"

const intervalMs = 200
const silenceMs = 1000

/** What a process does, one entry a look: how it is found, and whether it has shown a sign of life since the last one. */
interface Step extends Partial<ProcessState> {
  readonly sign?: boolean
  /** ms of processor time since the last look. */
  readonly ran?: number
  /** ms by which this look comes late, since the watching process itself did not run. */
  readonly late?: number
}

/** The first verdict and the ms after which it came; undefined: none in all these looks. */
const watch = (
  steps: ReadonlyArray<Step | undefined>,
  memory?: MemoryBound
): (Verdict & { at: number; swollen: boolean }) | undefined => {
  let now = 0
  let cpuMs = 0
  let found: ProcessState | undefined
  const watchdog = makeWatchdog({ pid: 1, intervalMs, memory, now: () => now, read: () => found })
  watchdog.begin()
  for (const step of steps) {
    now += intervalMs + (step?.late ?? 0)
    cpuMs += step?.ran ?? 0
    found = step && { state: step.state ?? "R", cpuMs, rssBytes: step.rssBytes ?? 0 }
    if (step?.sign === true) watchdog.sign()
    const verdict = watchdog.look(silenceMs)
    if (verdict !== undefined) return { ...verdict, at: now, swollen: watchdog.isSwollen() }
  }
  return undefined
}

const times = <A>(count: number, step: A): ReadonlyArray<A> => Array.from({ length: count }, () => step)

describe("Watchdog", () => {
  it("takes a process for hung that had its time and said nothing, in a loop or asleep", () => {
    const loop = watch(times(20, { state: "R", ran: 200 }))
    assert.hasFields(loop!, { cause: "hung", at: 1000 })
    const asleep = watch(times(20, { state: "S" }))
    assert.hasFields(asleep!, { cause: "hung", at: 1200 })
  })

  it("bears with a process that the machine does not run", () => {
    assert.isUndefined(watch(times(200, { state: "R", ran: 1 })))
    // Until it has had as much time as one that loops on a machine of its own.
    const starved = watch(times(200, { state: "R", ran: 20 }))
    assert.hasFields(starved!, { cause: "hung", at: 8200 })
  })

  it("bears with one that sleeps for a moment between signs of life, or runs in between", () => {
    assert.isUndefined(watch(times(50, [...times(4, { state: "S" }), { state: "S", sign: true }]).flat()))
    assert.isUndefined(watch(times(200, [{ state: "S" }, { state: "S", ran: 1 }]).flat()))
  })

  it("bears with a disk that has to spin up, and not for ever", () => {
    assert.isUndefined(watch(times(70, { state: "D" })))
    assert.hasFields(watch(times(100, { state: "D" }))!, { cause: "hung", at: 15_000 })
  })

  it("says of a process that was stopped from outside that it was", () => {
    assert.hasFields(watch(times(20, { state: "T" }))!, { cause: "stopped", at: 1000 })
  })

  it("counts no silence in which it did not run itself", () => {
    assert.isUndefined(watch(times(4, { state: "S", late: 5000 })))
  })

  it("notices memory beyond the soft bound, and beyond the hard one at once", () => {
    const memory = { soft: 100, hard: 200 }
    assert.isUndefined(watch([{ sign: true, rssBytes: 200 }], memory))
    assert.hasFields(
      watch(
        [
          { sign: true, rssBytes: 150 },
          { sign: true, rssBytes: 201 }
        ],
        memory
      )!,
      {
        cause: "memory",
        at: 400,
        swollen: true
      }
    )
  })

  it("has nothing but silence to go by where the system says nothing, and waits ten times as long", () => {
    assert.isUndefined(watch(times(49, undefined)))
    assert.hasFields(watch(times(60, undefined))!, { cause: "hung", at: 10_000 })
  })
})
