/**
 * Audio files as trees: parts with a tag, a size and further parts in them, read from what the encoders write and written
 * again with every size as it has become. One Kind says how the parts of one container are told from each other.
 */
import { correctOggChecksums } from "./mutations.ts"

/** A number in the bytes of a part. */
export interface Field {
  readonly name: string
  readonly at: number
  readonly size: 1 | 2 | 4 | 8
  readonly isBigEndian: boolean
}

export interface Framing {
  /** `size`: bytes of what follows it, without padding. Any size: it keeps what fits of it. */
  readonly header: (tag: string, size: number) => Buffer
  /** The size with padding is a multiple of it. Default 1. */
  readonly alignment?: number
  /** What goes into the size beside what follows the header, which a size of 0 contradicts. Undefined: there is no size. */
  readonly sizeBits?: number
  /** Instead of putting one behind the other. */
  readonly join?: (tag: string, pieces: ReadonlyArray<Buffer>) => Buffer
}

export interface Part {
  framing: Framing
  /** Latin-1. */
  tag: string
  /** Before the parts in it; all there is where there are none. */
  lead: Buffer
  children: Array<Part>
  readonly counts: ReadonlyArray<Field>
  /** Instead of its size. */
  toldSize?: number
  /** Times that it is in itself. Default 0. */
  depth?: number
  /** Times that it follows itself. Default 1. */
  times?: number
}

interface Header {
  readonly tag: string
  readonly length: number
  /** Of what follows. */
  readonly size: number
}

/** How the parts of a container are read. */
interface Kind {
  readonly framing: Framing
  readonly read: (bytes: Buffer, at: number) => Header
  /** Bytes before the parts in it, by tag; others have none in them. */
  readonly containers: Readonly<Record<string, number>>
  readonly counts: Readonly<Record<string, ReadonlyArray<Field>>>
}

export const number = (value: number, size: number, isBigEndian: boolean): Buffer => {
  const bytes = Buffer.alloc(size)
  let left = BigInt(Math.trunc(Math.min(Math.max(value, 0), 2 ** 64)))
  for (let n = 0; n < size; n++) {
    bytes[isBigEndian ? size - 1 - n : n] = Number(left & 0xffn)
    left >>= 8n
  }
  return bytes
}
const be = (value: number, size = 4) => number(value, size, true)
const le = (value: number, size = 4) => number(value, size, false)
const ascii = (text: string) => Buffer.from(text, "latin1")
const textAt = (bytes: Buffer, at: number, length: number) => bytes.toString("latin1", at, at + length)

const big = (name: string, at: number, size: Field["size"] = 4): Field => ({ name, at, size, isBigEndian: true })
const little = (name: string, at: number, size: Field["size"] = 4): Field => ({ name, at, size, isBigEndian: false })

const raw: Framing = { header: () => Buffer.alloc(0) }

const part = (
  framing: Framing,
  tag: string,
  content: Buffer | ReadonlyArray<Part>,
  counts: ReadonlyArray<Field> = []
): Part => ({
  framing,
  tag,
  lead: Buffer.isBuffer(content) ? content : Buffer.alloc(0),
  children: Buffer.isBuffer(content) ? [] : [...content],
  counts
})

const rest = (name: string, bytes: Buffer, counts: ReadonlyArray<Field> = []) => part(raw, name, bytes, counts)
const whole = (children: ReadonlyArray<Part>) => part(raw, "file", children)

const partsOf = (kind: Kind, bytes: Buffer): Array<Part> => {
  const parts: Array<Part> = []
  for (let at = 0; at < bytes.length;) {
    const { length, size, tag } = kind.read(bytes, at)
    const content = bytes.subarray(at + length, at + length + size)
    const leadBytes = kind.containers[tag]
    const parsed = part(kind.framing, tag, content, kind.counts[tag])
    if (leadBytes !== undefined) {
      parsed.lead = content.subarray(0, leadBytes)
      parsed.children = partsOf(kind, content.subarray(leadBytes))
    }
    parts.push(parsed)
    at += length + size + paddingOf(kind.framing, size)
  }
  return parts
}

const paddingOf = ({ alignment = 1 }: Framing, size: number): number => (alignment - (size % alignment)) % alignment

