import { Context, Data, type Effect, type Stream } from "effect"
import type { TrackUnreadable } from "../domain/audio/AnalysisError.ts"
import type { Enhancement } from "../domain/mastering/Enhancement.ts"
import type { FingerprintStatus } from "../domain/fingerprint/FingerprintStatus.ts"
import type { RenderState } from "../domain/mastering/RenderState.ts"
import type { MasteringPlan } from "../domain/mastering/MasteringPlan.ts"
import type { DeliveredSampleRate } from "../domain/audio/SampleRate.ts"
import type { TooManyStreams } from "../domain/streaming/TooManyStreams.ts"
import type { Track, TrackId, TrackNotFound } from "../domain/library/Track.ts"
import type { PcmPacket } from "./ChunkMastering.ts"

export interface StreamRequest {
  readonly trackId: TrackId
  /** null: the file's own samples. */
  readonly enhancement: Enhancement | null
  /** What the listener wants from here on, while it plays. No effect on the file's own samples. Default: no changes. */
  readonly enhancementChanges?: Stream.Stream<Enhancement>
  /** Hz of what is delivered; positions count at it. Default: the file's own rate. */
  readonly sampleRate?: DeliveredSampleRate | undefined
  /** Playback starts at the nearest sample. */
  readonly startSeconds: number
  /** Where the gains of the stream were that this one goes on from: they glide on, and no level jumps. */
  readonly from?: RenderState | undefined
  /** Awaited before each packet leaves, and by nothing else: news of fingerprint and plan are not held up by it. */
  readonly pace: Effect.Effect<void>
}

export type StreamEvent = Data.TaggedEnum<{
  /** Always the first one. Lengths and positions in samples per channel; the total as the container declares it. */
  Started: {
    readonly track: Track
    readonly sampleRate: number
    readonly channels: number
    readonly totalFrames: number
    readonly startFrame: number
  }
  Fingerprint: { readonly status: FingerprintStatus }
  /** The plan that holds from here on, and what it was decided for; after the first, the sound glides to it. */
  Planned: { readonly plan: MasteringPlan; readonly enhancement: Enhancement }
  Pcm: { readonly packet: PcmPacket }
}>
export const StreamEvent = Data.taggedEnum<StreamEvent>()

export type StreamError = TrackNotFound | TrackUnreadable | TooManyStreams

/** Owns playing one track: fingerprint beside the sound, plan, PCM. Knows no client and no wire. */
export class TrackStreamer extends Context.Tag("lathe/TrackStreamer")<
  TrackStreamer,
  {
    /**
     * The track from a position to its end, rendered as it is pulled. Waits 150 ms at most for a fingerprint; one that
     * comes later is glided to, over 2 s, and what the listener changes over 0.5 s. A fingerprint that cannot be had
     * fails nothing. TooManyStreams comes before `Started`.
     */
    readonly stream: (request: StreamRequest) => Stream.Stream<StreamEvent, StreamError>
  }
>() {}
