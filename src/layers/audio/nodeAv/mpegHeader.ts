/** Headers of MPEG audio frames (ISO 11172-3, 2.4.2.3; ISO 13818-3) and of ADTS frames (ISO 13818-7, 6.2), and tags between them. */

export interface MpegHeader {
  /** Bytes, header included. */
  readonly length: number
  /** Samples per channel. */
  readonly samples: number
  /** Hz. */
  readonly sampleRate: number
  readonly channels: number
  /** Bytes from the start of the frame to where an encoder puts its Xing header, in MPEG audio. */
  readonly sideInfoEnd: number
}

export type MpegKind = "mpeg" | "adts"

/** Whether frames of both can follow each other in one stream. */
export const isSameStream = (a: MpegHeader, b: MpegHeader): boolean =>
  a.sampleRate === b.sampleRate && a.channels === b.channels && a.samples === b.samples

export const headerAt = (kind: MpegKind, bytes: Uint8Array, at: number): MpegHeader | undefined =>
  kind === "mpeg" ? mpegHeader(bytes, at) : adtsHeader(bytes, at)

// Bit rates of 2.4.2.3, kbit/s: MPEG-1 layers I, II, III, then MPEG-2 layers I, II and III.
const bitRates: ReadonlyArray<ReadonlyArray<number>> = [
  [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
  [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
  [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
  [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160]
]
const mpegRates = [44_100, 48_000, 32_000]

const mpegHeader = (bytes: Uint8Array, at: number): MpegHeader | undefined => {
  if (at + 4 > bytes.length || bytes[at] !== 0xff || (bytes[at + 1]! & 0xe0) !== 0xe0) return undefined
  // 0: MPEG-2.5, 2: MPEG-2, 3: MPEG-1.
  const version = (bytes[at + 1]! >> 3) & 3
  const layer = 4 - ((bytes[at + 1]! >> 1) & 3)
  const bitRateCode = bytes[at + 2]! >> 4
  const rate = mpegRates[(bytes[at + 2]! >> 2) & 3]
  // Neither reserved values nor a free bit rate, whose frames say nothing of their length.
  if (version === 1 || layer === 4 || bitRateCode === 0 || bitRateCode === 15 || rate === undefined) return undefined
  const isFirst = version === 3
  const sampleRate = isFirst ? rate : version === 2 ? rate / 2 : rate / 4
  const bitRate = 1000 * bitRates[isFirst ? layer - 1 : layer === 1 ? 3 : 4]![bitRateCode - 1]!
  const padding = (bytes[at + 2]! >> 1) & 1
  const samples = layer === 1 ? 384 : layer === 3 && !isFirst ? 576 : 1152
  const length =
    layer === 1
      ? 4 * (Math.floor((12 * bitRate) / sampleRate) + padding)
      : Math.floor((samples * bitRate) / (8 * sampleRate)) + padding
  const channels = bytes[at + 3]! >> 6 === 3 ? 1 : 2
  const sideInfo = isFirst ? (channels === 1 ? 17 : 32) : channels === 1 ? 9 : 17
  return { length, samples, sampleRate, channels, sideInfoEnd: 4 + sideInfo }
}

const adtsRates = [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000, 7350]

const adtsHeader = (bytes: Uint8Array, at: number): MpegHeader | undefined => {
  if (at + 7 > bytes.length || bytes[at] !== 0xff || (bytes[at + 1]! & 0xf6) !== 0xf0) return undefined
  const sampleRate = adtsRates[(bytes[at + 2]! >> 2) & 0xf]
  const channels = ((bytes[at + 2]! & 1) << 2) | (bytes[at + 3]! >> 6)
  const length = ((bytes[at + 3]! & 3) << 11) | (bytes[at + 4]! << 3) | (bytes[at + 5]! >> 5)
  if (sampleRate === undefined || length < 7) return undefined
  return { length, samples: 1024 * ((bytes[at + 6]! & 3) + 1), sampleRate, channels, sideInfoEnd: 0 }
}

/** Bytes of the tag that starts at `at`; 0: there is none. */
export const tagLengthAt = (bytes: Buffer, at: number): number => {
  // Two of three frames end here: a tag starts with a letter.
  const first = bytes[at]
  if (first !== 0x49 && first !== 0x54 && first !== 0x41 && first !== 0x4c) return 0
  const start = bytes.toString("latin1", at, at + 11)
  if (start.startsWith("TAG")) return 128
  // ID3v2, 3.1: four times seven bits, without the header of ten bytes.
  if (start.startsWith("ID3") && at + 10 <= bytes.length) {
    return 10 + bytes.subarray(at + 6, at + 10).reduce((size, byte) => (size << 7) | (byte & 0x7f), 0)
  }
  // APEv2: without the header of 32 bytes.
  if (start.startsWith("APETAGEX") && at + 16 <= bytes.length) return 32 + bytes.readUInt32LE(at + 12)
  return start === "LYRICSBEGIN" ? 11 : 0
}
