import { describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Metric, Scope, TestClock } from "effect"
import { ChildShutdown } from "../../../src/domain/supervision/ChildEnd.ts"
import type { Strategy } from "../../../src/domain/supervision/SupervisorDecision.ts"
import { worker } from "../../../src/layers/supervision/Child.ts"
import * as Supervisor from "../../../src/layers/supervision/Supervisor.ts"
import { assert } from "../../support/assert.ts"
import { type ActorOptions, makeTroupe, settle } from "../../support/supervision.ts"

const crash = Exit.fail("it crashed")

const policy = (strategy: Strategy, intensity = 3, periodSeconds = 5) => ({ strategy, intensity, periodSeconds })

const backoff = { firstMs: 1000, mostMs: 4000, healthyMs: 60_000 }

/** A clock step beyond a pause of `ms` with any jitter. */
const pass = (ms: number) => Effect.zipRight(TestClock.adjust(ms * 1.2), settle)

/** A supervisor over a, b, c in a scope of its own. */
const start = (
  options: Omit<Supervisor.SupervisorOptions, "id" | "children">,
  actors: Readonly<Record<string, ActorOptions>> = { a: {}, b: {}, c: {} }
) =>
  Effect.gen(function* () {
    const troupe = makeTroupe()
    const scope = yield* Scope.make()
    yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
    const children = Object.entries(actors).map(([id, options]) => troupe.actor(id, options))
    const supervisor = yield* Scope.extend(Supervisor.make({ id: "test", ...options, children }), scope)
    const stop = Scope.close(scope, Exit.void)
    const status = Effect.map(supervisor.children, (children) =>
      children.map(({ id, status }) => `${id} ${status}`).join(", ")
    )
    return { ...troupe, supervisor, stop, status }
  })

const hasGivenUp = (supervisor: Supervisor.Supervisor) =>
  Effect.flatMap(Effect.fork(supervisor.ended), (fiber) =>
    settle.pipe(
      Effect.zipRight(Fiber.poll(fiber)),
      Effect.map(({ _tag }) => _tag === "Some"),
      Effect.tap(() => Fiber.interrupt(fiber))
    )
  )

