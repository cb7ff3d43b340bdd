/** AudioDecoder on FFmpeg in this process, through node-av's low-level synchronous calls. */
import { Chunk, Effect, Layer, Option, Stream } from "effect"
import { getFFmpegInfo } from "node-av/lib"
import { TrackUnreadable } from "../../domain/audio/AnalysisError.ts"
import {
  type AudioBlock,
  AudioDecoder,
  type AudioReading,
  type DecodeOptions,
  type OpenOptions
} from "../../services/AudioDecoder.ts"
import { turnOfEventLoop } from "../process/eventLoop.ts"
import { AudioReader } from "./nodeAv/AudioReader.ts"
import { decoderName } from "./nodeAv/LinkReader.ts"

const defaultBlockFrames = 16_384

/** The event loop gets its turn at least after so many samples per channel. */
const framesPerTurn = 16_384

const attempt = <A>(evaluate: () => A): Effect.Effect<A, TrackUnreadable> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(evaluate())
    } catch (cause) {
      return cause instanceof TrackUnreadable ? Effect.fail(cause) : Effect.die(cause)
    }
  })

const openReader = (path: string) =>
  Effect.acquireRelease(
    attempt(() => new AudioReader(path)),
    (reader) => Effect.sync(() => reader.close())
  )

const probe = Effect.fn("AudioDecoder.probe")((path: string) =>
  Effect.scoped(Effect.map(openReader(path), (reader) => reader.info))
)

const open = (path: string, { heardFrom, startFrame = 0 }: OpenOptions = {}) =>
  Effect.gen(function* () {
    const reader = yield* openReader(path)
    yield* attempt(() => reader.seek(startFrame, heardFrom))
    const arrive: Effect.Effect<void, TrackUnreadable> = Effect.suspend(() =>
      reader.arrive() ? Effect.void : Effect.zipRight(turnOfEventLoop, arrive)
    )
    let isThere = startFrame === 0
    const reading: AudioReading = {
      info: reader.info,
      loss: () => reader.loss,
      readInto: (target, lengthFrames) => {
        const read = attempt(() => reader.readInto(target, lengthFrames))
        if (isThere) return read
        const arrived = Effect.sync(() => {
          isThere = true
        })
        return arrive.pipe(Effect.zipRight(arrived), Effect.zipRight(read))
      }
    }
    return reading
  })

const decode = (path: string, options: DecodeOptions = {}): Stream.Stream<AudioBlock, TrackUnreadable> => {
  const { startFrame = 0, heardFrom, blockFrames = defaultBlockFrames } = options
  return Stream.unwrapScoped(
    Effect.gen(function* () {
      const reader = yield* openReader(path)
      yield* attempt(() => reader.seek(startFrame, heardFrom))
      let framesOfTurn = 0
      const pull = attempt(() => reader.next(blockFrames)).pipe(
        Effect.mapError(Option.some),
        Effect.flatMap((result) => {
          if (result === "end") return Effect.fail(Option.none())
          framesOfTurn += blockFrames
          return Effect.succeed(result === "dropping" ? Chunk.empty<AudioBlock>() : Chunk.of(result))
        })
      )
      const pullInTurn = Effect.suspend(() => {
        if (framesOfTurn < framesPerTurn) return pull
        framesOfTurn = 0
        return Effect.zipRight(turnOfEventLoop, pull)
      })
      return Stream.repeatEffectChunkOption(pullInTurn)
    })
  )
}

export const layer = Layer.succeed(
  AudioDecoder,
  AudioDecoder.of({ identity: { name: decoderName, version: getFFmpegInfo().version }, probe, open, decode })
)
