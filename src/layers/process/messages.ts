/**
 * The messages that a worker process sends to the one that has started it, on its descriptor 3: two numbers of 32 bits,
 * little-endian, the lengths of a JSON object and of the bytes behind it, then both. (Node's own IPC channel would end
 * the parent by an uncaught exception at the first garbage byte.)
 */

/** Where a worker writes its messages. */
export const reportDescriptor = 3

/** Of the JSON of a message. A fingerprint has about 1.5 KB. */
const longestJsonBytes = 256 * 1024
/** Of the bytes behind it: 10 s of 8 channels at 192 kHz. */
const longestPayloadBytes = 64 * 1024 * 1024

const lengthsBytes = 8

const none = new Uint8Array(0)

export const encodeMessage = (text: string, payload: Uint8Array | undefined): ReadonlyArray<Uint8Array> => {
  const json = Buffer.from(text, "utf8")
  const head = Buffer.allocUnsafe(lengthsBytes + json.length)
  head.writeUInt32LE(json.length, 0)
  head.writeUInt32LE(payload?.length ?? 0, 4)
  head.set(json, lengthsBytes)
  return payload === undefined ? [head] : [head, payload]
}

/**
 * Calls `onMessage` for each whole message of a stream of bytes; the payload are the receiver's to keep, in memory that
 * `allocate` gives. False: what came is no message.
 */
export const makeMessageSplitter = (
  onMessage: (text: string, payload: Uint8Array<ArrayBuffer>) => void,
  allocate: (bytes: number) => Uint8Array<ArrayBuffer> = (bytes) => new Uint8Array(bytes)
) => {
  const lengths = Buffer.alloc(lengthsBytes)
  let json = Buffer.alloc(0)
  let payload = none
  // How much of each part has come.
  let lengthsFilled = 0
  let jsonFilled = 0
  let payloadFilled = 0
  /** Copies from `bytes` at `at` on into `part`; returns how much. */
  const take = (bytes: Uint8Array, at: number, part: Uint8Array, filled: number): number => {
    const count = Math.min(bytes.length - at, part.length - filled)
    part.set(bytes.subarray(at, at + count), filled)
    return count
  }
  return (bytes: Uint8Array): boolean => {
    let at = 0
    while (at < bytes.length) {
      if (lengthsFilled < lengthsBytes) {
        const count = take(bytes, at, lengths, lengthsFilled)
        lengthsFilled += count
        at += count
        if (lengthsFilled < lengthsBytes) return true
        const jsonBytes = lengths.readUInt32LE(0)
        const payloadBytes = lengths.readUInt32LE(4)
        if (jsonBytes === 0 || jsonBytes > longestJsonBytes || payloadBytes > longestPayloadBytes) return false
        json = Buffer.allocUnsafe(jsonBytes)
        payload = payloadBytes === 0 ? none : allocate(payloadBytes)
        jsonFilled = 0
        payloadFilled = 0
      }
      let count = take(bytes, at, json, jsonFilled)
      jsonFilled += count
      at += count
      count = take(bytes, at, payload, payloadFilled)
      payloadFilled += count
      at += count
      if (jsonFilled === json.length && payloadFilled === payload.length) {
        lengthsFilled = 0
        onMessage(json.toString("utf8"), payload)
        payload = none
      }
    }
    return true
  }
}
