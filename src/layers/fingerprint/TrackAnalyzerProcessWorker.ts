/** A worker's side of the process pool: runs what it is asked on a TrackAnalyzer. */
import { Effect, type Layer } from "effect"
import { toBytes } from "../../dsp/Waveform.ts"
import { TrackAnalyzer } from "../../services/TrackAnalyzer.ts"
import { serveJobs } from "../process/serveJobs.ts"
import { analysisProtocol } from "./TrackAnalyzerProcessProtocol.ts"

/** Runs until stdin ends or the process does. */
export const serve = (analyzer: Layer.Layer<TrackAnalyzer>): void =>
  serveJobs({
    protocol: analysisProtocol,
    layer: analyzer,
    run: ({ path, wantsWaveform }, onProgress) =>
      Effect.gen(function* () {
        const { analyze } = yield* TrackAnalyzer
        let payload: Uint8Array | undefined
        const result = yield* wantsWaveform
          ? analyze(path, onProgress, (peaks) => (payload = toBytes(peaks)))
          : analyze(path, onProgress)
        return { result, payload }
      })
  })
