/**
 * Worker processes that do one job each at a time, each about one file: what hangs, crashes or grows without bound takes
 * its process with it, and nothing else. The job is done again by another worker, until the file has cost too many.
 */
import { basename } from "node:path"
import { Duration, Effect, Queue } from "effect"
import { TrackUnreadable } from "../../domain/audio/AnalysisError.ts"
import type { RestartBackoff } from "../../domain/supervision/RestartBackoff.ts"
import type { RestartPolicy } from "../../domain/supervision/SupervisorDecision.ts"
import type { Child } from "../supervision/Child.ts"
import type { JobProtocol, JobReport } from "./JobProtocol.ts"
import { readProcessState, threadStates } from "./processState.ts"
import { type FileKey, makeQuarantine, type Quarantine, whileOpening } from "./Quarantine.ts"
import { isToBlame, WorkerLost } from "./workerLost.ts"
import { spawnWorker, type WorkerProcess } from "./WorkerProcess.ts"
import { makeSlotWatch, makeWorkerSlot, type SlotWorker, type WorkerSlot } from "./WorkerSlot.ts"
import type { MemoryBound } from "./Watchdog.ts"

export interface JobPoolOptions<Request, Progress, Result, Failure> {
  readonly protocol: JobProtocol<Request, Progress, Result, Failure>
  /** In sentences: "An analysis worker". */
  readonly name: string
  /** In the tree, with a number behind it: "analysis-worker". */
  readonly slotName: string
  readonly workers: number
  /** Arguments of `node`. */
  readonly command: ReadonlyArray<string>
  readonly environment?: Readonly<Record<string, string>>
  /** Silence during a job that ends the worker; see Watchdog. */
  readonly stallTimeout: Duration.DurationInput
  readonly memory: MemoryBound
  /** For one job, as far as its worker ran or slept: what takes longer is refused. Default: none. */
  readonly deadline?: Duration.DurationInput
  readonly idleTimeout?: Duration.DurationInput | undefined
}

export interface JobPool<Request, Progress, Result, Failure> {
  /**
   * Does the job of a file in a worker. Interruption cancels it. Fails with what the job fails with, and with
   * TrackUnreadable where the file has cost too much.
   */
  readonly run: (
    path: string,
    request: Request,
    options?: RunOptions<Progress>
  ) => Effect.Effect<JobDone<Result>, Failure | TrackUnreadable>
  /** Whether a job would have to wait for a worker. */
  readonly isFull: () => boolean
  /** The workers, each to be supervised. */
  readonly children: ReadonlyArray<Child>
}

export interface RunOptions<Progress> {
  readonly onProgress?: (progress: Progress) => Effect.Effect<void>
  /** What a file has cost in jobs of one kind is not held against it in those of another. Default: all are of one. */
  readonly kind?: string
  /** Instead of the pool's. Who may come back later with more time does not hold it against the file. */
  readonly firstDeadline?: Duration.DurationInput | undefined
}

export interface JobDone<Result> {
  readonly result: Result
  readonly payload: Uint8Array<ArrayBuffer>
}

/** They never give up: what keeps workers from running may pass, and a file that takes them with it is refused in the end. */
export const restartPolicy: RestartPolicy = { strategy: "one-for-one", intensity: Infinity, periodSeconds: 60 }
/**
 * Between an end and the next start: almost none at first, since a bad file says nothing about the next one; then
 * doubling up to 5 s, for a worker that does not get as far as working.
 */
export const restartBackoff: RestartBackoff = { firstMs: 20, mostMs: 5000, healthyMs: 2000 }

/** For a worker that is told to cancel. */
const cancelTimeout = Duration.seconds(1)
/** So many workers may be killed from outside under one job, one after the other: it is not done then, and nobody blamed. */
const mostKilled = 10
/** For a disk that has to spin up, or is far away, in deadlines. */
const mostDeadlinesForDisk = 6

interface JobWorker<Progress, Result, Failure> extends SlotWorker {
  /** Jobs that it has been given in its life. */
  begun: number
  /** What is told of the latest of them. */
  onEvent: (event: JobEvent<Progress, Result, Failure>) => void
}

type JobEvent<Progress, Result, Failure> =
  | WorkerLost
  | (JobReport<Progress, Result, Failure> & { readonly payload: Uint8Array<ArrayBuffer> })

