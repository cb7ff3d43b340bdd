import { describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import { worker } from "../../../src/layers/supervision/Child.ts"
import * as Mailbox from "./Mailbox.ts"
import * as Supervisor from "../../../src/layers/supervision/Supervisor.ts"
import { assert } from "../assert.ts"
import { settle } from "../supervision.ts"

describe("A mailbox", () => {
  it.effect("that drops takes as many as fit, and counts the others", () =>
    Effect.gen(function* () {
      const box = yield* Mailbox.make<number>({ name: "test", capacity: 2, whenFull: "drop" })
      assert.deepStrictEqual(yield* Effect.forEach([1, 2, 3, 4], box.offer), [true, true, false, false])
      assert.deepStrictEqual([yield* box.length, yield* box.dropped], [2, 2])
      assert.deepStrictEqual([yield* box.take, yield* box.take], [1, 2])
    })
  )

  it.effect("that makes its senders wait loses nothing and holds no more than fits", () =>
    Effect.gen(function* () {
      const box = yield* Mailbox.make<number>({ name: "test", capacity: 2, whenFull: "wait" })
      const sender = yield* Effect.fork(Effect.forEach([1, 2, 3, 4], box.offer))
      yield* settle
      assert.deepStrictEqual([yield* box.length, (yield* Fiber.poll(sender))._tag], [2, "None"])
      const taken = yield* Effect.replicateEffect(box.take, 4)
      assert.deepStrictEqual(taken, [1, 2, 3, 4])
      assert.deepStrictEqual(yield* Fiber.await(sender), Exit.succeed([true, true, true, true]))
      assert.strictEqual(yield* box.dropped, 0)
    })
  )

  it.scoped("outlives its actor: only the message that it died of is lost", () =>
    Effect.gen(function* () {
      const box = yield* Mailbox.make<number>({ name: "test", capacity: 8, whenFull: "drop" })
      const handled: Array<number> = []
      const handle = (message: number) =>
        message === 2 ? Effect.dieMessage("two") : Effect.sync(() => handled.push(message))
      const children = [worker("actor", Effect.forever(Effect.flatMap(box.take, handle)))]
      const policy = { strategy: "one-for-one", intensity: 1, periodSeconds: 5 } as const
      yield* Supervisor.make({ id: "test", policy, children })
      yield* Effect.forEach([1, 2, 3], box.offer)
      yield* settle
      assert.deepStrictEqual(handled, [1, 3])
    })
  )
})
