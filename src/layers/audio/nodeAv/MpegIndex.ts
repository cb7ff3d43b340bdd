/**
 * Where the frames of an MP3 or of raw AAC lie: there is no container that would tell. Found by their headers, each of
 * which says where the next one is; what lies between is a tag, or damaged.
 */
import { closeSync, openSync, readSync } from "node:fs"
import { headerAt, isSameStream, type MpegHeader, type MpegKind, tagLengthAt } from "./mpegHeader.ts"
import { openWindow } from "./fileWindow.ts"

/** Bytes. Of a longer file FFmpeg's own estimates have to do: four hours at 128 kbit/s. */
const largestIndexed = 256 * 2 ** 20

/** Bytes by which FFmpeg is wrong, behind damage, about where a packet was. */
const foundNear = 65_536

/** Frames around a damaged spot by whose length it is judged how many are missing. */
const judgedFrames = 64

export interface ByteRange {
  readonly start: number
  /** Exclusive. */
  readonly end: number
}

/** What an encoder says in its first frame, which holds no audio. */
export interface XingHeader {
  /** Without this one. */
  readonly frames: number | undefined
  /** From this frame on. */
  readonly bytes: number | undefined
}

/** Frames of one kind, one behind the other, in a part of a file. */
export interface MpegIndex {
  readonly range: ByteRange
  readonly header: MpegHeader
  readonly xing: XingHeader | undefined
  /** Frames from the start to the end, those included that are missing. */
  readonly frames: number
  /** The bytes end within a frame. */
  readonly isCut: boolean
  /** Number of the frame that has these bytes, at or near `byte`; undefined: none has. */
  readonly find: (byte: number, frame: Buffer) => number | undefined
  /** The last frame that is there up to `frame`. */
  readonly lastUpTo: (frame: number) => { readonly frame: number; readonly byte: number }
}

/** The streams of frames in a part of a file: one, or as many as were joined that differ. None: it is too large, or none of this. */
export const indexMpeg = (path: string, kind: MpegKind, range: ByteRange): ReadonlyArray<MpegIndex> => {
  if (range.end - range.start > largestIndexed) return []
  const window = openWindow(path, range.end)
  try {
    const found: Array<Run> = []
    for (let at = range.start; at < range.end;) {
      const start = findStart(window, kind, at, found.at(-1)?.header)
      if (start === undefined) break
      const run = followRun(window, kind, start)
      found.push(run)
      at = run.end
    }
    return streamsOf(found).map((runs) => makeIndex(path, window, kind, runs))
  } finally {
    window.close()
  }
}

type Window = ReturnType<typeof openWindow>

/** Frames without anything between them. */
interface Run {
  readonly header: MpegHeader
  readonly offsets: ReadonlyArray<number>
  readonly end: number
  readonly isCut: boolean
  /** Bytes before it that are neither frames nor tags. */
  readonly strayBytes: number
}

interface Start {
  readonly at: number
  readonly header: MpegHeader
  readonly strayBytes: number
}

/** The next frame that another one follows, for four bytes that look like a header occur by chance. */
const findStart = (window: Window, kind: MpegKind, from: number, before: MpegHeader | undefined): Start | undefined => {
  let strayBytes = 0
  for (let at = from; at + 4 <= window.size;) {
    const { bytes, offset } = window.around(at)
    const tag = tagLengthAt(bytes, offset)
    if (tag > 0) {
      at += tag
      continue
    }
    const header = headerAt(kind, bytes, offset)
    if (header !== undefined && isConfirmed(window, kind, at, header, before)) return { at, header, strayBytes }
    const next = bytes.indexOf(0xff, offset + 1)
    // A tag may be there before the next frame.
    const tagAt = nextTag(bytes, offset + 1, next < 0 ? bytes.length : next)
    const step = (tagAt ?? (next < 0 ? bytes.length : next)) - offset
    strayBytes += step
    at += step
  }
  return undefined
}

const tagStarts = ["ID3", "APETAGEX", "TAG"]
const nextTag = (bytes: Buffer, from: number, to: number): number | undefined => {
  // Not all of the window for each of them.
  const part = bytes.subarray(from, to)
  const found = tagStarts.map((start) => part.indexOf(start, 0, "latin1")).filter((at) => at >= 0)
  return found.length === 0 ? undefined : from + Math.min(...found)
}

