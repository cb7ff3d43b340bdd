/**
 * Runs an effect in virtual time, and its fibers in an order that a seed decides: the same seed, the same run. (TestClock
 * waits some real milliseconds for fibers to come to rest at each step; here a sleep costs nothing, and a run that can
 * go no further is an error at once.)
 */
import {
  Clock,
  Duration,
  Effect,
  type Exit,
  type Fiber,
  FiberRef,
  Random as EffectRandom,
  type Scheduler
} from "effect"
import { makeRandom, type Random } from "../../demo/Random.ts"

interface Timer {
  readonly at: number
  readonly order: number
  readonly fire: () => void
}

export interface VirtualTime {
  /** Of this run: use no other. */
  readonly random: Random
  /** ms since the start. */
  readonly now: () => number
  /** Rejects where nothing is left to do and the effect has not ended, or it goes on for ever. */
  readonly run: <A, E>(effect: Effect.Effect<A, E>) => Promise<Exit.Exit<A, E>>
}

/** More than any run needs that ends. */
const mostSteps = 2_000_000

/** How often real input and output is waited for before a run counts as stuck. */
const realTurns = 50

export const makeVirtualTime = (seed: number): VirtualTime => {
  const random = makeRandom(seed)
  const tasks: Array<Scheduler.Task> = []
  const timers = new Set<Timer>()
  let now = 0
  let order = 0

  const scheduler: Scheduler.Scheduler = {
    scheduleTask: (task) => void tasks.push(task),
    shouldYield: (fiber) =>
      fiber.currentOpCount > fiber.getFiberRef(FiberRef.currentMaxOpsBeforeYield)
        ? fiber.getFiberRef(FiberRef.currentSchedulingPriority)
        : false
  }

  const nanos = () => BigInt(Math.round(now * 1e6))
  const clock: Clock.Clock = {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: () => Math.floor(now),
    unsafeCurrentTimeNanos: nanos,
    currentTimeMillis: Effect.sync(() => Math.floor(now)),
    currentTimeNanos: Effect.sync(nanos),
    sleep: (duration) =>
      Effect.async<void>((resume) => {
        const millis = Duration.toMillis(duration)
        if (!Number.isFinite(millis)) return
        const timer: Timer = {
          at: now + millis,
          order: order++,
          fire: () => {
            timers.delete(timer)
            resume(Effect.void)
          }
        }
        timers.add(timer)
        return Effect.sync(() => void timers.delete(timer))
      })
  }

  const earliest = (): Timer | undefined => {
    let best: Timer | undefined
    for (const timer of timers) {
      if (best === undefined || timer.at < best.at || (timer.at === best.at && timer.order < best.order)) best = timer
    }
    return best
  }

  /** Any of the tasks that are ready may be the next: fibers promise no order among themselves. */
  const takeTask = (): Scheduler.Task => {
    const at = Math.floor(random() * tasks.length)
    const task = tasks[at]!
    const last = tasks.pop()!
    if (at < tasks.length) tasks[at] = last
    return task
  }

  const drive = async (fiber: Fiber.RuntimeFiber<unknown, unknown>): Promise<void> => {
    let idleTurns = 0
    for (let step = 0; step < mostSteps; step++) {
      if (tasks.length > 0) {
        idleTurns = 0
        takeTask()()
        continue
      }
      if (fiber.unsafePoll() !== null) return
      const timer = earliest()
      if (timer !== undefined) {
        now = Math.max(now, timer.at)
        timer.fire()
        continue
      }
      if (idleTurns++ > realTurns) throw new Error(`nothing is left to do at ${now} ms, and the run has not ended`)
      await new Promise((resolve) => setImmediate(resolve))
    }
    throw new Error(`the run goes on after ${mostSteps} steps, at ${now} ms`)
  }

  return {
    random,
    now: () => now,
    run: async (effect) => {
      const seeded = effect.pipe(Effect.withClock(clock), Effect.withRandom(EffectRandom.make(seed)))
      const fiber = Effect.runFork(seeded, { scheduler })
      await drive(fiber)
      return fiber.unsafePoll()!
    }
  }
}
