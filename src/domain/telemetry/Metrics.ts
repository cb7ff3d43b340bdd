/**
 * Every metric of the service, by its name on `/metrics`. Units are in the names: seconds, bytes. Counters end in
 * `_total` and only rise. What a label can be is listed, so that no value from outside becomes one.
 */
import { Metric, MetricBoundaries } from "effect"

export type FingerprintTier = "memory" | "database" | "sidecar" | "server"

const counter = (name: string, description: string) => Metric.counter(name, { description, incremental: true })
const gauge = (name: string, description: string) => Metric.gauge(name, { description })
const seconds = (name: string, description: string, bounds: ReadonlyArray<number>) =>
  Metric.histogram(name, MetricBoundaries.fromIterable(bounds), description)

// The fingerprint path

/** Labels: `tier` (memory, database, sidecar, server), `outcome` (hit, miss, error). */
export const fingerprintLookups = counter(
  "lathe_fingerprint_lookups_total",
  "Look-ups for a fingerprint, by tier and outcome"
)

/** Labels: `tier` (database, sidecar), `outcome` (stored, error). */
export const fingerprintWrites = counter(
  "lathe_fingerprint_writes_total",
  "Writes of a fingerprint or of why there is none, by tier and outcome"
)

/** Labels: `outcome` (complete, failed, unavailable). */
export const fingerprintGenerations = counter(
  "lathe_fingerprint_generations_total",
  "Generations that asked the fingerprint server, by how they ended"
)

export const fingerprintGenerationSeconds = seconds(
  "lathe_fingerprint_generation_seconds",
  "From asking the fingerprint server to its result, attempts and pauses included",
  [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
)

export const fingerprintGenerationsActive = gauge("lathe_fingerprint_generations_active", "Generations that run now")

/** Labels: `error` (the tag of a FingerprintServerError). */
export const fingerprintAttemptErrors = counter(
  "lathe_fingerprint_attempt_errors_total",
  "Failed attempts at the fingerprint server, by error"
)

export const circuitState = gauge(
  "lathe_fingerprint_circuit_state",
  "Circuit breaker before the fingerprint server: 0 closed, 1 half-open, 2 open"
)

/** Labels: `to` (closed, half_open, open). */
export const circuitTransitions = counter(
  "lathe_fingerprint_circuit_transitions_total",
  "Changes of the circuit breaker, by the state it changed to"
)

// Streams

export const streamsActive = gauge("lathe_streams_active", "Streams that play now")

// Access

/** Labels: `status` (2xx, 3xx, 4xx, 5xx). */
export const httpRequests = counter("lathe_http_requests_total", "HTTP requests answered, upgrades included")

/** Labels: `reason` (foreign_host, foreign_origin, token_required, too_many_requests, body_too_large). */
export const httpRefusals = counter(
  "lathe_http_refusals_total",
  "HTTP requests refused by the rules of access, by reason"
)

// The process

export const eventLoopDelayP50 = gauge(
  "lathe_event_loop_delay_p50_seconds",
  "Median delay of the event loop since the previous scrape"
)
export const eventLoopDelayP99 = gauge(
  "lathe_event_loop_delay_p99_seconds",
  "99th percentile of the delay of the event loop since the previous scrape"
)
export const eventLoopDelayMax = gauge(
  "lathe_event_loop_delay_max_seconds",
  "Longest delay of the event loop since the previous scrape"
)
export const residentMemory = gauge("process_resident_memory_bytes", "Resident memory of the service's process")
export const cpuSeconds = counter("process_cpu_seconds_total", "CPU time of the service's process, user and system")
export const startTime = gauge("process_start_time_seconds", "Start of the service's process, seconds since 1970")

/** Labels: `version`, `node`. Always 1. */
export const buildInfo = gauge("lathe_build_info", "Version of lathe and of Node")
