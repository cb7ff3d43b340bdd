import { Context, type Effect } from "effect"
import type { AnalysisError } from "../domain/audio/AnalysisError.ts"
import type { AnalysisProgress, TrackAnalysis } from "../domain/fingerprint/Fingerprint.ts"

/** Owns measuring: an audio file in, its fingerprint, measurements and provenance out. Stores nothing. */
export class TrackAnalyzer extends Context.Tag("lathe/TrackAnalyzer")<
  TrackAnalyzer,
  {
    /**
     * Analyses the whole file at an absolute path. `onProgress` is called at most once a percent. Interruption ends
     * the work. Deterministic but for the provenance's time stamps.
     */
    readonly analyze: (
      path: string,
      onProgress?: (progress: AnalysisProgress) => Effect.Effect<void>
    ) => Effect.Effect<TrackAnalysis, AnalysisError>
  }
>() {}
