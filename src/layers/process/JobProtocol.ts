/** What a pool of jobs and its workers say to each other, whatever the jobs are: one at a time in each worker. */
import { Schema } from "effect"

export interface JobSchemas<Request, Progress, Result, Failure> {
  readonly request: Schema.Schema<Request, any>
  readonly progress: Schema.Schema<Progress, any>
  /** Bytes may come with it, which no schema describes. */
  readonly result: Schema.Schema<Result, any>
  readonly failure: Schema.Schema<Failure, any>
}

const job = Schema.Int

/** Both ways, as JSON. */
export const makeJobProtocol = <Request, Progress, Result, Failure>(
  schemas: JobSchemas<Request, Progress, Result, Failure>
) => {
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
    decodeReport: Schema.decodeUnknownOption(Report)
  }
}

export interface JobProtocol<Request, Progress, Result, Failure> extends ReturnType<
  typeof makeJobProtocol<Request, Progress, Result, Failure>
> {}

export type JobReport<Progress, Result, Failure> =
  | { readonly _tag: "Progress"; readonly job: number; readonly progress: Progress }
  | { readonly _tag: "Done"; readonly job: number; readonly result: Result }
  | { readonly _tag: "Failed"; readonly job: number; readonly failure: Failure }
  | { readonly _tag: "Broken"; readonly job: number; readonly detail: string }
  | { readonly _tag: "Cancelled"; readonly job: number }