/** Of a part, once it has been damaged or not. */
const encode = (part: Part): Buffer => {
  const { children, depth = 0, framing, lead, tag, times = 1, toldSize } = part
  const pieces = children.map(encode)
  if (framing.join !== undefined) return repeated(framing.join(tag, [lead, ...pieces]), times)
  const inner = Buffer.concat(pieces)
  const heads: Array<Buffer> = []
  const tails: Array<Buffer> = []
  let size = inner.length
  for (let level = 0; level <= depth; level++) {
    size += lead.length
    const header = framing.header(tag, toldSize ?? size)
    const padding = Buffer.alloc(paddingOf(framing, size))
    heads.push(lead, header)
    tails.push(padding)
    size += header.length + padding.length
  }
  return repeated(Buffer.concat([...heads.toReversed(), inner, ...tails]), times)
}

const repeated = (bytes: Buffer, times: number) =>
  times === 1 || bytes.length === 0 ? bytes : Buffer.alloc(bytes.length * times, bytes)

export const encodeFile = (root: Part): Buffer => {
  const bytes = encode(root)
  correctOggChecksums(bytes)
  return bytes
}

/** The part and all in it, the outermost first. */
export const allParts = (root: Part): ReadonlyArray<Part> => [root, ...root.children.flatMap(allParts)]

/** Another one to damage. */
export const copyOf = (original: Part): Part => ({ ...original, children: original.children.map(copyOf) })

// Tag and size of four bytes each, the size without both.
const chunkFraming = (isBigEndian: boolean): Framing => ({
  header: (tag, size) => Buffer.concat([ascii(tag), number(size, 4, isBigEndian)]),
  alignment: 2,
  sizeBits: 32
})
const chunks = (isBigEndian: boolean): Kind => ({
  framing: chunkFraming(isBigEndian),
  read: (bytes, at) => ({
    tag: textAt(bytes, at, 4),
    length: 8,
    size: isBigEndian ? bytes.readUInt32BE(at + 4) : bytes.readUInt32LE(at + 4)
  }),
  containers: { RIFF: 4, LIST: 4, FORM: 4 },
  counts: {
    "fmt ": [little("channels", 2, 2), little("sample rate", 4), little("block align", 12, 2), little("bits", 14, 2)],
    COMM: [big("channels", 0, 2), big("frames", 2), big("bits", 6, 2)],
    SSND: [big("offset", 0), big("block size", 4)]
  }
})

// Sony Wave64, and ASF: a GUID, and a size with both.
const guidFraming = (alignment: number): Framing => ({
  header: (tag, size) => Buffer.concat([ascii(tag), le(size + 24, 8)]),
  alignment,
  sizeBits: 64
})
const guids = (alignment: number, containers: Kind["containers"], counts: Kind["counts"] = {}): Kind => ({
  framing: guidFraming(alignment),
  read: (bytes, at) => ({
    tag: textAt(bytes, at, 16),
    length: 24,
    size: Math.min(Number(bytes.readBigUInt64LE(at + 16)) - 24, bytes.length - at - 24)
  }),
  containers,
  counts
})
const guid = (hex: string) => Buffer.from(hex, "hex").toString("latin1")
const w64Riff = guid("726966662e91cf11a5d628db04c10000")
const asfHeader = guid("3026b2758e66cf11a6d900aa0062ce6c")
const asfExtension = guid("b503bf5f2ea9cf118ee300c00c205365")
const asfContent = guid("3326b2758e66cf11a6d900aa0062ce6c")
const asfExtended = guid("40a4d0d207e3d21197f000a0c95ea850")

const caf: Kind = {
  framing: { header: (tag, size) => Buffer.concat([ascii(tag), be(size, 8)]), sizeBits: 64 },
  read: (bytes, at) => ({ tag: textAt(bytes, at, 4), length: 12, size: Number(bytes.readBigInt64BE(at + 4)) }),
  containers: {},
  counts: {
    desc: [big("bytes a packet", 16), big("frames a packet", 20), big("channels", 24), big("bits", 28)],
    chan: [big("descriptions", 8)],
    info: [big("count", 0)],
    pakt: [big("packets", 0, 8), big("frames", 8, 8)]
  }
}

