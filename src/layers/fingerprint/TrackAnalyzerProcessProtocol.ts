/**
 * What the process pool and its workers say to each other: one JSON object a line, orders on the worker's stdin,
 * reports on its descriptor 3. (Node's own IPC channel would end the parent by an uncaught exception at the first
 * garbage byte.) A worker ends when its stdin does: its parent is gone.
 */
import { Schema } from "effect"
import { AnalysisError } from "../../domain/audio/AnalysisError.ts"
import { AnalysisProgress, TrackAnalysis } from "../../domain/fingerprint/Fingerprint.ts"

const job = Schema.Int

export const WorkerOrder = Schema.parseJson(
  Schema.Union(
    /** One at a time. `path` is absolute. */
    Schema.TaggedStruct("Analyze", { job, path: Schema.String }),
    /** Answered by the job's last report. */
    Schema.TaggedStruct("Cancel", { job })
  )
)
export type WorkerOrder = typeof WorkerOrder.Type

export const WorkerReport = Schema.parseJson(
  Schema.Union(
    /** Once, after the start. */
    Schema.TaggedStruct("Ready", {}),
    /** Every `aliveIntervalMs` during a job. */
    Schema.TaggedStruct("Alive", { job }),
    Schema.TaggedStruct("Progress", { job, progress: AnalysisProgress }),
    /** One of these four ends a job. */
    Schema.TaggedStruct("Result", { job, analysis: TrackAnalysis }),
    Schema.TaggedStruct("Refused", { job, error: AnalysisError }),
    Schema.TaggedStruct("Broken", { job, detail: Schema.String }),
    Schema.TaggedStruct("Cancelled", { job })
  )
)
export type WorkerReport = typeof WorkerReport.Type

/** Of the worker's event loop: an analysis that yields keeps it running. */
export const aliveIntervalMs = 1000

/** Where a worker writes its reports. */
export const reportDescriptor = 3
