import { Context, type Effect, type Scope, type Stream } from "effect"
import type { TrackUnreadable } from "../domain/audio/AnalysisError.ts"
import type { RenderState } from "../domain/mastering/RenderState.ts"
import type { AudioLoss } from "./AudioDecoder.ts"
import type { MasteringPlan } from "../domain/mastering/MasteringPlan.ts"
import type { DeliveredSampleRate } from "../domain/audio/SampleRate.ts"

/** A run of mastered PCM, ready for the wire: 250 ms for a listener. Forty make a chunk of the protocol. */
export interface PcmPacket {
  /** Position of the first sample in the track, samples per channel at the delivered rate. */
  readonly sampleOffset: number
  /** Samples per channel. */
  readonly sampleCount: number
  /** Interleaved float32, full scale = 1, `sampleCount` x channels. The receiver's to keep, unless it said otherwise. */
  readonly samples: Float32Array<ArrayBuffer>
  /** Where the gains are behind it; null: at rest. */
  readonly state: RenderState | null
  /** With the first packet behind it: where damage in the file begins, and how much of it there is, as `AudioLoss`. */
  readonly loss?: AudioLoss
  /** To be called by a receiver that reads the samples no more: their memory serves again. Need not be called. */
  readonly release?: () => void
}

export interface RenderRequest {
  /** Absolute path of the audio file. */
  readonly path: string
  /** First sample to deliver, samples per channel at the delivered rate. At or past the end: no packets. */
  readonly startFrame: number
  /** null: the file's own samples, bit for bit; at another rate than theirs, resampled and nothing else. */
  readonly plan: MasteringPlan | null
  /** Where another rendering of the file had got to toward this plan: no level jumps where this one goes on. */
  readonly from?: RenderState | undefined
  /** Hz. Default: the file's own rate. Sample n of what is delivered is the instant n / sampleRate of the track. */
  readonly sampleRate?: DeliveredSampleRate | undefined
  /** Length of a packet, seconds. Default 0.25. The samples are the same, whatever it is. */
  readonly packetSeconds?: number
  /** True: the samples of a packet are read no more when the next one is pulled, and their memory serves again. */
  readonly reusesMemory?: boolean
}

export interface Rendering {
  /** Hz, of what is delivered: what was asked for, or the file's own rate. */
  readonly sampleRate: number
  readonly channels: number
  /** Samples per channel of the whole track at `sampleRate`, by what its container declares. */
  readonly totalFrames: number
  /**
   * Packets of `packetSeconds` on a grid that starts at 0 (the first may be shorter, to reach the grid), contiguous from
   * `startFrame` to the end of the file: as many samples as were decoded, each at its own position; of N decoded ones
   * at another rate, all n for which n / sampleRate lies before N / the file's rate. Rendered when pulled, one packet
   * ahead at most. To be run once.
   */
  readonly packets: Stream.Stream<PcmPacket, TrackUnreadable>
  /**
   * Glides to another plan over `glideSeconds`, from the next rendered sample on; before the first one of a rendering that
   * does not go on from another one's state, at once. No effect on a pass-through.
   */
  readonly setPlan: (plan: MasteringPlan, glideSeconds: number) => Effect.Effect<void>
}

/** Owns turning a file and a plan into mastered PCM, chunk by chunk, with state carried across. Decides nothing. */
export class ChunkMastering extends Context.Tag("lathe/ChunkMastering")<
  ChunkMastering,
  { readonly open: (request: RenderRequest) => Effect.Effect<Rendering, TrackUnreadable, Scope.Scope> }
>() {}
