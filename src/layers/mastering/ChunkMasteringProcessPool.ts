/**
 * ChunkMastering on worker processes, many renderings each: a native decoder that hangs or crashes takes its process
 * with it, and the renderings that lived there go on in another one, at the very next sample. Renderings on other
 * workers notice nothing.
 */
import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { availableParallelism } from "node:os"
import type { Readable } from "node:stream"
import { Data, Deferred, Duration, Effect, Exit, FiberId, Layer, Option, Schema, Stream } from "effect"
import type { TrackUnreadable } from "../../domain/audio/AnalysisError.ts"
import type { MasteringPlan } from "../../domain/mastering/MasteringPlan.ts"
import type { RestartBackoff } from "../../domain/supervision/RestartBackoff.ts"
import type { RestartPolicy } from "../../domain/supervision/SupervisorDecision.ts"
import { ChunkMastering, type PcmPacket, type RenderRequest } from "../../services/ChunkMastering.ts"
import {
  aliveIntervalMs,
  makeMessageSplitter,
  RenderOrder,
  RenderReport,
  reportDescriptor
} from "./ChunkMasteringProcessProtocol.ts"
import { entryPoint } from "../process/entryPoints.ts"
import { fromLittleEndian } from "../audio/littleEndian.ts"
import * as Child from "../supervision/Child.ts"
import * as Supervisor from "../supervision/Supervisor.ts"
import { endProcess } from "../process/endProcess.ts"
import { deadly, makeStrikes } from "../process/Quarantine.ts"

export interface ProcessPoolOptions {
  /** Default: as many as the machine runs at the same time, and at least two: one is there when another one dies. */
  readonly workers?: number
  /**
   * Whether one more is kept for the files that were being worked on when a worker was lost: what they do there, they do
   * to no one else. Default true.
   */
  readonly reserve?: boolean
  /** Arguments of `node`. Default: the render worker. */
  readonly workerCommand?: ReadonlyArray<string>
  /** A worker that shows no sign of life for this long is killed. Default 1 s: a listener's buffer holds 2 s. */
  readonly stallTimeout?: Duration.DurationInput
}

const defaultStallTimeout = Duration.seconds(1)
/** A worker in an uninterruptible sleep waits for a disk, which may have to spin up first. */
const diskTimeout = Duration.seconds(15)
/** From spawn to ready. */
const startTimeout = Duration.seconds(30)
/** A file that has cost workers waits so long for the reserve to be back, before it goes among the others. */
const reserveTimeout = Duration.seconds(5)
/** From SIGTERM to SIGKILL. */
const graceTimeout = Duration.seconds(1)
/** It never gives up: without a worker there is no sound, and a file that takes workers with it is refused in the end. */
const restartPolicy: RestartPolicy = { strategy: "one-for-one", intensity: Infinity, periodSeconds: 60 }
/** Between a death and the next start: streams wait, so almost none at first. */
const restartBackoff: RestartBackoff = { firstMs: 20, mostMs: 5000, healthyMs: 60_000 }

export const renderWorkerCommand: ReadonlyArray<string> = [entryPoint("renderWorker")]

/** The worker died, hung or talked nonsense. Stays inside the pool. */
class WorkerLost extends Data.TaggedError("WorkerLost")<{ readonly detail: string }> {
  override get message() {
    return `A render worker was lost: ${this.detail}.`
  }
}

