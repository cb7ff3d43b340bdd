/** A circuit breaker in front of calls: the decisions are domain/CircuitBreaker's, the clock and the metrics are here. */
import { Clock, Data, Effect, Exit, Metric, Ref } from "effect"
import * as Circuit from "../../domain/supervision/CircuitBreaker.ts"
import * as Metrics from "../../domain/telemetry/Metrics.ts"

/** The call was not made: the ones before it have failed too often. */
export class CircuitOpen extends Data.TaggedError("CircuitOpen") {
  override get message(): string {
    return "The fingerprint server has failed several times in a row and is left alone for a while."
  }
}

/** What the end of a call says about the other side. */
export type Verdict = "good" | "bad" | "neutral"

export interface CircuitBreaker {
  /** The call, if the circuit lets it through. An interrupted call and a defect say nothing about the other side. */
  readonly protect: <A, E, R>(
    call: Effect.Effect<A, E, R>,
    verdictOf: (error: E) => Verdict
  ) => Effect.Effect<A, E | CircuitOpen, R>
  readonly state: Effect.Effect<Circuit.Circuit["state"]>
  /** A failure that was seen from outside a call. */
  readonly recordFailure: Effect.Effect<void>
  /** The other side was seen to come back. */
  readonly reset: Effect.Effect<void>
}

const stateNumbers = { closed: 0, half_open: 1, open: 2 }

/** `onOpen` runs in the background of nothing: it must not wait. */
export const makeCircuitBreaker = (
  policy: Circuit.CircuitPolicy,
  onOpen: Effect.Effect<void> = Effect.void
): Effect.Effect<CircuitBreaker> =>
  Effect.gen(function* () {
    const circuit = yield* Ref.make<Circuit.Circuit>(Circuit.closed)

    /** Told after the fact: between the decision and the log another one may have been made, and told, too. */
    const tell = (before: Circuit.Circuit, after: Circuit.Circuit): Effect.Effect<void> =>
      before.state === after.state
        ? Effect.void
        : Metric.set(Metrics.circuitState, stateNumbers[after.state]).pipe(
            Effect.zipRight(Effect.tagMetrics(Metric.increment(Metrics.circuitTransitions), "to", after.state)),
            Effect.zipRight(
              Effect.logInfo(`The circuit to the fingerprint server is ${after.state.replace("_", "-")}`)
            ),
            Effect.zipRight(after.state === "open" ? onOpen : Effect.void)
          )

    const change = (next: (circuit: Circuit.Circuit, nowMs: number) => Circuit.Circuit) =>
      Effect.gen(function* () {
        const now = yield* Clock.currentTimeMillis
        const [before, after] = yield* Ref.modify(circuit, (before) => {
          const after = next(before, now)
          return [[before, after] as const, after]
        })
        yield* tell(before, after)
      })

    const admit = Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const [admission, before, after] = yield* Ref.modify(circuit, (before) => {
        const [admission, after] = Circuit.admit(before, now)
        return [[admission, before, after] as const, after]
      })
      yield* tell(before, after)
      return admission.isAdmitted ? admission.era : yield* new CircuitOpen()
    })

    const settle = (era: number, verdict: Verdict) =>
      change((circuit, now) =>
        verdict === "good"
          ? Circuit.succeed(circuit, era)
          : verdict === "bad"
            ? Circuit.fail(circuit, era, policy, now)
            : Circuit.release(circuit, era)
      )

    return {
      protect: (call, verdictOf) =>
        Effect.acquireUseRelease(
          admit,
          () => call,
          (era, exit) =>
            settle(
              era,
              Exit.match(exit, {
                onSuccess: () => "good",
                onFailure: (cause): Verdict => (cause._tag === "Fail" ? verdictOf(cause.error) : "neutral")
              })
            )
        ),
      state: Effect.map(Ref.get(circuit), ({ state }) => state),
      recordFailure: change((circuit, now) => Circuit.fail(circuit, circuit.era, policy, now)),
      reset: change(Circuit.reset)
    }
  })
