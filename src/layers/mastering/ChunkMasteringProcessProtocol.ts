/**
 * What the pool of render workers and its workers say to each other: orders, and reports, with the samples of a packet
 * behind one. See process/WorkerProcess.ts for how they travel.
 */
import { Schema } from "effect"
import { TrackUnreadable } from "../../domain/audio/AnalysisError.ts"
import { DeliveredSampleRate } from "../../domain/audio/SampleRate.ts"
import { MasteringPlan } from "../../domain/mastering/MasteringPlan.ts"
import { RenderState } from "../../domain/mastering/RenderState.ts"

/** Numbers a rendering, as no other of the same worker. */
const rendering = Schema.Int
/** Samples per channel. */
const Frames = Schema.Int

export const RenderOrder = Schema.parseJson(
  Schema.Union(
    /** Answered by Opened, Failed or Broken. */
    Schema.TaggedStruct("Open", {
      rendering,
      path: Schema.String,
      startFrame: Schema.Finite,
      plan: Schema.NullOr(MasteringPlan),
      from: Schema.optional(RenderState),
      sampleRate: Schema.optional(DeliveredSampleRate),
      packetSeconds: Schema.optional(Schema.Finite)
    }),
    /**
     * One at a time. Answered by Packet, End, Failed or Broken: first of all where `bufferedSeconds` is least, the sound
     * that its listener can still have.
     */
    Schema.TaggedStruct("Pull", { rendering, bufferedSeconds: Schema.Finite }),
    Schema.TaggedStruct("SetPlan", { rendering, plan: MasteringPlan, glideSeconds: Schema.Finite }),
    /** Not answered. */
    Schema.TaggedStruct("Close", { rendering })
  )
)
export type RenderOrder = typeof RenderOrder.Type

export const RenderReport = Schema.parseJson(
  Schema.Union(
    /** Whose order is worked on from here on: the one to blame if the worker is lost. */
    Schema.TaggedStruct("Working", { rendering }),
    Schema.TaggedStruct("Opened", { rendering, sampleRate: Schema.Int, channels: Schema.Int, totalFrames: Frames }),
    /** With the samples behind it, interleaved float32, little-endian. */
    Schema.TaggedStruct("Packet", {
      rendering,
      sampleOffset: Frames,
      sampleCount: Frames,
      state: Schema.NullOr(RenderState),
      /** How many SetPlans it has obeyed. */
      plansSet: Schema.Int,
      loss: Schema.optionalWith(Schema.Struct({ from: Frames, frames: Frames }), { exact: true })
    }),
    Schema.TaggedStruct("End", { rendering }),
    Schema.TaggedStruct("Failed", { rendering, error: TrackUnreadable }),
    /** A defect of the rendering. */
    Schema.TaggedStruct("Broken", { rendering, detail: Schema.String })
  )
)
export type RenderReport = typeof RenderReport.Type