/** The service and its workers, which are started by whoever supervises them; renderings wait for the first one. */
export const make = (
  options: ProcessPoolOptions = {}
): Effect.Effect<{ readonly mastering: ChunkMastering["Type"]; readonly supervised: Child.Child }> =>
  Effect.gen(function* () {
    const { workerCommand = renderWorkerCommand, workers: count = Math.max(2, availableParallelism()) } = options
    const stallTimeout = Duration.decode(options.stallTimeout ?? defaultStallTimeout)
    const strikes = makeStrikes()
    const memory = makeFrameMemory()
    const makeSlots = (length: number) => Array.from({ length }, (): Slot => ({ worker: undefined }))
    const common = makeSlots(count)
    const reserve = makeSlots(options.reserve === false ? 0 : 1)
    const someReady = yield* Effect.makeLatch(false)

    const readyOf = (slots: ReadonlyArray<Slot>): Worker | undefined =>
      slots
        .flatMap(({ worker }) => (worker?.isReady() === true ? [worker] : []))
        .reduce<Worker | undefined>(
          (best, worker) => (best === undefined || worker.load() < best.load() ? worker : best),
          undefined
        )

    const untilReady = (find: () => Worker | undefined): Effect.Effect<Worker> =>
      Effect.suspend(() => {
        const worker = find()
        if (worker !== undefined) return Effect.succeed(worker)
        return someReady.close.pipe(
          Effect.zipRight(Effect.suspend(() => (find() ? Effect.void : someReady.await))),
          Effect.zipRight(untilReady(find))
        )
      })

    /** The ready worker that has least to do. */
    const anyWorker = untilReady(() => readyOf(common) ?? readyOf(reserve))

    const workerFor = (file: string): Effect.Effect<Worker> =>
      reserve.length > 0 && strikes.hasAny(file)
        ? untilReady(() => readyOf(reserve)).pipe(
            Effect.timeoutTo({
              duration: reserveTimeout,
              onSuccess: (worker) => Effect.succeed(worker),
              onTimeout: () => anyWorker
            }),
            Effect.flatten
          )
        : anyWorker

    const life = (slot: Slot) =>
      Effect.gen(function* () {
        const worker = yield* Effect.acquireRelease(
          Effect.sync(() => (slot.worker = spawnWorker(workerCommand, stallTimeout, memory))),
          (worker) =>
            Effect.zipRight(
              Effect.sync(() => void (slot.worker = undefined)),
              worker.end
            )
        )
        yield* Deferred.await(worker.ready).pipe(
          Effect.timeoutFail({
            duration: startTimeout,
            onTimeout: () => new WorkerLost({ detail: "it did not start" })
          })
        )
        yield* someReady.open
        return yield* Deferred.await(worker.lost)
      })
    const supervised = Supervisor.child({
      id: "rendering",
      policy: restartPolicy,
      backoff: restartBackoff,
      children: [
        ...common.map((slot, n) => Child.worker(`render-worker-${n + 1}`, life(slot))),
        // Nobody waits for it when the service starts.
        ...reserve.map((slot) => Child.worker("render-worker-reserve", Effect.zipRight(anyWorker, life(slot))))
      ]
    })

    const open = Effect.fn("ChunkMastering.open")(function* (request: RenderRequest) {
      const file = yield* strikes.keyOf(request.path)
      let plan: MasteringPlan | null = request.plan
      let nextFrame = request.startFrame
      let job: Job | undefined

      const detach = Effect.sync(() => {
        job?.close()
        job = undefined
      })

      /** Runs `use` on a rendering that starts at the next frame wanted, on another worker if one is lost with it. */
      const onWorker = <A>(
        use: (job: Job, opened: Opened) => Effect.Effect<A, TrackUnreadable | WorkerLost>
      ): Effect.Effect<A, TrackUnreadable> =>
        Effect.suspend(() => {
          if (strikes.isRefused(file)) return Effect.fail(deadly(request.path))
          const held = job
          if (held !== undefined) return use(held, held.opened!)
          return Effect.flatMap(workerFor(file), (worker) => {
            const fresh = worker.begin()
            job = fresh
            return fresh.ask({ _tag: "Open", job: fresh.number, ...request, startFrame: nextFrame, plan }).pipe(
              Effect.flatMap((report) => {
                if (report._tag !== "Opened") return Effect.die(unexpected(report))
                fresh.opened = report
                return use(fresh, report)
              })
            )
          })
        }).pipe(
          Effect.catchTag("WorkerLost", ({ detail }) => {
            if (job?.isBlamed() === true) strikes.add(file)
            return Effect.logWarning(`A rendering goes on in another worker at sample ${nextFrame}: ${detail}`).pipe(
              Effect.zipRight(detach),
              Effect.zipRight(onWorker(use))
            )
          })
        )

      yield* Effect.addFinalizer(() => detach)
      const { channels, sampleRate, totalFrames } = yield* onWorker((_, opened) => Effect.succeed(opened))

      const lead = makeLead()
      const next: Effect.Effect<PcmPacket, Option.Option<TrackUnreadable>> = onWorker((held) =>
        Effect.map(held.ask({ _tag: "Pull", job: held.number, lead: lead.seconds() }), (report): PcmPacket | null => {
          if (report._tag === "End") return null
          if (report._tag !== "Frame") throw unexpected(report)
          strikes.forgive(file)
          nextFrame = report.sampleOffset + report.sampleCount
          const { sampleCount, sampleOffset } = report
          lead.add(sampleCount / sampleRate)
          const bytes = held.samples()
          return { sampleOffset, sampleCount, samples: fromLittleEndian(bytes), release: () => memory.giveBack(bytes) }
        })
      ).pipe(
        Effect.mapError(Option.some),
        Effect.flatMap((frame) => (frame === null ? Effect.fail(Option.none()) : Effect.succeed(frame)))
      )

      const setPlan = (to: MasteringPlan, glideSeconds: number) =>
        Effect.sync(() => {
          // A pass-through has no chain that could change.
          if (request.plan === null) return
          plan = to
          if (job?.opened !== undefined) job.send({ _tag: "SetPlan", job: job.number, plan: to, glideSeconds })
        })
      return { sampleRate, channels, totalFrames, packets: Stream.repeatEffectOption(next), setPlan }
    })

    return { mastering: ChunkMastering.of({ open }), supervised }
  })

