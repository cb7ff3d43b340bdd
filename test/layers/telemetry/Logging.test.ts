import { describe, it } from "@effect/vitest"
import { Effect, FiberRef, HashSet, Logger, TestClock } from "effect"
import { jsonLogger, logfmtLogger } from "../../../src/layers/telemetry/Logging.ts"
import { assert } from "../../support/assert.ts"

/** What a program logs, line by line. */
const linesOf = (program: Effect.Effect<unknown>, logger = jsonLogger) =>
  Effect.suspend(() => {
    const lines: Array<string> = []
    const collect = Logger.map(logger, (line) => void lines.push(line))
    return program.pipe(
      Effect.locally(FiberRef.currentLoggers, HashSet.make<[Logger.Logger<unknown, void>]>(collect)),
      Effect.as(lines)
    )
  })

const entriesOf = (program: Effect.Effect<unknown>) =>
  Effect.map(linesOf(program), (lines) => lines.map((line) => JSON.parse(line)))

describe("The log in JSON", () => {
  it.effect("has time, level, message and fiber, and annotations, spans and a cause where there are any", () =>
    Effect.gen(function* () {
      yield* TestClock.adjust("1 minute")
      const [plain, full] = yield* entriesOf(
        Effect.gen(function* () {
          yield* Effect.logInfo("It plays")
          yield* Effect.logError("It broke", new Error("by itself")).pipe(
            Effect.zipLeft(TestClock.adjust("250 millis"), { concurrent: false }),
            Effect.annotateLogs({ track_id: 7, stream_epoch: 2 }),
            Effect.withLogSpan("play")
          )
        })
      )
      assert.deepStrictEqual(Object.keys(plain), ["time", "level", "message", "fiber"])
      assert.hasFields(plain, { time: "1970-01-01T00:01:00.000Z", level: "info", message: "It plays" })
      assert.match(plain.fiber, /^#\d+$/)
      assert.hasFields(full, { level: "error", message: "It broke by itself" })
      assert.deepStrictEqual(full.annotations, { track_id: 7, stream_epoch: 2 })
      assert.deepStrictEqual(full.spans, { play: 0 })
    })
  )

  it.effect("tells a cause with its stack, which is for the log alone", () =>
    Effect.gen(function* () {
      const [entry] = yield* entriesOf(Effect.logError("It died", Effect.runSyncExit(Effect.die(new Error("boom")))))
      assert.includes(entry.message, "It died")
      const [caused] = yield* entriesOf(
        Effect.catchAllCause(Effect.die(new Error("boom")), (cause) => Effect.logError("It died", cause))
      )
      assert.strictEqual(caused.message, "It died")
      assert.match(caused.cause, /boom[^]*at /)
    })
  )

  it.effect("is one line an entry, whatever is logged", () =>
    Effect.gen(function* () {
      const circular: Record<string, unknown> = { name: "self" }
      circular["self"] = circular
      const odd = [
        "line\nlevel=fatal \u2028 forged",
        circular,
        { twice: [circular, circular] },
        10n,
        Number.NaN,
        undefined,
        null,
        Symbol("s"),
        () => 1
      ]
      const lines = yield* linesOf(Effect.forEach(odd, (value) => Effect.logInfo("odd", value)))
      assert.lengthOf(lines, odd.length)
      for (const line of lines) {
        assert.excludes(line, "\n")
        assert.includes(JSON.parse(line).message, "odd")
      }
      assert.includes(lines[1], "[circular]")
    })
  )
})

describe("The log for people", () => {
  it.effect("has one message a line, however many texts were logged at once", () =>
    Effect.gen(function* () {
      const [line = ""] = yield* linesOf(
        Effect.logWarning("It broke", "at once", { code: 7 }).pipe(Effect.annotateLogs({ track_id: 7 })),
        logfmtLogger
      )
      assert.lengthOf(line.match(/message=/g) ?? [], 1)
      assert.includes(line, 'message="It broke at once {\\"code\\":7}"')
      assert.includes(line, "track_id=7")
    })
  )
})
