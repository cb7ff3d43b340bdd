/** Damage to audio files, of every kind that copying, downloading, editing and malice do. Seeded: the same again. */

export interface Mutant {
  readonly bytes: Buffer
  /** What was done, for people. */
  readonly changes: ReadonlyArray<string>
}

interface Mutation {
  readonly name: string
  /** Changes the bytes in place, or gives others. Says what it did. */
  readonly apply: (bytes: Buffer, random: Random) => { readonly bytes: Buffer; readonly detail: string }
}

/** Uniform in [0, 1). */
type Random = () => number

/** From 0 to `below`, exclusive. */
const integer = (random: Random, below: number): number => Math.floor(random() * Math.max(1, below))
const choice = <A>(random: Random, among: ReadonlyArray<A>): A => among[integer(random, among.length)]!
/** Small lengths as likely as large ones. */
const length = (random: Random, maximum: number): number => Math.max(1, Math.floor(maximum ** random()))

/** Where headers are. */
const headerBytes = 256

const extremes32 = [0, 1, 2, 7, 0xff, 0x7fff, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff]
const extremes16 = [0, 1, 2, 9, 64, 0xff, 0x100, 0x7fff, 0x8000, 0xffff]

const writeField = (bytes: Buffer, at: number, size: 1 | 2 | 4, isBigEndian: boolean, value: number): void => {
  const field = Buffer.alloc(4)
  field.writeUInt32BE(value)
  const lowest = field.subarray(4 - size)
  bytes.set(isBigEndian ? lowest : lowest.toReversed(), at)
}

interface Field {
  readonly name: string
  /** Where the field begins, from the first byte of `marker`. */
  readonly marker: string
  readonly offset: number
  readonly size: 1 | 2 | 4
  readonly isBigEndian: boolean
}

const little = (marker: string, name: string, offset: number, size: 1 | 2 | 4): Field => ({
  name: `${marker.trim()} ${name}`,
  marker,
  offset,
  size,
  isBigEndian: false
})
const big = (marker: string, name: string, offset: number, size: 1 | 2 | 4): Field => ({
  ...little(marker, name, offset, size),
  isBigEndian: true
})

/** What a decoder believes before it has seen a sample: sizes, rates, channels, counts. */
const fields: ReadonlyArray<Field> = [
  // WAVE: RIFF chunks, little-endian.
  little("RIFF", "size", 4, 4),
  little("fmt ", "size", 4, 4),
  little("fmt ", "format tag", 8, 2),
  little("fmt ", "channels", 10, 2),
  little("fmt ", "sample rate", 12, 4),
  little("fmt ", "byte rate", 16, 4),
  little("fmt ", "block align", 20, 2),
  little("fmt ", "bits", 22, 2),
  little("data", "size", 4, 4),
  // AIFF: big-endian; the rate is an 80-bit float, whose exponent comes first.
  big("FORM", "size", 4, 4),
  big("COMM", "size", 4, 4),
  big("COMM", "channels", 8, 2),
  big("COMM", "frames", 10, 4),
  big("COMM", "bits", 14, 2),
  big("COMM", "rate exponent", 16, 2),
  big("SSND", "size", 4, 4),
  big("SSND", "offset", 8, 4),
  // FLAC: STREAMINFO, where rate, channels and bits share bytes.
  big("fLaC", "block header", 4, 4),
  big("fLaC", "block sizes", 8, 4),
  big("fLaC", "rate", 18, 2),
  big("fLaC", "rate, channels, bits", 20, 2),
  big("fLaC", "frames", 22, 4),
  // MP3: ID3v2's size, the Xing or Info header's counts.
  big("ID3", "size", 6, 4),
  big("Xing", "flags", 4, 4),
  big("Xing", "frames", 8, 4),
  big("Info", "flags", 4, 4),
  big("Info", "frames", 8, 4),
  big("LAME", "delay and padding", 21, 2),
  // MP4: the sizes of boxes stand before their names.
  ...["ftyp", "mdat", "moov", "trak", "mdia", "minf", "stbl", "stsd", "esds", "alac", "mp4a", "udta"].map((box) =>
    big(box, "box size", -4, 4)
  ),
  big("mvhd", "time scale", 16, 4),
  big("mvhd", "duration", 20, 4),
  big("mdhd", "time scale", 16, 4),
  big("mdhd", "duration", 20, 4),
  big("elst", "count", 8, 4),
  big("elst", "media time", 16, 4),
  big("stsd", "count", 8, 4),
  big("mp4a", "channels", 20, 2),
  big("mp4a", "bits", 22, 2),
  big("mp4a", "sample rate", 28, 4),
  big("alac", "sample rate", 28, 4),
  big("stts", "count", 8, 4),
  big("stts", "first delta", 16, 4),
  big("stsc", "count", 8, 4),
  big("stsc", "samples a chunk", 16, 4),
  big("stsz", "sample size", 8, 4),
  big("stsz", "count", 12, 4),
  big("stco", "count", 8, 4),
  big("stco", "first offset", 12, 4),
  // Ogg pages; Vorbis' and Opus' identification headers.
  little("OggS", "flags", 5, 1),
  little("OggS", "granule position", 6, 4),
  little("OggS", "granule position, high half", 10, 4),
  little("OggS", "serial number", 14, 4),
  little("OggS", "segments", 26, 1),
  little("vorbis", "channels", 10, 1),
  little("vorbis", "sample rate", 11, 4),
  little("vorbis", "block sizes", 27, 1),
  little("OpusHead", "channels", 9, 1),
  little("OpusHead", "pre-skip", 10, 2),
  little("OpusHead", "gain", 16, 2),
  little("OpusHead", "mapping", 18, 1)
]

