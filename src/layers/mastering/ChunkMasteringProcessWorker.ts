/** A worker's side of the render pool: takes orders on stdin, renders by ChunkMastering, reports. */
import { Socket } from "node:net"
import {
  Cause,
  Chunk,
  Effect,
  Exit,
  type Fiber,
  type Layer,
  ManagedRuntime,
  Option,
  Queue,
  Schema,
  Stream
} from "effect"
import { ChunkMastering, type Rendering } from "../../services/ChunkMastering.ts"
import {
  aliveIntervalMs,
  encodeMessage,
  longestOrderBytes,
  RenderOrder,
  RenderReport,
  reportDescriptor
} from "./ChunkMasteringProcessProtocol.ts"
import { littleEndianBytes } from "../audio/littleEndian.ts"
import { makeLineSplitter } from "../process/lineSplitter.ts"
import { exitWithParent } from "../process/exitWithParent.ts"
import { keepCompiled } from "../process/keepCompiled.ts"
import { makePriorityLock } from "../process/PriorityLock.ts"

type OpenOrder = Extract<RenderOrder, { readonly _tag: "Open" }>

interface Job {
  /** The lead of each. */
  readonly pulls: Queue.Queue<number>
  readonly fiber: Fiber.RuntimeFiber<void>
  /** Once it is open: the pool sets no plan before. */
  rendering: Rendering | undefined
}

/** Runs until stdin ends or the process is. */
export const serve = (mastering: Layer.Layer<ChunkMastering>): void => {
  const runtime = ManagedRuntime.make(mastering)
  const reports = new Socket({ fd: reportDescriptor, readable: false, writable: true })
  const send = (report: RenderReport): void => {
    for (const part of encodeMessage(encodeReport(report), undefined)) reports.write(part)
  }
  /** Done when the samples' memory is free again. */
  const sendFrame = (report: RenderReport, samples: Uint8Array) =>
    Effect.async<void>((resume) => {
      reports.cork()
      for (const part of encodeMessage(encodeReport(report), samples)) {
        reports.write(part, part === samples ? () => resume(Effect.void) : undefined)
      }
      reports.uncork()
    })
  const leave = () => process.exit(0)
  reports.on("error", leave)
  exitWithParent()
  keepCompiled()
  // Ctrl-C reaches the whole group of a terminal; the parent decides when its workers end.
  process.on("SIGINT", () => {})
  setInterval(() => send({ _tag: "Alive" }), aliveIntervalMs)

  const jobs = new Map<number, Job>()

  const lock = makePriorityLock()

  const render = ({ job, ...request }: OpenOrder, pulls: Queue.Queue<number>) =>
    Effect.gen(function* () {
      const mastering = yield* ChunkMastering
      const work = <A, E, R>(lead: number, effect: Effect.Effect<A, E, R>) =>
        lock.withPriority(lead)(
          Effect.zipRight(
            Effect.sync(() => send({ _tag: "Working", job })),
            effect
          )
        )
      const { packetSeconds, ...rest } = request
      const length = packetSeconds === undefined ? {} : { packetSeconds }
      const rendering = yield* work(0, mastering.open({ ...rest, ...length, reusesMemory: true }))
      const held = jobs.get(job)
      if (held !== undefined) held.rendering = rendering
      const { channels, sampleRate, totalFrames } = rendering
      send({ _tag: "Opened", job, sampleRate, channels, totalFrames })
      const pull = yield* Stream.toPull(Stream.rechunk(rendering.packets, 1))
      for (;;) {
        const next = yield* work(yield* Queue.take(pulls), Effect.either(pull))
        if (next._tag === "Left") {
          if (Option.isSome(next.left)) return yield* next.left.value
          send({ _tag: "End", job })
          return
        }
        const { sampleCount, sampleOffset, samples } = Chunk.unsafeHead(next.right)
        yield* sendFrame({ _tag: "Frame", job, sampleOffset, sampleCount }, littleEndianBytes(samples))
      }
    }).pipe(Effect.scoped)

  const open = (order: OpenOrder) => {
    const { job } = order
    const pulls = runtime.runSync(Queue.unbounded<number>())
    const fiber = runtime.runFork(Effect.yieldNow().pipe(Effect.zipRight(render(order, pulls))))
    jobs.set(job, { pulls, fiber: fiber as Job["fiber"], rendering: undefined })
    fiber.addObserver((exit) => {
      jobs.delete(job)
      if (Exit.isSuccess(exit) || Cause.isInterruptedOnly(exit.cause)) return
      const failure = Cause.failureOption(exit.cause)
      send(
        Option.isSome(failure)
          ? { _tag: "Failed", job, error: failure.value }
          : { _tag: "Broken", job, detail: Cause.pretty(exit.cause) }
      )
    })
  }

  const obey = (order: RenderOrder) => {
    const job = jobs.get(order.job)
    switch (order._tag) {
      case "Open":
        return open(order)
      case "Pull":
        return void job?.pulls.unsafeOffer(order.lead)
      case "SetPlan":
        return void (job?.rendering && runtime.runFork(job.rendering.setPlan(order.plan, order.glideSeconds)))
      case "Close":
        return void job?.fiber.unsafeInterruptAsFork(job.fiber.id())
    }
  }

  const split = makeLineSplitter(longestOrderBytes, (line) => obey(decodeOrder(line)))
  process.stdin.on("data", split).once("end", leave).once("error", leave)
  send({ _tag: "Ready" })
}

const encodeReport = Schema.encodeSync(RenderReport)
const decodeOrder = Schema.decodeSync(RenderOrder)
