/** What listeners notice of real faults: nothing, but where the file itself or the whole service is gone. */
import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { assert } from "../support/assert.ts"
import { scenarios } from "../support/faultScenarios.ts"

/** A scenario plays some ten seconds in real time, and starts processes first. */
const patience = 180_000

describe("Listeners", () => {
  for (const { fault, obstacle, run } of scenarios) {
    it.scopedLive(
      `hear every sample once when ${fault}`,
      (context) =>
        Effect.gen(function* () {
          const reason = obstacle()
          if (reason !== undefined) return context.skip(reason)
          const { listeners, storeProblems, trackSamples } = yield* run
          for (const { end, faults, name, samples } of listeners) {
            assert.isEmpty(faults, name)
            if (name === "the endless file") {
              // Up to where it loops, and then a sentence.
              assert.match(end, /^track_unreadable: d endless\.flac /, name)
              assert.isAbove(samples, 0, name)
              continue
            }
            assert.deepStrictEqual({ name, end, samples }, { name, end: "completed", samples: trackSamples })
          }
          assert.isEmpty(storeProblems)
        }),
      patience
    )
  }
})
