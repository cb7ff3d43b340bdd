/**
 * Files that cost whoever parses them far more than they are worth: headers before nothing, boxes and chunks by the
 * million, tables that promise what is not there, tags as large as an album. Each is made in a folder, some of them sparse.
 */
import { appendFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { Effect } from "effect"
import { writeAudioFile } from "./audioFiles.ts"
import { onAll, sine } from "./signals.ts"

export interface HostileFile {
  readonly name: string
  readonly make: (path: string) => void
  readonly isLarge?: boolean
}

const megabyte = 2 ** 20
const gigabyte = 2 ** 30

const u16be = (value: number) => Buffer.from([value >> 8, value & 255])
const u32be = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
const u32le = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
const ascii = (text: string) => Buffer.from(text, "latin1")

/** The same bytes over and over, written in pieces of some megabytes. */
const appendTimes = (path: string, unit: Buffer, times: number) => {
  const perPiece = Math.max(1, Math.floor((8 * megabyte) / unit.length))
  const piece = Buffer.concat(Array.from({ length: perPiece }, () => unit))
  for (let left = times; left > 0; left -= perPiece) {
    appendFileSync(path, left >= perPiece ? piece : piece.subarray(0, left * unit.length))
  }
}

const wavHeader = (dataBytes: number) =>
  Buffer.concat([
    ascii("RIFF"),
    u32le(36 + dataBytes),
    ascii("WAVEfmt "),
    u32le(16),
    // PCM, two channels, 44.1 kHz, 16 bits.
    Buffer.from([1, 0, 2, 0]),
    u32le(44_100),
    u32le(176_400),
    Buffer.from([4, 0, 16, 0]),
    ascii("data"),
    u32le(dataBytes)
  ])

const wavAndZeros = (bytes: number) => (path: string) => {
  writeFileSync(path, wavHeader(0))
  truncateSync(path, bytes)
}

const box = (type: string, ...content: ReadonlyArray<Buffer>): Buffer => {
  const body = Buffer.concat(content)
  return Buffer.concat([u32be(8 + body.length), ascii(type), body])
}
const fullBox = (type: string, ...content: ReadonlyArray<Buffer>) => box(type, u32be(0), ...content)

const fileType = box("ftyp", ascii("M4A "), u32be(0), ascii("M4A isom"))

const freeBoxes = (count: number) => (path: string) => {
  writeFileSync(path, fileType)
  appendTimes(path, box("free"), count)
}

/** A kilobyte whose sample table says that there are so many samples of one byte, all in one chunk. */
const declaredSamples = (samples: number) => (path: string) => {
  const timeScale = 44_100
  const duration = u32be(Math.min(0xffff_ffff, samples * 1024))
  const descriptor = Buffer.from(
    "0380808022000200048080801440150000000001f4000001f400058080800212100680808001020000",
    "hex"
  )
  const entry = box(
    "mp4a",
    Buffer.concat([
      Buffer.alloc(6),
      u16be(1),
      Buffer.alloc(8),
      u16be(2),
      u16be(16),
      u32be(0),
      u32be(timeScale * 65_536)
    ]),
    fullBox("esds", descriptor)
  )
  const table = box(
    "stbl",
    fullBox("stsd", u32be(1), entry),
    fullBox("stts", u32be(1), u32be(samples), u32be(1024)),
    fullBox("stsc", u32be(1), u32be(1), u32be(samples), u32be(1)),
    fullBox("stsz", u32be(1), u32be(samples)),
    fullBox("stco", u32be(1), u32be(1000))
  )
  const matrix = Buffer.concat([0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000].map(u32be))
  const media = box(
    "mdia",
    fullBox("mdhd", u32be(0), u32be(0), u32be(timeScale), duration, u32be(0x55c40000)),
    fullBox("hdlr", u32be(0), ascii("soun"), Buffer.alloc(13)),
    box("minf", fullBox("smhd", u32be(0)), box("dinf", fullBox("dref", u32be(1), box("url ", u32be(1)))), table)
  )
  const track = box(
    "trak",
    box("tkhd", u32be(7), u32be(0), u32be(0), u32be(1), u32be(0), duration, Buffer.alloc(16), matrix, Buffer.alloc(8)),
    media
  )
  const movie = fullBox(
    "mvhd",
    u32be(0),
    u32be(0),
    u32be(timeScale),
    duration,
    u32be(0x10000),
    u32be(0x01000000),
    Buffer.alloc(8),
    matrix,
    Buffer.alloc(24),
    u32be(2)
  )
  writeFileSync(path, Buffer.concat([fileType, box("moov", movie, track), box("mdat", Buffer.alloc(64))]))
}

const syncSafe = (size: number) => Buffer.from([21, 14, 7, 0].map((shift) => (size >> shift) & 0x7f))

/** Eight seconds of MP3 in front, or behind, of what is made of them. */
const mp3Bytes = (folder: string): Buffer => audioBytes(folder, "mp3")
const flacBytes = (folder: string): Buffer => audioBytes(folder, "flac16")

const audioBytes = (folder: string, format: "mp3" | "flac16"): Buffer => {
  const path = writeAudioFile(folder, ".hostile-source", format, onAll(2, sine(44_100, 8, 440, -20)), {
    sampleRate: 44_100
  })
  const bytes = readFileSync(path)
  rmSync(path)
  return bytes
}

const manyArtists = (names: number) => (path: string) => {
  const text = Buffer.concat([Buffer.from([3]), Buffer.alloc(2 * names, "a\0")])
  const frame = Buffer.concat([ascii("TPE1"), syncSafe(text.length), Buffer.alloc(2), text])
  const header = Buffer.concat([ascii("ID3\x04\0\0"), syncSafe(frame.length)])
  writeFileSync(path, Buffer.concat([header, frame, mp3Bytes(dirname(path))]))
}

const zerosBehind = (bytes: number) => (path: string) => {
  writeFileSync(path, mp3Bytes(dirname(path)))
  truncateSync(path, bytes)
}

const apeTags = (bytes: number) => (path: string) => {
  const items = Math.floor(bytes / 64)
  const item = (n: number) =>
    Buffer.concat([u32le(42), u32le(0), ascii(`Key ${String(n).padStart(8, "0")}\0`), Buffer.alloc(43, "x")])
  const body = Buffer.concat(Array.from({ length: items }, (_, n) => item(n)))
  const footer = Buffer.concat([
    ascii("APETAGEX"),
    u32le(2000),
    u32le(body.length + 32),
    u32le(items),
    u32le(0),
    Buffer.alloc(8)
  ])
  writeFileSync(path, Buffer.concat([mp3Bytes(dirname(path)), body, footer]))
}

/** Puts metadata blocks behind STREAMINFO, the first one of a FLAC. */
const withFlacBlocks = (path: string, blocks: ReadonlyArray<Buffer>) => {
  const bytes = flacBytes(dirname(path))
  const first = 4 + 4 + 34
  const stream = Buffer.from(bytes.subarray(0, first))
  stream[4] = 0
  const isLast = (bytes[4]! & 0x80) !== 0
  const rest = isLast ? [Buffer.from([0x81, 0, 0, 0]), bytes.subarray(first)] : [bytes.subarray(first)]
  writeFileSync(path, Buffer.concat([stream, ...blocks, ...rest]))
}

const flacBlock = (type: number, content: Buffer) => Buffer.concat([u32be((type << 24) | content.length), content])

const flacPadding = (bytes: number) => (path: string) =>
  withFlacBlocks(
    path,
    Array.from({ length: Math.floor(bytes / 64) }, () => flacBlock(1, Buffer.alloc(60)))
  )

const flacArtists = (bytes: number) => (path: string) => {
  const comment = ascii("ARTIST=somebody")
  const count = Math.floor((bytes - 12) / (4 + comment.length))
  const comments = Buffer.alloc(count * (4 + comment.length), Buffer.concat([u32le(comment.length), comment]))
  withFlacBlocks(path, [flacBlock(4, Buffer.concat([u32le(4), ascii("none"), u32le(count), comments]))])
}

const riffChunks = (count: number) => (path: string) => {
  writeFileSync(path, wavHeader(0).subarray(0, 36))
  appendTimes(path, Buffer.concat([ascii("junk"), u32le(0)]), count)
  appendFileSync(path, Buffer.concat([ascii("data"), u32le(4 * 44_100), Buffer.alloc(4 * 44_100, 7)]))
}

/**
 * One of each kind; `scale` 1 as they were met, less for smaller ones of the same kinds. `isLarge`: takes some hundred
 * megabytes of disk.
 */
export const hostileFiles = (scale = 1): ReadonlyArray<HostileFile> => {
  const of = (count: number) => Math.ceil(count * scale)
  return [
    { name: "header and zeros, short.wav", make: wavAndZeros(of(8 * megabyte)) },
    { name: "header and zeros, long.wav", make: wavAndZeros(of(20 * gigabyte)) },
    { name: "millions of boxes.m4a", make: freeBoxes(of(6_000_000)) },
    { name: "tens of millions of boxes.m4a", make: freeBoxes(of(64_000_000)), isLarge: true },
    { name: "a million artists.mp3", make: manyArtists(of(1_000_000)) },
    { name: "20 million samples.m4a", make: declaredSamples(of(20_000_000)) },
    { name: "80 million samples.m4a", make: declaredSamples(of(80_000_000)) },
    { name: "130 million samples.m4a", make: declaredSamples(of(130_000_000)) },
    { name: "zeros behind.mp3", make: zerosBehind(of(400 * megabyte)) },
    { name: "APE tags.mp3", make: apeTags(of(18 * megabyte)) },
    { name: "padding.flac", make: flacPadding(of(20 * megabyte)) },
    { name: "artists.flac", make: flacArtists(of(16 * megabyte - 64)) },
    { name: "millions of chunks.wav", make: riffChunks(of(4_000_000)) }
  ]
}

/** Makes them in a folder; the large ones too, if they are asked for. Their names. */
export const makeHostileFiles = (folder: string, withLarge = false): Effect.Effect<ReadonlyArray<string>> =>
  Effect.sync(() =>
    hostileFiles()
      .filter(({ isLarge = false }) => withLarge || !isLarge)
      .map(({ make, name }) => {
        make(join(folder, name))
        return name
      })
  )
