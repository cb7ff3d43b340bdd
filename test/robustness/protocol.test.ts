import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { assert } from "../support/assert.ts"
import { fuzzProtocol } from "../support/protocolFuzz.ts"

/** As fast as it goes: nothing is waited for between them. */
const storm = (random: () => number) => {
  const kind = random()
  if (kind < 0.4) return JSON.stringify({ type: "play_enhanced", data: { track_id: 7, credits: 256 } })
  if (kind < 0.8) return JSON.stringify({ type: "seek", data: { position: random() * 25 } })
  return JSON.stringify({ type: "stop" })
}

describe("Stream sessions", () => {
  for (const seed of [1, 2, 3]) {
    it.effect(`stand anything that may be said to them: 2000 messages, seed ${seed}`, () =>
      Effect.gen(function* () {
        const report = yield* fuzzProtocol({ seed, count: 2000 })
        assert.deepStrictEqual(report.faults, [])
        assert.isAbove(report.starts, 50)
        assert.isAbove(report.packets, 500)
        assert.isAbove(report.errors, 100)
      })
    )
  }

  it.effect("stand a storm of 1000 plays, seeks and stops", () =>
    Effect.gen(function* () {
      const report = yield* fuzzProtocol({ seed: 1, count: 1000, clients: 1, say: storm })
      assert.deepStrictEqual(report.faults, [])
      assert.isAbove(report.starts, 100)
    })
  )
})
