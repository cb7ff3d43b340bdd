/** The tier that measures: the fingerprint server, asked until it answers, and left alone while it fails. */
import { Clock, Duration, Effect, Metric, Option, Ref, Schedule, Stream } from "effect"
import type { AnalysisProgress } from "../../domain/fingerprint/Fingerprint.ts"
import {
  type FingerprintServerError,
  isRetryable,
  ServerAnswerInvalid,
  ServerTimedOut
} from "../../domain/fingerprint/FingerprintServerError.ts"
import type { CircuitPolicy } from "../../domain/supervision/CircuitBreaker.ts"
import * as Metrics from "../../domain/telemetry/Metrics.ts"
import { isSameSizeAndTime, type TrackFile } from "../../domain/library/Track.ts"
import { fromBytes } from "../../dsp/Waveform.ts"
import { FingerprintServerClient } from "../../services/FingerprintServerClient.ts"
import { pathOf } from "../../services/TrackLibrary.ts"
import { WaveformRepo } from "../../services/WaveformRepo.ts"
import { type CircuitBreaker, makeCircuitBreaker, type Verdict } from "./circuitBreaker.ts"
import { countLookUp } from "./tierMetrics.ts"

/** From one sign of progress to the next, attempts and pauses included. A long file takes longer than this as a whole. */
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

/** Five failures in a row: all attempts of one generation, or the first ones of several. */
const circuitPolicy: CircuitPolicy = { failuresToOpen: 5, openMs: 10_000 }

/** While the circuit is open, the server is asked this often whether it is back. */
const healthInterval = Duration.seconds(1)

type OnProgress = (progress: AnalysisProgress) => Effect.Effect<void>

export const makeServerTier = Effect.gen(function* () {
  const client = yield* FingerprintServerClient
  const waveforms = yield* WaveformRepo
  const { breaker, isServerAvailable } = yield* makeWatchedCircuit(client.isServerAvailable)
  return {
    isServerAvailable,
    ask: Effect.fn("FingerprintGenerator.askServer")((file: TrackFile, onProgress: OnProgress) =>
      Effect.flatMap(makeStall, (stall) =>
        ask(
          breaker,
          Effect.suspend(() =>
            compute(client, waveforms, file, (progress) => Effect.zipRight(stall.moved(progress), onProgress(progress)))
          ),
          stall.stalled,
          file
        )
      )
    )
  }
})

/** Fails once the server has shown nothing new for so long. */
const makeStall = Effect.gen(function* () {
  let last: AnalysisProgress | undefined
  let movedAt = yield* Clock.currentTimeMillis
  const patience = Duration.toMillis(serverTimeout)
  const stalled: Effect.Effect<never, ServerTimedOut> = Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const left = movedAt + patience - now
    return left > 0
      ? Effect.zipRight(Effect.sleep(Duration.millis(left)), stalled)
      : new ServerTimedOut({ seconds: Duration.toSeconds(serverTimeout) })
  })
  /** The same said again is no progress. */
  const moved = (progress: AnalysisProgress) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      if (last?.stage === progress.stage && last.percent === progress.percent) return
      last = progress
      movedAt = now
    })
  return { stalled, moved }
})

/** A circuit that, while it is not closed, looks whether the server has come back. */
const makeWatchedCircuit = (isReachable: Effect.Effect<boolean>) =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const wasAway = yield* Ref.make(false)
    const isWatching = yield* Effect.makeSemaphore(1)

    /**
     * A server that did not answer and now does is used at once. One that answered its health check all along, and
     * failed, has to prove itself by a probe.
     */
    const isServerAvailable = Effect.tap(isReachable, (isAvailable) =>
      Effect.flatMap(Ref.getAndSet(wasAway, !isAvailable), (before) =>
        before && isAvailable ? breaker.reset : Effect.void
      )
    )

    const watch: Effect.Effect<void> = isServerAvailable.pipe(
      Effect.zipRight(Effect.sleep(healthInterval)),
      Effect.repeat({ until: () => Effect.map(breaker.state, (state) => state === "closed") }),
      Effect.asVoid
    )
    const breaker: CircuitBreaker = yield* makeCircuitBreaker(
      circuitPolicy,
      Effect.suspend(() =>
        isWatching.withPermitsIfAvailable(1)(watch).pipe(Effect.interruptible, Effect.forkIn(scope), Effect.asVoid)
      )
    )
    return { breaker, isServerAvailable }
  })

const compute = (
  client: FingerprintServerClient["Type"],
  waveforms: WaveformRepo["Type"],
  file: TrackFile,
  onProgress: OnProgress
) =>
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
    Effect.tapError(({ _tag }) => Effect.tagMetrics(Metric.increment(Metrics.fingerprintAttemptErrors), "error", _tag))
  )

const ask = (
  breaker: CircuitBreaker,
  computing: ReturnType<typeof compute>,
  stalled: Effect.Effect<never, ServerTimedOut>,
  file: TrackFile
) =>
  Effect.suspend(() => {
    // Who comes to an open circuit is refused at once. Who is in the middle of its attempts goes on waiting between
    // them: it may meet the circuit closed again.
    let hasTried = false
    const attempt = breaker.protect(
      Effect.suspend(() => {
        hasTried = true
        return computing
      }),
      verdictOf
    )
    return attempt.pipe(
      Effect.retry({
        schedule: retryPolicy,
        while: (error) => (error._tag === "CircuitOpen" ? hasTried : isRetryable(error))
      }),
      // A call that is slow to let go must not make the listener wait.
      Effect.disconnect,
      Effect.raceFirst(stalled),
      Effect.tapErrorTag("ServerTimedOut", () => breaker.recordFailure),
      Effect.filterOrFail(
        ({ provenance }) =>
          isSameSizeAndTime({ size: provenance.file_size, mtime_ms: provenance.file_mtime_ms }, file.version),
        () => new ServerAnswerInvalid({ detail: "it is about another content of the file" })
      ),
      Effect.tap(() => countLookUp("server", "hit")),
      Effect.tapError((error) => countLookUp("server", error._tag === "FileRefused" ? "miss" : "error"))
    )
  })

/** A busy server is a well one; a file that it refuses, too. */
const verdictOf = ({ _tag }: FingerprintServerError): Verdict =>
  _tag === "FileRefused" ? "good" : _tag === "ServerBusy" ? "neutral" : "bad"
