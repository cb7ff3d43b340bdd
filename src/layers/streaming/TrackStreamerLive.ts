/** TrackStreamer over the library, the generator and the renderer. */
import { isDeepStrictEqual } from "node:util"
import { Deferred, Duration, Effect, Layer, Mailbox, Metric, Option, Queue, type Scope, Stream } from "effect"
import { effectiveIntensity, type Enhancement } from "../../domain/mastering/Enhancement.ts"
import type { TrackUnreadable } from "../../domain/audio/AnalysisError.ts"
import type { TrackAnalysis } from "../../domain/fingerprint/Fingerprint.ts"
import { planFor } from "../../domain/mastering/MasteringDecision.ts"
import { streamsActive } from "../../domain/telemetry/Metrics.ts"
import type { RenderState } from "../../domain/mastering/RenderState.ts"
import type { MasteringPlan } from "../../domain/mastering/MasteringPlan.ts"
import { TooManyStreams } from "../../domain/streaming/TooManyStreams.ts"
import type { TrackFile } from "../../domain/library/Track.ts"
import { Actors, type ActorsService } from "../../services/Actors.ts"
import { ChunkMastering, type Rendering } from "../../services/ChunkMastering.ts"
import { FingerprintGenerator } from "../../services/FingerprintGenerator.ts"
import { pathOf, TrackLibrary } from "../../services/TrackLibrary.ts"
import { StreamEvent, type StreamRequest, TrackStreamer } from "../../services/TrackStreamer.ts"

export interface TrackStreamerOptions {
  /** Streams at a time, of all clients together. */
  readonly maximumStreams: number
}

const defaults: TrackStreamerOptions = { maximumStreams: 64 }

/** How long the first sound may wait for a fingerprint: enough for both caches, too little to be noticed. */
const fingerprintBudget = Duration.millis(150)

/** From the fallback to the plan that a late fingerprint decides: nobody asked for it, so nobody should notice it. */
const fingerprintGlideSeconds = 2
/** To what the listener asked for: soon, and without a click. */
const listenerGlideSeconds = 0.5

/** What a listener had in its buffer may be rendered anew, with the gains that it had; a jump to elsewhere keeps the gains. */
const mostAheadSeconds = 15

/** Ten days at 384 kHz. Decoders are not asked for positions that no file has, and no position becomes infinite. */
const farthestFrame = 2 ** 38

/** What a stream is made with. */
interface Sources {
  readonly generator: FingerprintGenerator["Type"]
  readonly mastering: ChunkMastering["Type"]
  readonly actors: ActorsService
}

const make = ({ maximumStreams }: TrackStreamerOptions) =>
  Effect.gen(function* () {
    const library = yield* TrackLibrary
    const sources: Sources = {
      generator: yield* FingerprintGenerator,
      mastering: yield* ChunkMastering,
      actors: yield* Actors
    }
    const slot = makeSlots(maximumStreams)
    return TrackStreamer.of({
      stream: (request) =>
        slot.pipe(
          Effect.zipRight(library.resolve(request.trackId)),
          Effect.flatMap((file) =>
            request.enhancement === null
              ? streamOriginal(sources, file, request)
              : streamEnhanced(sources, file, request, request.enhancement)
          ),
          Stream.unwrapScoped
        )
    })
  })

/** Taken for as long as the stream's scope lives, however it ends. */
const makeSlots = (maximum: number) => {
  let streams = 0
  return Effect.acquireRelease(
    Effect.suspend(() => {
      if (streams >= maximum) return new TooManyStreams({ maximum })
      streams += 1
      return Metric.set(streamsActive, streams)
    }),
    () =>
      Effect.suspend(() => {
        streams -= 1
        return Metric.set(streamsActive, streams)
      })
  )
}

const streamOriginal = (sources: Sources, file: TrackFile, request: StreamRequest) =>
  Effect.gen(function* () {
    const { rendering, started } = yield* open(sources.mastering, file, request, null)
    const playing = yield* Mailbox.make<StreamEvent, TrackUnreadable>(1)
    yield* start(sources.actors, file, play(rendering, request, playing))
    return Stream.concat(Stream.succeed(started), Mailbox.toStream(playing))
  })

