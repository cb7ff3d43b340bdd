import { Effect, Metric } from "effect"
import { streamsActive } from "../../domain/telemetry/Metrics.ts"
import { FingerprintGenerator } from "../../services/FingerprintGenerator.ts"
import type { ServiceStatus } from "../../contract/LatheApi.ts"
import { LibraryCatalog } from "../../services/LibraryCatalog.ts"
import { version } from "../process/version.ts"

/** What the service says of itself, by HTTP and by RPC. */
export const serviceStatus = Effect.gen(function* () {
  const catalog = yield* LibraryCatalog
  const generator = yield* FingerprintGenerator
  const { ready, pending, failed } = yield* catalog.fingerprints
  const analyzing = Math.min(pending, (yield* generator.running).size)
  const isAvailable = yield* generator.isServerAvailable
  const status: ServiceStatus = {
    version,
    tracks: ready + pending + failed,
    fingerprints: { ready, pending: pending - analyzing, analyzing, failed },
    fingerprint_server: isAvailable ? "available" : "unavailable",
    streams_active: (yield* Metric.value(streamsActive)).value
  }
  return status
})
