/** A worker's side of the render pool: renders by ChunkMastering what it is ordered to, the most urgent packet first. */
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
import { littleEndianBytes } from "../../dsp/littleEndian.ts"
import { makePriorityLock, type PriorityLock } from "../process/PriorityLock.ts"
import { serveParent, type WorkerSide } from "../process/workerSide.ts"
import { RenderOrder, RenderReport } from "./ChunkMasteringProcessProtocol.ts"

type OpenOrder = Extract<RenderOrder, { readonly _tag: "Open" }>

interface RunningRendering {
  /** The seconds that its listener has, of each. */
  readonly pulls: Queue.Queue<number>
  readonly fiber: Fiber.RuntimeFiber<void>
  /** Once it is open: the pool sets no plan before. */
  rendering: Rendering | undefined
  plansSet: number
}

/** Runs until stdin ends or the process does. */
export const serve = (mastering: Layer.Layer<ChunkMastering>): void => {
  const runtime = ManagedRuntime.make(mastering)
  const renderings = new Map<number, RunningRendering>()
  const lock = makePriorityLock()

  const open = (order: OpenOrder, side: WorkerSide) => {
    const { rendering: number } = order
    const pulls = runtime.runSync(Queue.unbounded<number>())
    const onOpen = (rendering: Rendering) => {
      const held = renderings.get(number)
      if (held !== undefined) held.rendering = rendering
    }
    const plansSet = () => renderings.get(number)?.plansSet ?? 0
    side.beginWork()
    const fiber = runtime.runFork(
      Effect.yieldNow().pipe(Effect.zipRight(render({ order, side, pulls, lock, onOpen, plansSet })))
    )
    renderings.set(number, { pulls, fiber: fiber as RunningRendering["fiber"], rendering: undefined, plansSet: 0 })
    fiber.addObserver((exit) => {
      renderings.delete(number)
      side.endWork()
      if (Exit.isSuccess(exit) || Cause.isInterruptedOnly(exit.cause)) return
      const failure = Cause.failureOption(exit.cause)
      side.send(
        encodeReport(
          Option.isSome(failure)
            ? { _tag: "Failed", rendering: number, error: failure.value }
            : { _tag: "Broken", rendering: number, detail: Cause.pretty(exit.cause) }
        )
      )
    })
  }

  serveParent((line, side) => {
    const order = decodeOrder(line)
    const running = renderings.get(order.rendering)
    switch (order._tag) {
      case "Open":
        return open(order, side)
      case "Pull":
        return void running?.pulls.unsafeOffer(order.bufferedSeconds)
      case "SetPlan":
        if (running?.rendering === undefined) return
        running.plansSet += 1
        return void runtime.runFork(running.rendering.setPlan(order.plan, order.glideSeconds))
      case "Close":
        return void running?.fiber.unsafeInterruptAsFork(running.fiber.id())
    }
  })
}

interface RenderOptions {
  readonly order: OpenOrder
  readonly side: WorkerSide
  readonly pulls: Queue.Dequeue<number>
  readonly lock: PriorityLock
  readonly onOpen: (rendering: Rendering) => void
  readonly plansSet: () => number
}

/** One rendering from its opening to its end: a packet for each pull. */
const render = ({ order, side, pulls, lock, onOpen, plansSet }: RenderOptions) =>
  Effect.gen(function* () {
    const { rendering: number, packetSeconds, _tag, ...request } = order
    const mastering = yield* ChunkMastering
    const send = (report: RenderReport) => side.send(encodeReport(report))
    const work = <A, E, R>(bufferedSeconds: number, effect: Effect.Effect<A, E, R>) =>
      lock.withPriority(bufferedSeconds)(
        Effect.zipRight(
          Effect.sync(() => send({ _tag: "Working", rendering: number })),
          effect
        )
      )
    const length = packetSeconds === undefined ? {} : { packetSeconds }
    const rendering = yield* work(0, mastering.open({ ...request, ...length, reusesMemory: true }))
    onOpen(rendering)
    const { channels, sampleRate, totalFrames } = rendering
    send({ _tag: "Opened", rendering: number, sampleRate, channels, totalFrames })
    const pull = yield* Stream.toPull(Stream.rechunk(rendering.packets, 1))
    for (;;) {
      const next = yield* work(yield* Queue.take(pulls), Effect.either(pull))
      if (next._tag === "Left") {
        if (Option.isSome(next.left)) return yield* next.left.value
        return send({ _tag: "End", rendering: number })
      }
      const { loss, sampleCount, sampleOffset, samples, state } = Chunk.unsafeHead(next.right)
      const damage = loss === undefined ? {} : { loss }
      const position = { sampleOffset, sampleCount, state, plansSet: plansSet(), ...damage }
      const report = encodeReport({ _tag: "Packet", rendering: number, ...position })
      // The samples' memory serves again for the next packet.
      yield* Effect.async<void>((resume) =>
        side.sendPayload(report, littleEndianBytes(samples), () => resume(Effect.void))
      )
    }
  }).pipe(Effect.scoped)

const encodeReport = Schema.encodeSync(RenderReport)
const decodeOrder = Schema.decodeSync(RenderOrder)
