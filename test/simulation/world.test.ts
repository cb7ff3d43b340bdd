import { describe, it } from "vitest"
import { simulate } from "./world.ts"
import { assert } from "../support/assert.ts"

/** As many as fit into the time that all tests may take; `.ci/run` has `npm run simulate` run 2000. */
const seeds = Number(process.env["LATHE_SIMULATION_SEEDS"] ?? 40)
const perTest = 20

describe("The service, whatever fails and whatever clients do", () => {
  for (let first = 0; first < seeds; first += perTest) {
    it(`ends each stream once, loses no sample, leaves nothing behind (seeds ${first} to ${first + perTest - 1})`, async () => {
      let packets = 0
      for (let seed = first; seed < first + perTest; seed++) {
        packets += (await simulate(seed)).packets
        // A world runs in one go: the runner wants its turn between them.
        await new Promise((resolve) => setImmediate(resolve))
      }
      assert.isAbove(packets, 100)
    })
  }

  it("runs the same way for the same seed", async () => {
    const traceOf = async (seed: number) => {
      const lines: Array<string> = []
      // Tokens and ids of streams are random on purpose.
      await simulate(seed, (at, text) => void lines.push(`${at} ${text.replace(/"resume_token":"[^"]*"/, "")}`))
      return lines
    }
    assert.deepStrictEqual(await traceOf(11), await traceOf(11))
    assert.notDeepStrictEqual(await traceOf(11), await traceOf(12))
  })
})