/** The pool alone, under a supervisor of its own. */
export const layer = (options: ProcessPoolOptions = {}): Layer.Layer<ChunkMastering> =>
  Layer.scoped(
    ChunkMastering,
    Effect.gen(function* () {
      const { mastering, supervised } = yield* make(options)
      yield* Effect.orDie(supervised.start)
      return mastering
    })
  )

const unexpected = (report: RenderReport) => new Error(`A render worker answered with ${report._tag}`)

interface Slot {
  worker: Worker | undefined
}

type Opened = Extract<RenderReport, { readonly _tag: "Opened" }>

/** One rendering on one worker. */
interface Job {
  readonly number: number
  opened: Opened | undefined
  readonly send: (order: RenderOrder) => void
  /** One question at a time. */
  readonly ask: (order: RenderOrder) => Effect.Effect<RenderReport, TrackUnreadable | WorkerLost>
  /** Of the last Frame. */
  readonly samples: () => Uint8Array<ArrayBuffer>
  /** Whether the worker was at work on this one when it was lost. */
  readonly isBlamed: () => boolean
  readonly close: () => void
}

interface Worker {
  readonly ready: Deferred.Deferred<void, WorkerLost>
  readonly lost: Deferred.Deferred<never, WorkerLost>
  readonly isReady: () => boolean
  /** Renderings that it has. */
  readonly load: () => number
  readonly begin: () => Job
  /** SIGTERM, SIGKILL after the grace time; done when it is gone. */
  readonly end: Effect.Effect<void>
}

type Listener = (event: RenderReport | WorkerLost, samples: Uint8Array<ArrayBuffer>) => void

const nothing = new Uint8Array(0)

/** How much sound a listener has that was given all there was at once and plays it: at the start none, and never less. */
const makeLead = () => {
  let seconds = 0
  let since = performance.now()
  return {
    seconds: () => {
      const now = performance.now()
      seconds = Math.max(0, seconds - (now - since) / 1000)
      since = now
      return seconds
    },
    add: (more: number) => void (seconds += more)
  }
}

/** Frames that were sent and not yet used again: a second of fifty streams. */
const mostSpareFrames = 200

interface FrameMemory {
  readonly allocate: (bytes: number) => Uint8Array<ArrayBuffer>
  readonly giveBack: (frame: Uint8Array<ArrayBuffer>) => void
}

/** The memory of frames, used again: zeroing and collecting 90 KB for each cost as much as sending it. */
const makeFrameMemory = (): FrameMemory => {
  const spare: Array<Uint8Array<ArrayBuffer>> = []
  return {
    allocate: (bytes) => {
      // Almost all have the same length.
      const at = spare.findLastIndex(({ length }) => length === bytes)
      return at === -1 ? new Uint8Array(bytes) : spare.splice(at, 1)[0]!
    },
    giveBack: (frame) => {
      if (spare.push(frame) > mostSpareFrames) spare.shift()
    }
  }
}

