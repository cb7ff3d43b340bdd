/** A worker's side of a pool of jobs: takes a job, runs it, reports. */
import { Cause, Effect, Exit, Fiber, type Layer, ManagedRuntime, Option } from "effect"
import type { JobProtocol, JobReport } from "./JobProtocol.ts"
import { serveParent } from "./workerSide.ts"

export interface JobOutcome<Result> {
  readonly result: Result
  /** Goes with it as it is. */
  readonly payload?: Uint8Array | undefined
}

export interface JobsOptions<Request, Progress, Result, Failure, R> {
  readonly protocol: JobProtocol<Request, Progress, Result, Failure>
  readonly run: (
    request: Request,
    onProgress: (progress: Progress) => Effect.Effect<void>
  ) => Effect.Effect<JobOutcome<Result>, Failure, R>
  readonly layer: Layer.Layer<R>
}

/** Runs until stdin ends or the process does. */
export const serveJobs = <Request, Progress, Result, Failure, R>(
  options: JobsOptions<Request, Progress, Result, Failure, R>
): void => {
  const { protocol, run } = options
  const runtime = ManagedRuntime.make(options.layer)
  let running: Fiber.RuntimeFiber<JobOutcome<Result>, Failure> | undefined

  serveParent((line, side) => {
    const report = (report: JobReport<Progress, Result, Failure>, payload?: Uint8Array) =>
      side.send(protocol.encodeReport(report), payload)

    const begin = (job: number, request: Request) => {
      side.beginWork()
      const fiber = runtime.runFork(
        run(request, (progress) => Effect.sync(() => report({ _tag: "Progress", job, progress })))
      )
      running = fiber
      fiber.addObserver((exit) => {
        side.endWork()
        running = undefined
        try {
          report(reportOf(job, exit), Exit.isSuccess(exit) ? exit.value.payload : undefined)
        } catch (error) {
          report({ _tag: "Broken", job, detail: String(error) })
        }
      })
    }

    const order = protocol.decodeOrder(line)
    if (order._tag === "Begin") begin(order.job, order.request)
    else running?.unsafeInterruptAsFork(Fiber.id(running))
  })
}

const reportOf = <Result, Failure>(
  job: number,
  exit: Exit.Exit<JobOutcome<Result>, Failure>
): JobReport<never, Result, Failure> => {
  if (Exit.isSuccess(exit)) return { _tag: "Done", job, result: exit.value.result }
  const failure = Cause.failureOption(exit.cause)
  if (Option.isSome(failure)) return { _tag: "Failed", job, failure: failure.value }
  return Cause.isInterruptedOnly(exit.cause)
    ? { _tag: "Cancelled", job }
    : { _tag: "Broken", job, detail: Cause.pretty(exit.cause) }
}
