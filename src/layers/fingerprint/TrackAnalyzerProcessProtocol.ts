/** What an analysis worker is asked, and what it answers; the waveform, where it is wanted, goes with it as bytes. */
import { Schema } from "effect"
import { AnalysisError } from "../../domain/audio/AnalysisError.ts"
import { AnalysisProgress, TrackAnalysis } from "../../domain/fingerprint/Fingerprint.ts"
import { makeJobProtocol } from "../process/JobProtocol.ts"

export const analysisProtocol = makeJobProtocol({
  request: Schema.Struct({
    /** Absolute. */
    path: Schema.String,
    wantsWaveform: Schema.Boolean
  }),
  progress: AnalysisProgress,
  result: TrackAnalysis,
  failure: AnalysisError
})