const spawnWorker = (command: ReadonlyArray<string>, stallTimeout: Duration.Duration, memory: FrameMemory): Worker => {
  // Its stdout goes to stderr: the parent's own stdout belongs to the parent.
  const child = spawn(process.execPath, command, { stdio: ["pipe", 2, 2, "pipe"] })
  const ready = Deferred.unsafeMake<void, WorkerLost>(FiberId.none)
  const lost = Deferred.unsafeMake<never, WorkerLost>(FiberId.none)
  const listeners = new Map<number, Listener>()
  let jobs = 0
  let isReady = false
  let loss: WorkerLost | undefined
  let working = 0
  let lastSign = performance.now()

  const lose = (detail: string) => {
    if (loss !== undefined) return
    loss = new WorkerLost({ detail })
    clearInterval(watch)
    Deferred.unsafeDone(ready, loss)
    Deferred.unsafeDone(lost, loss)
    for (const listener of listeners.values()) listener(loss, nothing)
    child.kill("SIGKILL")
  }

  // Its own delay says how long this process did not run; the worker may not have run either.
  let lastLook = performance.now()
  const watch = setInterval(() => {
    const now = performance.now()
    const missed = now - lastLook - aliveIntervalMs
    lastLook = now
    if (missed > aliveIntervalMs) lastSign = now
    if (!isReady) return
    const silence = now - lastSign
    if (silence < Duration.toMillis(stallTimeout)) return
    if (silence < Duration.toMillis(diskTimeout) && waitsForDisk(child.pid)) return
    lose(`no sign of life for ${(silence / 1000).toFixed(1)} s`)
  }, aliveIntervalMs)

  const onMessage = (text: string, samples: Uint8Array<ArrayBuffer>) => {
    const decoded = decodeReport(text)
    if (decoded._tag === "Left") return lose("it sent what is no report")
    const report = decoded.right
    lastSign = performance.now()
    switch (report._tag) {
      case "Ready":
        isReady = true
        return Deferred.unsafeDone(ready, Exit.void)
      case "Alive":
        return
      case "Working":
        working = report.job
        return
      default:
        if (working === report.job) working = 0
        listeners.get(report.job)?.(report, samples)
    }
  }

  child.once("error", (error) => lose(error.message))
  child.once("close", (code, signal) => lose(signal === null ? `it exited with ${code}` : `it was ended by ${signal}`))
  // A worker that is gone closes its pipes; `close` tells.
  child.stdin?.on("error", () => {})
  const split = makeMessageSplitter(onMessage, memory.allocate)
  const reports = child.stdio[reportDescriptor] as Readable
  reports.on("error", () => {})
  reports.on("data", (bytes: Buffer) => void (split(bytes) || lose("it sent what is no message")))

  const send = (order: RenderOrder) => {
    if (loss === undefined) child.stdin?.write(`${encodeOrder(order)}\n`)
  }

  const begin = (): Job => {
    const number = ++jobs
    let samples: Uint8Array<ArrayBuffer> = nothing
    // So that it counts from here on.
    listeners.set(number, () => {})
    return {
      number,
      opened: undefined,
      send,
      ask: (order) =>
        Effect.async<RenderReport, TrackUnreadable | WorkerLost>((resume) => {
          if (loss !== undefined) return resume(Effect.fail(loss))
          listeners.set(number, (event, payload) => {
            listeners.set(number, () => {})
            if (event._tag === "WorkerLost") return resume(Effect.fail(event))
            if (event._tag === "Failed") return resume(Effect.fail(event.error))
            if (event._tag === "Broken") return resume(Effect.dieMessage(`A rendering broke: ${event.detail}`))
            samples = payload
            resume(Effect.succeed(event))
          })
          send(order)
        }),
      samples: () => samples,
      isBlamed: () => working === number,
      close: () => {
        listeners.delete(number)
        send({ _tag: "Close", job: number })
      }
    }
  }

  return {
    ready,
    lost,
    isReady: () => isReady && loss === undefined,
    load: () => listeners.size,
    begin,
    end: Effect.suspend(() => {
      clearInterval(watch)
      return endProcess(child, graceTimeout)
    })
  }
}

const decodeReport = Schema.decodeUnknownEither(RenderReport)
const encodeSeldom = Schema.encodeSync(RenderOrder)
/** One order a frame of each listener: it is what JSON makes of it. */
const encodeOrder = (order: RenderOrder) => (order._tag === "Pull" ? JSON.stringify(order) : encodeSeldom(order))

/** Whether a process is in an uninterruptible sleep (proc(5), field 3); false where the system does not say. */
const waitsForDisk = (pid: number | undefined): boolean => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
    return stat.slice(stat.lastIndexOf(")") + 2).startsWith("D")
  } catch {
    return false
  }
}
