import { describe, it } from "@effect/vitest"
import { fromLittleEndian, littleEndianBytes } from "../../src/dsp/littleEndian.ts"
import { assert } from "../support/assert.ts"

describe("Samples on the wire", () => {
  it("are float32 with the lowest byte first", () => {
    assert.deepStrictEqual([...littleEndianBytes(Float32Array.of(1, -0.5))], [0, 0, 0x80, 0x3f, 0, 0, 0, 0xbf])
  })

  it("are those of a part of an array, where a part is given", () => {
    const part = Float32Array.of(0.25, 1, 0.75).subarray(1, 2)
    assert.deepStrictEqual([...littleEndianBytes(part)], [0, 0, 0x80, 0x3f])
  })

  it("come back as they went", () => {
    const samples = Float32Array.of(0, -0, 1e-45, 3.4e38, -1, Infinity)
    assert.deepStrictEqual(fromLittleEndian(Uint8Array.from(littleEndianBytes(samples))), samples)
  })
})