const streamEnhanced = (sources: Sources, file: TrackFile, request: StreamRequest, asked: Enhancement) =>
  Effect.gen(function* () {
    const news = yield* Queue.unbounded<StreamEvent>()
    const found = yield* lookForFingerprint(sources.generator, file, news)
    const early = yield* Deferred.await(found).pipe(Effect.timeoutOption(fingerprintBudget))
    const basis: PlanBasis = { analysis: Option.flatten(early), enhancement: asked }
    const opening = planned(basis)
    const { rendering, started } = yield* openAsItWas(sources.mastering, file, request, opening.plan)
    const glide = yield* makeGlide(rendering, basis, news)
    const glideToFingerprint = Effect.gen(function* () {
      basis.analysis = yield* Deferred.await(found)
      if (Option.isSome(basis.analysis)) yield* glide(fingerprintGlideSeconds)
    })
    if (Option.isNone(early)) yield* Effect.forkScoped(glideToFingerprint)
    yield* Stream.runForEach(request.enhancementChanges ?? Stream.empty, (change) => {
      basis.enhancement = change
      return glide(listenerGlideSeconds)
    }).pipe(Effect.forkScoped)

    const soFar = yield* Queue.takeAll(news)
    const first: ReadonlyArray<StreamEvent> = [started, ...soFar, StreamEvent.Planned(opening)]
    // Sound and news in the order in which they come; it ends with the sound. (Stream.merge starts fibers for each.)
    const playing = yield* Mailbox.make<StreamEvent, TrackUnreadable>(1)
    yield* Effect.forkScoped(Effect.forever(Effect.flatMap(Queue.take(news), (event) => playing.offer(event))))
    yield* start(sources.actors, file, play(rendering, request, playing))
    return Stream.concat(Stream.fromIterable(first), Mailbox.toStream(playing))
  })

/** Tells the news of it, and at its end what was found. */
const lookForFingerprint = (
  generator: FingerprintGenerator["Type"],
  file: TrackFile,
  news: Queue.Enqueue<StreamEvent>
) =>
  Effect.gen(function* () {
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
    return found
  })

/** What the plan of an enhanced stream is decided by. Both change while it plays. */
interface PlanBasis {
  analysis: Option.Option<TrackAnalysis>
  enhancement: Enhancement
}

const planned = ({ analysis, enhancement }: PlanBasis) => {
  const { bypass, preset } = enhancement
  return { plan: planFor(analysis, { preset, intensity: effectiveIntensity(enhancement), bypass }), enhancement }
}

/** Has the rendering glide to what the basis says by now, and tells it. One after the other. */
const makeGlide = (rendering: Rendering, basis: PlanBasis, news: Queue.Enqueue<StreamEvent>) =>
  Effect.map(
    Effect.makeSemaphore(1),
    (gliding) => (seconds: number) =>
      Effect.suspend(() => {
        const next = planned(basis)
        return Effect.zipRight(rendering.setPlan(next.plan, seconds), Queue.offer(news, StreamEvent.Planned(next)))
      }).pipe(gliding.withPermits(1))
  )

/** What another stream had begun goes on, and from there to this plan. */
const openAsItWas = (
  mastering: ChunkMastering["Type"],
  file: TrackFile,
  request: StreamRequest,
  plan: MasteringPlan
) => {
  const { from, startSeconds } = request
  if (from === undefined) return open(mastering, file, request, plan)
  const ahead = from.position === null ? -1 : from.position / file.track.sample_rate - startSeconds
  const isNear = ahead >= 0 && ahead <= mostAheadSeconds
  const asItWas = { ...plan, settings: from.settings }
  const opening = open(mastering, file, request, asItWas, isNear ? from : { ...from, position: null })
  if (isDeepStrictEqual(from.settings, plan.settings)) return opening
  return Effect.tap(opening, ({ rendering }) => rendering.setPlan(plan, fingerprintGlideSeconds))
}

const open = (
  mastering: ChunkMastering["Type"],
  file: TrackFile,
  request: StreamRequest,
  plan: MasteringPlan | null,
  from?: RenderState
) =>
  Effect.gen(function* () {
    const { sampleRate: asked } = request
    const startFrame = Math.min(farthestFrame, Math.round(request.startSeconds * (asked ?? file.track.sample_rate)))
    const rendering = yield* mastering.open({ path: pathOf(file), startFrame, plan, from, sampleRate: asked })
    const { sampleRate, channels, totalFrames } = rendering
    const started: StreamEvent = StreamEvent.Started({
      track: file.track,
      sampleRate,
      channels,
      totalFrames,
      startFrame
    })
    return { rendering, started }
  })

/** Offers the sound, packet by packet, each when the listener can take it; then ends the mailbox. */
const play = ({ packets }: Rendering, { pace }: StreamRequest, to: Mailbox.Mailbox<StreamEvent, TrackUnreadable>) =>
  Effect.gen(function* () {
    // A loop over a pull costs a third of what Stream's operators do, and this runs for every packet of every listener.
    const pull = yield* Stream.toPull(packets)
    for (;;) {
      for (const packet of yield* pull) {
        yield* pace
        yield* to.offer(StreamEvent.Pcm({ packet }))
      }
    }
  }).pipe(
    Effect.catchAll(Option.match({ onNone: () => Effect.void, onSome: (fault) => Effect.fail(fault) })),
    Mailbox.into(to)
  )

const start = (actors: ActorsService, { track }: TrackFile, playing: Effect.Effect<unknown, never, Scope.Scope>) =>
  Effect.flatMap(Effect.forkScoped(playing), (fiber) => actors.adopt("streaming", `stream of track ${track.id}`, fiber))

export const layerWith = (options: Partial<TrackStreamerOptions>) =>
  Layer.effect(TrackStreamer, make({ ...defaults, ...options }))
