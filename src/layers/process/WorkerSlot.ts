/** A place for one worker at a time, over all of their lives: started when it is wanted, ended when it has long been idle. */
import { Duration, Effect } from "effect"
import * as Child from "../supervision/Child.ts"
import type { WorkerProcess } from "./WorkerProcess.ts"

/** What a slot holds: the process, and whatever its pool knows of it. */
export interface SlotWorker {
  readonly process: WorkerProcess
  /** Since when it has had nothing to do, on the clock of `performance.now`; undefined while it has. */
  readonly idleSince: () => number | undefined
}

export interface WorkerSlotOptions<Worker extends SlotWorker> {
  /** In the tree of supervision. */
  readonly id: string
  readonly spawn: () => Worker
  /** It is there from the start, and stays. Default: it starts when it is wanted. */
  readonly isWarm?: boolean
  /** So long idle, and it ends until it is wanted again; also a warm one that holds too much memory. Default 30 s. */
  readonly idleTimeout?: Duration.DurationInput | undefined
  /** Told when the worker has become ready, and when it is there no more. */
  readonly onChange: () => void
}

export interface WorkerSlot<Worker extends SlotWorker> {
  /** The worker that can be given work, or has it; undefined while there is none. */
  readonly worker: () => Worker | undefined
  /** Has one started where there is none. */
  readonly want: () => void
  readonly supervised: Child.Child
}

const defaultIdleTimeout = Duration.seconds(30)
/** A killed worker that waits for a disk may not go for long: its slot does not wait with it. */
const goneTimeout = Duration.seconds(3)

export const makeWorkerSlot = <Worker extends SlotWorker>(options: WorkerSlotOptions<Worker>): WorkerSlot<Worker> => {
  const { id, isWarm = false, onChange, spawn } = options
  const idleMs = Duration.toMillis(options.idleTimeout ?? defaultIdleTimeout)
  const wanted = Effect.unsafeMakeLatch(isWarm)
  let current: Worker | undefined

  const vacate = () => {
    current = undefined
    onChange()
  }
  const leave = (worker: Worker) =>
    Effect.suspend(() => {
      vacate()
      return Effect.timeoutOption(Effect.interruptible(worker.process.end), goneTimeout)
    })

  /** Waits until it is needed no more. From then on nobody finds it: what comes wants a fresh one. */
  const untilIdle = (worker: Worker) =>
    Effect.sleep(idleMs).pipe(
      Effect.zipRight(
        Effect.sync(() => {
          const since = worker.idleSince()
          const isLongIdle = since !== undefined && performance.now() - since >= idleMs
          if (!isLongIdle || (isWarm && !worker.process.isSwollen())) return false
          if (!isWarm) wanted.unsafeClose()
          vacate()
          return true
        })
      ),
      Effect.repeat({ until: (isOver) => isOver })
    )

  const life = Effect.gen(function* () {
    yield* wanted.await
    const worker = yield* Effect.acquireRelease(Effect.sync(spawn), leave)
    yield* worker.process.ready
    current = worker
    onChange()
    return yield* Effect.raceFirst(worker.process.lost, untilIdle(worker))
  }).pipe(Effect.scoped, Effect.forever)

  return {
    worker: () => (current?.process.isReady() === true ? current : undefined),
    want: () => void wanted.unsafeOpen(),
    supervised: Child.worker(id, life)
  }
}

/** Waits for what some slots give once they change. */
export interface SlotWatch {
  readonly changed: () => void
  /** What `find` finds, now or after a change. */
  readonly until: <A>(find: () => A | undefined) => Effect.Effect<A>
}

export const makeSlotWatch = (): SlotWatch => {
  const waiting = new Set<() => void>()
  return {
    changed: () => {
      for (const look of waiting) look()
    },
    until: (find) =>
      Effect.async((resume) => {
        const look = () => {
          const found = find()
          if (found === undefined) return false
          waiting.delete(look)
          resume(Effect.succeed(found))
          return true
        }
        if (!look()) waiting.add(look)
        return Effect.sync(() => waiting.delete(look))
      })
  }
}
