/** What a probe worker is asked about a file, and what it answers; pictures and waveforms go with it as bytes. */
import { Schema } from "effect"
import { TrackUnreadable } from "../../domain/audio/AnalysisError.ts"
import { TrackAnalysis } from "../../domain/fingerprint/Fingerprint.ts"
import { TrackTags } from "../../domain/library/Track.ts"
import { makeJobProtocol } from "../process/JobProtocol.ts"

/** Absolute. */
const path = Schema.String

export const ProbeRequest = Schema.Union(
  Schema.TaggedStruct("Tags", { path }),
  /** The same for a file whose tags alone are too much: by its name. */
  Schema.TaggedStruct("TagsByName", { path }),
  Schema.TaggedStruct("Art", { path }),
  Schema.TaggedStruct("Waveform", { path }),
  Schema.TaggedStruct("Sidecar", { path })
)
export type ProbeRequest = typeof ProbeRequest.Type

export const ProbeResult = Schema.Union(
  Schema.TaggedStruct("Tags", { tags: TrackTags }),
  Schema.TaggedStruct("Art", {
    mediaType: Schema.NullOr(Schema.Literal("image/jpeg", "image/png", "image/webp", "image/gif"))
  }),
  Schema.TaggedStruct("Waveform", {}),
  Schema.TaggedStruct("Sidecar", { analysis: TrackAnalysis }),
  Schema.TaggedStruct("NoSidecar", { reason: Schema.String })
)
export type ProbeResult = typeof ProbeResult.Type

export const probeProtocol = makeJobProtocol({
  request: ProbeRequest,
  progress: Schema.Void,
  result: ProbeResult,
  failure: TrackUnreadable
})
