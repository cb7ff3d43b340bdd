import { describe, it } from "@effect/vitest"
import { encodeMessage, makeMessageSplitter } from "../../../src/layers/process/messages.ts"
import { assert } from "../../support/assert.ts"

describe("The messages of a worker", () => {
  it("come whole, however their bytes are split", () => {
    const samples = Uint8Array.from({ length: 1000 }, (_, n) => n % 251)
    const bytes = Buffer.concat([
      ...encodeMessage('{"first":"ä"}', undefined),
      ...encodeMessage('{"second":2}', samples),
      ...encodeMessage("{}", new Uint8Array(0))
    ])
    for (const size of [1, 7, 64, bytes.length]) {
      const got: Array<readonly [string, Uint8Array]> = []
      const split = makeMessageSplitter((report, payload) => void got.push([report, payload]))
      for (let at = 0; at < bytes.length; at += size) assert.isTrue(split(bytes.subarray(at, at + size)))
      assert.deepStrictEqual(got, [
        ['{"first":"ä"}', new Uint8Array(0)],
        ['{"second":2}', samples],
        ["{}", new Uint8Array(0)]
      ])
    }
  })

  it("that promise more than any message has are refused before memory is taken for them", () => {
    const split = makeMessageSplitter(() => assert.fail("there is no message"))
    assert.isFalse(split(Buffer.alloc(8, 0xff)))
  })
})
