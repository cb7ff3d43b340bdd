/** The RPC API on the router: `/rpc` by WebSocket with msgpack, and by HTTP POST with JSON for calls. */
import { RpcSerialization, RpcServer } from "@effect/rpc"
import { Cause, Effect, Layer, Option, Stream } from "effect"
import { planFor } from "../../domain/mastering/MasteringDecision.ts"
import type { TrackId } from "../../domain/library/Track.ts"
import { FingerprintGenerator } from "../../services/FingerprintGenerator.ts"
import { LatheCalls, LatheRpcs, LatheStreams, type MasteredEvent } from "../../contract/LatheRpcs.ts"
import { LibraryCatalog } from "../../services/LibraryCatalog.ts"
import { TrackLibrary } from "../../services/TrackLibrary.ts"
import { StreamEvent, TrackStreamer } from "../../services/TrackStreamer.ts"
import { findTracks, orBadRequest, startScan } from "./libraryAnswers.ts"
import { littleEndianBytes } from "../audio/littleEndian.ts"
import { serviceStatus } from "./serviceStatus.ts"

/** What a caller gets of a fault of the service. Its message, paths and all, would be sent as it is. */
const internal = new Error("The service could not do this. Its log says why; try again.")

const hideDefect = (defect: unknown) => Effect.zipRight(Effect.logError("A call died", defect), Effect.die(internal))

const guarded = <A, E, R>(call: Effect.Effect<A, E, R>) => Effect.catchAllDefect(call, hideDefect)

const guardedStream = <A, E, R>(stream: Stream.Stream<A, E, R>) =>
  Stream.catchAllCause(stream, (cause) =>
    Option.match(Cause.dieOption(cause), {
      onNone: () => Stream.failCause(cause),
      onSome: (defect) => Stream.fromEffect(hideDefect(defect))
    })
  )

const calls = LatheCalls.toLayer(
  Effect.gen(function* () {
    const library = yield* TrackLibrary
    const generator = yield* FingerprintGenerator
    const catalog = yield* LibraryCatalog
    const context = yield* Effect.context<LibraryCatalog | FingerprintGenerator>()
    const getOrGenerate = (id: TrackId) => Effect.flatMap(library.resolve(id), generator.getOrGenerate)
    return LatheCalls.of({
      ListTracks: () => guarded(library.list),
      GetTrack: ({ track_id }) => guarded(Effect.map(library.resolve(track_id), (file) => file.track)),
      GetFingerprint: ({ track_id }) =>
        library.resolve(track_id).pipe(Effect.flatMap(generator.getCached), Effect.map(Option.getOrNull), guarded),
      GetOrGenerateFingerprint: ({ track_id }) => guarded(Effect.map(getOrGenerate(track_id), Option.getOrNull)),
      GetMasteringPlan: ({ bypass, track_id, preset, intensity }) =>
        guarded(Effect.map(getOrGenerate(track_id), (analysis) => planFor(analysis, { preset, intensity, bypass }))),
      FindTracks: (request) => guarded(findTracks(catalog, generator)(request)),
      FindAlbums: (request) => guarded(orBadRequest(catalog.albums(request))),
      FindArtists: (request) => guarded(orBadRequest(catalog.artists(request))),
      ListUnreadable: (request) => guarded(orBadRequest(catalog.unreadable(request))),
      GetLibrarySpread: () => guarded(catalog.spread),
      GetScanStatus: () => guarded(library.scanStatus),
      StartScan: () => guarded(startScan(library)),
      GetStatus: () => guarded(Effect.provide(serviceStatus, context))
    })
  })
)

const streams = LatheStreams.toLayer(
  Effect.gen(function* () {
    const library = yield* TrackLibrary
    const generator = yield* FingerprintGenerator
    const streamer = yield* TrackStreamer
    return LatheStreams.of({
      GenerateFingerprint: ({ track_id }) =>
        library.resolve(track_id).pipe(
          Effect.map(generator.events),
          Stream.unwrap,
          Stream.map(({ status, analysis }) => ({ status, analysis: Option.getOrNull(analysis) })),
          guardedStream
        ),
      StreamMastered: ({ bypass, track_id, preset, intensity, sample_rate, start_position }) =>
        streamer
          .stream({
            trackId: track_id,
            enhancement: { preset, intensity, enabled: true, bypass },
            sampleRate: sample_rate,
            startSeconds: start_position,
            pace: Effect.void
          })
          .pipe(Stream.rechunk(1), Stream.map(toMasteredEvent), guardedStream)
    })
  })
)

const toMasteredEvent = StreamEvent.$match({
  Started: ({ track, sampleRate, channels, totalFrames, startFrame }): MasteredEvent => ({
    _tag: "Started",
    track,
    sample_rate: sampleRate,
    channels,
    total_samples: totalFrames,
    start_sample: startFrame
  }),
  Fingerprint: (event): MasteredEvent => event,
  Planned: ({ plan }): MasteredEvent => ({ _tag: "Planned", plan }),
  Pcm: ({ packet: { sampleOffset, sampleCount, samples } }): MasteredEvent => ({
    _tag: "Pcm",
    sample_offset: sampleOffset,
    sample_count: sampleCount,
    pcm: littleEndianBytes(samples)
  })
})

const path = "/rpc"

const overWebSocket = Layer.fresh(
  RpcServer.layerHttpRouter({ group: LatheRpcs, path, protocol: "websocket", disableFatalDefects: true })
).pipe(Layer.provide([calls, streams, RpcSerialization.layerMsgPack]))

const overHttp = Layer.fresh(
  RpcServer.layerHttpRouter({ group: LatheCalls, path, protocol: "http", disableFatalDefects: true })
).pipe(Layer.provide([calls, RpcSerialization.layerJson]))

export const layer = Layer.merge(overWebSocket, overHttp)
