import { describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream, TestClock } from "effect"
import { make } from "./FingerprintServerClientScripted.ts"
import { FingerprintServerClient } from "../../../src/services/FingerprintServerClient.ts"
import { assert } from "../assert.ts"
import { someAnalysis } from "../analyses.ts"

const request = { trackId: "7", path: "/music/ok.flac" }

const outcome = Effect.flatMap(FingerprintServerClient, ({ compute }) =>
  compute(request).pipe(
    Stream.runLast,
    Effect.match({
      onFailure: ({ _tag }) => _tag as string,
      onSuccess: (last) => (last._tag === "Some" ? last.value._tag : "none")
    })
  )
)

describe("FingerprintServerClientScripted", () => {
  it.effect("plays its steps call by call, the last one for ever, and keeps what was asked", () => {
    const client = make({
      script: ["unreachable", "busy", "timed_out", "invalid", "refused", "ok"],
      analysis: someAnalysis()
    })
    return Effect.gen(function* () {
      const server = yield* FingerprintServerClient
      assert.isFalse(yield* server.isServerAvailable)
      const outcomes = yield* Effect.replicateEffect(outcome, 7)
      assert.deepStrictEqual(outcomes, [
        "ServerUnreachable",
        "ServerBusy",
        "ServerTimedOut",
        "ServerAnswerInvalid",
        "FileRefused",
        "Result",
        "Result"
      ])
      assert.isTrue(yield* server.isServerAvailable)
      assert.deepStrictEqual(
        client.requests,
        Array.from({ length: 7 }, () => request)
      )
    }).pipe(Effect.provide(client.layer))
  })

  it.effect("takes its time when slow, and counts the calls that were given up", () => {
    const client = make({ script: ["slow", "hanging"], analysis: someAnalysis(), slowBy: "5 seconds" })
    return Effect.gen(function* () {
      const slow = yield* Effect.fork(outcome)
      yield* TestClock.adjust("4 seconds")
      assert.isNull(slow.unsafePoll())
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(slow), "Result")
      const hanging = yield* Effect.fork(outcome)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(client.interrupted(), 0)
      yield* Fiber.interrupt(hanging)
      assert.strictEqual(client.interrupted(), 1)
    }).pipe(Effect.provide(client.layer))
  })
})
