/** AudioDecoder over signals in memory, by path. Blocks arrive as a decoder delivers them; a fault may be put anywhere. */
import { Chunk, Effect, Layer, Option, type Scope, Stream } from "effect"
import { TrackUnreadable } from "../../src/domain/audio/AnalysisError.ts"
import {
  type AudioBlock,
  AudioDecoder,
  type AudioInfo,
  type AudioLoss,
  type AudioReading,
  type DecodeOptions
} from "../../src/services/AudioDecoder.ts"
import type { Signal } from "./signals.ts"

export interface MemoryTrack {
  readonly sampleRate: number
  readonly signal: Signal
  /** What the container declares, where it is wrong. */
  readonly declaredFrames?: number
  /** Decoding fails here, samples per channel. */
  readonly failsAt?: number
  /** What of it is damaged. */
  readonly loss?: AudioLoss
}

/** `AudioDecoder.open` on blocks that come as a stream, one a read at most. */
export const readingOf = (
  info: AudioInfo,
  blocks: Stream.Stream<AudioBlock, TrackUnreadable>,
  loss?: AudioLoss
): Effect.Effect<AudioReading, never, Scope.Scope> =>
  Effect.map(Stream.toPull(Stream.rechunk(blocks, 1)), (pull) => {
    let block: AudioBlock | undefined
    let used = 0
    const nextBlock = Effect.gen(function* () {
      const pulled = yield* Effect.either(pull)
      if (pulled._tag === "Left") return Option.isSome(pulled.left) ? yield* pulled.left.value : undefined
      used = 0
      return Chunk.unsafeHead(pulled.right)
    })
    const readInto: AudioReading["readInto"] = Effect.fnUntraced(function* (target, lengthFrames) {
      if (block === undefined || used === block.length) block = yield* nextBlock
      if (block === undefined) return 0
      const length = Math.min(block.length - used, lengthFrames)
      for (const [channel, samples] of block.channels.entries()) {
        target[channel]!.set(samples.subarray(used, used + length))
      }
      used += length
      return length
    })
    return { info, readInto, loss: () => loss }
  })

export const layer = (tracks: Readonly<Record<string, MemoryTrack>>): Layer.Layer<AudioDecoder> => {
  const fault = (path: string, reason: "missing" | "corrupt", stage: "open" | "decode") =>
    new TrackUnreadable({ file: path.split("/").at(-1)!, stage, reason, decoder: "memory" })
  const find = (path: string) => {
    const track = tracks[path]
    return track === undefined ? Effect.fail(fault(path, "missing", "open")) : Effect.succeed(track)
  }
  const probe = (path: string) =>
    Effect.map(find(path), ({ declaredFrames, sampleRate, signal }): AudioInfo => ({
      sampleRate,
      channels: signal.length,
      totalFrames: declaredFrames ?? signal[0]!.length,
      codec: "pcm_f32le"
    }))
  const decode = (path: string, { blockFrames = 16_384, startFrame = 0 }: DecodeOptions = {}) =>
    Stream.unwrap(
      Effect.map(find(path), ({ failsAt, signal }) => {
        const end = failsAt ?? signal[0]!.length
        const count = Math.max(0, Math.ceil((end - startFrame) / blockFrames))
        const block = (i: number): AudioBlock => {
          const start = startFrame + i * blockFrames
          const stop = Math.min(end, start + blockFrames)
          return { start, length: stop - start, channels: signal.map((channel) => channel.slice(start, stop)) }
        }
        const blocks = Stream.fromIterable(Array.from({ length: count }, (_, i) => i)).pipe(Stream.map(block))
        return failsAt === undefined ? blocks : Stream.concat(blocks, Stream.fail(fault(path, "corrupt", "decode")))
      })
    )
  return Layer.succeed(
    AudioDecoder,
    AudioDecoder.of({
      identity: { name: "memory", version: "1" },
      probe,
      open: (path, options) =>
        Effect.flatMap(probe(path), (info) => readingOf(info, decode(path, options), tracks[path]?.loss)),
      decode
    })
  )
}