const occurrences = (bytes: Buffer, marker: string, most: number): ReadonlyArray<number> => {
  const found: Array<number> = []
  for (let at = bytes.indexOf(marker, 0, "latin1"); at >= 0 && found.length < most;) {
    found.push(at)
    at = bytes.indexOf(marker, at + 1, "latin1")
  }
  return found
}

const mutations: ReadonlyArray<Mutation> = [
  {
    name: "cut short",
    apply: (bytes, random) => {
      // Half of the cuts fall into the headers.
      const at = integer(random, random() < 0.5 ? Math.min(bytes.length, 4 * headerBytes) : bytes.length)
      return { bytes: bytes.subarray(0, at), detail: `at ${at}` }
    }
  },
  {
    name: "bytes flipped",
    apply: (bytes, random) => {
      const count = length(random, 64)
      const within = random() < 0.3 ? Math.min(bytes.length, headerBytes) : bytes.length
      for (let i = 0; i < count; i++) {
        const at = integer(random, within)
        if (at < bytes.length) bytes[at] = bytes[at]! ^ (1 << integer(random, 8))
      }
      return { bytes, detail: `${count} within ${within}` }
    }
  },
  {
    name: "bytes overwritten",
    apply: (bytes, random) => {
      const count = length(random, 4096)
      const from = integer(random, bytes.length)
      for (let i = from; i < Math.min(bytes.length, from + count); i++) bytes[i] = integer(random, 256)
      return { bytes, detail: `${count} at ${from}` }
    }
  },
  {
    name: "zeros",
    apply: (bytes, random) => {
      const count = length(random, 16_384)
      const from = integer(random, random() < 0.3 ? Math.min(bytes.length, headerBytes) : bytes.length)
      bytes.fill(random() < 0.8 ? 0 : 0xff, from, Math.min(bytes.length, from + count))
      return { bytes, detail: `${count} at ${from}` }
    }
  },
  {
    name: "bytes inserted",
    apply: (bytes, random) => {
      const at = integer(random, random() < 0.3 ? Math.min(bytes.length, headerBytes) : bytes.length)
      const inserted = Buffer.from(Array.from({ length: length(random, 4096) }, () => integer(random, 256)))
      return {
        bytes: Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at)]),
        detail: `${inserted.length} at ${at}`
      }
    }
  },
  {
    name: "bytes deleted",
    apply: (bytes, random) => {
      const at = integer(random, random() < 0.3 ? Math.min(bytes.length, headerBytes) : bytes.length)
      const count = length(random, 8192)
      return {
        bytes: Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.min(bytes.length, at + count))]),
        detail: `${count} at ${at}`
      }
    }
  },
  {
    name: "a piece repeated elsewhere",
    apply: (bytes, random) => {
      const from = integer(random, bytes.length)
      const piece = Buffer.from(bytes.subarray(from, from + length(random, 16_384)))
      const at = integer(random, bytes.length)
      return {
        bytes: Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]),
        detail: `${piece.length} from ${from} at ${at}`
      }
    }
  },
  {
    name: "a header word set to an extreme",
    apply: (bytes, random) => {
      const size = choice(random, [2, 4] as const)
      const within = Math.min(bytes.length, headerBytes) - size
      if (within <= 0) return { bytes, detail: "nowhere" }
      const at = 2 * integer(random, within / 2)
      const value = choice(random, size === 2 ? extremes16 : extremes32)
      writeField(bytes, at, size, random() < 0.5, value)
      return { bytes, detail: `${value} in ${size} bytes at ${at}` }
    }
  },
  {
    name: "a field set to an extreme",
    apply: (bytes, random) => {
      const present = fields.flatMap((field) =>
        occurrences(bytes, field.marker, 8)
          .map((at) => ({ field, at: at + field.offset }))
          .filter(({ at }) => at >= 0 && at + field.size <= bytes.length)
      )
      if (present.length === 0) return { bytes, detail: "nowhere" }
      const { at, field } = choice(random, present)
      const value = choice(random, field.size === 4 ? extremes32 : extremes16)
      writeField(bytes, at, field.size, field.isBigEndian, value)
      return { bytes, detail: `${field.name} = ${value} at ${at}` }
    }
  }
]

