import { Context, Data, type Effect, type Stream } from "effect"
import type { TrackUnreadable } from "../domain/AnalysisError.ts"
import type { FingerprintStatus } from "../domain/FingerprintStatus.ts"
import type { MasteringPlan, Preset } from "../domain/MasteringPlan.ts"
import type { Track, TrackId, TrackNotFound } from "../domain/Track.ts"
import type { PcmFrame } from "./ChunkMastering.ts"

export interface StreamRequest {
  readonly trackId: TrackId
  /** null: the file's own samples. */
  readonly enhancement: { readonly preset: Preset; readonly intensity: number } | null
  /** Playback starts at the nearest sample. */
  readonly startSeconds: number
  /** Awaited before each PCM frame leaves, and by nothing else: news of fingerprint and plan are not held up by it. */
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
  /** The plan that holds from here on; after the first, the sound glides to it. */
  Planned: { readonly plan: MasteringPlan }
  Pcm: { readonly frame: PcmFrame }
}>
export const StreamEvent = Data.taggedEnum<StreamEvent>()

/** Owns playing one track: fingerprint beside the sound, plan, PCM. Knows no client and no wire. */
export class TrackStreamer extends Context.Tag("lathe/TrackStreamer")<
  TrackStreamer,
  {
    /**
     * The track from a position to its end, rendered as it is pulled. Waits 150 ms at most for a fingerprint; one that
     * comes later is glided to. A fingerprint that cannot be had fails nothing.
     */
    readonly stream: (request: StreamRequest) => Stream.Stream<StreamEvent, TrackNotFound | TrackUnreadable>
  }
>() {}
