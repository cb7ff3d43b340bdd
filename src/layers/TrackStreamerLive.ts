/** TrackStreamer over the library, the generator and the renderer. */
import { Deferred, Duration, Effect, Layer, Option, Queue, Stream } from "effect"
import type { TrackAnalysis } from "../domain/Fingerprint.ts"
import { decide, fallbackPlan } from "../domain/MasteringDecision.ts"
import type { TrackFile } from "../domain/Track.ts"
import { ChunkMastering, type Rendering } from "../services/ChunkMastering.ts"
import { FingerprintGenerator } from "../services/FingerprintGenerator.ts"
import { pathOf, TrackLibrary } from "../services/TrackLibrary.ts"
import { StreamEvent, type StreamRequest, TrackStreamer } from "../services/TrackStreamer.ts"

/** How long the first sound may wait for a fingerprint: enough for both caches, too little to be noticed. */
export const fingerprintBudget = Duration.millis(150)

/** From the fallback to the plan that a late fingerprint decides. */
const glideSeconds = 2

const make = Effect.gen(function* () {
  const library = yield* TrackLibrary
  const generator = yield* FingerprintGenerator
  const mastering = yield* ChunkMastering

  const open = (file: TrackFile, request: StreamRequest, plan: Parameters<Rendering["setPlan"]>[0] | null) =>
    Effect.gen(function* () {
      const startFrame = Math.round(request.startSeconds * file.track.sample_rate)
      const rendering = yield* mastering.open({ path: pathOf(file), startFrame, plan })
      const { sampleRate, channels, totalFrames } = rendering
      const started: StreamEvent = StreamEvent.Started({
        track: file.track,
        sampleRate,
        channels,
        totalFrames,
        startFrame
      })
      const pcm = rendering.frames.pipe(
        Stream.tap(() => request.pace),
        Stream.map((frame): StreamEvent => StreamEvent.Pcm({ frame }))
      )
      return { rendering, started, pcm }
    })

  const streamOriginal = (file: TrackFile, request: StreamRequest) =>
    Effect.map(open(file, request, null), ({ started, pcm }) => Stream.concat(Stream.succeed(started), pcm))

  const streamEnhanced = (
    file: TrackFile,
    request: StreamRequest,
    enhancement: NonNullable<StreamRequest["enhancement"]>
  ) =>
    Effect.gen(function* () {
      const news = yield* Queue.unbounded<StreamEvent>()
      const found = yield* Deferred.make<Option.Option<TrackAnalysis>>()
      yield* generator.events(file).pipe(
        Stream.tap(({ status }) => Queue.offer(news, StreamEvent.Fingerprint({ status }))),
        Stream.runLast,
        Effect.flatMap((last) =>
          Deferred.succeed(
            found,
            Option.flatMap(last, ({ analysis }) => analysis)
          )
        ),
        Effect.forkScoped
      )
      const decideFor = Option.match({
        onNone: () => fallbackPlan(enhancement),
        onSome: (analysis: TrackAnalysis) => decide({ analysis, ...enhancement })
      })
      const early = yield* Deferred.await(found).pipe(Effect.timeoutOption(fingerprintBudget))
      const plan = decideFor(Option.flatten(early))
      const { rendering, started, pcm } = yield* open(file, request, plan)

      const glide = Effect.gen(function* () {
        const analysis = yield* Deferred.await(found)
        if (Option.isNone(analysis)) return
        const plan = decideFor(analysis)
        yield* rendering.setPlan(plan, glideSeconds)
        yield* Queue.offer(news, StreamEvent.Planned({ plan }))
      })
      if (Option.isNone(early)) yield* Effect.forkScoped(glide)

      const soFar = yield* Queue.takeAll(news)
      const opening: ReadonlyArray<StreamEvent> = [started, ...soFar, StreamEvent.Planned({ plan })]
      const playing = Stream.merge(pcm, Stream.fromQueue(news, { maxChunkSize: 1 }), { haltStrategy: "left" })
      return Stream.concat(Stream.fromIterable(opening), playing)
    })

  return TrackStreamer.of({
    stream: (request) =>
      library.resolve(request.trackId).pipe(
        Effect.flatMap((file) =>
          request.enhancement === null
            ? streamOriginal(file, request)
            : streamEnhanced(file, request, request.enhancement)
        ),
        Stream.unwrapScoped
      )
  })
})

export const layer = Layer.effect(TrackStreamer, make)