// Headers decide how all the rest is read: every second mutation is one of a header.
const chooseMutation = (random: Random): Mutation =>
  random() < 0.4 ? mutations.at(-1 - integer(random, 2))! : choice(random, mutations)

/** One to three kinds of damage to a copy of a file. */
export const mutate = (original: Buffer, random: Random): Mutant => {
  let bytes = Buffer.from(original)
  const changes: Array<string> = []
  const count = 1 + integer(random, 3)
  for (let i = 0; i < count; i++) {
    const { apply, name } = chooseMutation(random)
    const result = apply(bytes, random)
    bytes = Buffer.from(result.bytes)
    changes.push(`${name} (${result.detail})`)
  }
  // A wrong checksum makes a reader drop an Ogg page unread; malice would have corrected it.
  if (random() < 0.5 && correctOggChecksums(bytes)) changes.push("checksums of the Ogg pages corrected")
  return { bytes, changes }
}

/** CRC-32 of Ogg (RFC 3533, 6): polynomial 0x04c11db7, not reflected, from 0. */
const oggCrcTable = Uint32Array.from({ length: 256 }, (_, i) => {
  let crc = i << 24
  for (let bit = 0; bit < 8; bit++) crc = (crc << 1) ^ (crc < 0 ? 0x04c11db7 : 0)
  return crc >>> 0
})

export const correctOggChecksums = (bytes: Buffer): boolean => {
  let isChanged = false
  for (let at = bytes.indexOf("OggS"); at >= 0 && at + 27 <= bytes.length; at = bytes.indexOf("OggS", at + 4)) {
    const segments = bytes[at + 26]!
    if (at + 27 + segments > bytes.length) break
    const size = bytes.subarray(at + 27, at + 27 + segments).reduce((sum, lace) => sum + lace, 27 + segments)
    if (at + size > bytes.length) break
    const page = bytes.subarray(at, at + size)
    const before = page.readUInt32LE(22)
    page.writeUInt32LE(0, 22)
    let crc = 0
    for (const byte of page) crc = ((crc << 8) ^ oggCrcTable[((crc >>> 24) ^ byte) & 0xff]!) >>> 0
    page.writeUInt32LE(crc, 22)
    if (crc !== before) isChanged = true
  }
  return isChanged
}
