/** AudioDecoder over signals in memory, by path. Blocks arrive as a decoder delivers them; a fault may be put anywhere. */
import { Effect, Layer, Stream } from "effect"
import { TrackUnreadable } from "../../src/domain/AnalysisError.ts"
import { type AudioBlock, AudioDecoder } from "../../src/services/AudioDecoder.ts"
import type { Signal } from "./signals.ts"

export interface MemoryTrack {
  readonly sampleRate: number
  readonly signal: Signal
  /** What the container declares, where it is wrong. */
  readonly declaredFrames?: number
  /** Decoding fails here, samples per channel. */
  readonly failsAt?: number
}

export const layer = (tracks: Readonly<Record<string, MemoryTrack>>): Layer.Layer<AudioDecoder> => {
  const fault = (path: string, reason: "missing" | "corrupt", stage: "open" | "decode") =>
    new TrackUnreadable({ file: path.split("/").at(-1)!, stage, reason, decoder: "memory" })
  const find = (path: string) => {
    const track = tracks[path]
    return track === undefined ? Effect.fail(fault(path, "missing", "open")) : Effect.succeed(track)
  }
  return Layer.succeed(
    AudioDecoder,
    AudioDecoder.of({
      identity: { name: "memory", version: "1" },
      probe: (path) =>
        Effect.map(find(path), ({ declaredFrames, sampleRate, signal }) => ({
          sampleRate,
          channels: signal.length,
          totalFrames: declaredFrames ?? signal[0]!.length,
          codec: "pcm_f32le"
        })),
      decode: (path, { blockFrames = 16_384, startFrame = 0 } = {}) =>
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
    })
  )
}
