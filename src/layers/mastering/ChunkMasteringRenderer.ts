/**
 * ChunkMastering in this process: decodes, masters, cuts packets. Everything is pulled: nothing is decoded or rendered
 * before it is asked for, and one pull renders about one packet's worth at a time. Up to the packets themselves, which are
 * the receiver's, the same memory is used from block to block.
 */
import { basename } from "node:path"
import { Chunk, Effect, Layer, Option, Stream } from "effect"
import { TrackUnreadable } from "../../domain/audio/AnalysisError.ts"
import type { MasteringPlan } from "../../domain/mastering/MasteringPlan.ts"
import type { RenderState } from "../../domain/mastering/RenderState.ts"
import { type Delivery, makeDelivery } from "../../dsp/mastering/Delivery.ts"
import { AudioDecoder, type AudioLoss } from "../../services/AudioDecoder.ts"
import { ChunkMastering, type PcmPacket, type RenderRequest } from "../../services/ChunkMastering.ts"
import { turnOfEventLoop } from "../process/eventLoop.ts"

const defaultPacketSeconds = 0.25
/** Rendered at a time, however long the packets are: a pull holds the event loop no longer than this takes. */
const blockSeconds = 0.25

const make = Effect.gen(function* () {
  const decoder = yield* AudioDecoder

  const open = Effect.fn("ChunkMastering.open")(function* (request: RenderRequest) {
    const { channels, sampleRate: sourceRate, totalFrames } = yield* decoder.probe(request.path)
    const { packetSeconds = defaultPacketSeconds, plan, reusesMemory = false, sampleRate = sourceRate } = request
    const startFrame = Math.max(0, Math.round(request.startFrame))
    const settings = plan?.settings ?? null
    const { from } = request
    const delivery = makeDelivery({ sourceRate, sampleRate, channels, settings, startFrame, from })

    const notFinite = (position: number) =>
      new TrackUnreadable({
        file: basename(request.path),
        stage: "decode",
        reason: "not_finite",
        decoder: decoder.identity.name,
        position_seconds: position / sourceRate
      })
    const packets = Stream.unwrapScoped(
      Effect.gen(function* () {
        const { loss, readInto } = yield* decoder.open(request.path, {
          startFrame: delivery.readFrom,
          heardFrom: Math.floor((startFrame * sourceRate) / sampleRate)
        })
        const blockFrames = Math.ceil(sourceRate * blockSeconds)
        const cellFrames = sampleRate * packetSeconds
        const cutter = makePacketCutter({ channels, cellFrames, startFrame, reusesMemory })
        const renderer = makeRenderer({ delivery, cutter, channels, blockFrames, step: sourceRate / sampleRate })
        let ending: Option.Option<TrackUnreadable> | null = null

        const finish = (fault: Option.Option<TrackUnreadable>) => {
          ending = fault
          return renderer.finish()
        }
        const render = (count: number): ReadonlyArray<PcmPacket> => {
          if (count === 0) return finish(Option.none())
          const finite = finiteFrames(renderer.input, count)
          const position = delivery.readFrom + renderer.pushedFrames() + finite
          const out = renderer.push(finite)
          // What was decoded before a fault is delivered before the stream fails.
          return finite === count ? out : [...out, ...finish(Option.some(notFinite(position)))]
        }
        let isLossTold = false
        /** Tells it once, with the packet that is next when it is known. */
        const withLoss = (out: ReadonlyArray<PcmPacket>): ReadonlyArray<PcmPacket> => {
          const lost = isLossTold ? undefined : loss()
          if (lost === undefined || out.length === 0) return out
          isLossTold = true
          return [{ ...out[0]!, loss: deliveredLoss(lost, sampleRate / sourceRate) }, ...out.slice(1)]
        }
        const pull = Effect.suspend(() => {
          if (ending !== null) return Effect.fail(ending)
          cutter.takeBack()
          return readInto(renderer.input, renderer.wanted()).pipe(
            Effect.match({ onFailure: (fault) => finish(Option.some(fault)), onSuccess: render }),
            Effect.map((out) => Chunk.unsafeFromArray(withLoss(out)))
          )
        })
        // Between other fibers' and sockets' turns: a pre-roll is many blocks without a packet.
        return Stream.repeatEffectChunkOption(Effect.zipRight(turnOfEventLoop, pull))
      })
    ).pipe(Stream.rechunk(1))
    const setPlan = (next: MasteringPlan, glideSeconds: number) =>
      Effect.sync(() => delivery.setSettings(next.settings, Math.max(0, glideSeconds)))
    return { sampleRate, channels, totalFrames: delivery.lengthOf(totalFrames), packets, setPlan }
  })

  return ChunkMastering.of({ open })
})

export const layer: Layer.Layer<ChunkMastering, never, AudioDecoder> = Layer.effect(ChunkMastering, make)

const deliveredLoss = ({ frames, from }: AudioLoss, ratio: number): AudioLoss => ({
  from: Math.round(from * ratio),
  frames: Math.round(frames * ratio)
})

interface RendererOptions {
  readonly delivery: Delivery
  readonly cutter: PacketCutter
  readonly channels: number
  readonly blockFrames: number
  /** Samples of the file for one that is delivered. */
  readonly step: number
}

