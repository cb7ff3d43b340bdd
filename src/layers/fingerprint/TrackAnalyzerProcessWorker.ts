/** A worker's side of the process pool: runs what it is asked on a TrackAnalyzer. */
import { Effect, type Layer } from "effect"
import { TrackAnalyzer } from "../../services/TrackAnalyzer.ts"
import { serveJobs } from "../process/serveJobs.ts"
import { analysisProtocol } from "./TrackAnalyzerProcessProtocol.ts"

/** Runs until stdin ends or the process does. */
export const serve = (analyzer: Layer.Layer<TrackAnalyzer>): void =>
  serveJobs({
    protocol: analysisProtocol,
    layer: analyzer,
    run: (path, onProgress) =>
      Effect.flatMap(TrackAnalyzer, ({ analyze }) => Effect.map(analyze(path, onProgress), (result) => ({ result })))
  })
