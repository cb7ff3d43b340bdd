/** What a pool of jobs and its workers say to each other, whatever the jobs are: one at a time in each worker. */
import { type Option, Schema } from "effect"

const job = Schema.Int

/** Both ways, as JSON. Bytes may come with the result, which no schema describes. */
export const makeJobProtocol = <
  Request,
  RequestJson,
  Progress,
  ProgressJson,
  Result,
  ResultJson,
  Failure,
  FailureJson
>(schemas: {
  readonly request: Schema.Schema<Request, RequestJson>
  readonly progress: Schema.Schema<Progress, ProgressJson>
  readonly result: Schema.Schema<Result, ResultJson>
  readonly failure: Schema.Schema<Failure, FailureJson>
}): JobProtocol<Request, Progress, Result, Failure> => {
  const Order = Schema.parseJson(
    Schema.Union(
      Schema.TaggedStruct("Begin", { job, request: schemas.request }),
      /** Answered by the job's last report. */
      Schema.TaggedStruct("Cancel", { job })
    )
  )
  const Report = Schema.parseJson(
    Schema.Union(
      Schema.TaggedStruct("Progress", { job, progress: schemas.progress }),
      /** One of these four ends a job. */
      Schema.TaggedStruct("Done", { job, result: schemas.result }),
      Schema.TaggedStruct("Failed", { job, failure: schemas.failure }),
      /** A defect of the job. */
      Schema.TaggedStruct("Broken", { job, detail: Schema.String }),
      Schema.TaggedStruct("Cancelled", { job })
    )
  )
  return {
    encodeOrder: Schema.encodeSync(Order),
    decodeOrder: Schema.decodeSync(Order),
    encodeReport: Schema.encodeSync(Report),
    decodeReport: Schema.decodeOption(Report)
  }
}

export type JobOrder<Request> =
  | { readonly _tag: "Begin"; readonly job: number; readonly request: Request }
  | { readonly _tag: "Cancel"; readonly job: number }

export type JobReport<Progress, Result, Failure> =
  | { readonly _tag: "Progress"; readonly job: number; readonly progress: Progress }
  | { readonly _tag: "Done"; readonly job: number; readonly result: Result }
  | { readonly _tag: "Failed"; readonly job: number; readonly failure: Failure }
  | { readonly _tag: "Broken"; readonly job: number; readonly detail: string }
  | { readonly _tag: "Cancelled"; readonly job: number }

export interface JobProtocol<Request, Progress, Result, Failure> {
  readonly encodeOrder: (order: JobOrder<Request>) => string
  /** Throws for what is none. */
  readonly decodeOrder: (text: string) => JobOrder<Request>
  readonly encodeReport: (report: JobReport<Progress, Result, Failure>) => string
  readonly decodeReport: (text: string) => Option.Option<JobReport<Progress, Result, Failure>>
}
