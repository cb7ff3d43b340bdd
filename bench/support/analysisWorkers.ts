/** One analysis worker, driven as the pool drives it, and what it takes of memory. Linux only: proc(5). */
import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import type { Readable } from "node:stream"
import { Schema } from "effect"
import {
  analysisWorkerCommand,
  analysisWorkerEnvironment
} from "../../src/layers/fingerprint/TrackAnalyzerProcessPool.ts"
import {
  reportDescriptor,
  WorkerOrder,
  WorkerReport
} from "../../src/layers/fingerprint/TrackAnalyzerProcessProtocol.ts"
import { makeLineSplitter } from "../../src/layers/process/lineSplitter.ts"
import { built } from "../../test/support/built.ts"

const encodeOrder = Schema.encodeSync(WorkerOrder)
const decodeReport = Schema.decodeSync(WorkerReport)

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
  const child = spawn(process.execPath, command, {
    stdio: ["pipe", 2, 2, "pipe"],
    env: { ...process.env, ...analysisWorkerEnvironment }
  })
  const ended = new Promise<void>((resolve) => void child.once("close", () => resolve()))
  let onReport: (report: WorkerReport | "lost") => void = () => {}
  const split = makeLineSplitter(1 << 16, (line) => onReport(decodeReport(line)))
  const reports = child.stdio[reportDescriptor] as Readable
  reports.on("data", (bytes: Buffer) => void split(bytes))
  void ended.then(() => onReport("lost"))

  const until = (tag: WorkerReport["_tag"]) =>
    new Promise<void>((resolve, reject) => {
      onReport = (report) => {
        if (report === "lost") reject(new Error("The worker is gone."))
        else if (report._tag === tag) resolve()
        else if (report._tag !== "Alive" && report._tag !== "Progress") reject(new Error(JSON.stringify(report)))
      }
    })
  const status = (field: string) => {
    const line = readFileSync(`/proc/${child.pid}/status`, "utf8").match(new RegExp(`^${field}:\\s+(\\d+) kB`, "m"))
    return Number(line?.[1]) / 1024
  }

  await until("Ready")
  let job = 0
  return {
    analyze: (path) => {
      child.stdin?.write(`${encodeOrder({ _tag: "Analyze", job: ++job, path })}\n`)
      return until("Result")
    },
    residentMb: () => status("VmRSS"),
    peakResidentMb: () => status("VmHWM"),
    cpuSeconds: () => {
      const stat = readFileSync(`/proc/${child.pid}/stat`, "utf8")
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
      // In ticks of 10 ms, as in measure.ts.
      return (Number(fields[11]) + Number(fields[12])) / 100
    },
    end: () => {
      child.stdin?.end()
      return ended
    }
  }
}
