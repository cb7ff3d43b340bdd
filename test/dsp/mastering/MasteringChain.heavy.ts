import { describe, it } from "vitest"
import { assertAllocatesNothing } from "../../support/heapOfChain.ts"
import { busy, following } from "../../support/renderChain.ts"

describe("MasteringChain", { timeout: 300_000 }, () => {
  for (const [name, settings] of Object.entries({ busy, following })) {
    it(`allocates nothing per sample, ${name}: ten minutes need less than 3 MB`, () =>
      assertAllocatesNothing(settings, 10))
  }
})