describe("A supervisor", () => {
  it.scoped("starts its children in order and ends them in reverse", () =>
    Effect.gen(function* () {
      const { news, status, stop } = yield* start({ policy: policy("one-for-one") })
      assert.strictEqual(news(), "+a +b +c")
      assert.strictEqual(yield* status, "a running, b running, c running")
      yield* stop
      assert.strictEqual(news(), "-c -b -a")
    })
  )

  for (const [strategy, restarted] of [
    ["one-for-one", "!b +b"],
    ["one-for-all", "!b -c -a +a +b +c"],
    ["rest-for-one", "!b -c +b +c"]
  ] as const) {
    it.scoped(`restarts ${strategy}, by restart type`, () =>
      Effect.gen(function* () {
        const after = (restart: "permanent" | "transient" | "temporary", exit: Exit.Exit<unknown, unknown>) =>
          Effect.gen(function* () {
            const { end, news } = yield* start({ policy: policy(strategy) }, { a: {}, b: { restart }, c: {} })
            news()
            yield* end("b", exit)
            return news()
          })
        const shutdown = Exit.fail(new ChildShutdown({ detail: "It has to." }))
        for (const exit of [crash, Exit.die("it broke"), Exit.interrupt(yield* Effect.fiberId)]) {
          assert.strictEqual(yield* after("permanent", exit), restarted)
          assert.strictEqual(yield* after("transient", exit), restarted)
          assert.strictEqual(yield* after("temporary", exit), "!b")
        }
        for (const exit of [Exit.void, shutdown]) {
          assert.strictEqual(yield* after("permanent", exit), restarted)
          assert.strictEqual(yield* after("transient", exit), "!b")
          assert.strictEqual(yield* after("temporary", exit), "!b")
        }
      })
    )
  }

  it.scoped("bears as many restarts in the period as its intensity says; the next one ends it, in reverse order", () =>
    Effect.gen(function* () {
      const { end, news, running, status, supervisor } = yield* start({ policy: policy("one-for-one", 2, 5) })
      for (let n = 0; n < 2; n++) yield* end("b", crash)
      assert.isFalse(yield* hasGivenUp(supervisor))
      // The window slides: the first two do not count any more.
      yield* pass(6000)
      for (let n = 0; n < 2; n++) yield* end("b", crash)
      assert.isFalse(yield* hasGivenUp(supervisor))
      news()
      yield* end("b", crash)
      assert.strictEqual(news(), "!b -c -a")
      const reason = yield* Effect.flip(supervisor.ended)
      assert.strictEqual(reason.message, "test gives up: more than 2 restarts within 5 s.")
      assert.isEmpty(running())
      assert.strictEqual(yield* status, "a ended, b ended, c ended")
    })
  )

  it.scoped("starts a child again, and again, that does not start, and counts that", () =>
    Effect.gen(function* () {
      let failures = 0
      const onStart = Effect.suspend(() => (failures-- > 0 ? Effect.fail("not now") : Effect.void))
      const { end, news, supervisor } = yield* start(
        { policy: policy("rest-for-one", 3) },
        { a: {}, b: {}, c: { onStart } }
      )
      news()
      failures = 2
      yield* end("b", crash)
      assert.strictEqual(news(), "!b -c +b ?c ?c +c")
      failures = 1
      yield* end("c", crash)
      assert.strictEqual(news(), "!c ?c -b -a".replace("?c ", ""))
      assert.isTrue(yield* hasGivenUp(supervisor))
    })
  )

  for (const [how, onStart] of [
    ["fails", Effect.fail("not now")],
    ["breaks", Effect.dieMessage("not now")],
    ["is interrupted", Effect.interrupt]
  ] as const) {
    it.scoped(`does not start where a child ${how} during its start: those before it are ended`, () =>
      Effect.gen(function* () {
        const { actor, log } = makeTroupe()
        const children = [actor("a"), actor("b"), actor("c", { onStart }), actor("d")]
        const error = yield* Effect.flip(Supervisor.make({ id: "test", policy: policy("one-for-one"), children }))
        assert.strictEqual(
          error.message,
          `c does not start. ${how === "is interrupted" ? "It was interrupted." : "Not now."}`
        )
        assert.deepStrictEqual(log, ["+a", "+b", "?c", "-b", "-a"])
      })
    )
  }

  it.scoped("that is ended while a child starts ends that start, and those before it", () =>
    Effect.gen(function* () {
      const { actor, log } = makeTroupe()
      const children = [actor("a"), actor("b", { onStart: Effect.never })]
      const fiber = yield* Effect.fork(
        Effect.scoped(Supervisor.make({ id: "test", policy: policy("one-for-one"), children }))
      )
      yield* settle
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(log, ["+a", "?b", "-a"])
    })
  )

  it.scoped("that is ended while it restarts a child ends that start too", () =>
    Effect.gen(function* () {
      let isSlow = false
      const onStart = Effect.suspend(() => (isSlow ? Effect.never : Effect.void))
      const { end, news, status, stop } = yield* start({ policy: policy("one-for-one") }, { a: {}, b: { onStart } })
      isSlow = true
      yield* end("b", crash)
      assert.strictEqual(yield* status, "a running, b starting")
      news()
      yield* stop
      assert.strictEqual(news(), "?b -a")
    })
  )

  it.scoped("that is started where nothing can be interrupted has children that can", () =>
    Effect.gen(function* () {
      const { actor, log } = makeTroupe()
      yield* Effect.scoped(
        Effect.uninterruptible(
          Supervisor.make({
            id: "test",
            policy: policy("one-for-one"),
            children: [actor("a", { shutdown: "infinity" })]
          })
        )
      )
      assert.deepStrictEqual(log, ["+a", "-a"])
    })
  )

  it.scoped("counts restarts, escalations and children by state", () =>
    Effect.gen(function* () {
      const value = (name: string, tags: Record<string, string> = {}) =>
        Effect.map(Metric.snapshot, (pairs) => {
          const found = pairs.find(
            ({ metricKey }) =>
              metricKey.name === `lathe_supervisor_${name}` &&
              Object.entries({ supervisor: "counted", ...tags }).every(([key, value]) =>
                metricKey.tags.some((tag) => tag.key === key && tag.value === value)
              )
          )
          const state = found?.metricState as { readonly count?: number; readonly value?: number } | undefined
          return state?.count ?? state?.value
        })
      const { actor, end } = makeTroupe()
      const children = [actor("a"), actor("b", { restart: "transient" }), actor("c")]
      const supervisor = yield* Supervisor.make({ id: "counted", policy: policy("one-for-one", 2), children })
      yield* end("a", crash)
      yield* end("b", Exit.void)
      assert.strictEqual(yield* value("restarts_total"), 1)
      assert.strictEqual(yield* value("children", { state: "running" }), 2)
      assert.strictEqual(yield* value("children", { state: "ended" }), 1)
      for (let n = 0; n < 2; n++) yield* end("a", crash)
      assert.isTrue(yield* hasGivenUp(supervisor))
      assert.strictEqual(yield* value("restarts_total"), 2)
      assert.strictEqual(yield* value("escalations_total"), 1)
      assert.strictEqual(yield* value("children", { state: "ended" }), 3)
    })
  )
})

