/**
 * What the pool of render workers and its workers say to each other. Orders: one JSON object a line on the worker's
 * stdin. Reports, on its descriptor 3: two numbers of 32 bits, little-endian, the lengths of a JSON object and of the
 * samples behind it, then both. A worker ends when its stdin does: its parent is gone.
 */
import { Schema } from "effect"
import { TrackUnreadable } from "../../domain/audio/AnalysisError.ts"
import { MasteringPlan } from "../../domain/mastering/MasteringPlan.ts"
import { DeliveredSampleRate } from "../../domain/audio/SampleRate.ts"

const job = Schema.Int
const Frames = Schema.Int

export const RenderOrder = Schema.parseJson(
  Schema.Union(
    /** Begins a rendering, under a number that no other of this worker has. Answered by Opened, Failed or Broken. */
    Schema.TaggedStruct("Open", {
      job,
      path: Schema.String,
      startFrame: Schema.Finite,
      plan: Schema.NullOr(MasteringPlan),
      sampleRate: Schema.optional(DeliveredSampleRate),
      packetSeconds: Schema.optional(Schema.Finite)
    }),
    /**
     * One at a time. Answered by Frame, End, Failed or Broken: first of all where `lead` is least, the seconds of sound
     * that its listener can still have.
     */
    Schema.TaggedStruct("Pull", { job, lead: Schema.Finite }),
    Schema.TaggedStruct("SetPlan", { job, plan: MasteringPlan, glideSeconds: Schema.Finite }),
    /** Not answered. */
    Schema.TaggedStruct("Close", { job })
  )
)
export type RenderOrder = typeof RenderOrder.Type

export const RenderReport = Schema.parseJson(
  Schema.Union(
    /** Once, after the start. */
    Schema.TaggedStruct("Ready", {}),
    /** Every `aliveIntervalMs`, of the worker's event loop. */
    Schema.TaggedStruct("Alive", {}),
    /** Whose order is worked on from here on: the one to blame if the worker is lost. */
    Schema.TaggedStruct("Working", { job }),
    Schema.TaggedStruct("Opened", { job, sampleRate: Schema.Int, channels: Schema.Int, totalFrames: Frames }),
    /** With the samples behind it, interleaved float32, little-endian. */
    Schema.TaggedStruct("Frame", { job, sampleOffset: Frames, sampleCount: Frames }),
    Schema.TaggedStruct("End", { job }),
    Schema.TaggedStruct("Failed", { job, error: TrackUnreadable }),
    /** A defect of the rendering. */
    Schema.TaggedStruct("Broken", { job, detail: Schema.String })
  )
)
export type RenderReport = typeof RenderReport.Type

export const aliveIntervalMs = 200

/** Where a worker writes its reports. */
export const reportDescriptor = 3

/** Of an order: a path of at most 4096 bytes and a plan. */
export const longestOrderBytes = 256 * 1024
/** Of a report without its samples. */
const longestReportBytes = 64 * 1024
/** Of the samples of a frame: 10 s of 8 channels at 192 kHz. */
const longestSamplesBytes = 64 * 1024 * 1024

const lengthsBytes = 8

const none = new Uint8Array(0)

export const encodeMessage = (report: string, samples: Uint8Array | undefined): ReadonlyArray<Uint8Array> => {
  const json = Buffer.from(report, "utf8")
  const head = Buffer.allocUnsafe(lengthsBytes + json.length)
  head.writeUInt32LE(json.length, 0)
  head.writeUInt32LE(samples?.length ?? 0, 4)
  head.set(json, lengthsBytes)
  return samples === undefined ? [head] : [head, samples]
}

/**
 * Calls `onMessage` for each whole message of a stream of bytes; the samples are the receiver's to keep, in memory that
 * `allocate` gives. False: what came is no message.
 */
export const makeMessageSplitter = (
  onMessage: (report: string, samples: Uint8Array<ArrayBuffer>) => void,
  allocate: (bytes: number) => Uint8Array<ArrayBuffer> = (bytes) => new Uint8Array(bytes)
) => {
  const lengths = Buffer.alloc(lengthsBytes)
  let json = Buffer.alloc(0)
  let samples = none
  // How much of each part has come.
  let lengthsFilled = 0
  let jsonFilled = 0
  let samplesFilled = 0
  /** Copies from `bytes` at `at` on into `part`; returns how much. */
  const take = (bytes: Uint8Array, at: number, part: Uint8Array, filled: number): number => {
    const count = Math.min(bytes.length - at, part.length - filled)
    part.set(bytes.subarray(at, at + count), filled)
    return count
  }
  return (bytes: Uint8Array): boolean => {
    let at = 0
    while (at < bytes.length) {
      if (lengthsFilled < lengthsBytes) {
        const count = take(bytes, at, lengths, lengthsFilled)
        lengthsFilled += count
        at += count
        if (lengthsFilled < lengthsBytes) return true
        const jsonBytes = lengths.readUInt32LE(0)
        const samplesBytes = lengths.readUInt32LE(4)
        if (jsonBytes === 0 || jsonBytes > longestReportBytes || samplesBytes > longestSamplesBytes) return false
        json = Buffer.allocUnsafe(jsonBytes)
        samples = samplesBytes === 0 ? none : allocate(samplesBytes)
        jsonFilled = 0
        samplesFilled = 0
      }
      let count = take(bytes, at, json, jsonFilled)
      jsonFilled += count
      at += count
      count = take(bytes, at, samples, samplesFilled)
      samplesFilled += count
      at += count
      if (jsonFilled === json.length && samplesFilled === samples.length) {
        lengthsFilled = 0
        onMessage(json.toString("utf8"), samples)
        samples = none
      }
    }
    return true
  }
}
