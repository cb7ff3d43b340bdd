/**
 * ChunkMastering in this process: decodes, runs the mastering chain, cuts frames. Everything is pulled: nothing is
 * decoded or rendered before it is asked for, and one pull renders about one frame's worth at a time.
 */
import { basename } from "node:path"
import { Chunk, Effect, Layer, Stream } from "effect"
import { TrackUnreadable } from "../domain/AnalysisError.ts"
import type { MasteringPlan } from "../domain/MasteringPlan.ts"
import { makeMasteringChain, type MasteringChain } from "../dsp/mastering/MasteringChain.ts"
import { type AudioBlock, AudioDecoder } from "../services/AudioDecoder.ts"
import { ChunkMastering, type PcmFrame, type RenderRequest } from "../services/ChunkMastering.ts"

const defaultFrameSeconds = 0.25
/** Rendered at a time, however long the frames are: a pull holds the event loop no longer than this takes. */
const blockSeconds = 0.25
/** Rendered and thrown away before a start in the middle: what came before has no effect on a chain after this. */
const preRollSeconds = 5
/** A pre-roll starts on a multiple of this, and with it on the chain's own grid at any rate. */
const startGridFrames = 1024

const make = Effect.gen(function* () {
  const decoder = yield* AudioDecoder

  const open = Effect.fn("ChunkMastering.open")(function* (request: RenderRequest) {
    const { channels, sampleRate, totalFrames } = yield* decoder.probe(request.path)
    const { frameSeconds = defaultFrameSeconds, plan } = request
    const startFrame = Math.max(0, Math.round(request.startFrame))
    const preRollFrames = plan === null ? 0 : preRollSeconds * sampleRate
    const decodeFrom = plan === null ? startFrame : gridBelow(startFrame - preRollFrames)
    const chain = plan === null ? null : makeMasteringChain({ sampleRate, channels, settings: plan.settings })

    const frames = Stream.suspend(() => {
      const renderer = makeRenderer({ chain, channels, sampleRate, startFrame, decodeFrom, frameSeconds })
      const fault = (position: number) =>
        new TrackUnreadable({
          file: basename(request.path),
          stage: "decode",
          reason: "not_finite",
          decoder: decoder.identity.name,
          position_seconds: position / sampleRate
        })
      return decoder
        .decode(request.path, { startFrame: decodeFrom, blockFrames: Math.ceil(sampleRate * blockSeconds) })
        .pipe(
          Stream.rechunk(1),
          Stream.mapEffect((block) => {
            const bad = firstNotFinite(block)
            return bad === null ? Effect.succeed(block) : Effect.fail({ fault: fault(block.start + bad), block, bad })
          }),
          // Renders between other fibers' turns: a pre-roll is many blocks without a frame.
          Stream.mapChunksEffect((blocks) =>
            Effect.as(
              Effect.yieldNow(),
              Chunk.flatMap(blocks, (block) => Chunk.unsafeFromArray(renderer.push(block)))
            )
          ),
          Stream.concat(Stream.suspend(() => Stream.fromIterable(renderer.finish()))),
          // What was decoded before a fault is delivered before the stream fails.
          Stream.catchAll((failure) =>
            Stream.suspend(() => {
              const before = "bad" in failure ? renderer.push(upTo(failure.block, failure.bad)) : []
              return Stream.fromIterable([...before, ...renderer.finish()])
            }).pipe(Stream.concat(Stream.fail("fault" in failure ? failure.fault : failure)))
          ),
          Stream.rechunk(1)
        )
    })
    const setPlan = (next: MasteringPlan, glideSeconds: number) =>
      Effect.sync(() => chain?.setSettings(next.settings, Math.round(Math.max(0, glideSeconds) * sampleRate)))
    return { sampleRate, channels, totalFrames, frames, setPlan }
  })

  return ChunkMastering.of({ open })
})

export const layer: Layer.Layer<ChunkMastering, never, AudioDecoder> = Layer.effect(ChunkMastering, make)

interface RendererOptions {
  readonly chain: MasteringChain | null
  readonly channels: number
  readonly sampleRate: number
  /** First sample to deliver. */
  readonly startFrame: number
  /** First sample that will be pushed. */
  readonly decodeFrom: number
  readonly frameSeconds: number
}

