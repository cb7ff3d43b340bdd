import { describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber } from "effect"
import { makeTurns } from "../../../src/layers/process/PriorityLock.ts"
import { assert } from "../../support/assert.ts"

/** A turn that is held until `done`, and all that queue behind it. */
const setUp = Effect.gen(function* () {
  const turns = makeTurns()
  const done = yield* Deferred.make<void>()
  const order: Array<string> = []
  const queue = (name: string, slack: number) =>
    turns
      .take(slack)(Effect.sync(() => void order.push(name)))
      .pipe(Effect.fork, Effect.tap(Effect.yieldNow()))
  const holder = yield* turns.take(0)(Deferred.await(done)).pipe(Effect.fork, Effect.tap(Effect.yieldNow()))
  return { turns, order, queue, holder, finish: Deferred.succeed(done, undefined) }
})

describe("Turns", () => {
  it.effect("go to the most urgent, and to the first of equals", () =>
    Effect.gen(function* () {
      const { order, queue, finish } = yield* setUp
      const fibers = yield* Effect.all([queue("late", 2), queue("soon", 1), queue("now", 0), queue("soon, too", 1)])
      assert.isEmpty(order)
      yield* finish
      yield* Fiber.joinAll(fibers)
      assert.deepStrictEqual(order, ["now", "soon", "soon, too", "late"])
    })
  )

  it.effect("are not lost with who is interrupted, waiting or at work, or fails", () =>
    Effect.gen(function* () {
      const { turns, order, queue, holder } = yield* setUp
      const waiting = yield* queue("gone", 0)
      const failing = yield* turns.take(1)(Effect.fail("as it may")).pipe(Effect.fork, Effect.tap(Effect.yieldNow()))
      const last = yield* queue("last", 2)
      yield* Fiber.interrupt(waiting)
      yield* Fiber.interrupt(holder)
      assert.isTrue(Exit.isFailure(yield* Fiber.await(failing)))
      yield* Fiber.join(last)
      assert.deepStrictEqual(order, ["last"])
    })
  )
})