/** Whether the whole of an MP3 is as it says, so that what FFmpeg makes of its header holds: judged by a few places of it. */
export const isPlainMp3 = (path: string, range: ByteRange): boolean => {
  const window = openWindow(path, range.end)
  try {
    const { bytes, offset } = window.around(range.start)
    const header = headerAt("mpeg", bytes, offset)
    if (header === undefined) return false
    const xing = xingAt(window, range.start, header)
    const length = range.end - range.start
    if (xing?.bytes !== undefined && Math.abs(xing.bytes - length) > strayBytesOfPlain) return false
    const samples = samplesOf(window, range, header)
    if (samples === undefined) return false
    const told = xing?.frames === undefined ? header.length : length / xing.frames
    const deviation = xing?.frames === undefined ? 1.5 : told / 4
    return xing?.frames === undefined
      ? samples.every((mean) => Math.abs(mean - told) <= deviation)
      : Math.abs(samples.reduce((sum, mean) => sum + mean, 0) / samples.length - told) <= deviation
  } finally {
    window.close()
  }
}

/** What a part of a file begins with, where frames of it follow each other. */
export const kindAt = (path: string, range: ByteRange): MpegKind | undefined => {
  const window = openWindow(path, range.end)
  try {
    return (["mpeg", "adts"] as const).find((kind) => {
      const { bytes, offset } = window.around(range.start)
      const header = headerAt(kind, bytes, offset)
      return header !== undefined && isConfirmed(window, kind, range.start, header, undefined)
    })
  } finally {
    window.close()
  }
}

/** Encoders differ over what they count; tags that are not known may follow. */
const strayBytesOfPlain = 4096
const sampledPlaces = 8
/** Bytes in which the last frame has to begin. */
const tailBytes = 16_384

/** The mean length of the frames at a few places; undefined where frames of the same stream are not found, or do not reach the end. */
const samplesOf = (window: Window, range: ByteRange, header: MpegHeader): ReadonlyArray<number> | undefined => {
  const means: Array<number> = []
  const places = Array.from({ length: sampledPlaces }, (_, n) => (n / sampledPlaces) * (range.end - range.start))
  places.push(Math.max(0, range.end - range.start - tailBytes))
  for (const place of places) {
    const start = findStart(window, "mpeg", Math.floor(range.start + place), header)
    if (start === undefined || !isSameStream(start.header, header)) return undefined
    const run = followRun(window, "mpeg", start, judgedFrames)
    means.push(run.offsets.length === 0 ? start.header.length : (run.end - start.at) / run.offsets.length)
    if (place === places.at(-1) && range.end - run.end > strayBytesOfPlain) return undefined
  }
  return means.slice(0, -1)
}

/** Frames that have to follow, where the stream goes on as before and where it does not. */
const confirmingFrames = { same: 1, other: 3 }

const isConfirmed = (
  window: Window,
  kind: MpegKind,
  from: number,
  header: MpegHeader,
  before: MpegHeader | undefined
): boolean => {
  const wanted = before !== undefined && isSameStream(before, header) ? confirmingFrames.same : confirmingFrames.other
  let at = from + header.length
  for (let n = 0; n < wanted; n++) {
    // The end of the file is as good as a frame.
    if (at >= window.size) return n > 0 || at === window.size
    const { bytes, offset } = window.around(at)
    const next = headerAt(kind, bytes, offset)
    if (next === undefined) return tagLengthAt(bytes, offset) > 0
    if (!isSameStream(header, next)) return false
    at += next.length
  }
  return true
}

const followRun = (
  window: Window,
  kind: MpegKind,
  { at: start, header, strayBytes }: Start,
  mostFrames = Infinity
): Run => {
  const offsets: Array<number> = []
  for (let at = start; ;) {
    if (offsets.length === mostFrames) return { header, offsets, end: at, isCut: false, strayBytes }
    const { bytes, offset } = window.around(at)
    const next = headerAt(kind, bytes, offset)
    if (next === undefined || !isSameStream(header, next)) {
      const isCut = at < window.size && at + 4 > window.size && bytes[offset] === 0xff
      return { header, offsets, end: at, isCut, strayBytes }
    }
    if (at + next.length > window.size) return { header, offsets, end: window.size, isCut: true, strayBytes }
    offsets.push(at)
    at += next.length
  }
}

/** Runs of one stream belong together, whatever is missing between them. */
const streamsOf = (found: ReadonlyArray<Run>): ReadonlyArray<ReadonlyArray<Run>> => {
  const streams: Array<Array<Run>> = []
  for (const run of found) {
    if (run.offsets.length === 0) continue
    const stream = streams.at(-1)
    if (stream !== undefined && isSameStream(stream[0]!.header, run.header)) stream.push(run)
    else streams.push([run])
  }
  return streams
}

