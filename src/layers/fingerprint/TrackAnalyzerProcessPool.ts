/**
 * TrackAnalyzer on worker processes, one analysis each at a time: a native decoder that hangs or crashes takes its
 * process with it, and nothing else. Comes with the queue that bounds what waits for them.
 */
import { spawn } from "node:child_process"
import { availableParallelism } from "node:os"
import type { Readable } from "node:stream"
import {
  Clock,
  Context,
  Data,
  Deferred,
  Duration,
  Effect,
  Either,
  Exit,
  FiberId,
  Layer,
  Queue,
  Schema,
  type Scope
} from "effect"
import type { AnalysisError } from "../../domain/audio/AnalysisError.ts"
import type { AnalysisProgress, TrackAnalysis } from "../../domain/fingerprint/Fingerprint.ts"
import type { RestartBackoff } from "../../domain/supervision/RestartBackoff.ts"
import type { RestartPolicy } from "../../domain/supervision/SupervisorDecision.ts"
import { SupervisionTree } from "../../services/SupervisionTree.ts"
import { TrackAnalyzer } from "../../services/TrackAnalyzer.ts"
import { entryPoint } from "../process/entryPoints.ts"
import * as FingerprintServerQueue from "./server/FingerprintServerQueue.ts"
import { reportDescriptor, WorkerOrder, WorkerReport } from "./TrackAnalyzerProcessProtocol.ts"
import * as Child from "../supervision/Child.ts"
import * as Supervisor from "../supervision/Supervisor.ts"
import { endProcess } from "../process/endProcess.ts"
import { makeLineSplitter } from "../process/lineSplitter.ts"
import { deadly, makeStrikes } from "../process/Quarantine.ts"

export interface ProcessPoolOptions {
  /** Default: as many as the machine runs at the same time. */
  readonly workers?: number
  /** Jobs that may wait for a worker. Default 64. */
  readonly queueCapacity?: number
  /** Arguments of `node`. Default: the analysis worker. */
  readonly workerCommand?: ReadonlyArray<string>
  /** A worker that shows no sign of life for this long during a job is killed. Default 30 s. */
  readonly stallTimeout?: Duration.DurationInput
}

const supervisorId = "analysis"

const defaultQueueCapacity = 64
const defaultStallTimeout = Duration.seconds(30)
/** From spawn to ready; node-av alone takes some hundred ms to load. */
const startTimeout = Duration.seconds(30)
/** For a worker that is told to cancel, and again for one that is told to end. */
const graceTimeout = Duration.seconds(1)
/** From SIGTERM to being gone; longer than the grace time. */
const goneTimeout = Duration.seconds(3)
/** Of a report. A result has about 1.5 KB. */
const longestLineBytes = 64 * 1024
/** It never gives up: what keeps workers from running may pass, and a file that takes them with it is refused in the end. */
const restartPolicy: RestartPolicy = { strategy: "one-for-one", intensity: Infinity, periodSeconds: 60 }
/**
 * Between an end and the next start: almost none at first, since a bad file says nothing about the next one; then
 * doubling up to 5 s, for a worker that does not get as far as measuring.
 */
const restartBackoff: RestartBackoff = { firstMs: 20, mostMs: 5000, healthyMs: 2000 }

/** The worker died, hung or talked nonsense. Stays inside the pool. */
class WorkerLost extends Data.TaggedError("WorkerLost")<{ readonly detail: string }> {
  override get message() {
    return `An analysis worker was lost: ${this.detail}.`
  }
}

/**
 * Arguments of `node` that start the analysis worker. An analysis makes hardly any garbage: on ten hours of audio a
 * young generation of 1 MB instead of 16 took 231 MB instead of 292, and an old one of at most 48 MB, of which it uses
 * some 25, took 179 MB instead of 211, in the same time; and on 1000 short files 143 MB instead of 161.
 */
export const analysisWorkerCommand: ReadonlyArray<string> = [
  "--max-semi-space-size=1",
  "--max-old-space-size=48",
  entryPoint("analysisWorker")
]

/**
 * One heap of glibc for all threads instead of one each: 10 MB less, and only one of them does any work. And blocks of
 * 128 KiB and more (glibc's own first threshold, which it raises as such blocks are freed) stay apart from that heap, so
 * that they go back when they are freed: at the end of ten hours of audio 191 MB instead of 217.
 */
export const analysisWorkerEnvironment = { MALLOC_ARENA_MAX: "1", MALLOC_MMAP_THRESHOLD_: "131072" }

