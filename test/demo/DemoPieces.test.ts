import { createHash } from "node:crypto"
import { describe, it } from "vitest"
import { demoPieces } from "../../demo/DemoPieces.ts"
import type { Stereo } from "../../demo/Stereo.ts"
import { assert } from "../support/assert.ts"
import { describeDemoPieces } from "../support/demoPieceSuite.ts"

const digestOf = (channels: Stereo) => {
  const hash = createHash("sha256")
  for (const samples of channels) hash.update(Buffer.from(samples.buffer))
  return hash.digest("hex")
}

// A low rate keeps this quick: the score, the random numbers and the instruments are the same, and so is what is expected.
// At 44.1 kHz: DemoPieces.heavy.ts.
describeDemoPieces(16_000)

describe("the demo pieces", () => {
  it("are the same samples every time", () => {
    const piece = demoPieces[1]!
    assert.strictEqual(digestOf(piece.render(8000)), digestOf(piece.render(8000)))
  })
})
