/** One render worker as its pool has it: many renderings in one process, each asked one thing at a time. */
import { Effect, Option, Schema } from "effect"
import type { Duration } from "effect"
import type { TrackUnreadable } from "../../domain/audio/AnalysisError.ts"
import type { MemoryBound } from "../process/Watchdog.ts"
import type { WorkerLost } from "../process/workerLost.ts"
import { spawnWorker } from "../process/WorkerProcess.ts"
import type { SlotWorker } from "../process/WorkerSlot.ts"
import { RenderOrder, RenderReport } from "./ChunkMasteringProcessProtocol.ts"
import type { PacketMemory } from "./PacketMemory.ts"

/** One rendering on one worker. */
export interface RenderingOnWorker {
  readonly number: number
  readonly send: (order: RenderOrder) => void
  /** One question at a time. */
  readonly ask: (order: RenderOrder) => Effect.Effect<RenderReport, TrackUnreadable | WorkerLost>
  /** Of the last Packet. */
  readonly samples: () => Uint8Array<ArrayBuffer>
  /** Whether the worker was at this one when it was lost. */
  readonly wasAtWork: () => boolean
  /** Whether the worker has never had another one. */
  readonly wasAlone: () => boolean
  readonly close: () => void
}

export interface RenderWorker extends SlotWorker {
  /** Renderings that it has. */
  readonly load: () => number
  readonly begin: () => RenderingOnWorker
}

export interface RenderWorkerOptions {
  readonly command: ReadonlyArray<string>
  readonly stallTimeout: Duration.DurationInput
  readonly memoryBound: MemoryBound
  readonly packets: PacketMemory
}

type Listener = (event: RenderReport | WorkerLost, samples: Uint8Array<ArrayBuffer>) => void

const nothing = new Uint8Array(0)
const ignore: Listener = () => {}

export const spawnRenderWorker = (options: RenderWorkerOptions): RenderWorker => {
  const listeners = new Map<number, Listener>()
  let begun = 0
  let atWork = 0
  let idleSince: number | undefined = performance.now()

  const process = spawnWorker({
    name: "A render worker",
    command: options.command,
    stallTimeout: options.stallTimeout,
    memory: options.memoryBound,
    allocate: options.packets.allocate,
    onMessage: (text, samples) => {
      const decoded = decodeReport(text)
      if (Option.isNone(decoded)) return false
      const report = decoded.value
      if (report._tag === "Working") atWork = report.rendering
      else {
        if (atWork === report.rendering) atWork = 0
        listeners.get(report.rendering)?.(report, samples)
      }
      return true
    },
    onLost: (loss) => {
      for (const listener of listeners.values()) listener(loss, nothing)
    }
  })

  const send = (order: RenderOrder) => process.send(encodeOrder(order))

  const ask = (number: number, order: RenderOrder, onSamples: (samples: Uint8Array<ArrayBuffer>) => void) =>
    Effect.async<RenderReport, TrackUnreadable | WorkerLost>((resume) => {
      const loss = process.loss()
      if (loss !== undefined) return resume(Effect.fail(loss))
      process.beginWork()
      listeners.set(number, (event, samples) => {
        listeners.set(number, ignore)
        process.endWork()
        if (event._tag === "WorkerLost") return resume(Effect.fail(event))
        if (event._tag === "Failed") return resume(Effect.fail(event.error))
        if (event._tag === "Broken") return resume(Effect.dieMessage(`A rendering broke: ${event.detail}`))
        onSamples(samples)
        resume(Effect.succeed(event))
      })
      send(order)
    })

  const begin = (): RenderingOnWorker => {
    const number = ++begun
    let samples: Uint8Array<ArrayBuffer> = nothing
    idleSince = undefined
    // So that it counts from here on.
    listeners.set(number, ignore)
    return {
      number,
      send,
      ask: (order) => ask(number, order, (bytes) => (samples = bytes)),
      samples: () => samples,
      wasAtWork: () => atWork === number,
      wasAlone: () => begun === 1,
      close: () => {
        const isAsked = listeners.get(number) !== ignore
        if (listeners.delete(number) && isAsked) process.endWork()
        if (listeners.size === 0) idleSince = performance.now()
        send({ _tag: "Close", rendering: number })
      }
    }
  }

  return { process, idleSince: () => idleSince, load: () => listeners.size, begin }
}

const decodeReport = Schema.decodeUnknownOption(RenderReport)
const encodeSeldom = Schema.encodeSync(RenderOrder)
/** One order a packet of each listener: it is what JSON makes of it. */
const encodeOrder = (order: RenderOrder) => (order._tag === "Pull" ? JSON.stringify(order) : encodeSeldom(order))
