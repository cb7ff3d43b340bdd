/** FingerprintGenerator over its tiers: database, sidecar, fingerprint server, none. */
import { Duration, Effect, Exit, Layer, Metric, Option, Schedule, type Scope, Stream, SubscriptionRef } from "effect"
import type { AnalysisProgress, TrackAnalysis } from "../domain/Fingerprint.ts"
import {
  type FileRefused,
  type FingerprintServerError,
  isRetryable,
  ServerAnswerInvalid,
  ServerTimedOut
} from "../domain/FingerprintServerError.ts"
import type { FingerprintStatus } from "../domain/FingerprintStatus.ts"
import { isSameVersion, type TrackFile } from "../domain/Track.ts"
import { FingerprintGenerator, type GenerationEvent } from "../services/FingerprintGenerator.ts"
import { FingerprintRepo, type TrackKey } from "../services/FingerprintRepo.ts"
import { FingerprintServerClient } from "../services/FingerprintServerClient.ts"
import { FingerprintSidecar } from "../services/FingerprintSidecar.ts"
import { pathOf } from "../services/TrackLibrary.ts"

/** Bound on the server tier as a whole, all attempts and pauses included. */
export const serverTimeout = Duration.seconds(60)

/** Pauses of about 0.5, 1, 2 and 4 s between five attempts: long enough for a killed server to be back. */
export const retryPolicy = Schedule.exponential("500 millis").pipe(
  Schedule.jittered,
  Schedule.intersect(Schedule.recurs(4))
)

/** What a refusal says about the file itself, and so holds as long as the file stays what it is. */
const lastingRefusals: ReadonlySet<string> = new Set([
  "TrackTooShort",
  "TrackSilent",
  "TrackUnreadable",
  "TrackTooLarge"
])

type Tier = "database" | "sidecar" | "server"

const lookups = Metric.counter("lathe_fingerprint_lookups_total", {
  description: "Look-ups for a fingerprint by tier (database, sidecar, server) and outcome (hit, miss, error)",
  incremental: true
})

const count = (tier: Tier, outcome: "hit" | "miss" | "error") =>
  Metric.increment(lookups).pipe(Effect.tagMetrics({ tier, outcome }))

interface Found {
  readonly analysis: TrackAnalysis
  readonly source: Tier
}

/** The latest event of a running generation; none until there is something to tell. */
type Job = SubscriptionRef.SubscriptionRef<Option.Option<GenerationEvent>>

const keyOf = (file: TrackFile): TrackKey => ({ trackId: file.track.id, version: file.version })

const isLast = ({ status }: GenerationEvent): boolean => status.status !== "queued" && status.status !== "analyzing"