describe("A supervisor with a back-off", () => {
  it.scoped("pauses longer from failure to failure, up to a bound, and from the beginning after a healthy spell", () =>
    Effect.gen(function* () {
      const { end, news, status } = yield* start({ policy: policy("one-for-one", Infinity), backoff }, { a: {} })
      const crashAndCome = (pauseMs: number) =>
        Effect.gen(function* () {
          news()
          yield* end("a", crash)
          // 0.8 of the pause is too soon for any jitter, 1.2 long enough.
          yield* TestClock.adjust(pauseMs * 0.79)
          yield* settle
          assert.strictEqual(news(), "!a")
          assert.strictEqual(yield* status, "a restarting")
          yield* TestClock.adjust(pauseMs * 0.42)
          yield* settle
          assert.strictEqual(news(), "+a")
        })
      for (const pause of [1000, 2000, 4000, 4000]) yield* crashAndCome(pause)
      yield* pass(55_000 / 1.2)
      yield* crashAndCome(4000)
      yield* pass(61_000)
      yield* crashAndCome(1000)
    })
  )

  it.scoped("pauses differently from child to child", () =>
    Effect.gen(function* () {
      const { end, news } = yield* start({ policy: policy("one-for-one", Infinity), backoff })
      news()
      for (const id of ["a", "b", "c"]) yield* end(id, crash)
      const back = new Set<number>()
      for (let ms = 0; ms < 1300; ms += 10) {
        yield* TestClock.adjust(10)
        yield* settle
        if (news().includes("+")) back.add(ms)
      }
      assert.isAbove(back.size, 1)
    }).pipe(Effect.withRandomFixed([0.1, 0.5, 0.9]))
  )

  it.scoped("that is ended in a pause ends at once, and starts nothing after it", () =>
    Effect.gen(function* () {
      const { end, news, stop } = yield* start({ policy: policy("rest-for-one"), backoff })
      yield* end("b", crash)
      news()
      yield* stop
      assert.strictEqual(news(), "-a")
      yield* pass(10_000)
      assert.strictEqual(news(), "")
    })
  )

  it.scoped("starts a group once when a second member of it fails in the pause", () =>
    Effect.gen(function* () {
      const { end, news } = yield* start({ policy: policy("rest-for-one"), backoff })
      news()
      yield* end("b", crash)
      yield* pass(100)
      yield* end("a", crash)
      yield* pass(5000)
      assert.strictEqual(news(), "!b -c !a +a +b +c")
    })
  )

  it.scoped("gives up in a pause where another child fails too often", () =>
    Effect.gen(function* () {
      const { end, news, supervisor } = yield* start({ policy: policy("one-for-one", 1), backoff })
      news()
      yield* end("b", crash)
      yield* end("c", crash)
      yield* pass(10_000)
      assert.strictEqual(news(), "!b !c -a")
      assert.isTrue(yield* hasGivenUp(supervisor))
    })
  )
})

