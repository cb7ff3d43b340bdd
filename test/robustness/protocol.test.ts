import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { assert } from "../support/assert.ts"
import { fuzzRpc } from "../support/rpcFuzz.ts"
import { standsAnything, standsStorm } from "../support/protocolSuite.ts"

// Longer ones are in protocol.heavy.ts.
describe("Stream sessions", () => {
  standsAnything(1, 2000)
  standsStorm(200)
})

describe("A connection of the RPC", () => {
  for (const seed of [1, 2, 3]) {
    it.effect(`answers each call once, whatever else is said, seed ${seed}`, () =>
      Effect.gen(function* () {
        const { answers, calls, faults } = yield* fuzzRpc({ seed, count: 2000 })
        assert.deepStrictEqual(faults, [])
        assert.isAbove(calls, 500)
        assert.isAtLeast(answers, calls)
      })
    )
  }
})