const make = (options: ProcessPoolOptions & { readonly workers: number }) =>
  Effect.gen(function* () {
    const { workers, workerCommand = analysisWorkerCommand } = options
    const stallTimeout = Duration.decode(options.stallTimeout ?? defaultStallTimeout)
    const slots = yield* Effect.forEach(Array.from({ length: workers }), () => makeSlot(workerCommand))
    const supervisor = yield* Supervisor.make({
      id: supervisorId,
      policy: restartPolicy,
      backoff: restartBackoff,
      children: slots.map(({ life }, n) => Child.worker(`analysis-worker-${n + 1}`, life))
    })
    const since = yield* Clock.currentTimeMillis
    const idle = slots.toReversed()
    const turns = yield* Effect.makeSemaphore(workers)
    const strikes = makeStrikes()

    const withSlot = <A, E>(use: (slot: Slot) => Effect.Effect<A, E>) =>
      turns.withPermits(1)(
        Effect.acquireUseRelease(
          // The last one back is the first one out: it is warm. One whose worker has to start only where no other is there.
          Effect.sync(() => {
            const ready = idle.findLastIndex((slot) => slot.isReady())
            return idle.splice(ready === -1 ? idle.length - 1 : ready, 1)[0] as Slot
          }),
          use,
          (slot) => Effect.sync(() => void idle.push(slot))
        )
      )

    const analyze = Effect.fn("TrackAnalyzer.analyze")(function* (
      path: string,
      onProgress: OnProgress = ignoreProgress
    ) {
      const file = yield* strikes.keyOf(path)
      if (idle.length === 0) yield* onProgress({ stage: "queued", percent: 0 })
      const attempt = (slot: Slot) =>
        Effect.gen(function* () {
          if (strikes.isRefused(file)) return yield* deadly(path)
          const worker = yield* slot.worker
          return yield* runJob(worker, path, onProgress, stallTimeout).pipe(
            Effect.tapErrorTag("WorkerLost", ({ detail }) => {
              strikes.add(file)
              return Effect.logWarning(`The analysis is begun again in another worker: ${detail}`)
            })
          )
        })
      return yield* withSlot((slot) => Effect.retry(attempt(slot), { while: isWorkerLost })).pipe(
        // Every loss is a strike, so that a refusal comes before the retries end.
        Effect.catchTag("WorkerLost", Effect.die),
        Effect.tap(() => Effect.sync(() => strikes.forgive(file))),
        Effect.annotateLogs({ path })
      )
    })

    const tree: SupervisionTree["Type"] = {
      snapshot: Effect.map(supervisor.children, (children) => ({
        id: supervisorId,
        type: "supervisor",
        status: "running",
        restarts: 0,
        last_failure: null,
        since,
        children
      }))
    }
    return Context.make(TrackAnalyzer, { analyze }).pipe(Context.add(SupervisionTree, tree))
  })

/** Brings the queue whose length is that of the pool, and the tree of its workers. */
export const layer = (
  options: ProcessPoolOptions = {}
): Layer.Layer<TrackAnalyzer | SupervisionTree | FingerprintServerQueue.FingerprintServerQueue> => {
  const workers = options.workers ?? availableParallelism()
  return Layer.merge(
    Layer.orDie(Layer.scopedContext(make({ ...options, workers }))),
    FingerprintServerQueue.layer({ workers, capacity: options.queueCapacity ?? defaultQueueCapacity })
  )
}

type OnProgress = (progress: AnalysisProgress) => Effect.Effect<void>

const ignoreProgress: OnProgress = () => Effect.void

const isWorkerLost = (error: AnalysisError | WorkerLost): error is WorkerLost => error._tag === "WorkerLost"

interface Slot {
  readonly isReady: () => boolean
  /** The slot's worker, ready: the one at hand, or a fresh one as soon as one starts. */
  readonly worker: Effect.Effect<Worker>
  /** From the first use to the loss of the worker. */
  readonly life: Effect.Effect<never, WorkerLost, Scope.Scope>
}

/** A place for one worker, started when first needed. */
const makeSlot = (command: ReadonlyArray<string>): Effect.Effect<Slot> =>
  Effect.gen(function* () {
    const wanted = yield* Effect.makeLatch(false)
    const ready = yield* Effect.makeLatch(false)
    let current: Worker | undefined
    const leave = (worker: Worker) =>
      Effect.suspend(() => {
        current = undefined
        // Killed, it may still wait for a disk: its place does not wait with it.
        return Effect.zipRight(ready.close, Effect.timeoutOption(Effect.interruptible(worker.end), goneTimeout))
      })
    const life = Effect.gen(function* () {
      yield* wanted.await
      const worker = yield* Effect.acquireRelease(
        Effect.sync(() => spawnWorker(command)),
        leave
      )
      yield* Deferred.await(worker.ready).pipe(
        Effect.timeoutFail({ duration: startTimeout, onTimeout: () => new WorkerLost({ detail: "it did not start" }) })
      )
      current = worker
      yield* ready.open
      return yield* Deferred.await(worker.lost)
    })
    const worker: Effect.Effect<Worker> = Effect.suspend(() =>
      current?.isUsable() === true
        ? Effect.succeed(current)
        : wanted.open.pipe(
            // Of one that is lost and not yet left, the next one tells.
            Effect.zipRight(current === undefined ? Effect.void : ready.close),
            Effect.zipRight(ready.await),
            Effect.zipRight(worker)
          )
    )
    return { worker, life, isReady: () => current?.isUsable() === true }
  })

type WorkerEvent = WorkerReport | WorkerLost

