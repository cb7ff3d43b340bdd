/** Actors that come and go under the real tree, on TestClock. */
import { describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope, TestClock } from "effect"
import * as SupervisionTreeRoot from "../../../src/layers/supervision/SupervisionTreeRoot.ts"
import { Actors } from "../../../src/services/Actors.ts"
import { SupervisionTree } from "../../../src/services/SupervisionTree.ts"
import { assert } from "../../support/assert.ts"

const inTree = <A, E>(use: Effect.Effect<A, E, SupervisionTree | Scope.Scope>) =>
  use.pipe(
    Effect.scoped,
    Effect.provide(SupervisionTreeRoot.layer({ children: [], onEscalation: (reason) => Effect.dieMessage(reason) }))
  )

const childrenOf = (group: string) =>
  Effect.map(
    Effect.flatMap(SupervisionTree, (tree) => tree.snapshot),
    (root) => root.children.find(({ id }) => id === group)!.children
  )

const settle = Effect.yieldNow().pipe(Effect.repeatN(50))

describe("An actor that is kept", () => {
  it.effect("begins again after an end of any kind, and ends with its scope", () =>
    inTree(
      Effect.gen(function* () {
        const actors = yield* Actors
        const scope = yield* Scope.make()
        const ends = [Effect.void, Effect.fail("no"), Effect.dieMessage("broken")]
        let lives = 0
        let alive = 0
        const work = Effect.suspend(() => ends[lives++] ?? Effect.never).pipe(
          (life) =>
            Effect.zipRight(
              Effect.sync(() => void (alive += 1)),
              life
            ),
          Effect.ensuring(Effect.sync(() => void (alive -= 1)))
        )
        yield* Scope.extend(actors.keep("library", "watcher", work), scope)
        for (let second = 0; second < 5; second++) yield* Effect.zipRight(TestClock.adjust("1 second"), settle)
        const [watcher] = yield* childrenOf("library")
        assert.hasFields(watcher, {
          id: "watcher",
          type: "worker",
          status: "running",
          restarts: 3,
          last_failure: "Broken."
        })
        assert.deepStrictEqual([lives, alive], [4, 1])
        yield* Scope.close(scope, Exit.void)
        assert.deepStrictEqual([yield* childrenOf("library"), alive], [[], 0])
      })
    )
  )

  it.effect("may be started and ended where nothing can be interrupted", () =>
    inTree(
      Effect.gen(function* () {
        const actors = yield* Actors
        yield* Effect.uninterruptible(actors.keep("library", "scanner", Effect.never))
        assert.lengthOf(yield* childrenOf("library"), 1)
      })
    )
  )
})

describe("An actor that is adopted", () => {
  it.effect("is seen until it ends, and ended by its owner in good order", () =>
    inTree(
      Effect.gen(function* () {
        const actors = yield* Actors
        const short = yield* Effect.forkScoped(Effect.sleep("1 second"))
        const long = yield* Effect.forkScoped(Effect.never)
        yield* actors.adopt("streaming", "stream of track 1", short)
        yield* actors.adopt("streaming", "stream of track 1", long)
        yield* settle
        const ids = Effect.map(childrenOf("streaming"), (children) => children.map(({ id }) => id))
        assert.deepStrictEqual(yield* ids, ["stream of track 1 #1", "stream of track 1 #2"])
        yield* Effect.zipRight(TestClock.adjust("1 second"), settle)
        assert.deepStrictEqual(yield* ids, ["stream of track 1 #2"])
        yield* Effect.zipRight(Fiber.interrupt(long), settle)
        assert.deepStrictEqual(yield* ids, [])
      })
    )
  )

  it.effect("ends with the tree, and is not started again when it fails", () =>
    Effect.gen(function* () {
      let begun = 0
      const { failing, running } = yield* inTree(
        Effect.gen(function* () {
          const actors = yield* Actors
          const running = yield* Effect.forkDaemon(Effect.never)
          const failing = yield* Effect.forkDaemon(
            Effect.zipRight(
              Effect.sync(() => void (begun += 1)),
              Effect.fail("no")
            )
          )
          yield* actors.adopt("generation", "fingerprint of track 1", running)
          yield* actors.adopt("generation", "fingerprint of track 2", failing)
          yield* Effect.zipRight(TestClock.adjust("1 minute"), settle)
          assert.deepStrictEqual(
            (yield* childrenOf("generation")).map(({ id, status }) => [id, status]),
            [["fingerprint of track 1 #1", "running"]]
          )
          return { running, failing }
        })
      )
      assert.isTrue(Exit.isInterrupted(yield* Fiber.await(running)))
      assert.deepStrictEqual([yield* Fiber.await(failing), begun], [Exit.fail("no"), 1])
    })
  )
})

describe("Without a tree", () => {
  it.effect("what is kept ends with its scope, and says that it broke off", () =>
    Effect.gen(function* () {
      const actors = yield* Actors
      let alive = 0
      yield* Effect.scoped(
        Effect.gen(function* () {
          const life = Effect.acquireUseRelease(
            Effect.sync(() => void (alive += 1)),
            () => Effect.never,
            () => Effect.sync(() => void (alive -= 1))
          )
          yield* actors.keep("library", "watcher", life)
          yield* actors.keep("library", "scanner", Effect.fail("no"))
          yield* settle
          assert.strictEqual(alive, 1)
        })
      )
      assert.strictEqual(alive, 0)
    })
  )
})
