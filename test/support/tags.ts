/** Tags for test files: Vorbis comments in FLAC, LIST INFO in WAV. */
import { readFileSync, writeFileSync } from "node:fs"

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

const counted = (text: string): Buffer => Buffer.concat([uint32(Buffer.byteLength(text)), Buffer.from(text)])

/** Puts a block of comments, `NAME=value`, behind the first block of a FLAC file. */
export const tagFlac = (path: string, comments: ReadonlyArray<string>): string => {
  const file = readFileSync(path)
  // "fLaC", then STREAMINFO: a header of 4 bytes and 34 of content.
  const streamInfoEnd = 4 + 4 + 34
  const block = Buffer.concat([counted("test"), uint32(comments.length), ...comments.map(counted)])
  const header = Buffer.from([4, block.length >> 16, (block.length >> 8) & 0xff, block.length & 0xff])
  file[4]! &= 0x7f
  writeFileSync(path, Buffer.concat([file.subarray(0, streamInfoEnd), header, block, file.subarray(streamInfoEnd)]))
  return path
}

/** Puts a LIST of INFO behind what a WAV file holds, its texts in UTF-8. */
export const tagWav = (path: string, info: Readonly<Record<string, string>>): string => {
  const chunks = Object.entries(info).map(([id, text]) => {
    const bytes = Buffer.from(`${text}\0`)
    return Buffer.concat([Buffer.from(id), uint32(bytes.length), bytes, Buffer.alloc(bytes.length % 2)])
  })
  const list = Buffer.concat([Buffer.from("INFO"), ...chunks])
  const file = Buffer.concat([readFileSync(path), Buffer.from("LIST"), uint32(list.length), list])
  file.writeUInt32LE(file.length - 8, 4)
  writeFileSync(path, file)
  return path
}
