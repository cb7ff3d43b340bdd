/** One life of a child: a fiber of its own, from its start to its end. */
import { Deferred, Duration, Effect, Exit, Fiber, FiberId } from "effect"
import type { Child, RunningChild } from "./Child.ts"

export interface ChildInstance {
  readonly child: Child
  /** Waits for it. A failure is an end, of which nothing else tells. */
  readonly started: Effect.Effect<Exit.Exit<RunningChild, unknown>>
  /** What it gave when it started. */
  readonly running: () => RunningChild | undefined
  /** Ends it, at the latest a kill's grace after its deadline; done when that is over. Goes on if it is interrupted. */
  readonly stop: Effect.Effect<void>
}

/** From a kill, or from an interruption that is meant to be one, to being abandoned. */
const killGrace = Duration.seconds(1)

/** Starts it. `onExit` hears of the end of a child that had started, after its scope was closed. */
export const launch = (
  child: Child,
  onExit: (exit: Exit.Exit<unknown, unknown>) => void
): Effect.Effect<ChildInstance> =>
  Effect.uninterruptible(
    Effect.gen(function* () {
      const started = Deferred.unsafeMake<RunningChild, unknown>(FiberId.none)
      let running: RunningChild | undefined
      const life = child.start.pipe(
        Effect.tap((found) => {
          running = found
          return Deferred.succeed(started, found)
        }),
        Effect.flatMap(({ ended }) => ended),
        Effect.scoped
      )
      // A fiber inherits from where it is forked that it cannot be interrupted.
      const fiber = yield* Effect.forkDaemon(Effect.interruptible(life))
      fiber.addObserver((exit) => {
        if (running !== undefined) return onExit(exit)
        if (Exit.isFailure(exit)) Deferred.unsafeDone(started, Exit.failCause(exit.cause))
      })
      return {
        child,
        started: Effect.exit(Deferred.await(started)),
        running: () => running,
        stop: once(end(child, fiber))
      }
    })
  )

const end = (child: Child, fiber: Fiber.RuntimeFiber<unknown, unknown>): Effect.Effect<void> =>
  Effect.gen(function* () {
    const hasEnded = (within: Duration.DurationInput) =>
      Effect.map(Effect.timeoutOption(Fiber.await(fiber), within), ({ _tag }) => _tag === "Some")
    yield* Fiber.interruptAsFork(fiber, FiberId.none)
    if (child.shutdown === "infinity") return yield* Effect.asVoid(Fiber.await(fiber))
    if (child.shutdown !== "kill" && (yield* hasEnded(child.shutdown))) return
    if (child.kill !== undefined) {
      yield* child.kill.pipe(
        Effect.catchAllCause((cause) => Effect.logError("A kill failed", cause)),
        Effect.disconnect,
        Effect.timeoutOption(killGrace)
      )
    }
    const isToBeWaitedFor = child.kill !== undefined || child.shutdown === "kill"
    if (isToBeWaitedFor && (yield* hasEnded(killGrace))) return
    yield* Effect.logError("It does not end and is left to itself")
  }).pipe(Effect.annotateLogs({ child: child.id }))

/** However many ask for it, and whoever of them stops waiting. */
const once = (effect: Effect.Effect<void>): Effect.Effect<void> => {
  const done = Deferred.unsafeMake<void>(FiberId.none)
  let isBegun = false
  const begin = Effect.suspend(() => {
    if (isBegun) return Effect.void
    isBegun = true
    return Effect.asVoid(Effect.forkDaemon(Effect.interruptible(Effect.intoDeferred(effect, done))))
  })
  return Effect.uninterruptibleMask((restore) => Effect.zipRight(begin, restore(Deferred.await(done))))
}
