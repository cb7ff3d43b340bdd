/** A stream of frames without a container around it (MP3, ADTS): which frame a packet is, by where it lies in the file. */
import type { MpegIndex } from "./MpegIndex.ts"
import { headerAt, type MpegKind, tagLengthAt } from "./mpegHeader.ts"

export class BareStream {
  /** Number of the frame that the last packet is. */
  frame = -1
  /** The last frame does not follow the one before it. */
  isDisplaced = false

  readonly #kind: MpegKind
  readonly #index: () => MpegIndex | undefined
  /** Where the last good frame, or tag, ended; undefined at the start, NaN behind damage. */
  #end: number | undefined
  #tagEnd = 0

  constructor(kind: MpegKind, index: () => MpegIndex | undefined) {
    this.#kind = kind
    this.#index = index
  }

  /** Whether a packet that starts at this byte of the file is the next frame. */
  follows(start: number): boolean {
    return this.#end === undefined || start === this.#end
  }

  /** The packet is the next frame, and was decoded. */
  next(end: number): void {
    this.frame += 1
    this.#end = end
    this.isDisplaced = false
  }

  /**
   * Finds the frame at the end of a packet, where FFmpeg has left before it what is no frame: how many bytes those are,
   * and its number. Undefined: there is none.
   */
  find(start: number, data: Buffer): { readonly stray: number; readonly frame: number } | undefined {
    const stray = strayBytes(this.#kind, data)
    const index = this.#index()
    if (index === undefined) return { stray: stray ?? 0, frame: this.#judgedFrame(start, data.length) }
    const frame = stray === undefined ? undefined : index.find(start + stray, data.subarray(stray))
    return stray === undefined || frame === undefined ? undefined : { stray, frame }
  }

  /** The packet is this frame, and was decoded. */
  goOn(frame: number, end: number): void {
    this.frame = frame
    this.#end = end
    this.isDisplaced = true
  }

  /** A packet that did not decode. True: it is none of the audio but a tag, at the end or between files that were joined. */
  skip(start: number, data: Buffer): boolean {
    const length = tagLengthAt(data, 0)
    const isTag = length > 0 || start < this.#tagEnd
    if (length > 0) this.#tagEnd = start + length
    this.#end = isTag ? Math.max(this.#tagEnd, start + data.length) : Number.NaN
    return isTag
  }

  /** The next packet is this frame. */
  seek(frame: number, byte: number): void {
    this.frame = frame - 1
    this.#end = byte
  }

  /** Where there is no index: as many frames are missing as have room between. */
  #judgedFrame(start: number, size: number): number {
    const gap = start - (this.#end ?? start)
    return this.frame + 1 + (gap > 0 ? Math.round(gap / size) : 0)
  }
}

const strayBytes = (kind: MpegKind, data: Buffer): number | undefined => {
  for (let at = data.indexOf(0xff); at >= 0; at = data.indexOf(0xff, at + 1)) {
    if (headerAt(kind, data, at)?.length === data.length - at) return at
  }
  return undefined
}