/** Decoded blocks in, finished packets out: latency and pre-roll are its business. */
const makeRenderer = ({ blockFrames, channels, cutter, delivery, step }: RendererOptions) => {
  const planar = (frames: number) => Array.from({ length: channels }, () => new Float32Array(frames))
  const input = planar(blockFrames)
  const output = planar(delivery.capacity(blockFrames))
  let pushed = 0
  /** Position of the next sample that the delivery puts out. */
  let leaving = delivery.firstFrame

  /** Returns `leaving`. */
  const render = (count: number, end: number, into: Array<PcmPacket>): number => {
    const finished = delivery.process(input, count, output)
    cutter.append(output, leaving, Math.min(finished, end - leaving), delivery.state(), into)
    leaving += finished
    return leaving
  }

  return {
    /** To be filled before `push`. */
    input,
    /** Samples per channel, 1 to `blockFrames`: no more than complete the next packet, whose state is that behind it. */
    wanted: () => Math.min(blockFrames, Math.max(1, Math.ceil((cutter.packetEnd() - leaving) * step))),
    pushedFrames: () => pushed,
    push: (count: number): ReadonlyArray<PcmPacket> => {
      const out: Array<PcmPacket> = []
      pushed += count
      render(count, Infinity, out)
      return out
    },
    /** What is still held. As many samples have left then as belong to what was pushed. */
    finish: (): ReadonlyArray<PcmPacket> => {
      const out: Array<PcmPacket> = []
      const end = delivery.lengthOf(delivery.readFrom + pushed)
      for (const samples of input) samples.fill(0)
      for (let at = leaving; at < end;) at = render(blockFrames, end, out)
      cutter.finish(delivery.state(), out)
      return out
    }
  }
}

interface PacketCutterOptions {
  readonly channels: number
  /** Length of a cell of the grid; need not be whole. */
  readonly cellFrames: number
  /** Position of the first sample to deliver. */
  readonly startFrame: number
  /** As in RenderRequest. */
  readonly reusesMemory: boolean
}

interface PacketCutter {
  /** What was emitted so far is no longer read. */
  readonly takeBack: () => void
  /** Position behind the packet that is being filled. */
  readonly packetEnd: () => number
  /** Adds `count` samples per channel, the first of which is at `position`; those before the start are left out. */
  readonly append: (
    source: ReadonlyArray<Float32Array>,
    position: number,
    count: number,
    state: RenderState | null,
    into: Array<PcmPacket>
  ) => void
  /** The last packet, as far as it is filled. */
  readonly finish: (state: RenderState | null, into: Array<PcmPacket>) => void
}

/** Planar samples to interleaved packets on the grid. */
const makePacketCutter = (options: PacketCutterOptions): PacketCutter => {
  const { cellFrames, channels, reusesMemory, startFrame } = options
  /** Where grid cell k starts, by rounding each time: no drift. */
  const cellStart = (cell: number) => Math.round(cell * cellFrames)
  const cellOf = (position: number) => {
    let cell = Math.floor(position / cellFrames)
    while (cellStart(cell + 1) <= position) cell++
    while (cellStart(cell) > position) cell--
    return cell
  }

  let cell = cellOf(startFrame)
  let packetStart = startFrame
  let filledTo = startFrame
  // Made when there is something to put in.
  let packet: Float32Array<ArrayBuffer> | null = null
  const lent: Array<Float32Array<ArrayBuffer>> = []
  const spare: Array<Float32Array<ArrayBuffer>> = []

  const makePacket = (frames: number): Float32Array<ArrayBuffer> =>
    reusesMemory
      ? (spare.pop() ?? new Float32Array(Math.ceil(cellFrames) * channels))
      : new Float32Array(frames * channels)

  const emit = (samples: Float32Array<ArrayBuffer>, state: RenderState | null): PcmPacket => {
    const sampleCount = filledTo - packetStart
    const length = sampleCount * channels
    if (reusesMemory) lent.push(samples)
    const isFull = samples.length === length
    const kept = isFull ? samples : reusesMemory ? samples.subarray(0, length) : samples.slice(0, length)
    return { sampleOffset: packetStart, sampleCount, samples: kept, state }
  }

  return {
    takeBack: () => {
      spare.push(...lent)
      lent.length = 0
    },
    packetEnd: () => cellStart(cell + 1),
    append: (source, position, count, state, into) => {
      for (let at = Math.max(0, startFrame - position); at < count;) {
        const cellEnd = cellStart(cell + 1)
        const run = Math.min(count - at, cellEnd - filledTo)
        packet ??= makePacket(cellEnd - packetStart)
        interleave(source, at, run, packet, (filledTo - packetStart) * channels)
        at += run
        filledTo += run
        if (filledTo === cellEnd) {
          into.push(emit(packet, state))
          cell++
          packetStart = cellEnd
          packet = null
        }
      }
    },
    finish: (state, into) => {
      if (packet !== null) into.push(emit(packet, state))
      packet = null
    }
  }
}

const interleave = (
  source: ReadonlyArray<Float32Array>,
  from: number,
  count: number,
  target: Float32Array,
  to: number
): void => {
  const channels = source.length
  for (let channel = 0; channel < channels; channel++) {
    const samples = source[channel]!
    for (let n = from, at = to + channel; n < from + count; n++, at += channels) target[at] = samples[n]!
  }
}

/** How many of the first `count` samples come before a NaN or Infinity in any channel. */
const finiteFrames = (block: ReadonlyArray<Float32Array>, count: number): number => {
  let finite = count
  for (const samples of block) {
    // Anything finite less itself is 0; one NaN or Infinity makes the sum NaN.
    let sum = 0
    for (let n = 0; n < finite; n++) {
      const x = samples[n]!
      sum += x - x
    }
    if (sum === 0) continue
    const at = samples.findIndex((x) => !Number.isFinite(x))
    if (at < finite) finite = at
  }
  return finite
}
