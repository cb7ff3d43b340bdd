import { describe, it } from "vitest"
import { assert } from "../support/assert.ts"
import { faultsInWords, runMutants } from "../support/mutantRuns.ts"

const seed = 12

describe("a damaged file of any format", () => {
  it("gives an analysis or a typed error, a thousand times", { timeout: 600_000 }, async () => {
    const { faults, outcomes } = await runMutants({ seed, count: 1000 })
    assert.strictEqual(faultsInWords(seed, faults), "")
    const damaged = outcomes.get("analysed, with damage") ?? 0
    assert.isAbove(damaged, 0)
    assert.isAbove((outcomes.get("analysed") ?? 0) + damaged, 100)
  })
})
