/** One analysis worker, driven as the pool drives it, and what it takes of memory. Linux only: proc(5). */
import { readFileSync } from "node:fs"
import { Effect, Option } from "effect"
import {
  analysisWorkerCommand,
  analysisWorkerEnvironment
} from "../../src/layers/fingerprint/TrackAnalyzerProcessPool.ts"
import { analysisProtocol } from "../../src/layers/fingerprint/TrackAnalyzerProcessProtocol.ts"
import { spawnWorker } from "../../src/layers/process/WorkerProcess.ts"
import { built } from "../../test/support/built.ts"

/** As its users run it. */
const builtWorkerCommand = [...analysisWorkerCommand.slice(0, -1), built("analysisWorker")]

export interface AnalysisWorker {
  /** Analyses one file after the other; rejects where the worker refuses it or is lost. */
  readonly analyze: (path: string) => Promise<void>
  readonly residentMb: () => number
  /** Highest value of `residentMb` so far. */
  readonly peakResidentMb: () => number
  readonly cpuSeconds: () => number
  readonly end: () => Promise<void>
}

export const startAnalysisWorker = async (
  command: ReadonlyArray<string> = builtWorkerCommand
): Promise<AnalysisWorker> => {
  let settle: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined
  const worker = spawnWorker({
    name: "An analysis worker",
    command,
    environment: analysisWorkerEnvironment,
    stallTimeout: "1 minute",
    onLost: (loss) => settle?.reject(loss),
    onMessage: (text) => {
      const report = Option.getOrThrow(analysisProtocol.decodeReport(text))
      if (report._tag === "Done") settle?.resolve()
      else if (report._tag !== "Progress") settle?.reject(new Error(text))
      return true
    }
  })
  await Effect.runPromise(worker.ready)
  const status = (field: string) => {
    const line = readFileSync(`/proc/${worker.pid}/status`, "utf8").match(new RegExp(`^${field}:\\s+(\\d+) kB`, "m"))
    return Number(line?.[1]) / 1024
  }
  let job = 0
  return {
    analyze: (path) =>
      new Promise<void>((resolve, reject) => {
        settle = { resolve, reject }
        worker.send(analysisProtocol.encodeOrder({ _tag: "Begin", job: ++job, request: { path, wantsWaveform: true } }))
      }),
    residentMb: () => status("VmRSS"),
    peakResidentMb: () => status("VmHWM"),
    cpuSeconds: () => {
      const stat = readFileSync(`/proc/${worker.pid}/stat`, "utf8")
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
      // In ticks of 10 ms, as in measure.ts.
      return (Number(fields[11]) + Number(fields[12])) / 100
    },
    end: () => Effect.runPromise(worker.end)
  }
}
