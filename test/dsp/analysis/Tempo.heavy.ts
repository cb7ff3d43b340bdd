import { describe, it } from "vitest"
import { assert } from "../../support/assert.ts"
import { makeRightAfter, tempi } from "../../support/tempoScenes.ts"

describe.each([0, 20])("tempo after %i s of an ambient intro", (introSeconds) => {
  const right = makeRightAfter(introSeconds)

  it("is at the right level for 46 and more of 50 pairs of pattern and tempo", () => {
    assert.isAtLeast(right(tempi.fitted), 46)
  })

  it("is at the right level for 53 and more of 60 pairs it was not fitted to", () => {
    assert.isAtLeast(right(tempi.others), 53)
  })
})
