/** Files that are several streams one behind the other, or a stream with something around it: where each of them lies. */
import { statSync } from "node:fs"
import { openWindow } from "./fileWindow.ts"
import { type ByteRange, indexMpeg, isPlainMp3, kindAt, type MpegIndex } from "./MpegIndex.ts"
import { tagLengthAt } from "./mpegHeader.ts"

export interface FileLink {
  readonly range: ByteRange
  readonly index?: MpegIndex
}

/** Undefined: the file is one stream, of which FFmpeg makes what there is to make. */
export const linksOf = (path: string): ReadonlyArray<FileLink> | undefined => {
  const size = statSync(path).size
  const window = openWindow(path)
  try {
    const { bytes, offset } = window.around(0)
    if (bytes.toString("latin1", offset, offset + 4) === "OggS") return oggLinks(window)
    const start = audioStart(window)
    const range = { start: start.at, end: audioEnd(window) }
    if (range.end <= range.start) return undefined
    const kind = kindAt(path, range)
    if (kind === undefined) return undefined
    if (kind === "mpeg" && !start.hasZeros && isPlainMp3(path, range)) return undefined
    const found = indexMpeg(path, kind, { start: range.start, end: Math.min(size, range.end) })
    return found.length === 0 ? undefined : found.map((index) => ({ range: index.range, index }))
  } finally {
    window.close()
  }
}

type Window = ReturnType<typeof openWindow>

/** Zeros that are looked past for audio behind them, bytes. */
const zerosMaximum = 16 * 2 ** 20

const audioStart = (window: Window): { readonly at: number; readonly hasZeros: boolean } => {
  let at = 0
  let zeros = 0
  while (at < window.size && zeros < zerosMaximum) {
    const { bytes, offset } = window.around(at)
    const tag = tagLengthAt(bytes, offset)
    if (tag > 0) {
      at += tag
      continue
    }
    if (bytes[offset] !== 0) break
    let end = offset
    while (end < bytes.length && bytes[end] === 0) end++
    at += end - offset
    zeros += end - offset
  }
  return { at, hasZeros: zeros > 0 }
}

const audioEnd = (window: Window): number => {
  let end = window.size
  const textAt = (at: number, length: number) => {
    if (at < 0) return ""
    const { bytes, offset } = window.around(at)
    return bytes.toString("latin1", offset, offset + length)
  }
  if (textAt(end - 128, 3) === "TAG") end -= 128
  if (textAt(end - 32, 8) === "APETAGEX") {
    const { bytes, offset } = window.around(end - 32)
    // APEv2: the footer is counted, the header is not.
    const hasHeader = bytes.readUInt32LE(offset + 20) >= 0x8000_0000
    end -= bytes.readUInt32LE(offset + 12) + (hasHeader ? 32 : 0)
  }
  return end
}

interface OggPage {
  readonly at: number
  readonly length: number
  readonly isFirst: boolean
  readonly granule: bigint
  readonly serial: number
}

/** RFC 3533, 6. */
const oggPageAt = (window: Window, at: number): OggPage | undefined => {
  if (at + 27 > window.size) return undefined
  const { bytes, offset } = window.around(at)
  if (bytes.toString("latin1", offset, offset + 4) !== "OggS" || bytes[offset + 4] !== 0) return undefined
  const segments = bytes[offset + 26]!
  let length = 27 + segments
  for (let n = 0; n < segments; n++) length += bytes[offset + 27 + n] ?? 0
  const isFirst = (bytes[offset + 5]! & 2) !== 0
  return { at, length, isFirst, granule: bytes.readBigInt64LE(offset + 6), serial: bytes.readUInt32LE(offset + 14) }
}

const nextOggPage = (window: Window, from: number): OggPage | undefined => {
  for (let at = from; at + 27 <= window.size;) {
    const page = oggPageAt(window, at)
    if (page !== undefined) return page
    const { bytes, offset } = window.around(at)
    const found = bytes.indexOf("OggS", offset + 1, "latin1")
    at += (found < 0 ? Math.max(1, bytes.length - 3) : found) - offset
  }
  return undefined
}

/** Places of a file at which it is looked whether it goes on as it has begun. */
const sampledPlaces = 16
/** RFC 3533, 6: a page is no longer. */
const oggPageMaximum = 65_307

/** RFC 3533, 4: chained streams, each of which begins with pages that say so. */
const oggLinks = (window: Window): ReadonlyArray<FileLink> | undefined => {
  const first = oggPageAt(window, 0)
  if (first === undefined || !looksChained(window, first)) return undefined
  const starts: Array<number> = []
  let wasFirst = false
  for (let page: OggPage | undefined = first; page !== undefined;) {
    if (page.isFirst && !wasFirst) starts.push(page.at)
    wasFirst = page.isFirst
    page = nextOggPage(window, page.at + page.length)
  }
  if (starts.length < 2) return undefined
  return starts.map((start, n) => ({ range: { start, end: starts[n + 1] ?? window.size } }))
}

const looksChained = (window: Window, first: OggPage): boolean => {
  let granule = 0n
  const places = Array.from({ length: sampledPlaces }, (_, n) =>
    Math.floor(((n + 1) * window.size) / (sampledPlaces + 1))
  )
  places.push(Math.max(0, window.size - oggPageMaximum))
  for (const place of places.toSorted((a, b) => a - b)) {
    for (let page = nextOggPage(window, place); page !== undefined;) {
      if (page.serial !== first.serial || page.granule < (page.granule < 0n ? page.granule : granule)) return true
      if (page.granule > granule) granule = page.granule
      page = place === places.at(-1) ? nextOggPage(window, page.at + page.length) : undefined
    }
  }
  return false
}
