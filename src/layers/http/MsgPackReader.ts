/**
 * MessagePack as clients of the RPC send it, read without trust: no count is believed beyond the bytes that are there,
 * nesting is bounded, nothing is made but plain values. Knows the records that msgpackr writes by `useRecords`; each
 * read starts without any, as each of its messages does.
 */

/** Nested maps, arrays and records: the deepest call has four. */
const deepest = 32

const isRecord = (byte: number) => byte >= 0x40 && byte < 0x80

/** "r" in an extension of one byte: the definition of a record, whose keys and values follow. */
const recordExtension = 0x72

export class InvalidMsgPack extends Error {
  constructor(at: number, what: string) {
    super(`${what} at byte ${at}`)
    this.name = "InvalidMsgPack"
  }
}

/**
 * All values that the bytes hold, one behind the other, `maximumValues` at most. Throws InvalidMsgPack where they are not
 * that, to their last byte.
 */
export const readMsgPack = (bytes: Uint8Array, maximumValues = Infinity): ReadonlyArray<unknown> => {
  const reader = new Reader(bytes)
  const values: Array<unknown> = []
  while (!reader.isAtEnd) values.push(values.length < maximumValues ? reader.value(0) : reader.refuse(maximumValues))
  return values
}

class Reader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #records = new Map<number, ReadonlyArray<string>>()
  #position = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get isAtEnd(): boolean {
    return this.#position >= this.#bytes.length
  }

  refuse(maximumValues: number): never {
    throw this.#invalid(`More than ${maximumValues} values`)
  }

  value(depth: number): unknown {
    if (depth > deepest) throw this.#invalid("Too deeply nested")
    const byte = this.#unsigned(1)
    if (byte >= 0xe0) return byte - 0x100
    if (isRecord(byte) && this.#records.has(byte)) return this.#record(this.#records.get(byte)!, depth)
    if (byte < 0x80) return byte
    if (byte < 0x90) return this.#map(byte & 0x0f, depth)
    if (byte < 0xa0) return this.#array(byte & 0x0f, depth)
    if (byte < 0xc0) return this.#text(byte & 0x1f)
    return this.#marked(byte, depth)
  }

  #marked(byte: number, depth: number): unknown {
    switch (byte) {
      case 0xc0:
        return null
      case 0xc2:
        return false
      case 0xc3:
        return true
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#take(this.#unsigned(1 << (byte - 0xc4)))
      case 0xca:
        return this.#view.getFloat32(this.#skip(4))
      case 0xcb:
        return this.#view.getFloat64(this.#skip(8))
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#unsigned(1 << (byte - 0xcc))
      case 0xcf:
        return this.#view.getBigUint64(this.#skip(8))
      case 0xd0:
        return this.#view.getInt8(this.#skip(1))
      case 0xd1:
        return this.#view.getInt16(this.#skip(2))
      case 0xd2:
        return this.#view.getInt32(this.#skip(4))
      case 0xd3:
        return this.#view.getBigInt64(this.#skip(8))
      case 0xd4:
        return this.#extension(depth)
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#unsigned(1 << (byte - 0xd9)))
      case 0xdc:
      case 0xdd:
        return this.#array(this.#unsigned(2 << (byte - 0xdc)), depth)
      case 0xde:
      case 0xdf:
        return this.#map(this.#unsigned(2 << (byte - 0xde)), depth)
      default:
        throw this.#invalid(`A value of an unknown kind, 0x${byte.toString(16)}`)
    }
  }

  /** Of one byte: `undefined`, or the definition of a record. */
  #extension(depth: number): unknown {
    const type = this.#unsigned(1)
    const data = this.#unsigned(1)
    if (type === 0) return undefined
    if (type !== recordExtension || !isRecord(data)) throw this.#invalid(`An unknown extension, ${type}`)
    const keys = this.value(depth + 1)
    if (!Array.isArray(keys) || !keys.every((key) => typeof key === "string")) {
      throw this.#invalid("A record whose keys are no texts")
    }
    this.#records.set(data, keys)
    return this.#record(keys, depth)
  }

  #record(keys: ReadonlyArray<string>, depth: number): unknown {
    return Object.fromEntries(keys.map((key) => [key, this.value(depth + 1)]))
  }

  #map(count: number, depth: number): unknown {
    this.#expect(2 * count)
    const entries: Array<[string, unknown]> = []
    for (let n = 0; n < count; n++) {
      const key = this.value(depth + 1)
      if (typeof key !== "string" && typeof key !== "number") throw this.#invalid("A key that is no text")
      entries.push([String(key), this.value(depth + 1)])
    }
    return Object.fromEntries(entries)
  }

  #array(count: number, depth: number): unknown {
    this.#expect(count)
    const values: Array<unknown> = []
    for (let n = 0; n < count; n++) values.push(this.value(depth + 1))
    return values
  }

  #text(length: number): string {
    return Buffer.from(this.#take(length)).toString("utf8")
  }

  #take(length: number): Uint8Array {
    const from = this.#skip(length)
    return this.#bytes.slice(from, from + length)
  }

  #unsigned(size: number): number {
    const from = this.#skip(size)
    if (size === 1) return this.#view.getUint8(from)
    return size === 2 ? this.#view.getUint16(from) : this.#view.getUint32(from)
  }

  /** Moves on by so many bytes; where they begin. */
  #skip(length: number): number {
    this.#expect(length)
    const from = this.#position
    this.#position += length
    return from
  }

  /** Each value has one byte at least. */
  #expect(bytes: number): void {
    if (bytes > this.#bytes.length - this.#position) throw this.#invalid("It breaks off")
  }

  #invalid(what: string): InvalidMsgPack {
    return new InvalidMsgPack(this.#position, what)
  }
}
