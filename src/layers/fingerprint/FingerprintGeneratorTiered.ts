/** FingerprintGenerator over its tiers: memory, database, sidecar, fingerprint server, none. */
import {
  Clock,
  Duration,
  Effect,
  Equal,
  Exit,
  Hash,
  Layer,
  Metric,
  Option,
  RcMap,
  Ref,
  Schedule,
  type Scope,
  Stream,
  SubscriptionRef
} from "effect"
import { LRUCache } from "lru-cache"
import type { CircuitPolicy } from "../../domain/supervision/CircuitBreaker.ts"
import type { AnalysisProgress, TrackAnalysis } from "../../domain/fingerprint/Fingerprint.ts"
import type { FolderReadOnly } from "../../domain/fingerprint/FolderReadOnly.ts"
import {
  type FingerprintServerError,
  isRetryable,
  ServerAnswerInvalid,
  ServerTimedOut
} from "../../domain/fingerprint/FingerprintServerError.ts"
import type { FingerprintStatus } from "../../domain/fingerprint/FingerprintStatus.ts"
import { fromBytes } from "../../dsp/Waveform.ts"
import * as Metrics from "../../domain/telemetry/Metrics.ts"
import { isSameVersion, type TrackFile } from "../../domain/library/Track.ts"
import { Actors } from "../../services/Actors.ts"
import { FingerprintGenerator, type GenerationEvent } from "../../services/FingerprintGenerator.ts"
import { FingerprintRepo, type RememberedFailure, type TrackKey } from "../../services/FingerprintRepo.ts"
import { FingerprintServerClient } from "../../services/FingerprintServerClient.ts"
import { FingerprintSidecar } from "../../services/FingerprintSidecar.ts"
import { pathOf } from "../../services/TrackLibrary.ts"
import { WaveformRepo } from "../../services/WaveformRepo.ts"
import { type CircuitOpen, makeCircuitBreaker, type Verdict } from "./circuitBreaker.ts"

/** Bound on the server tier as a whole, all attempts and pauses included. */
const serverTimeout = Duration.seconds(60)

/**
 * Pauses of about 0.5, 1, 2, 4, and four times 5 s: a server that was killed is back by then, and so is one that was
 * stopped, which is noticed after 4.5 s, and starts on a busy machine.
 */
const retryPolicy = Schedule.exponential("500 millis").pipe(
  Schedule.union(Schedule.spaced("5 seconds")),
  Schedule.jittered,
  Schedule.intersect(Schedule.recurs(8))
)

/** What a refusal says about the file itself, and so holds as long as the file stays what it is. */
const lastingRefusals: ReadonlySet<string> = new Set([
  "TrackTooShort",
  "TrackSilent",
  "TrackUnreadable",
  "TrackTooLarge"
])

/** Five failures in a row: all attempts of one generation, or the first ones of several. */
const circuitPolicy: CircuitPolicy = { failuresToOpen: 5, openMs: 10_000 }

/** While the circuit is open, the server is asked this often whether it is back. */
const healthInterval = Duration.seconds(1)

/** A generation that nobody waits for goes on for so long: a seek lets go of it and takes it up again. */
const linger = Duration.seconds(5)

/** Files whose fingerprint, or whose lack of one, is kept in memory: some megabytes. */
const rememberedFiles = 1024

type Tier = Exclude<Metrics.FingerprintTier, "memory">

const count = (tier: Metrics.FingerprintTier, outcome: "hit" | "miss" | "error") =>
  Metric.increment(Metrics.fingerprintLookups).pipe(Effect.tagMetrics({ tier, outcome }))

const countWrite = (tier: Tier, outcome: "stored" | "error") =>
  Metric.increment(Metrics.fingerprintWrites).pipe(Effect.tagMetrics({ tier, outcome }))

interface Found {
  readonly analysis: TrackAnalysis
  readonly source: Tier
}

/** The latest event of a running generation; none until there is something to tell. */
type Latest = SubscriptionRef.SubscriptionRef<Option.Option<GenerationEvent>>

const keyOf = (file: TrackFile): TrackKey => ({ trackId: file.track.id, version: file.version })

