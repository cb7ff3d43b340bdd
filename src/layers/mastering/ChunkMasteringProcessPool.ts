/**
 * ChunkMastering on worker processes, many renderings each: a native decoder that hangs or crashes takes its process
 * with it, and the renderings that lived there go on in another one, at the very next sample. Renderings on other
 * workers notice nothing.
 */
import { availableParallelism } from "node:os"
import { basename } from "node:path"
import { Duration, Effect, Layer, Option, Stream } from "effect"
import { TrackUnreadable } from "../../domain/audio/AnalysisError.ts"
import type { MasteringPlan } from "../../domain/mastering/MasteringPlan.ts"
import type { RenderState } from "../../domain/mastering/RenderState.ts"
import type { RestartBackoff } from "../../domain/supervision/RestartBackoff.ts"
import type { RestartPolicy } from "../../domain/supervision/SupervisorDecision.ts"
import { ChunkMastering, type PcmPacket, type RenderRequest } from "../../services/ChunkMastering.ts"
import { fromLittleEndian } from "../../dsp/littleEndian.ts"
import { entryPoint } from "../process/entryPoints.ts"
import { type FileKey, makeQuarantine, type Quarantine, whileOpening } from "../process/Quarantine.ts"
import type { MemoryBound } from "../process/Watchdog.ts"
import { isToBlame, type WorkerLost } from "../process/workerLost.ts"
import { makeSlotWatch, makeWorkerSlot, type WorkerSlot } from "../process/WorkerSlot.ts"
import type * as Child from "../supervision/Child.ts"
import * as Supervisor from "../supervision/Supervisor.ts"
import type { RenderReport } from "./ChunkMasteringProcessProtocol.ts"
import { makePacketMemory, type PacketMemory } from "./PacketMemory.ts"
import { type RenderingOnWorker, type RenderWorker, spawnRenderWorker } from "./RenderWorker.ts"

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
  /** Of one worker. */
  readonly memory?: MemoryBound
  /** A worker without renderings ends after this time, but for the first one. Default 30 s. */
  readonly idleTimeout?: Duration.DurationInput
}

const defaultStallTimeout = Duration.seconds(1)
/** Fifty renderings take some 250 MB. */
const defaultMemory: MemoryBound = { soft: 640 * 2 ** 20, hard: 1280 * 2 ** 20 }
/** A file that has cost workers waits so long for the reserve to be there, before it goes among the others. */
const reserveTimeout = Duration.seconds(5)
/** It never gives up: without a worker there is no sound, and a file that takes workers with it is refused in the end. */
const restartPolicy: RestartPolicy = { strategy: "one-for-one", intensity: Infinity, periodSeconds: 60 }
/** Between a death and the next start: streams wait, so almost none at first. */
const restartBackoff: RestartBackoff = { firstMs: 20, mostMs: 5000, healthyMs: 60_000 }
/** So many workers may be killed from outside under one rendering without a packet in between: it ends, and nobody is blamed. */
const mostKilled = 10

const renderWorkerCommand: ReadonlyArray<string> = [entryPoint("renderWorker")]

interface Pool {
  readonly workerFor: (file: FileKey) => Effect.Effect<RenderWorker>
  readonly quarantine: Quarantine
  readonly packets: PacketMemory
}