describe("The end of a child", () => {
  /** Ends a supervisor over `a`, looking every second. */
  const stopping = (options: ActorOptions) =>
    Effect.gen(function* () {
      const { news, stop } = yield* start({ policy: policy("one-for-one") }, { first: {}, a: options })
      news()
      const fiber = yield* Effect.fork(stop)
      yield* settle
      const seconds: Array<string> = []
      for (let second = 0; second < 8; second++) {
        seconds.push(news())
        yield* TestClock.adjust("1 second")
        yield* settle
      }
      const isDone = (yield* Fiber.poll(fiber))._tag === "Some"
      yield* Fiber.interruptFork(fiber)
      return { news: seconds.join(","), isDone }
    })

  it.scoped("is waited for until its deadline", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* stopping({ onStop: Effect.sleep(2000), shutdown: 3000 }), {
        news: ",,-a -first,,,,,",
        isDone: true
      })
    })
  )

  it.scoped("is waited for without a deadline where it has none", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* stopping({ onStop: Effect.sleep(6000), shutdown: "infinity" }), {
        news: ",,,,,,-a -first,",
        isDone: true
      })
    })
  )

  it.scoped("is forced by its kill at the deadline", () =>
    Effect.gen(function* () {
      const dead = yield* Deferred.make<void>()
      const kill = Deferred.succeed(dead, undefined)
      assert.deepStrictEqual(yield* stopping({ onStop: Deferred.await(dead), shutdown: 3000, kill }), {
        news: ",,,-a -first,,,,",
        isDone: true
      })
    })
  )

  it.scoped("is forced at once where its shutdown is a kill", () =>
    Effect.gen(function* () {
      const dead = yield* Deferred.make<void>()
      const kill = Deferred.succeed(dead, undefined)
      assert.deepStrictEqual(yield* stopping({ onStop: Deferred.await(dead), shutdown: "kill", kill }), {
        news: "-a -first,,,,,,,",
        isDone: true
      })
    })
  )

  it.scoped("is not waited for after its deadline where nothing kills it", () =>
    Effect.gen(function* () {
      const never = { onStop: Effect.never, shutdown: 3000 }
      assert.deepStrictEqual(yield* stopping(never), { news: ",,,-first,,,,", isDone: true })
      // Nor where the kill hangs, fails or does not help: it has one second.
      for (const kill of [Effect.never, Effect.uninterruptible(Effect.never), Effect.dieMessage("no"), Effect.void]) {
        const { isDone, news } = yield* stopping({ ...never, kill })
        assert.includes(news, "-first")
        assert.isTrue(isDone)
      }
    })
  )

  it.scoped("by itself, while its siblings are ended for a restart, changes nothing", () =>
    Effect.gen(function* () {
      let isSlow = true
      const onStop = Effect.suspend(() => Effect.sleep(isSlow ? 2000 : 0))
      const { end, log, news, status, supervisor } = yield* start(
        { policy: policy("one-for-all", 1) },
        { a: {}, b: {}, c: { onStop } }
      )
      yield* end("a", crash)
      assert.strictEqual(yield* status, "a ended, b running, c stopping")
      yield* end("b", crash)
      news()
      isSlow = false
      yield* pass(3000)
      assert.strictEqual(news(), "-c +a +b +c", log.join(" "))
      assert.isFalse(yield* hasGivenUp(supervisor))
    })
  )
})

