/**
 * The header of a WAV file: RIFF where 32 bits can hold the sizes, else RF64 (EBU Tech 3306). Both have the same length,
 * so that one can be written first and replaced at the end.
 */

export interface WavFormat {
  /** Hz. */
  readonly sampleRate: number
  readonly channels: number
  readonly sampleFormat: "float32" | "int24"
}

export const bytesPerSample = { float32: 4, int24: 3 } as const

/** Positions of the speakers, where a channel count has only one common meaning (mmreg.h); 0: none stated. */
const channelMasks: Readonly<Record<number, number>> = { 1: 0x4, 2: 0x3, 6: 0x3f, 8: 0x63f }

// KSDATAFORMAT_SUBTYPE_PCM and _IEEE_FLOAT: the format tag, then these bytes.
const subformatTail = Buffer.from("000000001000800000aa00389b71", "hex")

const formatPcm = 1
const formatFloat = 3
const formatExtensible = 0xfffe
const allOnes = 0xffff_ffff

/** Bytes from the start of the file to the first sample. */
export const wavHeaderBytes = 12 + (8 + 28) + (8 + 40) + (8 + 4) + 8

/** `lengthFrames`: samples per channel. */
export const wavHeader = ({ sampleRate, channels, sampleFormat }: WavFormat, lengthFrames: number): Buffer => {
  const sampleBytes = bytesPerSample[sampleFormat]
  const dataBytes = lengthFrames * channels * sampleBytes
  const riffBytes = wavHeaderBytes - 8 + dataBytes + (dataBytes % 2)
  const isWide = riffBytes > allOnes
  const header = Buffer.alloc(wavHeaderBytes)
  let at = 0
  const text = (value: string) => void (at += header.write(value, at, "latin1"))
  const u16 = (value: number) => void (at = header.writeUInt16LE(value, at))
  const u32 = (value: number) => void (at = header.writeUInt32LE(value, at))
  const u64 = (value: number) => void (at = header.writeBigUInt64LE(BigInt(value), at))

  text(isWide ? "RF64" : "RIFF")
  u32(isWide ? allOnes : riffBytes)
  text("WAVE")

  // Tech 3306, 3.5: space for the wide sizes, kept by a chunk that readers skip.
  text(isWide ? "ds64" : "JUNK")
  u32(28)
  u64(isWide ? riffBytes : 0)
  u64(isWide ? dataBytes : 0)
  u64(isWide ? lengthFrames : 0)
  u32(0)

  text("fmt ")
  u32(40)
  u16(formatExtensible)
  u16(channels)
  u32(sampleRate)
  u32(sampleRate * channels * sampleBytes)
  u16(channels * sampleBytes)
  u16(8 * sampleBytes)
  u16(22)
  u16(8 * sampleBytes)
  u32(channelMasks[channels] ?? 0)
  u16(sampleFormat === "float32" ? formatFloat : formatPcm)
  at += subformatTail.copy(header, at)

  text("fact")
  u32(4)
  u32(Math.min(lengthFrames, allOnes))

  text("data")
  u32(isWide ? allOnes : dataBytes)
  return header
}
