import { describe, it } from "@effect/vitest"
import { Option } from "effect"
import { AssertionError } from "node:assert"
import { assert } from "./assert.ts"

const sentenceOf = (assertion: () => void): string => {
  try {
    assertion()
  } catch (error) {
    if (error instanceof AssertionError) return error.message
    throw error
  }
  return "it holds"
}

const second = () => Float32Array.from({ length: 48_000 }, (_, index) => index / 48_000)

describe("An assertion", () => {
  it("says where a second of sound parts from what was expected, and nothing more", () => {
    const other = second()
    other[300] = 2
    assert.strictEqual(
      sentenceOf(() => assert.deepStrictEqual(other, second())),
      "[300]: 2, expected 0.0062500000931322575"
    )
    const packets = (samples: Float32Array) => [{ offset: 0, channels: [second(), samples] }]
    assert.strictEqual(
      sentenceOf(() => assert.deepStrictEqual(packets(other), packets(second()), "the song")),
      "the song: [0].channels[1][300]: 2, expected 0.0062500000931322575"
    )
    assert.strictEqual(
      sentenceOf(() => assert.deepStrictEqual(second().subarray(1), second())),
      "47999 values, expected 48000"
    )
    assert.strictEqual(
      sentenceOf(() => assert.deepStrictEqual([...second()], second())),
      "two kinds of objects"
    )
    assert.strictEqual(
      sentenceOf(() => assert.deepStrictEqual(second(), second())),
      "it holds"
    )
  })

  it("tells something from nothing", () => {
    assert.notStrictEqual(
      sentenceOf(() => assert.deepStrictEqual(Option.some(1), Option.none())),
      "it holds"
    )
    assert.notStrictEqual(
      sentenceOf(() => assert.hasFields({ found: Option.none() }, { found: Option.some(1) })),
      "it holds"
    )
  })

  it("does not take what is missing for a number", () => {
    const missing = [undefined, null] as unknown as ReadonlyArray<number>
    for (const value of missing) {
      assert.strictEqual(
        sentenceOf(() => assert.isBelow(value, 1)),
        `${value} is not below 1`
      )
      assert.strictEqual(
        sentenceOf(() => assert.closeTo(value, value, 1)),
        `${value} is not within 1 of ${value}`
      )
    }
    assert.strictEqual(
      sentenceOf(() => assert.closeTo(Number.NaN, Number.NaN, 1)),
      "NaN is not within 1 of NaN"
    )
    assert.strictEqual(
      sentenceOf(() => assert.isAtLeast(Number.NaN, 0)),
      "NaN is not at least 0"
    )
  })
})