const make = Effect.gen(function* () {
  const repo = yield* FingerprintRepo
  const sidecar = yield* FingerprintSidecar
  const client = yield* FingerprintServerClient
  const scope = yield* Effect.scope
  const jobs = new Map<string, Job>()
  const jobsLock = yield* Effect.makeSemaphore(1)

  /** One tier's look-up: counted, and a fault in it is a miss. */
  const lookUp = (tier: Tier, find: Effect.Effect<Option.Option<TrackAnalysis>>) =>
    find.pipe(
      Effect.tap((found) => count(tier, Option.isSome(found) ? "hit" : "miss")),
      Effect.map(Option.map((analysis): Found => ({ analysis, source: tier }))),
      Effect.catchAllCause((cause) =>
        Effect.logWarning(`The ${tier} tier of fingerprints failed`, cause).pipe(
          Effect.zipRight(count(tier, "error")),
          Effect.as(Option.none<Found>())
        )
      )
    )

  const findCached = Effect.fn("FingerprintGenerator.findCached")(function* (file: TrackFile) {
    const stored = yield* lookUp("database", repo.find(keyOf(file)))
    if (Option.isSome(stored)) return stored
    const beside = yield* lookUp("sidecar", sidecar.find(pathOf(file), file.version))
    if (Option.isSome(beside)) yield* quietly("database", repo.store(keyOf(file), beside.value.analysis))
    return beside
  })

  const askServer = Effect.fn("FingerprintGenerator.askServer")(function* (
    file: TrackFile,
    onProgress: (progress: AnalysisProgress) => Effect.Effect<void>
  ) {
    const attempt = client.compute({ trackId: String(file.track.id), path: pathOf(file) }).pipe(
      Stream.tap((event) => (event._tag === "Progress" ? onProgress(event.progress) : Effect.void)),
      Stream.filterMap((event) => (event._tag === "Result" ? Option.some(event.analysis) : Option.none())),
      Stream.runHead,
      Effect.flatMap(
        Option.match({
          onNone: () => new ServerAnswerInvalid({ detail: "it ended without a result" }),
          onSome: (analysis) => Effect.succeed(analysis)
        })
      )
    )
    return yield* attempt.pipe(
      Effect.retry({ schedule: retryPolicy, while: isRetryable }),
      // A call that is slow to let go must not make the listener wait.
      Effect.disconnect,
      Effect.timeoutFail({
        duration: serverTimeout,
        onTimeout: () => new ServerTimedOut({ seconds: Duration.toSeconds(serverTimeout) })
      }),
      Effect.filterOrFail(
        ({ provenance }) =>
          isSameVersion({ size: provenance.file_size, mtime_ms: provenance.file_mtime_ms }, file.version),
        () => new ServerAnswerInvalid({ detail: "it is about another content of the file" })
      ),
      Effect.tap(() => count("server", "hit")),
      Effect.tapError((error) => count("server", error._tag === "FileRefused" ? "miss" : "error"))
    )
  })

  const remember = (file: TrackFile, error: FingerprintServerError) =>
    error._tag === "FileRefused" && lastingRefusals.has(error.code)
      ? quietly("database", repo.storeFailure(keyOf(file), { code: error.code, message: error.message }))
      : Effect.void

  const generate = (file: TrackFile, publish: (event: GenerationEvent) => Effect.Effect<void>) =>
    Effect.gen(function* () {
      const tell = makeTeller(file)
      const cached = yield* findCached(file)
      if (Option.isSome(cached)) return tell.found("cached", cached.value)
      const failure = yield* repo.findFailure(keyOf(file)).pipe(Effect.catchAllCause(() => Effect.succeedNone))
      if (Option.isSome(failure)) return tell.none("failed", failure.value.message)
      yield* publish(tell.none("queued", "Waiting for its analysis."))
      const onProgress = ({ stage, percent }: AnalysisProgress) =>
        publish(stage === "queued" ? tell.none("queued", "Waiting for its analysis.") : tell.analyzing(percent))
      return yield* askServer(file, onProgress).pipe(
        Effect.tap((analysis) => quietly("database", repo.store(keyOf(file), analysis))),
        Effect.tap((analysis) => sidecar.store(pathOf(file), analysis)),
        Effect.map((analysis) => tell.found("complete", { analysis, source: "server" })),
        Effect.catchAll((error) =>
          Effect.logWarning("No fingerprint", error.message).pipe(
            Effect.zipRight(remember(file, error)),
            Effect.as(tell.none(isFault(error) ? "unavailable" : "failed", error.message))
          )
        )
      )
    }).pipe(
      Effect.catchAllCause((cause) =>
        Effect.logError("A generation died", cause).pipe(
          Effect.as(
            makeTeller(file).none("unavailable", "The analysis broke off. The track plays without a fingerprint.")
          )
        )
      ),
      Effect.annotateLogs({ track_id: file.track.id, path: pathOf(file) })
    )

  /** The running generation of this content of the track, or a new one; it lives in this layer, not in its caller. */
  const join = (file: TrackFile) =>
    Effect.gen(function* () {
      const id = `${file.track.id} ${file.version.size} ${file.version.mtime_ms}`
      const running = jobs.get(id)
      if (running !== undefined) return running
      const job: Job = yield* SubscriptionRef.make(Option.none<GenerationEvent>())
      jobs.set(id, job)
      const publish = (event: GenerationEvent) => SubscriptionRef.set(job, Option.some(event))
      yield* Effect.interruptible(generate(file, publish)).pipe(
        Effect.onExit((exit) => {
          jobs.delete(id)
          return publish(
            Exit.isSuccess(exit) ? exit.value : makeTeller(file).none("unavailable", "The service is stopping.")
          )
        }),
        Effect.forkIn(scope)
      )
      return job
    }).pipe(jobsLock.withPermits(1), Effect.uninterruptible)

  const events = (file: TrackFile) =>
    Stream.unwrap(Effect.map(join(file), (job) => job.changes)).pipe(
      Stream.filterMap((event) => event),
      Stream.takeUntil(isLast)
    )

  return FingerprintGenerator.of({
    events,
    getOrGenerate: (file) =>
      events(file).pipe(
        Stream.runLast,
        Effect.map(Option.flatMap((event) => event.analysis)),
        Effect.withSpan("FingerprintGenerator.getOrGenerate")
      ),
    getCached: (file) =>
      Effect.map(
        findCached(file),
        Option.map((found) => found.analysis)
      ),
    isServerAvailable: client.isServerAvailable,
    running: Effect.sync(() => new Set(Array.from(jobs.keys(), (id) => Number.parseInt(id))))
  })
})

/** The server's fault, or the way to it, as against a file that cannot have a fingerprint. */
const isFault = (error: FingerprintServerError): error is Exclude<FingerprintServerError, FileRefused> =>
  error._tag !== "FileRefused"

const quietly = (tier: Tier, effect: Effect.Effect<void>) =>
  Effect.catchAllCause(effect, (cause) =>
    Effect.logWarning(`The ${tier} tier of fingerprints cannot be written`, cause).pipe(
      Effect.zipRight(count(tier, "error"))
    )
  )

const makeTeller = (file: TrackFile) => {
  const track_id = file.track.id
  const event = (
    status: Omit<FingerprintStatus, "track_id">,
    analysis: Option.Option<TrackAnalysis>
  ): GenerationEvent => ({
    status: { track_id, ...status },
    analysis
  })
  return {
    none: (status: "queued" | "failed" | "unavailable", message: string) => event({ status, message }, Option.none()),
    analyzing: (percent: number) =>
      event(
        { status: "analyzing", percent, source: "server", message: `Analysing, ${Math.floor(percent)} %.` },
        Option.none()
      ),
    found: (status: "cached" | "complete", { analysis, source }: Found) =>
      event(
        { status, source, message: status === "cached" ? `Fingerprint found in the ${source}.` : "Analysis complete." },
        Option.some(analysis)
      )
  }
}

export const layer: Layer.Layer<
  FingerprintGenerator,
  never,
  Exclude<Effect.Effect.Context<typeof make>, Scope.Scope>
> = Layer.scoped(FingerprintGenerator, make)
