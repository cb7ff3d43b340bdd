/** A worker's side of the process pool: takes orders on stdin, runs them on a TrackAnalyzer, reports. */
import { Socket } from "node:net"
import { Cause, Effect, Exit, Fiber, type Layer, ManagedRuntime, Option, Schema } from "effect"
import type { AnalysisError } from "../../domain/audio/AnalysisError.ts"
import type { TrackAnalysis } from "../../domain/fingerprint/Fingerprint.ts"
import { TrackAnalyzer } from "../../services/TrackAnalyzer.ts"
import { aliveIntervalMs, reportDescriptor, WorkerOrder, WorkerReport } from "./TrackAnalyzerProcessProtocol.ts"
import { exitWithParent } from "../process/exitWithParent.ts"
import { keepCompiled } from "../process/keepCompiled.ts"
import { makeLineSplitter } from "../process/lineSplitter.ts"

/** Of an order: a path of at most 4096 bytes, escaped. */
const longestLineBytes = 64 * 1024

/** Runs until stdin ends or the process is. */
export const serve = (analyzer: Layer.Layer<TrackAnalyzer>): void => {
  const runtime = ManagedRuntime.make(analyzer)
  const reports = new Socket({ fd: reportDescriptor, readable: false, writable: true })
  const send = (report: WorkerReport) => void reports.write(`${encodeReport(report)}\n`)
  const leave = () => process.exit(0)
  reports.on("error", leave)
  exitWithParent()
  keepCompiled()
  // Ctrl-C reaches the whole group of a terminal; the parent decides when its workers end.
  process.on("SIGINT", () => {})

  let running: Fiber.RuntimeFiber<TrackAnalysis, AnalysisError> | undefined

  const begin = (job: number, path: string) => {
    const heartbeat = setInterval(() => send({ _tag: "Alive", job }), aliveIntervalMs)
    running = runtime.runFork(
      Effect.flatMap(TrackAnalyzer, ({ analyze }) =>
        analyze(path, (progress) => Effect.sync(() => send({ _tag: "Progress", job, progress })))
      )
    )
    running.addObserver((exit) => {
      clearInterval(heartbeat)
      running = undefined
      const report = reportOf(job, exit)
      try {
        send(report)
      } catch (error) {
        send({ _tag: "Broken", job, detail: String(error) })
      }
    })
  }

  const obey = (order: WorkerOrder) => {
    if (order._tag === "Analyze") begin(order.job, order.path)
    else running?.unsafeInterruptAsFork(Fiber.id(running))
  }

  const split = makeLineSplitter(longestLineBytes, (line) => obey(decodeOrder(line)))
  process.stdin.on("data", split).once("end", leave).once("error", leave)
  send({ _tag: "Ready" })
}

const encodeReport = Schema.encodeSync(WorkerReport)
const decodeOrder = Schema.decodeSync(WorkerOrder)

const reportOf = (job: number, exit: Exit.Exit<TrackAnalysis, AnalysisError>): WorkerReport => {
  if (Exit.isSuccess(exit)) return { _tag: "Result", job, analysis: exit.value }
  const failure = Cause.failureOption(exit.cause)
  if (Option.isSome(failure)) return { _tag: "Refused", job, error: failure.value }
  return Cause.isInterruptedOnly(exit.cause)
    ? { _tag: "Cancelled", job }
    : { _tag: "Broken", job, detail: Cause.pretty(exit.cause) }
}
