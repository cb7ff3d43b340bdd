import { Context, type Effect } from "effect"
import type { AnalysisError } from "../domain/audio/AnalysisError.ts"
import type { AnalysisProgress, TrackAnalysis } from "../domain/fingerprint/Fingerprint.ts"
import type { Peaks } from "../dsp/Waveform.ts"

/** Owns measuring: an audio file in, its fingerprint, measurements and provenance out. Stores nothing. */
export class TrackAnalyzer extends Context.Tag("lathe/TrackAnalyzer")<
  TrackAnalyzer,
  {
    /**
     * Analyses the whole file at an absolute path. `onProgress` is called at most once a percent; `onWaveform`, where it
     * is given, once before the end, with the outline that the same samples have. Interruption ends the work.
     * Deterministic but for the provenance's time stamps.
     */
    readonly analyze: (
      path: string,
      onProgress?: (progress: AnalysisProgress) => Effect.Effect<void>,
      onWaveform?: (peaks: Peaks) => void
    ) => Effect.Effect<TrackAnalysis, AnalysisError>
  }
>() {}
