/** How the service is: what `GET /api/status` and the call `GetStatus` answer. */
import { Schema } from "effect"
import { LeftOut } from "../domain/library/Library.ts"

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
  /** Found in the music folders by the last scan, and not taken in. */
  left_out: Schema.optionalWith(Schema.Array(LeftOut), { default: () => [] }),
  fingerprint_server: Schema.Literal("available", "unavailable"),
  /** Streams that play now. */
  streams_active: Schema.Int
}).annotations({ identifier: "ServiceStatus" })
export type ServiceStatus = typeof ServiceStatus.Type

/** Decodes the answer of `GET /api/status`. */
export const decodeServiceStatus = Schema.decodeUnknown(ServiceStatus)