const makeIndex = (path: string, window: Window, kind: MpegKind, runs: ReadonlyArray<Run>): MpegIndex => {
  const [first] = runs
  const start = first!.offsets[0]!
  const last = runs.at(-1)!
  const xing = kind === "mpeg" ? xingAt(window, start, first!.header) : undefined
  const offsets = Float64Array.from(runs.flatMap((run) => run.offsets)).subarray(xing === undefined ? 0 : 1)
  const lost = lostBefore(runs, xing, offsets.length)
  /** Runs by the number of their first frame that is there, and how many are missing before it in all. */
  const bounds: Array<{ readonly index: number; readonly missing: number }> = []
  let index = xing === undefined ? 0 : -1
  let missing = 0
  for (const [n, run] of runs.entries()) {
    missing += lost[n]!
    bounds.push({ index, missing })
    index += run.offsets.length
  }
  const frameOf = (n: number) => n + (bounds.findLast((bound) => bound.index <= n)?.missing ?? 0)
  /** The last offset up to where `isBeyond` begins. */
  const search = (isBeyond: (n: number) => boolean): number => {
    let [low, high] = [0, offsets.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (isBeyond(middle)) high = middle
      else low = middle + 1
    }
    return low - 1
  }
  return {
    range: { start, end: last.end },
    header: first!.header,
    xing,
    frames: offsets.length + missing,
    isCut: last.isCut,
    find: (byte, frame) => {
      const from = Math.max(
        0,
        search((at) => offsets[at]! > byte - foundNear)
      )
      const to = search((at) => offsets[at]! > byte + foundNear)
      const near = Array.from(offsets.subarray(from, to + 1), (at, n) => ({ at, n: from + n }))
      near.sort((a, b) => Math.abs(a.at - byte) - Math.abs(b.at - byte))
      const file = openSync(path, "r")
      try {
        const there = Buffer.alloc(frame.length)
        const found = near.find(({ at }) => readSync(file, there, 0, there.length, at) > 0 && there.equals(frame))
        return found === undefined ? undefined : frameOf(found.n)
      } finally {
        closeSync(file)
      }
    },
    lastUpTo: (frame) => {
      const n = Math.max(
        0,
        search((at) => frameOf(at) > frame)
      )
      return { frame: frameOf(n), byte: offsets[n] ?? start }
    }
  }
}

/** Frames that are missing before each run: by their bytes, and all in all as many as the encoder has counted. */
const lostBefore = (runs: ReadonlyArray<Run>, xing: XingHeader | undefined, found: number): ReadonlyArray<number> => {
  const lost = runs.map((run, n) => (n === 0 ? 0 : Math.round(run.strayBytes / meanBytes(runs[n - 1]!, run))))
  const judged = lost.reduce((sum, count) => sum + count, 0)
  const counted = (xing?.frames ?? Number.NaN) - found
  const largest = lost.indexOf(Math.max(...lost))
  // A count that is far from it is of another file.
  if (judged > 0 && counted > 0 && Math.abs(counted - judged) <= Math.max(2 * runs.length, judged / 4)) {
    lost[largest] = Math.max(0, lost[largest]! + counted - judged)
  }
  return lost
}

const meanBytes = (before: Run, behind: Run): number => {
  const lengths = (offsets: ReadonlyArray<number>) => (offsets.length < 2 ? 0 : offsets.at(-1)! - offsets[0]!)
  const [a, b] = [before.offsets.slice(-judgedFrames), behind.offsets.slice(0, judgedFrames)]
  const steps = Math.max(0, a.length - 1) + Math.max(0, b.length - 1)
  return steps === 0 ? before.header.length : (lengths(a) + lengths(b)) / steps
}

/** Xing, or Info where the bit rate is constant; VBRI of Fraunhofer's encoder always 32 bytes behind the header. */
const xingAt = (window: Window, at: number, header: MpegHeader): XingHeader | undefined => {
  const { bytes, offset } = window.around(at)
  const from = offset + header.sideInfoEnd
  const name = bytes.toString("latin1", from, from + 4)
  if (name === "Xing" || name === "Info") {
    const flags = bytes.readUInt32BE(from + 4)
    const frames = (flags & 1) === 0 ? undefined : bytes.readUInt32BE(from + 8)
    const bytesAt = from + 8 + (flags & 1) * 4
    return { frames, bytes: (flags & 2) === 0 ? undefined : bytes.readUInt32BE(bytesAt) }
  }
  if (bytes.toString("latin1", offset + 36, offset + 40) !== "VBRI") return undefined
  return { frames: bytes.readUInt32BE(offset + 36 + 14), bytes: bytes.readUInt32BE(offset + 36 + 10) }
}