const isLast = ({ status }: GenerationEvent): boolean => status.status !== "queued" && status.status !== "analyzing"

/** What is known of a file version without looking: its analysis and where it came from, or why there is none. */
type Known = { readonly found: Found } | { readonly failure: RememberedFailure }

/** One content of one track. */
const idOf = ({ track, version }: TrackFile): string => `${track.id} ${version.size} ${version.mtime_ms}`

/** A file by its content, whatever else is known of the track by now. */
class FileContent implements Equal.Equal {
  readonly file: TrackFile
  readonly #id: string
  constructor(file: TrackFile) {
    this.file = file
    this.#id = idOf(file)
  }
  [Equal.symbol](that: unknown): boolean {
    return that instanceof FileContent && that.#id === this.#id
  }
  [Hash.symbol](): number {
    return Hash.string(this.#id)
  }
}

/** Of the latest files; the one that was used longest ago is forgotten. */
const makeMemory = () => {
  const entries = new LRUCache<string, Known>({ max: rememberedFiles })
  return {
    set: (file: TrackFile, known: Known) => Effect.sync(() => void entries.set(idOf(file), known)),
    get: (file: TrackFile) => Effect.sync(() => entries.get(idOf(file)))
  }
}

const make = Effect.gen(function* () {
  const repo = yield* FingerprintRepo
  const sidecar = yield* FingerprintSidecar
  const client = yield* FingerprintServerClient
  const waveforms = yield* WaveformRepo
  const scope = yield* Effect.scope
  const memory = makeMemory()
  const actors = yield* Actors
  /** One tier's look-up: counted, and a fault in it is a miss. */
  const lookUp = <A>(tier: Tier, find: Effect.Effect<Option.Option<A>>) =>
    find.pipe(
      Effect.tap((found) => count(tier, Option.isSome(found) ? "hit" : "miss")),
      Effect.catchAllCause((cause) =>
        Effect.logWarning(`The ${tier} tier of fingerprints failed`, cause).pipe(
          Effect.zipRight(count(tier, "error")),
          Effect.as(Option.none<A>())
        )
      )
    )

  /** A write to one tier: counted, and a fault in it changes nothing for the listener. */
  const write = (tier: Tier, store: Effect.Effect<void, FolderReadOnly>) =>
    store.pipe(
      Effect.zipRight(countWrite(tier, "stored")),
      Effect.catchTag("FolderReadOnly", ({ message }) =>
        Effect.zipRight(Effect.logDebug(message), countWrite(tier, "error"))
      ),
      Effect.catchAllCause((cause) =>
        Effect.zipRight(
          Effect.logWarning(`The ${tier} tier of fingerprints cannot be written`, cause),
          countWrite(tier, "error")
        )
      )
    )

  const findStored = (file: TrackFile) =>
    Effect.gen(function* () {
      const stored = yield* lookUp("database", repo.find(keyOf(file)))
      if (Option.isSome(stored)) return Option.some<Found>({ analysis: stored.value, source: "database" })
      const beside = yield* lookUp("sidecar", sidecar.find(pathOf(file), file.version))
      if (Option.isNone(beside)) return Option.none<Found>()
      yield* write("database", repo.store(keyOf(file), beside.value))
      return Option.some<Found>({ analysis: beside.value, source: "sidecar" })
    })

  const findCached = Effect.fn("FingerprintGenerator.findCached")(function* (file: TrackFile) {
    const known = yield* memory.get(file)
    yield* count("memory", known === undefined ? "miss" : "hit")
    if (known !== undefined) return "found" in known ? Option.some(known.found) : Option.none<Found>()
    const stored = yield* findStored(file)
    if (Option.isSome(stored)) yield* memory.set(file, { found: stored.value })
    return stored
  })

  const findFailure = (file: TrackFile) =>
    Effect.gen(function* () {
      const known = yield* memory.get(file)
      if (known !== undefined && "failure" in known) return Option.some(known.failure)
      return yield* repo
        .findFailure(keyOf(file))
        .pipe(
          Effect.catchAllCause((cause) =>
            Effect.logWarning("The database tier of fingerprints failed", cause).pipe(
              Effect.zipRight(count("database", "error")),
              Effect.as(Option.none<RememberedFailure>())
            )
          )
        )
    })

  const wasAway = yield* Ref.make(false)

  /**
   * A server that did not answer and now does is used at once. One that answered its health check all along, and
   * failed, has to prove itself by a probe.
   */
  const isServerAvailable = Effect.tap(client.isServerAvailable, (isAvailable) =>
    Effect.flatMap(Ref.getAndSet(wasAway, !isAvailable), (before) =>
      before && isAvailable ? breaker.reset : Effect.void
    )
  )

  /** Looks after the server while the circuit is not closed. */
  const watch: Effect.Effect<void> = isServerAvailable.pipe(
    Effect.zipRight(Effect.sleep(healthInterval)),
    Effect.repeat({ until: () => Effect.map(breaker.state, (state) => state === "closed") }),
    Effect.asVoid
  )
  const isWatching = yield* Effect.makeSemaphore(1)
  const breaker = yield* makeCircuitBreaker(
    circuitPolicy,
    Effect.suspend(() =>
      isWatching.withPermitsIfAvailable(1)(watch).pipe(Effect.interruptible, Effect.forkIn(scope), Effect.asVoid)
    )
  )

  const compute = (file: TrackFile, onProgress: (progress: AnalysisProgress) => Effect.Effect<void>) =>
    client.compute({ trackId: String(file.track.id), path: pathOf(file) }).pipe(
      Stream.tap((event) => {
        if (event._tag === "Progress") return onProgress(event.progress)
        return event.waveform === undefined ? Effect.void : waveforms.store(file, fromBytes(event.waveform))
      }),
      Stream.filterMap((event) => (event._tag === "Result" ? Option.some(event.analysis) : Option.none())),
      Stream.runHead,
      Effect.flatMap(
        Option.match({
          onNone: () => new ServerAnswerInvalid({ detail: "it ended without a result" }),
          onSome: (analysis) => Effect.succeed(analysis)
        })
      ),
      Effect.tapError(({ _tag }) =>
        Effect.tagMetrics(Metric.increment(Metrics.fingerprintAttemptErrors), "error", _tag)
      )
    )

  const askServer = Effect.fn("FingerprintGenerator.askServer")(function* (
    file: TrackFile,
    onProgress: (progress: AnalysisProgress) => Effect.Effect<void>
  ) {
    // Who comes to an open circuit is refused at once. Who is in the middle of its attempts goes on waiting between
    // them: it may meet the circuit closed again.
    let hasTried = false
    const attempt = breaker.protect(
      Effect.suspend(() => {
        hasTried = true
        return compute(file, onProgress)
      }),
      verdictOf
    )
    return yield* attempt.pipe(
      Effect.retry({
        schedule: retryPolicy,
        while: (error) => (error._tag === "CircuitOpen" ? hasTried : isRetryable(error))
      }),
      // A call that is slow to let go must not make the listener wait.
      Effect.disconnect,
      Effect.timeoutFail({
        duration: serverTimeout,
        onTimeout: () => new ServerTimedOut({ seconds: Duration.toSeconds(serverTimeout) })
      }),
      Effect.tapErrorTag("ServerTimedOut", () => breaker.recordFailure),
      Effect.filterOrFail(
        ({ provenance }) =>
          isSameVersion({ size: provenance.file_size, mtime_ms: provenance.file_mtime_ms }, file.version),
        () => new ServerAnswerInvalid({ detail: "it is about another content of the file" })
      ),
      Effect.tap(() => count("server", "hit")),
      Effect.tapError((error) => count("server", error._tag === "FileRefused" ? "miss" : "error"))
    )
  })

  const remember = (file: TrackFile, error: FingerprintServerError | CircuitOpen) => {
    if (error._tag !== "FileRefused" || !lastingRefusals.has(error.code)) return Effect.void
    const failure = { code: error.code, message: error.message }
    return Effect.zipRight(memory.set(file, { failure }), write("database", repo.storeFailure(keyOf(file), failure)))
  }

  const keep = (file: TrackFile, analysis: TrackAnalysis) =>
    memory
      .set(file, { found: { analysis, source: "server" } })
      .pipe(
        Effect.zipRight(write("database", repo.store(keyOf(file), analysis))),
        Effect.zipRight(write("sidecar", sidecar.store(pathOf(file), analysis)))
      )

  const generate = (file: TrackFile, publish: (event: GenerationEvent) => Effect.Effect<void>) =>
    Effect.gen(function* () {
      const event = eventsOf(file)
      const cached = yield* findCached(file)
      if (Option.isSome(cached)) return event.found("cached", cached.value)
      const failure = yield* findFailure(file)
      if (Option.isSome(failure)) return event.none("failed", failure.value.message)
      yield* publish(event.none("queued", "Waiting for its analysis."))
      const onProgress = ({ stage, percent }: AnalysisProgress) =>
        publish(stage === "queued" ? event.none("queued", "Waiting for its analysis.") : event.analyzing(percent))
      return yield* measured(
        askServer(file, onProgress).pipe(
          Effect.tap((analysis) => keep(file, analysis)),
          Effect.map((analysis) => event.found("complete", { analysis, source: "server" })),
          Effect.catchAll((error) =>
            Effect.logWarning("No fingerprint", error.message).pipe(
              Effect.zipRight(remember(file, error)),
              Effect.as(event.none(error._tag === "FileRefused" ? "failed" : "unavailable", error.message))
            )
          )
        )
      )
    }).pipe(
      Effect.catchAllCause((cause) =>
        Effect.logError("A generation died", cause).pipe(
          Effect.as(
            eventsOf(file).none("unavailable", "The analysis broke off. The track plays without a fingerprint.")
          )
        )
      ),
      Effect.annotateLogs({ track_id: file.track.id, path: pathOf(file) })
    )

  /** The running generations. One that nobody waits for is interrupted when it has lingered. */
  const running: RcMap.RcMap<FileContent, Latest> = yield* RcMap.make({
    idleTimeToLive: linger,
    lookup: (content: FileContent) =>
      Effect.gen(function* () {
        const { file } = content
        const latest: Latest = yield* SubscriptionRef.make(Option.none<GenerationEvent>())
        const publish = (event: GenerationEvent) => SubscriptionRef.set(latest, Option.some(event))
        const fiber = yield* generate(file, publish).pipe(
          Effect.onExit((exit) =>
            publish(
              Exit.isSuccess(exit) ? exit.value : eventsOf(file).none("unavailable", "The analysis was given up.")
            )
          ),
          // Whoever comes from now on begins anew: what was found is in the caches by now.
          // Not by itself: where nobody waits any more this closes the scope that waits for its end.
          Effect.ensuring(Effect.suspend(() => Effect.forkDaemon(RcMap.invalidate(running, content)))),
          Effect.interruptible,
          Effect.forkScoped
        )
        yield* actors.adopt("generation", `fingerprint of track ${file.track.id}`, fiber)
        return latest
      })
  })

  const events = (file: TrackFile) =>
    Stream.unwrapScoped(Effect.map(RcMap.get(running, new FileContent(file)), (latest) => latest.changes)).pipe(
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
    isServerAvailable,
    running: Effect.map(RcMap.keys(running), (contents) => new Set(contents.map(({ file }) => file.track.id)))
  })
})

/** A busy server is a well one; a file that it refuses, too. */
const verdictOf = ({ _tag }: FingerprintServerError): Verdict =>
  _tag === "FileRefused" ? "good" : _tag === "ServerBusy" ? "neutral" : "bad"

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

/** What is said of the generation of one track. */
const eventsOf = (file: TrackFile) => {
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
        {
          status,
          source,
          message: status === "cached" ? `Fingerprint found; it is from the ${source}.` : "Analysis complete."
        },
        Option.some(analysis)
      )
  }
}

export const layer: Layer.Layer<
  FingerprintGenerator,
  never,
  Exclude<Effect.Effect.Context<typeof make>, Scope.Scope>
> = Layer.scoped(FingerprintGenerator, make)