const boxes: Kind = {
  framing: { header: (tag, size) => Buffer.concat([be(size + 8), ascii(tag)]), sizeBits: 32 },
  read: (bytes, at) => ({ tag: textAt(bytes, at + 4, 4), length: 8, size: bytes.readUInt32BE(at) - 8 }),
  containers: {
    ...Object.fromEntries(
      ["moov", "trak", "mdia", "minf", "dinf", "stbl", "edts", "udta", "ilst", "\xa9nam", "covr", "----"].map((tag) => [
        tag,
        0
      ])
    ),
    meta: 4,
    dref: 8,
    stsd: 8,
    mp4a: 28
  },
  counts: {
    ...Object.fromEntries(
      ["stts", "stsc", "stco", "stsd", "dref", "elst", "sgpd", "sbgp"].map((tag) => [tag, [big("count", 4)]])
    ),
    stsz: [big("sample size", 4), big("count", 8)],
    mvhd: [big("time scale", 12), big("duration", 16)],
    mdhd: [big("time scale", 12), big("duration", 16)],
    mp4a: [big("channels", 16, 2), big("bits", 18, 2), big("sample rate", 24)]
  }
}

// Sizes of one to eight bytes, whose length is told by the first byte; written in eight.
const vintLength = (first: number) => Math.clz32(first) - 23
const ebml: Kind = {
  framing: {
    header: (tag, size) => {
      const bytes = be(size, 8)
      bytes[0] = 1
      return Buffer.concat([ascii(tag), bytes])
    },
    sizeBits: 56
  },
  read: (bytes, at) => {
    const idBytes = vintLength(bytes[at]!)
    const sizeBytes = vintLength(bytes[at + idBytes]!)
    let size = bytes[at + idBytes]! & (0xff >> sizeBytes)
    for (let n = 1; n < sizeBytes; n++) size = size * 256 + bytes[at + idBytes + n]!
    return { tag: textAt(bytes, at, idBytes), length: idBytes + sizeBytes, size }
  },
  // EBML, Segment, SeekHead, Seek, Info, Tracks, TrackEntry, Audio, Tags, Tag, Targets, SimpleTag, Cluster, Cues, CuePoint.
  containers: Object.fromEntries(
    "1a45dfa3 18538067 114d9b74 4dbb 1549a966 1654ae6b ae e1 1254c367 7373 63c0 67c8 1f43b675 1c53bb6b bb"
      .split(" ")
      .map((id) => [guid(id), 0])
  ),
  counts: {}
}

const flacBlock: Framing = { header: (tag, size) => Buffer.concat([ascii(tag), be(size, 3)]), sizeBits: 24 }
const flacBlocks: Kind = {
  framing: flacBlock,
  read: (bytes, at) => ({ tag: textAt(bytes, at, 1), length: 4, size: bytes.readUIntBE(at + 1, 3) }),
  containers: {},
  counts: { "\0": [big("block sizes", 0), big("rate, channels, bits", 10), big("frames", 14)] }
}

// ADTS (ISO/IEC 13818-7): 13 bits of size, from the last two bits of the fourth byte on, with the header of 7 bytes.
const adtsFrames: Kind = {
  framing: {
    header: (tag, size) => {
      const header = ascii(tag)
      const told = Math.min(size + 7, 0x1fff)
      header[3] = (header[3]! & 0xfc) | (told >> 11)
      header[4] = (told >> 3) & 0xff
      header[5] = (header[5]! & 0x1f) | ((told & 7) << 5)
      return header
    },
    sizeBits: 13
  },
  read: (bytes, at) => ({
    tag: textAt(bytes, at, 7),
    length: 7,
    size: (((bytes[at + 3]! & 3) << 11) | (bytes[at + 4]! << 3) | (bytes[at + 5]! >> 5)) - 7
  }),
  containers: {},
  counts: {}
}