export const makeJobPool = <Request, Progress, Result, Failure>(
  options: JobPoolOptions<Request, Progress, Result, Failure>
): Effect.Effect<JobPool<Request, Progress, Result, Failure>> =>
  Effect.gen(function* () {
    type Worker = JobWorker<Progress, Result, Failure>
    const { slotName, workers } = options
    const quarantine = makeQuarantine()
    const permits = yield* Effect.makeSemaphore(workers)
    const watch = makeSlotWatch()
    const slots = Array.from({ length: workers }, (_, n) =>
      makeWorkerSlot({
        id: `${slotName}-${n + 1}`,
        spawn: () => spawnJobWorker(options),
        idleTimeout: options.idleTimeout,
        onChange: watch.changed
      })
    )
    const idle = slots.toReversed()

    const withSlot = <A, E>(use: (slot: WorkerSlot<Worker>) => Effect.Effect<A, E>) =>
      permits.withPermits(1)(
        Effect.acquireUseRelease(
          // The last one back is the first one out: it is warm. One whose worker has to start only where no other is there.
          Effect.sync(() => {
            const ready = idle.findLastIndex((slot) => slot.worker()?.process.isSwollen() === false)
            return idle.splice(ready === -1 ? idle.length - 1 : ready, 1)[0]!
          }),
          use,
          (slot) => Effect.sync(() => void idle.push(slot))
        )
      )

    /** The slot's worker, ready: the one at hand, or a fresh one as soon as it has started. */
    const workerOf = (slot: WorkerSlot<Worker>) =>
      Effect.suspend(() => {
        const held = slot.worker()
        if (held?.process.isSwollen() === true) held.process.lose("ended", "it had grown too large for another job")
        slot.want()
        return watch.until(slot.worker)
      })

    const run: JobPool<Request, Progress, Result, Failure>["run"] = (path, request, runOptions = {}) =>
      Effect.gen(function* () {
        const { firstDeadline, kind = "", onProgress = () => Effect.void } = runOptions
        const deadline = firstDeadline ?? options.deadline
        const file = yield* quarantine.keyOf(path, kind)
        const tooDemanding = new TrackUnreadable({ file: basename(path), stage: "open", reason: "too_demanding" })
        let killed = 0
        const attempt = (slot: WorkerSlot<Worker>) =>
          Effect.gen(function* () {
            const refusal = quarantine.refusal(file)
            if (refusal !== undefined) return yield* refusal
            const worker = yield* workerOf(slot)
            return yield* runJob(worker, { protocol: options.protocol, deadline, request, onProgress }).pipe(
              Effect.tapError((error) =>
                error instanceof WorkerLost
                  ? noteLoss(quarantine, file, worker, error, firstDeadline === undefined)
                  : Effect.void
              )
            )
          })
        const mayTryAgain = (error: unknown) => {
          if (!(error instanceof WorkerLost)) return false
          if (error.cause === "overdue" && firstDeadline !== undefined) return false
          if (error.cause === "killed" || error.cause === "stopped") killed += 1
          return killed < mostKilled
        }
        const done = yield* withSlot((slot) => Effect.retry(attempt(slot), { while: mayTryAgain })).pipe(
          Effect.mapError((error) => (error instanceof WorkerLost ? tooDemanding : error)),
          Effect.annotateLogs({ path })
        )
        quarantine.forgive(file, -Infinity, Infinity)
        return done
      })

    return { run, isFull: () => idle.length === 0, children: slots.map(({ supervised }) => supervised) }
  })

/** Holds against the file what its job has done to the worker, as far as that is certain. */
const noteLoss = (
  quarantine: Quarantine,
  file: FileKey,
  worker: { readonly begun: number },
  loss: WorkerLost,
  isLastWord: boolean
) => {
  if (isToBlame(loss.cause)) quarantine.blame(file, whileOpening)
  // Of the memory that several jobs have left behind, none is to blame.
  const isTooDemanding = (loss.cause === "overdue" && isLastWord) || (loss.cause === "memory" && worker.begun === 1)
  if (isTooDemanding) quarantine.condemn(file, "too_demanding")
  return Effect.logWarning(`A job is begun again in another worker. ${loss.message}`)
}