/** Decoded blocks in, finished frames out: latency, pre-roll and the grid are its business. */
const makeRenderer = ({ chain, channels, decodeFrom, frameSeconds, sampleRate, startFrame }: RendererOptions) => {
  const latencyFrames = chain?.latencyFrames ?? 0
  /** Where grid cell k starts, by rounding each time: no drift. */
  const cellStart = (cell: number) => Math.round(cell * sampleRate * frameSeconds)
  const cellOf = (position: number) => {
    let cell = Math.floor(position / (sampleRate * frameSeconds))
    while (cellStart(cell + 1) <= position) cell++
    while (cellStart(cell) > position) cell--
    return cell
  }

  let pushed = decodeFrom
  // Position of the next sample that leaves the chain; the first `latencyFrames` of them precede `decodeFrom`.
  let leaving = decodeFrom - latencyFrames
  let cell = cellOf(startFrame)
  let frameStart = startFrame
  let frame = new Float32Array((cellStart(cell + 1) - frameStart) * channels)
  let planar: ReadonlyArray<Float32Array<ArrayBuffer>> = []

  const emit = (count: number): PcmFrame => {
    const samples = frame.length === count * channels ? frame : frame.slice(0, count * channels)
    return { sampleOffset: frameStart, sampleCount: count, samples }
  }

  /** Adds `count` finished samples from `source`, whose first one is at position `leaving`. */
  const append = (source: ReadonlyArray<Float32Array>, count: number, into: Array<PcmFrame>): void => {
    let at = Math.min(count, Math.max(0, startFrame - leaving))
    while (at < count) {
      const position = leaving + at
      const cellEnd = cellStart(cell + 1)
      const run = Math.min(count - at, cellEnd - position)
      const offset = position - frameStart
      for (let channel = 0; channel < channels; channel++) {
        const samples = source[channel]!
        for (let n = 0; n < run; n++) frame[(offset + n) * channels + channel] = samples[at + n]!
      }
      at += run
      if (position + run === cellEnd) {
        into.push(emit(cellEnd - frameStart))
        cell++
        frameStart = cellEnd
        frame = new Float32Array((cellStart(cell + 1) - frameStart) * channels)
      }
    }
    leaving += count
  }

  const render = (input: ReadonlyArray<Float32Array<ArrayBuffer>>, count: number): Array<PcmFrame> => {
    const out: Array<PcmFrame> = []
    if (chain === null) {
      append(input, count, out)
      return out
    }
    if (planar.length === 0 || planar[0]!.length < count) {
      planar = Array.from({ length: channels }, () => new Float32Array(count))
    }
    chain.process(input, 0, planar, 0, count)
    append(planar, count, out)
    return out
  }

  return {
    push: (block: AudioBlock): Array<PcmFrame> => {
      pushed += block.length
      return render(block.channels, block.length)
    },
    /** What the chain still holds. As many samples have left then as were pushed. */
    finish: (): Array<PcmFrame> => {
      const held = pushed - leaving
      const silence = Array.from({ length: channels }, () => new Float32Array(held))
      const out = held > 0 ? render(silence, held) : []
      const rest = Math.max(startFrame, leaving) - frameStart
      if (rest > 0) out.push(emit(rest))
      return out
    }
  }
}

const gridBelow = (frame: number): number => Math.max(0, Math.floor(frame / startGridFrames) * startGridFrames)

/** Index of the first NaN or Infinity in any channel. */
const firstNotFinite = (block: AudioBlock): number | null => {
  let first = block.length
  for (const samples of block.channels) {
    // Anything finite less itself is 0; one NaN or Infinity makes the sum NaN.
    let sum = 0
    for (let n = 0; n < block.length; n++) {
      const x = samples[n]!
      sum += x - x
    }
    if (sum === 0) continue
    const at = samples.findIndex((x) => !Number.isFinite(x))
    if (at < first) first = at
  }
  return first === block.length ? null : first
}

const upTo = (block: AudioBlock, length: number): AudioBlock => ({
  start: block.start,
  length,
  channels: block.channels.map((samples) => samples.slice(0, length))
})