const syncSafe = (size: number) => Buffer.from([21, 14, 7, 0].map((shift) => (size >>> shift) & 0x7f))
const id3Tag: Framing = { header: (tag, size) => Buffer.concat([ascii(tag), syncSafe(size)]), sizeBits: 28 }
const id3Frame = (version: 3 | 4): Framing => ({
  header: (tag, size) => Buffer.concat([ascii(tag), version === 4 ? syncSafe(size) : be(size), Buffer.alloc(2)]),
  sizeBits: version === 4 ? 28 : 32
})
const picture = Buffer.concat([ascii("\x89PNG\r\n\x1a\n"), Buffer.alloc(100)])
const id3 = (version: 3 | 4) => {
  const frame = (tag: string, content: Buffer) => part(id3Frame(version), tag, content)
  return part(id3Tag, `ID3${String.fromCharCode(version)}\0\0`, [
    frame("TIT2", ascii("\x03Title\0Another title")),
    frame("TPE1", Buffer.concat([Buffer.from([1, 0xff, 0xfe]), Buffer.from("Somebody", "utf16le")])),
    frame("TXXX", ascii("\x03REPLAYGAIN_TRACK_GAIN\0-3.2 dB")),
    frame("COMM", ascii("\0engwhat\0a comment")),
    frame("APIC", Buffer.concat([ascii("\0image/png\0\x03cover\0"), picture])),
    frame(
      "CHAP",
      Buffer.concat([ascii("one\0"), be(0), be(100), be(0), be(0), ascii("TIT2"), be(3), ascii("\0\0\0a ")])
    ),
    frame("SYLT", Buffer.concat([ascii("\0eng\x02\x01\0"), ascii("word\0"), be(100)]))
  ])
}

const apeItem: Framing = {
  header: (tag, size) => Buffer.concat([le(size), le(0), ascii(`${tag}\0`)]),
  sizeBits: 32
}
const apeTag = () => {
  const items = [part(apeItem, "Title", ascii("Title")), part(apeItem, "Cover Art (Front)", picture)]
  const bytes = items.reduce((sum, item) => sum + encode(item).length, 32)
  const footer = Buffer.concat([ascii("APETAGEX"), le(2000), le(bytes), le(items.length), le(0), Buffer.alloc(8)])
  return [...items, rest("APE footer", footer, [little("version", 8), little("size", 12), little("items", 16)])]
}

const commentFraming: Framing = { header: (_tag, size) => le(size), sizeBits: 32 }
const flacPicture = (): Buffer =>
  Buffer.concat([be(3), be(9), ascii("image/png"), be(0), be(1), be(1), be(24), be(0), be(picture.length), picture])
/** Of Vorbis, as FLAC, Ogg Vorbis and Opus have them. */
const comments = (): Array<Part> => {
  const texts = [
    "TITLE=Title",
    "ARTIST=Somebody",
    "R128_TRACK_GAIN=256",
    `METADATA_BLOCK_PICTURE=${flacPicture().toString("base64")}`
  ]
  return [
    part(commentFraming, "vendor", ascii("lathe")),
    rest("comment count", le(texts.length), [little("count", 0)]),
    ...texts.map((text) => part(commentFraming, "comment", ascii(text)))
  ]
}

// Ogg (RFC 3533): pages of a head of 26 bytes, how many segments there are, the size of each, and they.
const page: Framing = { header: (tag) => ascii(tag) }
interface OggPage {
  readonly head: string
  readonly laces: Buffer
  readonly body: Buffer
}
const oggPages = (bytes: Buffer): ReadonlyArray<OggPage> => {
  const pages: Array<OggPage> = []
  for (let at = 0; at < bytes.length;) {
    const count = bytes[at + 26]!
    const laces = bytes.subarray(at + 27, at + 27 + count)
    const start = at + 27 + count
    at = start + laces.reduce((sum, lace) => sum + lace, 0)
    pages.push({ head: textAt(bytes, start - 27 - count, 26), laces, body: bytes.subarray(start, at) })
  }
  return pages
}
const packetsOf = (pages: ReadonlyArray<OggPage>): ReadonlyArray<Buffer> => {
  const packets: Array<Buffer> = []
  let open: Array<Buffer> = []
  for (const { body, laces } of pages) {
    let at = 0
    for (const lace of laces) {
      open.push(body.subarray(at, at + lace))
      at += lace
      if (lace === 255) continue
      packets.push(Buffer.concat(open))
      open = []
    }
  }
  return packets
}
/** Packets over as many pages as they need, with the serial number of `head`. */
const inPages: Framing = {
  ...page,
  join: (head, [lead, ...packets]) => {
    const segments = packets.flatMap((packet) =>
      Array.from({ length: Math.floor(packet.length / 255) + 1 }, (_, n) => packet.subarray(255 * n, 255 * (n + 1)))
    )
    const pages = Array.from({ length: Math.ceil(segments.length / 255) }, (_, n) => {
      const own = segments.slice(255 * n, 255 * (n + 1))
      const start = Buffer.concat([ascii(head.slice(0, 18)), le(n + 1), Buffer.alloc(4), Buffer.from([own.length])])
      const isContinued = n > 0 && segments[255 * n - 1]!.length === 255
      start[5] = isContinued ? 1 : 0
      return Buffer.concat([start, Buffer.from(own.map(({ length }) => length)), ...own])
    })
    return Buffer.concat([lead ?? Buffer.alloc(0), ...pages])
  }
}
const pagePart = ({ body, head, laces }: OggPage) =>
  part(page, head, Buffer.concat([Buffer.from([laces.length]), laces, body]), [
    little("segments", 0, 1),
    little("lace", 1, 1)
  ])