/** The service and its workers, which are started by whoever supervises them; renderings wait for the first one. */
export const make = (
  options: ProcessPoolOptions = {}
): Effect.Effect<{ readonly mastering: ChunkMastering["Type"]; readonly supervised: Child.Child }> =>
  Effect.sync(() => {
    const quarantine = makeQuarantine()
    const packets = makePacketMemory()
    const { children, workerFor } = makeSlots(options, packets, quarantine)
    const supervised = Supervisor.child({ id: "rendering", policy: restartPolicy, backoff: restartBackoff, children })
    const open = Effect.fn("ChunkMastering.open")((request: RenderRequest) =>
      openRendering({ workerFor, quarantine, packets }, request)
    )
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

type Slot = WorkerSlot<RenderWorker>

const makeSlots = (options: ProcessPoolOptions, packets: PacketMemory, quarantine: Quarantine) => {
  const { idleTimeout, reserve: hasReserve = true, workers = Math.max(2, availableParallelism()) } = options
  const watch = makeSlotWatch()
  const spawn = () =>
    spawnRenderWorker({
      command: options.workerCommand ?? renderWorkerCommand,
      stallTimeout: options.stallTimeout ?? defaultStallTimeout,
      memoryBound: options.memory ?? defaultMemory,
      packets
    })
  const makeSlot = (id: string, isWarm: boolean) =>
    makeWorkerSlot({ id, spawn, isWarm, idleTimeout, onChange: watch.changed })
  const common = Array.from({ length: workers }, (_, n) => makeSlot(`render-worker-${n + 1}`, n === 0))
  const reserve = hasReserve ? makeSlot("render-worker-reserve", false) : undefined

  /** The one that has least to do; one that holds too much memory only where there is no other. */
  const leastLoaded = (slots: ReadonlyArray<Slot>): RenderWorker | undefined => {
    const ready = slots.flatMap((slot) => slot.worker() ?? [])
    const fit = ready.filter(({ process }) => !process.isSwollen())
    return (fit.length > 0 ? fit : ready).reduce<RenderWorker | undefined>(
      (best, worker) => (best === undefined || worker.load() < best.load() ? worker : best),
      undefined
    )
  }

  const anyWorker = Effect.suspend(() => {
    // One more than there are renderings: it is there when another one dies, or comes.
    const renderings = common.reduce((sum, slot) => sum + (slot.worker()?.load() ?? 0), 1)
    const started = common.filter((slot) => slot.worker()?.process.isSwollen() !== true)
    for (const slot of started.slice(0, renderings + 1)) slot.want()
    return watch.until(() => leastLoaded(common) ?? reserve?.worker())
  })

  const reserved = (slot: Slot) =>
    Effect.suspend(() => {
      slot.want()
      return watch.until(slot.worker)
    }).pipe(
      Effect.timeoutTo({
        duration: reserveTimeout,
        onSuccess: (worker) => Effect.succeed(worker),
        onTimeout: () => anyWorker
      }),
      Effect.flatten
    )

  return {
    workerFor: (file: FileKey) =>
      Effect.suspend(() => (reserve !== undefined && quarantine.isSuspect(file) ? reserved(reserve) : anyWorker)),
    children: [...common, ...(reserve === undefined ? [] : [reserve])].map(({ supervised }) => supervised)
  }
}

type Opened = Extract<RenderReport, { readonly _tag: "Opened" }>

interface PlanChange {
  readonly plan: MasteringPlan
  readonly glideSeconds: number
}

/** Where one rendering is, over all the workers that it has had. */
interface Course {
  /** What was last heard to be rendered by, and where its gains were then. */
  plan: MasteringPlan | null
  state: RenderState | undefined
  /** Plans that were asked for since, the latest last. */
  changes: ReadonlyArray<PlanChange>
  /** Samples per channel at the delivered rate. */
  nextFrame: number
  held:
    | {
        readonly rendering: RenderingOnWorker
        opened: Opened | undefined
        /** Plans that it was known to obey when the last packet came. */
        plansSet: number
      }
    | undefined
  /** Workers killed from outside since the last packet. */
  killed: number
}

const openRendering = (pool: Pool, request: RenderRequest) =>
  Effect.gen(function* () {
    const file = yield* pool.quarantine.keyOf(request.path)
    const course: Course = {
      plan: request.plan,
      state: request.from,
      changes: [],
      nextFrame: request.startFrame,
      held: undefined,
      killed: 0
    }
    yield* Effect.addFinalizer(() => Effect.sync(() => detach(course)))
    const onWorker = runOnWorkers(pool, file, request, course)
    const { channels, sampleRate, totalFrames } = yield* onWorker((_, opened) => Effect.succeed(opened))
    const buffered = makeBufferedSeconds()

    const next: Effect.Effect<PcmPacket, Option.Option<TrackUnreadable>> = onWorker((rendering) =>
      Effect.map(
        rendering.ask({ _tag: "Pull", rendering: rendering.number, bufferedSeconds: buffered.now() }),
        (report): PcmPacket | null => {
          if (report._tag === "End") return null
          if (report._tag !== "Packet") throw unexpected(report)
          const { loss, sampleCount, sampleOffset, state } = report
          course.nextFrame = sampleOffset + sampleCount
          noteState(course, report)
          course.killed = 0
          pool.quarantine.forgive(file, sampleOffset / sampleRate, course.nextFrame / sampleRate)
          buffered.add(sampleCount / sampleRate)
          const bytes = rendering.samples()
          const release = () => pool.packets.giveBack(bytes)
          const packet = { sampleOffset, sampleCount, samples: fromLittleEndian(bytes), state, release }
          return loss === undefined ? packet : { ...packet, loss }
        }
      )
    ).pipe(
      Effect.mapError(Option.some),
      Effect.flatMap((packet) => (packet === null ? Effect.fail(Option.none()) : Effect.succeed(packet)))
    )

    const setPlan = (plan: MasteringPlan, glideSeconds: number) =>
      Effect.sync(() => {
        // A pass-through has no chain that could change.
        if (request.plan === null) return
        const change = { plan, glideSeconds }
        course.changes = [...course.changes, change]
        const { held } = course
        if (held?.opened !== undefined) sendChange(held.rendering, change)
      })
    return { sampleRate, channels, totalFrames, packets: Stream.repeatEffectOption(next), setPlan }
  })

const sendChange = (rendering: RenderingOnWorker, { glideSeconds, plan }: PlanChange) =>
  rendering.send({ _tag: "SetPlan", rendering: rendering.number, plan, glideSeconds })

const noteState = (course: Course, { plansSet, state }: Extract<RenderReport, { readonly _tag: "Packet" }>) => {
  course.state = state ?? undefined
  const obeyed = plansSet - (course.held?.plansSet ?? 0)
  if (obeyed <= 0) return
  course.plan = course.changes[obeyed - 1]?.plan ?? course.plan
  course.changes = course.changes.slice(obeyed)
  if (course.held !== undefined) course.held.plansSet = plansSet
}

/** At rest, from where a change glides: without it, a rendering that is begun anew begins as it shall be. */
const restOf = ({ changes, plan, state }: Course): RenderState | undefined =>
  state ??
  (changes.length > 0 && plan !== null
    ? { position: null, settings: plan.settings, glide: null, follow: null }
    : undefined)

const detach = (course: Course) => {
  course.held?.rendering.close()
  course.held = undefined
}

/** Runs `use` on a rendering that starts at the next frame wanted, on another worker if one is lost with it. */
const runOnWorkers = ({ quarantine, workerFor }: Pool, file: FileKey, request: RenderRequest, course: Course) => {
  const begin = Effect.flatMap(
    Effect.suspend(() => workerFor(file)),
    (worker) => {
      const rendering = worker.begin()
      const held: NonNullable<Course["held"]> = { rendering, opened: undefined, plansSet: 0 }
      course.held = held
      const { nextFrame: startFrame, plan } = course
      return Effect.map(
        rendering.ask({
          _tag: "Open",
          rendering: rendering.number,
          ...request,
          startFrame,
          plan,
          from: restOf(course)
        }),
        (report) => {
          if (report._tag !== "Opened") throw unexpected(report)
          for (const change of course.changes) sendChange(rendering, change)
          return (held.opened = report)
        }
      )
    }
  )

  /** Holds against the file what was done to the worker, as far as that is certain; fails where it is enough. */
  const noteLoss = ({ cause, message }: WorkerLost) =>
    Effect.suspend(() => {
      const { held, nextFrame } = course
      if (held?.rendering.wasAtWork() === true) {
        const position = held.opened === undefined ? whileOpening : nextFrame / held.opened.sampleRate
        if (isToBlame(cause)) quarantine.blame(file, position)
        if (cause === "memory") quarantine.suspect(file)
        if (cause === "memory" && held.rendering.wasAlone()) quarantine.condemn(file, "too_demanding")
      }
      detach(course)
      if ((cause === "killed" || cause === "stopped") && ++course.killed >= mostKilled) {
        return new TrackUnreadable({ file: basename(request.path), stage: "decode", reason: "too_demanding" })
      }
      return Effect.logWarning(`A rendering goes on in another worker at sample ${nextFrame}. ${message}`)
    })

  const onWorker = <A>(
    use: (rendering: RenderingOnWorker, opened: Opened) => Effect.Effect<A, TrackUnreadable | WorkerLost>
  ): Effect.Effect<A, TrackUnreadable> =>
    Effect.suspend((): Effect.Effect<A, TrackUnreadable | WorkerLost> => {
      const refusal = quarantine.refusal(file)
      if (refusal !== undefined) return Effect.fail(refusal)
      const { held } = course
      if (held?.opened !== undefined) return use(held.rendering, held.opened)
      return Effect.flatMap(begin, (opened) => use(course.held!.rendering, opened))
    }).pipe(Effect.catchTag("WorkerLost", (loss) => Effect.zipRight(noteLoss(loss), onWorker(use))))
  return onWorker
}

const unexpected = (report: RenderReport) => new Error(`A render worker answered with ${report._tag}`)

/** How much sound a listener has that was given all there was at once and plays it: at the start none, and never less. */
const makeBufferedSeconds = () => {
  let seconds = 0
  let since = performance.now()
  return {
    now: () => {
      const at = performance.now()
      seconds = Math.max(0, seconds - (at - since) / 1000)
      since = at
      return seconds
    },
    add: (more: number) => void (seconds += more)
  }
}
