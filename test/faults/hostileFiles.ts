/** What listeners notice of files that are made to stop whoever parses them: nothing. */
import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { assert } from "../support/assert.ts"
import { runHostileFolder } from "../support/hostileFolder.ts"

describe("Listeners", () => {
  it.scopedLive(
    "hear every sample once while hostile files are scanned, watched and drawn, and each of those is accounted for",
    () =>
      Effect.gen(function* () {
        const { listeners, missing, trackSamples, unreadable } = yield* runHostileFolder(true)
        for (const { end, faults, name, samples } of listeners) {
          assert.isEmpty(faults, name)
          assert.deepStrictEqual({ name, end, samples }, { name, end: "completed", samples: trackSamples })
        }
        assert.isEmpty(missing)
        for (const [name, message] of Object.entries(unreadable))
          assert.match(message, /cannot be read .*: .*\.$/, name)
      }),
    600_000
  )
})
