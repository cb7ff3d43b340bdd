import { describe, it } from "vitest"
import { assert } from "../support/assert.ts"
import { faultsInWords } from "../support/mutantRuns.ts"
import { runStructured } from "../support/structuredRuns.ts"

const seed = 22

describe("a file whose structure is damaged", () => {
  it("gives tags and an analysis, or typed errors, two thousand times", { timeout: 1_800_000 }, async () => {
    const { faults, outcomes } = await runStructured({ seed, count: 2000 })
    assert.strictEqual(faultsInWords(seed, faults, "--structured"), "")
    assert.isAbove(outcomes.get("analysis: done") ?? 0, 200)
  })
})
