import { describe, it } from "@effect/vitest"
import { makeTokenBucket, type TokenBucket } from "../../../src/domain/streaming/TokenBucket.ts"
import { assert } from "../../support/assert.ts"

const taken = (bucket: TokenBucket, nowMillis: number, tries = 100) =>
  Array.from({ length: tries }, () => bucket.take(nowMillis)).filter(Boolean).length

describe("A token bucket", () => {
  it("gives a full bucket at once, then as many as have come back", () => {
    const bucket = makeTokenBucket({ capacity: 20, perSecond: 10 })
    assert.strictEqual(taken(bucket, 5_000), 20)
    assert.strictEqual(taken(bucket, 5_099), 0)
    assert.strictEqual(taken(bucket, 5_100), 1)
    assert.strictEqual(taken(bucket, 6_100), 10)
  })

  it("never holds more than its capacity", () => {
    const bucket = makeTokenBucket({ capacity: 3, perSecond: 10 })
    assert.strictEqual(taken(bucket, 0), 3)
    assert.strictEqual(taken(bucket, 1_000_000), 3)
  })

  it("gives nothing for a clock that goes back", () => {
    const bucket = makeTokenBucket({ capacity: 1, perSecond: 1 })
    assert.strictEqual(taken(bucket, 10_000), 1)
    assert.strictEqual(taken(bucket, 0), 0)
    assert.strictEqual(taken(bucket, 10_000), 0)
  })
})
