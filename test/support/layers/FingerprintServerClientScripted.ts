/** FingerprintServerClient without a server: each call takes the next step of a script. For tests and for trying out faults. */
import { type Context, type Duration, Effect, Exit, Layer, Stream } from "effect"
import type { TrackAnalysis } from "../../../src/domain/fingerprint/Fingerprint.ts"
import {
  FileRefused,
  type FingerprintServerError,
  ServerAnswerInvalid,
  ServerBusy,
  ServerTimedOut,
  ServerUnreachable
} from "../../../src/domain/fingerprint/FingerprintServerError.ts"
import {
  FingerprintServerClient,
  type FingerprintRequest,
  type FingerprintServerEvent
} from "../../../src/services/FingerprintServerClient.ts"

/** `slow` is `ok` after `slowBy`; `long` tells its progress every 30 s for 5 minutes; `hanging` never ends; the others fail at once. */
export type ScriptStep =
  | "ok"
  | "slow"
  | "long"
  | "hanging"
  | "unreachable"
  | "busy"
  | "timed_out"
  | "invalid"
  | "refused"

export interface ScriptedClientOptions {
  /** Its last step stands for all calls after it. */
  readonly script: readonly [ScriptStep, ...ReadonlyArray<ScriptStep>]
  /** What `ok` and `slow` answer. */
  readonly analysis: TrackAnalysis
  /** Default 5 s. */
  readonly slowBy?: Duration.DurationInput
}

export interface ScriptedClient {
  readonly layer: Layer.Layer<FingerprintServerClient>
  /** What was asked for, in order: one entry a call. */
  readonly requests: ReadonlyArray<FingerprintRequest>
  /** Calls that were interrupted before they ended. */
  readonly interrupted: () => number
}

const failures: Partial<Record<ScriptStep, () => FingerprintServerError>> = {
  unreachable: () => new ServerUnreachable({ detail: "connect ECONNREFUSED" }),
  busy: () => new ServerBusy(),
  timed_out: () => new ServerTimedOut({ seconds: 60 }),
  invalid: () => new ServerAnswerInvalid({ detail: "fingerprint.lufs: Expected a finite number, actual NaN" }),
  refused: () => new FileRefused({ code: "TrackSilent", reason: "The track is silent." })
}

export const make = ({ script, analysis, slowBy = "5 seconds" }: ScriptedClientOptions): ScriptedClient => {
  const requests: Array<FingerprintRequest> = []
  let interrupted = 0
  const stepOf = (call: number): ScriptStep => script[Math.min(call, script.length - 1)] ?? script[0]

  const progress = Stream.fromIterable<FingerprintServerEvent>([
    { _tag: "Progress", progress: { stage: "decoding", percent: 0 } },
    { _tag: "Progress", progress: { stage: "finishing", percent: 100 } }
  ])
  const slowProgress = Stream.range(1, 10).pipe(
    Stream.mapEffect((n) => Effect.as(Effect.sleep("30 seconds"), n)),
    Stream.map((n): FingerprintServerEvent => ({
      _tag: "Progress",
      progress: { stage: "decoding", percent: 10 * n }
    }))
  )
  const result = Stream.succeed<FingerprintServerEvent>({ _tag: "Result", analysis })

  const play = (step: ScriptStep): Stream.Stream<FingerprintServerEvent, FingerprintServerError> => {
    const failure = failures[step]
    if (failure !== undefined) return Stream.fail(failure())
    if (step === "hanging") return Stream.concat(progress, Stream.never)
    if (step === "long") return Stream.concat(slowProgress, result)
    const wait = step === "slow" ? Effect.sleep(slowBy) : Effect.void
    return progress.pipe(Stream.concat(Stream.drain(Stream.fromEffect(wait))), Stream.concat(result))
  }

  const service: Context.Tag.Service<FingerprintServerClient> = {
    compute: (request) =>
      Stream.suspend(() => {
        requests.push(request)
        return play(stepOf(requests.length - 1))
      }).pipe(
        Stream.ensuringWith((exit) =>
          Effect.sync(() => {
            if (Exit.isInterrupted(exit)) interrupted += 1
          })
        )
      ),
    isServerAvailable: Effect.sync(() => stepOf(requests.length) !== "unreachable")
  }
  return { layer: Layer.succeed(FingerprintServerClient, service), requests, interrupted: () => interrupted }
}