/** `headers`: packets before the first of audio, the identification among them. */
const ogg = (bytes: Buffer, headers: number, magic: string, end: string): Part => {
  const [first, ...others] = oggPages(bytes)
  // Headers end with a page (RFC 7845, 3; Vorbis I, A.2); audio is the first that says where it is.
  const audio = others.findIndex(({ head }) => ascii(head).readBigInt64LE(6) > 0n)
  const [, ...setup] = packetsOf(others.slice(0, audio)).slice(0, headers - 1)
  const comment = part(raw, "comment packet", [rest("magic", ascii(magic)), ...comments(), rest("end", ascii(end))])
  const packets = [comment, ...setup.map((packet) => rest("setup packet", packet))]
  return whole([pagePart(first!), part(inPages, first!.head, packets), ...others.slice(audio).map(pagePart)])
}

const flac = (bytes: Buffer): Part => {
  let end = 4
  for (let isLast = false; !isLast;) {
    isLast = (bytes[end]! & 0x80) !== 0
    end += 4 + bytes.readUIntBE(end + 1, 3)
  }
  const [info] = partsOf(flacBlocks, bytes.subarray(4, end))
  info!.tag = "\0"
  const seekPoint = Buffer.concat([be(0, 8), be(0, 8), be(4096, 2)])
  return whole([
    rest("magic", bytes.subarray(0, 4)),
    { ...info!, counts: flacBlocks.counts["\0"]! },
    part(flacBlock, "\x04", comments()),
    part(flacBlock, "\x06", flacPicture(), [big("type length", 4), big("text length", 17), big("bytes", 37)]),
    part(flacBlock, "\x03", seekPoint),
    part(flacBlock, "\x81", Buffer.alloc(64)),
    rest("audio", bytes.subarray(end))
  ])
}

/** Where the tag ends that FFmpeg writes before MP3, and the first frame with its counts. */
const mp3 = (bytes: Buffer, version: 3 | 4): Part => {
  const audio = bytes.indexOf(Buffer.from([0xff, 0xfb]))
  const info = bytes.indexOf("Info") - audio
  const next = bytes.indexOf(Buffer.from([0xff, 0xfb]), audio + 2)
  const counts = [big("flags", info + 4), big("frames", info + 8), big("bytes", info + 12)]
  return whole([
    id3(version),
    rest("Xing", bytes.subarray(audio, next), counts),
    rest("audio", bytes.subarray(next)),
    ...apeTag()
  ])
}

const utf16 = (text: string) => Buffer.from(`${text}\0`, "utf16le")

