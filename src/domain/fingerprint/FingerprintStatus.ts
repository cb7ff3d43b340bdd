/** How the fingerprint of a track stands: what a player is told while it waits or plays. */
import { Schema } from "effect"
import { TrackId } from "../library/Track.ts"

export const FingerprintStatus = Schema.Struct({
  track_id: TrackId,
  status: Schema.Literal("cached", "queued", "analyzing", "complete", "failed", "unavailable"),
  /** 0-100, with `analyzing`. */
  percent: Schema.optional(Schema.Finite.pipe(Schema.between(0, 100))),
  /** Where it came from, with `cached` and `complete`. */
  source: Schema.optional(Schema.Literal("database", "sidecar", "server")),
  /** A sentence for a person. */
  message: Schema.String
}).annotations({ identifier: "FingerprintStatus" })
export type FingerprintStatus = typeof FingerprintStatus.Type
