import { describe, it } from "@effect/vitest"
import { failuresBefore, noBackoff, pauseMs } from "../../../src/domain/supervision/RestartBackoff.ts"
import { assert } from "../../support/assert.ts"

const backoff = { firstMs: 250, mostMs: 10_000, healthyMs: 60_000 }

describe("The back-off", () => {
  it("doubles up to its bound and stays there", () => {
    const pauses = Array.from({ length: 8 }, (_, failures) => pauseMs(backoff, failures, 0.5))
    assert.deepStrictEqual(pauses, [250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000])
    assert.strictEqual(pauseMs(backoff, 5000, 0.5), 10_000)
  })

  it("deviates by a fifth at most", () => {
    assert.strictEqual(pauseMs(backoff, 0, 0), 200)
    assert.strictEqual(pauseMs(backoff, 0, 0.999_999), 300)
  })

  it("is none by default, however many failures there were", () => {
    assert.strictEqual(pauseMs(noBackoff, 0, 0.9), 0)
    assert.strictEqual(pauseMs(noBackoff, 5000, 0.9), 0)
  })

  it("begins anew after a healthy spell", () => {
    assert.strictEqual(failuresBefore(backoff, 4, 59_999), 4)
    assert.strictEqual(failuresBefore(backoff, 4, 60_000), 0)
  })
})
