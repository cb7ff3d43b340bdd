import { describe, it } from "@effect/vitest"
import { RpcSerialization } from "@effect/rpc"
import { FastCheck as fc } from "effect"
import { InvalidMsgPack, readMsgPack } from "../../../src/layers/http/MsgPackReader.ts"
import { assert } from "../../support/assert.ts"

const pack = (value: unknown): Uint8Array => {
  const packed = RpcSerialization.msgPack.unsafeMake().encode(value)
  assert.isTrue(packed instanceof Uint8Array)
  return packed as Uint8Array
}

const values = fc.letrec((tie) => ({
  any: fc.oneof(
    { depthSize: "small", maxDepth: 4 },
    fc.constantFrom(null, undefined, true, false),
    fc.integer(),
    fc.double({ noNaN: true }),
    fc.string({ unit: "grapheme" }),
    fc.uint8Array({ maxLength: 300 }),
    fc.array(tie("any"), { maxLength: 20 }),
    fc.dictionary(fc.string(), tie("any"), { maxKeys: 20, noNullPrototype: true })
  )
})).any

/** Binary data comes as Buffer on one side, as plain bytes on the other. */
const plain = (value: unknown): unknown => {
  if (value instanceof Uint8Array) return [...value]
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== "object" || value === null) return Object.is(value, -0) ? 0 : value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]))
}

const isRefused = (bytes: ReadonlyArray<number>, message: string) => {
  try {
    readMsgPack(Uint8Array.from(bytes))
  } catch (error) {
    return assert.isTrue(error instanceof InvalidMsgPack, message)
  }
  assert.fail(`${message} was read`)
}

describe("The reader of MessagePack", () => {
  it("reads what Effect's clients write", () => {
    fc.assert(
      fc.property(fc.array(values, { minLength: 1, maxLength: 3 }), (written) => {
        // The one key that msgpackr itself writes otherwise.
        fc.pre(!JSON.stringify(written).includes("__proto__"))
        const read = readMsgPack(Buffer.concat(written.map(pack)))
        assert.deepStrictEqual(read.map(plain), written.map(plain))
      }),
      { seed: 1, numRuns: 500 }
    )
    assert.deepStrictEqual(readMsgPack(pack({ a: [1n, { a: -70_000 }, { a: 2 ** 40 }] })), [
      { a: [1n, { a: -70_000 }, { a: 2 ** 40 }] }
    ])
  })

  it("believes no count beyond the bytes that are there", () => {
    isRefused([0xdd, 0xff, 0xff, 0xff, 0xff], "an array of 4 billion")
    isRefused([0xdd, 0x01, 0xff, 0xff, 0xff, 0x00], "an array of 33 million")
    isRefused([0xdf, 0xff, 0xff, 0xff, 0xff], "a map of 4 billion")
    isRefused([0xdb, 0xff, 0xff, 0xff, 0xff, 0x61], "a text of 4 GB")
    isRefused([0xc6, 0x7f, 0xff, 0xff, 0xff], "bytes of 2 GB")
    isRefused([0xa5, 0x61], "half a text")
    isRefused([0xcb, 0x00], "half a number")
    isRefused([0xd4, 0x72], "half a record")
    isRefused([0xd4, 0x72, 0x40, 0x91, 0xa1, 0x61], "a record without its values")
  })

  it("bounds nesting, and knows no other extensions", () => {
    isRefused(Array<number>(60_000).fill(0x91), "60 000 arrays in each other")
    isRefused(Array<number>(60_000).fill(0x81), "60 000 maps in each other")
    for (const type of [0x62, 0x65, 0x69, 0x70, 0x73, 0x78, 0xff]) {
      isRefused([0xd4, type, 0x40, 0x91, 0xa1, 0x61, 0x00], `extension ${type} of one byte`)
      isRefused([0xc7, 0x04, type, 0xff, 0xff, 0xff, 0x00], `extension ${type} of four bytes`)
    }
    isRefused([0xc1], "the byte that is never used")
  })

  it("ends on any bytes, with values or a refusal", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          readMsgPack(bytes)
        } catch (error) {
          assert.isTrue(error instanceof InvalidMsgPack)
        }
      }),
      { seed: 2, numRuns: 5000 }
    )
  })
})
