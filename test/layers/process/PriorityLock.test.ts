import { describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber } from "effect"
import { makePriorityLock } from "../../../src/layers/process/PriorityLock.ts"
import { assert } from "../../support/assert.ts"

/** A lock that is held until `done`, and all that queue behind it. */
const setUp = Effect.gen(function* () {
  const lock = makePriorityLock()
  const done = yield* Deferred.make<void>()
  const order: Array<string> = []
  const queue = (name: string, priority: number) =>
    lock
      .withPriority(priority)(Effect.sync(() => void order.push(name)))
      .pipe(Effect.fork, Effect.tap(Effect.yieldNow()))
  const holder = yield* lock.withPriority(0)(Deferred.await(done)).pipe(Effect.fork, Effect.tap(Effect.yieldNow()))
  return { lock, order, queue, holder, finish: Deferred.succeed(done, undefined) }
})

describe("PriorityLock", () => {
  it.effect("goes to the lowest priority, and to the first of equals", () =>
    Effect.gen(function* () {
      const { order, queue, finish } = yield* setUp
      const fibers = yield* Effect.all([queue("late", 2), queue("soon", 1), queue("now", 0), queue("soon, too", 1)])
      assert.isEmpty(order)
      yield* finish
      yield* Fiber.joinAll(fibers)
      assert.deepStrictEqual(order, ["now", "soon", "soon, too", "late"])
    })
  )

  it.effect("is not lost with who is interrupted, waiting or at work, or fails", () =>
    Effect.gen(function* () {
      const { lock, order, queue, holder } = yield* setUp
      const waiting = yield* queue("gone", 0)
      const failing = yield* lock
        .withPriority(1)(Effect.fail("as it may"))
        .pipe(Effect.fork, Effect.tap(Effect.yieldNow()))
      const last = yield* queue("last", 2)
      yield* Fiber.interrupt(waiting)
      yield* Fiber.interrupt(holder)
      assert.isTrue(Exit.isFailure(yield* Fiber.await(failing)))
      yield* Fiber.join(last)
      assert.deepStrictEqual(order, ["last"])
    })
  )
})
