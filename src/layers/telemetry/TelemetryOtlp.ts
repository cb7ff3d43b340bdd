/** Traces, metrics and logs to an OpenTelemetry collector, by OTLP over HTTP with JSON. */
import * as Otlp from "@effect/opentelemetry/Otlp"
import { FetchHttpClient } from "@effect/platform"
import { Layer } from "effect"

export interface TelemetryOptions {
  /** Address of the collector, without the paths /v1/traces, /v1/metrics and /v1/logs. */
  readonly endpoint: string
  readonly version: string
}

/** What is left when the service stops is sent within this; a collector that is away must not hold the end. */
const shutdownTimeout = "1 second"

/** Around a program: a collector that is away, or answers with errors, changes nothing in it. */
export const layer = ({ endpoint, version }: TelemetryOptions): Layer.Layer<never> =>
  Otlp.layerJson({
    baseUrl: endpoint,
    resource: { serviceName: "lathe", serviceVersion: version },
    shutdownTimeout
  }).pipe(Layer.provide(FetchHttpClient.layer))
