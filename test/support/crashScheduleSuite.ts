/** Supervisors in random crash schedules, one a seed. */
import { describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Random, Scope, Supervisor as FiberSupervisor, TestClock } from "effect"
import { ChildShutdown } from "../../src/domain/supervision/ChildEnd.ts"
import type { ExitReason } from "../../src/domain/supervision/ChildSpec.ts"
import { noBackoff, type RestartBackoff } from "../../src/domain/supervision/RestartBackoff.ts"
import * as Supervisor from "../../src/layers/supervision/Supervisor.ts"
import { assert } from "./assert.ts"
import { type CrashSchedule, makeSchedule, replay } from "./crashSchedules.ts"
import { makeTroupe, settle } from "./supervision.ts"

const exitOf: Readonly<Record<ExitReason, Exit.Exit<unknown, unknown>>> = {
  normal: Exit.void,
  shutdown: Exit.fail(new ChildShutdown({ detail: "It has to." })),
  abnormal: Exit.fail("it crashed")
}

/** What a real supervisor makes of a schedule; so many steps of 200 ms pass after each of its steps. */
const run = ({ children, policy, steps }: CrashSchedule, backoff: RestartBackoff, rests: number) =>
  Effect.gen(function* () {
    const troupe = makeTroupe()
    const failing = new Map<string, number>()
    const actors = children.map(({ id, restart }) => {
      const onStart = Effect.suspend(() => {
        const failures = failing.get(id) ?? 0
        failing.set(id, failures - 1)
        return failures > 0 ? Effect.fail("not now") : Effect.void
      })
      return troupe.actor(id, { restart, onStart })
    })
    const scope = yield* Scope.make()
    const supervisor = yield* Scope.extend(Supervisor.make({ id: "random", policy, backoff, children: actors }), scope)
    const end = yield* Effect.fork(supervisor.ended)
    const trace = [troupe.news()]
    for (const step of steps) {
      if (step.gapMs > 0) yield* TestClock.adjust(step.gapMs)
      if (step.failing !== undefined) failing.set(step.failing.id, step.failing.starts)
      yield* troupe.end(step.id, exitOf[step.reason])
      for (let n = 0; n < rests; n++) yield* Effect.zipRight(TestClock.adjust(200), settle)
      trace.push(troupe.news())
    }
    const hasEscalated = (yield* Fiber.poll(end))._tag === "Some"
    const running = troupe.running()
    yield* Scope.close(scope, Exit.void)
    yield* Fiber.interrupt(end)
    trace.push(troupe.news())
    return { trace, hasEscalated, running, log: troupe.log, left: troupe.running() }
  })

/** With the fibers that are left after it. */
const watched = <A, E>(seed: number, effect: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    // On a whole second, as in the replay.
    yield* TestClock.setTime(seed * 1_000_000)
    const fibers = yield* FiberSupervisor.track
    const result = yield* Effect.supervised(effect, fibers)
    yield* settle
    return { ...result, fibers: (yield* fibers.value).length }
  })

const initiallyStarted = (schedule: CrashSchedule) => schedule.children.map(({ id }) => `+${id}`).join(" ")

export const describeCrashSchedules = (seeds: ReadonlyArray<number>) =>
  describe("In random crash schedules a supervisor", { timeout: 120_000 }, () => {
    it.effect("without back-off does step by step what the core decides, and leaves no fiber", () =>
      Effect.forEach(seeds, (seed) =>
        Effect.gen(function* () {
          const schedule = makeSchedule(seed, { periods: [1, 3], gaps: [0, 300, 999, 1000, 2500] })
          const { fibers, hasEscalated, left, running, trace } = yield* watched(seed, run(schedule, noBackoff, 0))
          assert.deepStrictEqual({ trace, hasEscalated, running }, replay(schedule), `seed ${seed}`)
          assert.deepStrictEqual({ fibers, left }, { fibers: 0, left: [] }, `seed ${seed}`)
          assert.strictEqual(trace[0], initiallyStarted(schedule))
        })
      )
    )

    it.effect("with back-off has the same children run once its pauses are over", () =>
      Effect.forEach(seeds, (seed) =>
        Effect.gen(function* () {
          // The period outlasts all pauses: they do not change what is too much.
          const schedule = makeSchedule(seed, { periods: [3600], gaps: [0] })
          const { fibers, hasEscalated, running, trace } = yield* watched(
            seed,
            run(schedule, { firstMs: 100, mostMs: 100, healthyMs: 5000 }, 3)
          )
          assert.deepStrictEqual({ trace, hasEscalated, running }, replay(schedule), `seed ${seed}`)
          assert.strictEqual(fibers, 0)
        })
      )
    )

    it.effect(
      "in the middle of its pauses never has a child twice, keeps the order, and ends cleanly at any moment",
      () =>
        Effect.forEach(seeds, (seed) =>
          Effect.gen(function* () {
            const schedule = makeSchedule(seed, { periods: [2], gaps: [0, 50, 300, 1000] })
            const { fibers, left, log, trace } = yield* watched(
              seed,
              run(schedule, { firstMs: 200, mostMs: 2000, healthyMs: 1000 }, 0)
            )
            const there = new Set<string>()
            for (const entry of log) {
              const id = entry.slice(1)
              assert.strictEqual(there.has(id), entry[0] === "-" || entry[0] === "!", `seed ${seed}: ${log.join(" ")}`)
              if (entry[0] === "+") there.add(id)
              else there.delete(id)
            }
            const ended = trace.at(-1)!.split(" ")
            assert.deepStrictEqual(ended, ended.toSorted().toReversed())
            assert.deepStrictEqual({ fibers, left }, { fibers: 0, left: [] }, `seed ${seed}`)
          }).pipe(Effect.withRandom(Random.make(seed)))
        )
    )
  })