describe("A tree", () => {
  const tree = (outerIntensity: number) =>
    Effect.gen(function* () {
      const troupe = makeTroupe()
      const { actor } = troupe
      const inner = Supervisor.child({
        id: "inner",
        policy: policy("one-for-one", 1),
        children: [actor("b"), actor("c")]
      })
      const supervisor = yield* Supervisor.make({
        id: "outer",
        policy: policy("rest-for-one", outerIntensity),
        children: [actor("a"), inner, actor("d")]
      })
      return { ...troupe, supervisor }
    })

  it.scoped("restarts a supervisor that gives up, with those that depend on it", () =>
    Effect.gen(function* () {
      const { end, news, supervisor } = yield* tree(1)
      assert.strictEqual(news(), "+a +b +c +d")
      yield* end("b", crash)
      assert.strictEqual(news(), "!b +b")
      yield* end("b", crash)
      assert.strictEqual(news(), "!b -c -d +b +c +d")
      // It counts from zero again, and then its parent has had enough.
      yield* end("c", crash)
      assert.isFalse(yield* hasGivenUp(supervisor))
      yield* end("c", crash)
      assert.isTrue(yield* hasGivenUp(supervisor))
      assert.strictEqual(news(), "!c +c !c -b -d -a")
    })
  )

  it.scoped("does not restart a transient supervisor that gave up: it ended in good order", () =>
    Effect.gen(function* () {
      const { actor, end, news } = makeTroupe()
      const inner = { id: "inner", policy: policy("one-for-one", 0), children: [actor("b")] }
      const supervisor = yield* Supervisor.make({
        id: "outer",
        policy: policy("one-for-one"),
        children: [actor("a"), Supervisor.child(inner, { restart: "transient" })]
      })
      news()
      yield* end("b", crash)
      assert.strictEqual(news(), "!b")
      const [, seen] = yield* supervisor.children
      assert.hasFields(seen, {
        id: "inner",
        status: "ended",
        last_failure: "Inner gives up: more than 0 restarts within 5 s."
      })
    })
  )

  it.scoped("shows itself as plain data", () =>
    Effect.gen(function* () {
      const { end, supervisor } = yield* tree(1)
      yield* TestClock.adjust(1000)
      yield* end("c", Exit.die(new Error("no room in /music/a b/c.flac")))
      const fresh = {
        type: "worker",
        status: "running",
        restarts: 0,
        last_failure: null,
        since: 0,
        children: []
      } as const
      assert.deepStrictEqual(yield* supervisor.children, [
        { ...fresh, id: "a" },
        {
          ...fresh,
          id: "inner",
          type: "supervisor",
          children: [
            { ...fresh, id: "b" },
            { ...fresh, id: "c", restarts: 1, last_failure: "No room in …", since: 1000 }
          ]
        },
        { ...fresh, id: "d" }
      ])
    })
  )
})

describe("A child that is added", () => {
  it.scoped("is supervised as the others are, and ended first", () =>
    Effect.gen(function* () {
      const { actor, end, news, stop, supervisor } = yield* start({ policy: policy("one-for-one") }, { a: {} })
      yield* supervisor.startChild(actor("x"))
      yield* end("x", crash)
      assert.strictEqual(news(), "+a +x !x +x")
      yield* stop
      assert.strictEqual(news(), "-x -a")
      const late = yield* Effect.flip(supervisor.startChild(actor("y")))
      assert.strictEqual(late.message, "y does not start. Its supervisor has ended.")
    })
  )

  it.scoped("is forgotten where it does not start, is told to end, or was temporary and ended", () =>
    Effect.gen(function* () {
      const { actor, end, status, supervisor } = yield* start({ policy: policy("one-for-one"), backoff }, { a: {} })
      const failed = yield* Effect.flip(supervisor.startChild(actor("x", { onStart: Effect.fail("no") })))
      assert.strictEqual(failed.message, "x does not start. No.")
      assert.strictEqual((yield* Effect.flip(supervisor.startChild(actor("a")))).detail, "There is one of that id.")
      yield* supervisor.startChild(actor("x", { restart: "temporary" }))
      yield* end("x", Exit.void)
      assert.strictEqual(yield* status, "a running")
      yield* supervisor.startChild(actor("x"))
      yield* end("x", crash)
      // In its pause.
      yield* supervisor.stopChild("x")
      yield* supervisor.stopChild("nobody")
      yield* pass(5000)
      assert.strictEqual(yield* status, "a running")
    })
  )
})

describe("A worker", () => {
  it.scoped("is an effect with a scope of its own in every life", () =>
    Effect.gen(function* () {
      let opened = 0
      let closed = 0
      const run = Effect.acquireRelease(
        Effect.sync(() => ++opened),
        () => Effect.sync(() => ++closed)
      ).pipe(Effect.flatMap((life) => (life < 3 ? Effect.fail("again") : Effect.never)))
      const children = [worker("a", run)]
      yield* Effect.scoped(
        Effect.zipRight(Supervisor.make({ id: "test", policy: policy("one-for-one"), children }), settle)
      )
      assert.deepStrictEqual({ opened, closed }, { opened: 3, closed: 3 })
    })
  )
})
