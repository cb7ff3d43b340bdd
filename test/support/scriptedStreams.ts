/** Streams with counted packets, for tests of what carries them: 22.5 s of one channel. */
import { Effect, Option, Stream } from "effect"
import { StreamEvent, type StreamRequest } from "../../src/services/TrackStreamer.ts"
import { fallbackPlan } from "../../src/domain/mastering/FallbackPlan.ts"
import { effectiveIntensity, type Enhancement } from "../../src/domain/mastering/Enhancement.ts"
import { someTrackFile } from "./analyses.ts"

const sampleRate = 44_100
export const packetsInTrack = 90
/** Samples of a packet: 250 ms. */
export const packetLength = sampleRate / 4
const totalFrames = packetsInTrack * packetLength

/** No further than any file, as the streamer does it. */
const startFrameOf = ({ startSeconds }: StreamRequest): number =>
  Math.min(2 ** 38, Math.round(startSeconds * sampleRate))

export const startOf = (request: StreamRequest): StreamEvent =>
  StreamEvent.Started({
    track: someTrackFile().track,
    sampleRate,
    channels: 1,
    totalFrames,
    startFrame: startFrameOf(request)
  })

/** From the very sample asked for to the end, on the grid of packets; each packet is filled with its number. */
export const pcm = (request: StreamRequest): Stream.Stream<StreamEvent> =>
  Stream.unfold(startFrameOf(request), (sampleOffset) => {
    if (sampleOffset >= totalFrames) return Option.none()
    const number = Math.floor(sampleOffset / packetLength)
    const sampleCount = (number + 1) * packetLength - sampleOffset
    const samples = new Float32Array(sampleCount).fill(number)
    return Option.some([
      StreamEvent.Pcm({ packet: { sampleOffset, sampleCount, samples, state: null } }),
      sampleOffset + sampleCount
    ] as const)
  }).pipe(
    Stream.rechunk(1),
    Stream.tap(() => request.pace)
  )

export const playsThrough = (request: StreamRequest) => Stream.concat(Stream.succeed(startOf(request)), pcm(request))

/** Plays, and answers each change with a plan, as the streamer does. */
export const plansChanges = (request: StreamRequest): Stream.Stream<StreamEvent> =>
  Stream.concat(
    Stream.succeed(startOf(request)),
    Stream.merge(
      pcm(request),
      Stream.map(request.enhancementChanges ?? Stream.empty, (enhancement) =>
        StreamEvent.Planned({ enhancement, plan: planOf(enhancement) })
      ),
      { haltStrategy: "left" }
    )
  )

const planOf = (enhancement: Enhancement) =>
  fallbackPlan({ preset: enhancement.preset, intensity: effectiveIntensity(enhancement) })

/** Lets every fiber run until nothing more happens by itself. */
export const settle: Effect.Effect<void> = Effect.asVoid(Effect.repeatN(Effect.yieldNow(), 200))
