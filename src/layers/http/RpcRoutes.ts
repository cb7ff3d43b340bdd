/** The RPC API on the router: `/rpc` by WebSocket with msgpack, and by HTTP POST with JSON for calls. */
import { type RpcGroup, RpcSerialization, RpcServer } from "@effect/rpc"
import { Cause, Effect, Layer, Option, Stream } from "effect"
import { FingerprintGenerator } from "../../services/FingerprintGenerator.ts"
import { LatheCalls, LatheRpcs, LatheStreams, type MasteredEvent } from "../../contract/LatheRpcs.ts"
import { TrackLibrary } from "../../services/TrackLibrary.ts"
import { StreamEvent, TrackStreamer } from "../../services/TrackStreamer.ts"
import { libraryAnswers } from "./libraryAnswers.ts"
import type { RpcLimits } from "./RpcConnection.ts"
import * as RpcWebSocket from "./RpcWebSocket.ts"
import { littleEndianBytes } from "../../dsp/littleEndian.ts"

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
    const answers = yield* libraryAnswers
    return LatheCalls.of({
      ListTracks: () => guarded(answers.allTracks),
      GetTrack: ({ track_id }) => guarded(answers.track(track_id)),
      GetFingerprint: ({ track_id }) => guarded(Effect.map(answers.storedFingerprint(track_id), Option.getOrNull)),
      GetOrGenerateFingerprint: ({ track_id }) => guarded(Effect.map(answers.fingerprint(track_id), Option.getOrNull)),
      GetMasteringPlan: ({ track_id, ...enhancement }) => guarded(answers.plan(track_id, enhancement)),
      FindTracks: (request) => guarded(answers.tracks(request)),
      FindAlbums: (request) => guarded(answers.albums(request)),
      FindArtists: (request) => guarded(answers.artists(request)),
      ListUnreadable: (request) => guarded(answers.unreadable(request)),
      GetLibrarySpread: () => guarded(answers.spread),
      GetScanStatus: () => guarded(answers.scanStatus),
      StartScan: () => guarded(answers.startScan),
      GetStatus: () => guarded(answers.status)
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

/** Calls that answer when something has been measured. */
const slow = new Set(["GetOrGenerateFingerprint", "GetMasteringPlan"] satisfies ReadonlyArray<
  RpcGroup.Rpcs<typeof LatheCalls>["_tag"]
>)

const overWebSocket = (limits: Partial<RpcLimits>) =>
  RpcWebSocket.layer({ group: LatheRpcs, slow, path, limits }).pipe(Layer.provide([calls, streams]))

const overHttp = Layer.fresh(
  RpcServer.layerHttpRouter({ group: LatheCalls, path, protocol: "http", disableFatalDefects: true })
).pipe(Layer.provide([calls, RpcSerialization.layerJson]))

export const layer = Layer.merge(overWebSocket({}), overHttp)
