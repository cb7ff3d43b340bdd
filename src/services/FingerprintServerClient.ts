import { Context, type Effect, Schema, type Stream } from "effect"
import { AnalysisProgress, TrackAnalysis } from "../domain/fingerprint/Fingerprint.ts"
import type { FingerprintServerError } from "../domain/fingerprint/FingerprintServerError.ts"

export interface FingerprintRequest {
  /** Opaque to the server. */
  readonly trackId: string
  /** Absolute path, below one of the server's folders. */
  readonly path: string
}

export const FingerprintServerEvent = Schema.Union(
  Schema.TaggedStruct("Progress", { progress: AnalysisProgress }),
  Schema.TaggedStruct("Result", {
    analysis: TrackAnalysis,
    /** As dsp/Waveform.ts reads it; left out by a server that has none. */
    waveform: Schema.optionalWith(Schema.Uint8ArrayFromSelf, { exact: true })
  })
)
export type FingerprintServerEvent = typeof FingerprintServerEvent.Type

/** Owns talking to a fingerprint server: one attempt a call, no retries and no caching (see FingerprintGenerator). */
export class FingerprintServerClient extends Context.Tag("lathe/FingerprintServerClient")<
  FingerprintServerClient,
  {
    /** One analysis: progress, then exactly one validated result as the last event. Interruption cancels it there. */
    readonly compute: (request: FingerprintRequest) => Stream.Stream<FingerprintServerEvent, FingerprintServerError>
    /** Whether a server answers its health check now. */
    readonly isServerAvailable: Effect.Effect<boolean>
  }
>() {}
