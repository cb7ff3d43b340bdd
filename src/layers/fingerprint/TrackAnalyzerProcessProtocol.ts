/** What an analysis worker is asked, by the absolute path of a file, and what it answers. */
import { Schema } from "effect"
import { AnalysisError } from "../../domain/audio/AnalysisError.ts"
import { AnalysisProgress, TrackAnalysis } from "../../domain/fingerprint/Fingerprint.ts"
import { makeJobProtocol } from "../process/JobProtocol.ts"

export const analysisProtocol = makeJobProtocol({
  request: Schema.String,
  progress: AnalysisProgress,
  result: TrackAnalysis,
  failure: AnalysisError
})
