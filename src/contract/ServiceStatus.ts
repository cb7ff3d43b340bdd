/** How the service is: what `GET /api/status` and the call `GetStatus` answer. */
import { Schema } from "effect"

export const ServiceStatus = Schema.Struct({
  version: Schema.String,
  tracks: Schema.Int,
  fingerprints: Schema.Struct({
    ready: Schema.Int,
    pending: Schema.Int,
    analyzing: Schema.Int,
    failed: Schema.Int,
    /** Measured, and not stored yet, since the database cannot be written; part of `pending`. */
    owed: Schema.optionalWith(Schema.Int, { default: () => 0 })
  }),
  fingerprint_server: Schema.Literal("available", "unavailable"),
  /** Streams that play now. */
  streams_active: Schema.Int
}).annotations({ identifier: "ServiceStatus" })
export type ServiceStatus = typeof ServiceStatus.Type

/** Decodes the answer of `GET /api/status`. */
export const decodeServiceStatus = Schema.decodeUnknown(ServiceStatus)
