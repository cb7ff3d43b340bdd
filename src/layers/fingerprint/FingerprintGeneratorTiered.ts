/** FingerprintGenerator over its tiers: memory, database, sidecar, fingerprint server, none. */
import { Clock, Duration, Effect, Layer, Metric, Option, type Scope, Stream } from "effect"
import type { AnalysisProgress } from "../../domain/fingerprint/Fingerprint.ts"
import type { FingerprintServerError } from "../../domain/fingerprint/FingerprintServerError.ts"
import type { TrackFile } from "../../domain/library/Track.ts"
import * as Metrics from "../../domain/telemetry/Metrics.ts"
import { FingerprintGenerator, type GenerationEvent } from "../../services/FingerprintGenerator.ts"
import { pathOf } from "../../services/TrackLibrary.ts"
import { type CacheTiers, findCached, findFailure, keep, keepFailure, makeCacheTiers } from "./cacheTiers.ts"
import type { CircuitOpen } from "./circuitBreaker.ts"
import { eventsOf } from "./generationEvents.ts"
import { makeRunningGenerations } from "./runningGenerations.ts"
import { makeServerTier } from "./serverTier.ts"

/** What a refusal says about the file itself, and so holds as long as the file stays what it is. */
const lastingRefusals: ReadonlySet<string> = new Set([
  "TrackTooShort",
  "TrackSilent",
  "TrackUnreadable",
  "TrackTooLarge"
])

/** Nobody who asks for one answer waits longer for it. */
const answerTimeout = Duration.seconds(60)

const make = Effect.gen(function* () {
  const caches = yield* makeCacheTiers
  const server = yield* makeServerTier
  const { events, tracks } = yield* makeRunningGenerations((file, publish) => generate(caches, server, file, publish))
  return FingerprintGenerator.of({
    events,
    getOrGenerate: (file) =>
      events(file).pipe(
        Stream.runLast,
        Effect.map(Option.flatMap((event) => event.analysis)),
        // The generation goes on: what it finds is stored.
        Effect.timeoutTo({ duration: answerTimeout, onTimeout: () => Option.none(), onSuccess: (found) => found }),
        Effect.withSpan("FingerprintGenerator.getOrGenerate")
      ),
    getCached: (file) =>
      Effect.map(
        findCached(caches, file),
        Option.map((found) => found.analysis)
      ),
    isServerAvailable: server.isServerAvailable,
    owed: Effect.sync(() => ({ count: caches.owed.count(), isFull: caches.owed.isFull() })),
    running: tracks
  })
})

type ServerTier = Effect.Effect.Success<typeof makeServerTier>

/** Through the tiers, to its last event: it does not fail. */
const generate = (
  caches: CacheTiers,
  server: ServerTier,
  file: TrackFile,
  publish: (event: GenerationEvent) => Effect.Effect<void>
) =>
  Effect.gen(function* () {
    const event = eventsOf(file)
    const cached = yield* findCached(caches, file)
    if (Option.isSome(cached)) return event.found("cached", cached.value)
    const failure = yield* findFailure(caches, file)
    if (Option.isSome(failure)) return event.none("failed", failure.value.message)
    yield* publish(event.none("queued", "Waiting for its analysis."))
    const onProgress = ({ stage, percent }: AnalysisProgress) =>
      publish(stage === "queued" ? event.none("queued", "Waiting for its analysis.") : event.analyzing(percent))
    return yield* measured(
      server.ask(file, onProgress).pipe(
        Effect.tap((analysis) => keep(caches, file, analysis)),
        Effect.map((analysis) => event.found("complete", { analysis, source: "server" })),
        Effect.catchAll((error) =>
          Effect.logWarning("No fingerprint", error.message).pipe(
            Effect.zipRight(remember(caches, file, error)),
            Effect.as(event.none(error._tag === "FileRefused" ? "failed" : "unavailable", error.message))
          )
        )
      )
    )
  }).pipe(
    Effect.catchAllCause((cause) =>
      Effect.logError("A generation died", cause).pipe(
        Effect.as(eventsOf(file).none("unavailable", "The analysis broke off. The track plays without a fingerprint."))
      )
    ),
    Effect.annotateLogs({ track_id: file.track.id, path: pathOf(file) })
  )

const remember = (caches: CacheTiers, file: TrackFile, error: FingerprintServerError | CircuitOpen) =>
  error._tag === "FileRefused" && lastingRefusals.has(error.code)
    ? keepFailure(caches, file, { code: error.code, message: error.message })
    : Effect.void

/** How many generations run, how long they take, and how they end. */
const measured = <E, R>(generation: Effect.Effect<GenerationEvent, E, R>) =>
  Effect.gen(function* () {
    const begun = yield* Clock.currentTimeMillis
    yield* Metric.modify(Metrics.fingerprintGenerationsActive, 1)
    const event = yield* Effect.ensuring(generation, Metric.modify(Metrics.fingerprintGenerationsActive, -1))
    const { status } = event.status
    yield* Metric.update(Metrics.fingerprintGenerationSeconds, ((yield* Clock.currentTimeMillis) - begun) / 1000)
    yield* Effect.tagMetrics(Metric.increment(Metrics.fingerprintGenerations), "outcome", status)
    return event
  })

export const layer: Layer.Layer<
  FingerprintGenerator,
  never,
  Exclude<Effect.Effect.Context<typeof make>, Scope.Scope>
> = Layer.scoped(FingerprintGenerator, make)