const spawnJobWorker = <Request, Progress, Result, Failure>(
  options: JobPoolOptions<Request, Progress, Result, Failure>
): JobWorker<Progress, Result, Failure> => {
  const { protocol } = options
  const process: WorkerProcess = spawnWorker({
    name: options.name,
    command: options.command,
    ...(options.environment && { environment: options.environment }),
    stallTimeout: options.stallTimeout,
    memory: options.memory,
    onMessage: (text, payload) => {
      const report = protocol.decodeReport(text)
      if (report._tag === "None") return false
      if (report.value.job === worker.begun) worker.onEvent({ ...report.value, payload })
      return true
    },
    onLost: (loss) => worker.onEvent(loss)
  })
  let idleSince: number | undefined = performance.now()
  const worker: JobWorker<Progress, Result, Failure> = {
    process: {
      ...process,
      beginWork: () => {
        idleSince = undefined
        process.beginWork()
      },
      endWork: () => {
        idleSince = performance.now()
        process.endWork()
      }
    },
    begun: 0,
    idleSince: () => idleSince,
    onEvent: () => {}
  }
  return worker
}

const runJob = <Request, Progress, Result, Failure>(
  worker: JobWorker<Progress, Result, Failure>,
  work: {
    readonly protocol: JobProtocol<Request, Progress, Result, Failure>
    readonly deadline: Duration.DurationInput | undefined
    readonly request: Request
    readonly onProgress: (progress: Progress) => Effect.Effect<void>
  }
): Effect.Effect<JobDone<Result>, Failure | WorkerLost> =>
  Effect.gen(function* () {
    const { process } = worker
    const { deadline, onProgress, protocol, request } = work
    const events = yield* Queue.unbounded<JobEvent<Progress, Result, Failure>>()
    worker.begun += 1
    const job = worker.begun
    worker.onEvent = (event) => void events.unsafeOffer(event)
    const loss = process.loss()
    if (loss !== undefined) return yield* loss
    process.beginWork()
    process.send(protocol.encodeOrder({ _tag: "Begin", job, request }))

    const follow = Effect.gen(function* () {
      for (;;) {
        const event = yield* Queue.take(events)
        switch (event._tag) {
          case "Progress":
            yield* onProgress(event.progress)
            break
          case "Done":
            return { result: event.result, payload: event.payload }
          case "Failed":
            return yield* Effect.fail(event.failure)
          case "Broken":
            return yield* Effect.dieMessage(`A job broke in its worker: ${event.detail}`)
          case "Cancelled":
            process.lose("garbage", "it cancelled a job by itself")
            break
          case "WorkerLost":
            return yield* event
        }
      }
    })
    const untilEnded = Queue.take(events).pipe(
      Effect.repeat({ until: ({ _tag }) => _tag !== "Progress" }),
      Effect.interruptible,
      Effect.timeoutOption(cancelTimeout)
    )
    const cancel = Effect.gen(function* () {
      process.send(protocol.encodeOrder({ _tag: "Cancel", job }))
      if ((yield* untilEnded)._tag === "Some") return
      process.lose("ended", "it did not cancel")
      yield* Effect.logWarning("A worker was killed: it did not cancel")
    })
    const bounded =
      deadline === undefined ? follow : Effect.raceFirst(follow, endWhenOverdue(process, Duration.decode(deadline)))
    return yield* bounded.pipe(
      Effect.onInterrupt(() => cancel),
      Effect.ensuring(Effect.sync(process.endWork))
    )
  })

/** Gives the worker up once its job has taken longer than it may, of time in which it ran or slept. Does not end. */
const endWhenOverdue = (process: WorkerProcess, deadline: Duration.Duration): Effect.Effect<never> =>
  Effect.gen(function* () {
    const deadlineMs = Duration.toMillis(deadline)
    const cpuAtStart = readProcessState(process.pid)?.cpuMs ?? 0
    for (let waits = 0; ; waits++) {
      yield* Effect.sleep(deadline)
      const found = readProcessState(process.pid)
      if (found === undefined) break
      // A machine that has no processor for one of its threads proves nothing, nor does a disk that has to spin up.
      const hasRun = found.cpuMs - cpuAtStart >= deadlineMs / 2
      const states = threadStates(process.pid)
      const mayWait = states.includes("R") || (waits < mostDeadlinesForDisk && states.includes("D"))
      if (hasRun || !mayWait) break
    }
    process.lose("overdue", `it was at one file for longer than ${Duration.format(deadline)}`)
    return yield* Effect.never
  })
