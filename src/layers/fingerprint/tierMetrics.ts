import { Effect, Metric } from "effect"
import * as Metrics from "../../domain/telemetry/Metrics.ts"

export const countLookUp = (tier: Metrics.FingerprintTier, outcome: "hit" | "miss" | "error") =>
  Metric.increment(Metrics.fingerprintLookups).pipe(Effect.tagMetrics({ tier, outcome }))

export const countWrite = (tier: Metrics.FingerprintTier, outcome: "stored" | "error") =>
  Metric.increment(Metrics.fingerprintWrites).pipe(Effect.tagMetrics({ tier, outcome }))
