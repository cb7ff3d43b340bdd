/** Tags for test files: ID3v2.3, written before the audio of an MP3. */
import { readFileSync, writeFileSync } from "node:fs"

export interface Id3 {
  readonly title?: string
  readonly artist?: string
  readonly albumArtist?: string
  readonly album?: string
  /** `3/12` */
  readonly track?: string
  readonly disc?: string
  readonly year?: string
  readonly picture?: { readonly mediaType: string; readonly bytes: Buffer }
}

const frame = (id: string, content: Buffer): Buffer => {
  const header = Buffer.alloc(10)
  header.write(id, "latin1")
  header.writeUInt32BE(content.length, 4)
  return Buffer.concat([header, content])
}

/** UTF-16 with a byte order mark. */
const text = (id: string, value: string | undefined): Buffer =>
  value === undefined
    ? Buffer.alloc(0)
    : frame(id, Buffer.concat([Buffer.from([1, 0xff, 0xfe]), Buffer.from(value, "utf16le")]))

const id3v2 = (tags: Id3): Buffer => {
  const { picture } = tags
  const frames = Buffer.concat([
    text("TIT2", tags.title),
    text("TPE1", tags.artist),
    text("TPE2", tags.albumArtist),
    text("TALB", tags.album),
    text("TRCK", tags.track),
    text("TPOS", tags.disc),
    text("TYER", tags.year),
    picture === undefined
      ? Buffer.alloc(0)
      : frame("APIC", Buffer.concat([Buffer.from(`\0${picture.mediaType}\0\x03\0`, "latin1"), picture.bytes]))
  ])
  const header = Buffer.from("ID3\x03\0\0\0\0\0\0", "latin1")
  for (let n = 0; n < 4; n++) header[6 + n] = (frames.length >> (7 * (3 - n))) & 0x7f
  return Buffer.concat([header, frames])
}

/** Puts the tags before what an MP3 file holds. */
export const tagMp3 = (path: string, tags: Id3): string => {
  writeFileSync(path, Buffer.concat([id3v2(tags), readFileSync(path)]))
  return path
}

/** The smallest of PNGs: one transparent pixel. */
export const pngPixel = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==",
  "base64"
)