interface Worker {
  readonly ready: Deferred.Deferred<void, WorkerLost>
  readonly lost: Deferred.Deferred<never, WorkerLost>
  readonly isUsable: () => boolean
  /** Sends an order under a new number and passes what is reported about it, or the worker's end, to `onEvent`. */
  readonly begin: (path: string, onEvent: (event: WorkerEvent) => void) => number
  readonly cancel: (job: number) => void
  /** At once. */
  readonly kill: () => void
  /** SIGTERM, SIGKILL after the grace time; done when it is gone. */
  readonly end: Effect.Effect<void>
}

const spawnWorker = (command: ReadonlyArray<string>): Worker => {
  // Its stdout goes to stderr: the parent's own stdout belongs to the parent.
  const child = spawn(process.execPath, command, {
    stdio: ["pipe", 2, 2, "pipe"],
    env: { ...process.env, ...analysisWorkerEnvironment }
  })
  const ready = Deferred.unsafeMake<void, WorkerLost>(FiberId.none)
  const lost = Deferred.unsafeMake<never, WorkerLost>(FiberId.none)
  let jobs = 0
  let loss: WorkerLost | undefined
  let onEvent: (event: WorkerEvent) => void = () => {}

  const lose = (detail: string) => {
    if (loss !== undefined) return
    loss = new WorkerLost({ detail })
    Deferred.unsafeDone(ready, loss)
    Deferred.unsafeDone(lost, loss)
    onEvent(loss)
    child.kill("SIGKILL")
  }
  const onLine = (line: string) => {
    const report = decodeReport(line)
    if (Either.isLeft(report)) lose("it sent what is no report")
    else if (report.right._tag === "Ready") Deferred.unsafeDone(ready, Exit.void)
    else if (report.right.job === jobs) onEvent(report.right)
  }
  const send = (order: WorkerOrder) => void child.stdin?.write(`${encodeOrder(order)}\n`)

  child.once("error", (error) => lose(error.message))
  // Not `exit`, which may come before the last report.
  child.once("close", (code, signal) => lose(signal === null ? `it exited with ${code}` : `it was ended by ${signal}`))
  // A worker that is gone closes its pipes; `close` tells.
  child.stdin?.on("error", () => {})
  const split = makeLineSplitter(longestLineBytes, onLine)
  const reports = child.stdio[reportDescriptor] as Readable
  reports.on("error", () => {})
  reports.on("data", (bytes: Buffer) => void (split(bytes) || lose("it sent a line without end")))

  return {
    ready,
    lost,
    isUsable: () => loss === undefined,
    begin: (path, listener) => {
      jobs += 1
      onEvent = listener
      if (loss === undefined) send({ _tag: "Analyze", job: jobs, path })
      else listener(loss)
      return jobs
    },
    cancel: (job) => send({ _tag: "Cancel", job }),
    kill: () => lose("it was killed"),
    end: endProcess(child, graceTimeout)
  }
}

const decodeReport = Schema.decodeUnknownEither(WorkerReport)
const encodeOrder = Schema.encodeSync(WorkerOrder)

const runJob = (
  worker: Worker,
  path: string,
  onProgress: OnProgress,
  stallTimeout: Duration.Duration
): Effect.Effect<TrackAnalysis, AnalysisError | WorkerLost> =>
  Effect.gen(function* () {
    const events = yield* Queue.unbounded<WorkerEvent>()
    const job = worker.begin(path, (event) => void events.unsafeOffer(event))
    const follow = Effect.gen(function* () {
      for (;;) {
        const event = yield* Queue.take(events).pipe(
          Effect.timeoutFail({
            duration: stallTimeout,
            onTimeout: () => new WorkerLost({ detail: `no sign of life for ${Duration.format(stallTimeout)}` })
          })
        )
        switch (event._tag) {
          case "Progress":
            yield* onProgress(event.progress)
            break
          case "Result":
            return event.analysis
          case "Refused":
            return yield* event.error
          case "Broken":
            return yield* Effect.dieMessage(`The analysis broke in its worker: ${event.detail}`)
          case "Cancelled":
            return yield* new WorkerLost({ detail: "it cancelled a job by itself" })
          case "WorkerLost":
            return yield* event
        }
      }
    })
    const untilEnded = Queue.take(events).pipe(
      Effect.repeat({ until: ({ _tag }) => _tag !== "Progress" && _tag !== "Alive" }),
      Effect.interruptible,
      Effect.timeoutFail({ duration: graceTimeout, onTimeout: () => new WorkerLost({ detail: "it did not cancel" }) })
    )
    return yield* follow.pipe(
      Effect.tapErrorTag("WorkerLost", () => Effect.sync(worker.kill)),
      Effect.onInterrupt(() =>
        Effect.sync(() => worker.cancel(job)).pipe(
          Effect.zipRight(untilEnded),
          Effect.catchAll(({ detail }) => {
            worker.kill()
            return Effect.logWarning(`An analysis worker was killed: ${detail}`)
          })
        )
      )
    )
  })
