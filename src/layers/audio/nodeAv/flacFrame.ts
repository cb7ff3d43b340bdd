/** The header of a FLAC frame (RFC 9639, 9.1): where its samples belong. */

export interface FlacFrame {
  /** Of its first sample, where every frame but the last has `blockFrames`; counted in samples or in frames. */
  readonly startFrame: number
  /** Samples per channel. */
  readonly lengthFrames: number
}

/** @param blockFrames The fixed block size that STREAMINFO tells, for streams that count in frames. */
export const flacFrameAt = (bytes: Uint8Array, at: number, blockFrames: number): FlacFrame | undefined => {
  if (at + 6 > bytes.length || bytes[at] !== 0xff || (bytes[at + 1]! & 0xfe) !== 0xf8) return undefined
  const isVariable = (bytes[at + 1]! & 1) === 1
  const blockCode = bytes[at + 2]! >> 4
  const rateCode = bytes[at + 2]! & 0xf
  if (blockCode === 0 || rateCode === 15 || bytes[at + 3]! >> 4 > 10 || (bytes[at + 3]! & 1) !== 0) return undefined
  const number = codedNumber(bytes, at + 4)
  if (number === undefined) return undefined
  let end = number.end
  const lengthFrames = blockLength(blockCode, bytes, end)
  if (blockCode === 6) end += 1
  if (blockCode === 7) end += 2
  if (rateCode === 12) end += 1
  if (rateCode === 13 || rateCode === 14) end += 2
  if (end >= bytes.length || crc8(bytes, at, end) !== bytes[end]) return undefined
  return { startFrame: isVariable ? number.value : number.value * blockFrames, lengthFrames }
}

/** The frame that ends where `bytes` end, or where a tag of ID3v1 begins; undefined where none is whole. */
export const lastFlacFrame = (bytes: Buffer, blockFrames: number): FlacFrame | undefined => {
  const hasTag = bytes.length >= 128 && bytes.toString("latin1", bytes.length - 128, bytes.length - 125) === "TAG"
  const end = bytes.length - (hasTag ? 128 : 0)
  for (let at = end - 6; at >= 0; at--) {
    const frame = bytes[at] === 0xff ? flacFrameAt(bytes, at, blockFrames) : undefined
    if (frame !== undefined && crc16(bytes, at, end) === 0) return frame
  }
  return undefined
}

/** x^16 + x^15 + x^2 + 1 (RFC 9639, 9.3): 0 over a frame with its checksum. */
const crc16 = (bytes: Uint8Array, from: number, to: number): number => {
  let crc = 0
  for (let at = from; at < to; at++) {
    crc ^= bytes[at]! << 8
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000) === 0 ? crc << 1 : ((crc << 1) ^ 0x8005) & 0xffff
  }
  return crc & 0xffff
}

/** RFC 9639, 9.1.5: as UTF-8, up to 36 bits. */
const codedNumber = (bytes: Uint8Array, at: number): { readonly value: number; readonly end: number } | undefined => {
  const first = bytes[at]!
  if (first < 0x80) return { value: first, end: at + 1 }
  const following = Math.clz32(~(first << 24)) - 1
  if (following < 1 || following > 6 || at + following >= bytes.length) return undefined
  let value = first & (0x3f >> following)
  for (let n = 1; n <= following; n++) {
    const byte = bytes[at + n]!
    if ((byte & 0xc0) !== 0x80) return undefined
    value = value * 64 + (byte & 0x3f)
  }
  return { value, end: at + following + 1 }
}

/** RFC 9639, 9.1.1. */
const blockLength = (code: number, bytes: Uint8Array, at: number): number => {
  if (code === 1) return 192
  if (code <= 5) return 576 << (code - 2)
  if (code === 6) return bytes[at]! + 1
  if (code === 7) return bytes[at]! * 256 + (bytes[at + 1] ?? 0) + 1
  return 256 << (code - 8)
}

/** x^8 + x^2 + x + 1 (RFC 9639, 9.1.8). */
const crc8 = (bytes: Uint8Array, from: number, to: number): number => {
  let crc = 0
  for (let at = from; at < to; at++) {
    crc ^= bytes[at]!
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x80) === 0 ? crc << 1 : ((crc << 1) ^ 0x07) & 0xff
  }
  return crc & 0xff
}