const wav = (bytes: Buffer): Part => {
  const root = partsOf(chunks(false), bytes)
  const chunk = (tag: string, content: Buffer | ReadonlyArray<Part>) => part(chunkFraming(false), tag, content)
  const list = {
    ...chunk("LIST", [chunk("INAM", ascii("Title\0")), chunk("IART", ascii("Somebody\0"))]),
    lead: ascii("INFO")
  }
  const cue = { ...chunk("cue ", Buffer.concat([le(1), Buffer.alloc(24)])), counts: [little("count", 0)] }
  root[0]!.children.splice(1, 0, list, cue, chunk("id3 ", [id3(4)]), chunk("bext", Buffer.alloc(602)))
  return whole(root)
}
const aiff = (bytes: Buffer): Part => {
  const root = partsOf(chunks(true), bytes)
  const chunk = (tag: string, content: Buffer | ReadonlyArray<Part>) => part(chunkFraming(true), tag, content)
  const note = Buffer.concat([be(1, 2), be(0), be(0, 2), be(4, 2), ascii("note")])
  const notes = { ...chunk("COMT", note), counts: [big("count", 0, 2), big("length", 8, 2)] }
  root[0]!.children.push(chunk("NAME", ascii("Title")), notes, chunk("ID3 ", [id3(3)]))
  return whole(root)
}
const mp4 = (bytes: Buffer): Part => {
  const root = partsOf(boxes, bytes)
  const box = (tag: string, content: Buffer | ReadonlyArray<Part>) => part(boxes.framing, tag, content)
  const data = (type: number, content: Buffer) => box("data", Buffer.concat([be(type), be(0), content]))
  const handler = box("hdlr", Buffer.concat([be(0, 8), ascii("mdirappl"), be(0, 8), Buffer.alloc(1)]))
  const texts = ["mean", "name"].map((tag) => box(tag, Buffer.concat([be(0), ascii("text")])))
  const list = box("ilst", [
    box("\xa9nam", [data(1, ascii("Title"))]),
    box("covr", [data(14, picture)]),
    box("----", [...texts, data(1, ascii("value"))])
  ])
  const chapters = Buffer.concat([be(0x01000000), be(0), be(1, 1), be(0, 8), be(3, 1), ascii("one")])
  const chpl = { ...box("chpl", chapters), counts: [big("count", 8, 1)] }
  const user = box("udta", [{ ...box("meta", [handler, list]), lead: be(0) }, chpl])
  root.find(({ tag }) => tag === "moov")!.children.push(user)
  return whole(root)
}
const matroska = (bytes: Buffer): Part => {
  const root = partsOf(ebml, bytes)
  const element = (id: string, content: Buffer | ReadonlyArray<Part>) => part(ebml.framing, guid(id), content)
  const simple = element("67c8", [element("45a3", ascii("TITLE")), element("4487", ascii("Title"))])
  // Attachments, AttachedFile, FileName, FileMimeType, FileData.
  const file = element("61a7", [
    element("466e", ascii("cover.png")),
    element("4660", ascii("image/png")),
    element("465c", picture)
  ])
  root[1]!.children.push(
    element("1254c367", [element("7373", [element("63c0", []), simple])]),
    element("1941a469", [file])
  )
  return whole(root)
}
const asf = (bytes: Buffer): Part => {
  const counts = { [asfHeader]: [little("objects", 0)], [asfExtension]: [little("size", 18)] }
  const root = partsOf(guids(1, { [asfHeader]: 6, [asfExtension]: 22 }, counts), bytes)
  const object = (tag: string, content: Buffer, own: ReadonlyArray<Field>) => part(guidFraming(1), tag, content, own)
  const [title, author, name] = [utf16("Title"), utf16("Somebody"), utf16("WM/AlbumTitle")]
  const lengths = Buffer.concat([title.length, author.length, 0, 0, 0].map((length) => le(length, 2)))
  const value = Buffer.concat([le(name.length, 2), name, le(0, 2), le(title.length, 2), title])
  root[0]!.children.push(
    object(asfContent, Buffer.concat([lengths, title, author]), [little("title", 0, 2), little("author", 2, 2)]),
    object(asfExtended, Buffer.concat([le(1, 2), value]), [little("count", 0, 2), little("name", 2, 2)])
  )
  root[0]!.lead = Buffer.concat([le(root[0]!.children.length), root[0]!.lead.subarray(4)])
  return whole(root)
}
const cafFile = (bytes: Buffer): Part => {
  const info = part(caf.framing, "info", Buffer.concat([be(1), ascii("title\0Title\0")]), caf.counts["info"])
  const [desc, ...others] = partsOf(caf, bytes.subarray(8))
  return whole([rest("magic", bytes.subarray(0, 8)), desc!, info, ...others])
}

/** By the names of what writes them: see structuredFormats. */
export const trees = {
  wav,
  aiff,
  w64: (bytes: Buffer) => whole(partsOf(guids(8, { [w64Riff]: 16 }), bytes)),
  flac,
  vorbis: (bytes: Buffer) => ogg(bytes, 3, "\x03vorbis", "\x01"),
  opus: (bytes: Buffer) => ogg(bytes, 2, "OpusTags", ""),
  mp3: (bytes: Buffer) => mp3(bytes, 4),
  "mp3 with ID3v2.3": (bytes: Buffer) => mp3(bytes, 3),
  mp4,
  matroska,
  caf: cafFile,
  asf,
  adts: (bytes: Buffer) => whole([id3(4), ...partsOf(adtsFrames, bytes)])
} satisfies Record<string, (bytes: Buffer) => Part>
export type ContainerName = keyof typeof trees
