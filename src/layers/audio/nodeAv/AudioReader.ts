/** One audio file as contiguous blocks from any position, whatever it is made of. Synchronous. */
import { basename } from "node:path"
import { TrackUnreadable } from "../../../domain/audio/AnalysisError.ts"
import { isSupportedSampleRate } from "../../../domain/audio/SampleRate.ts"
import type { AudioBlock, AudioInfo, AudioLoss } from "../../../services/AudioDecoder.ts"
import { type ContainerFacts, fileFault, inspect } from "./containers.ts"
import type { SourceFile } from "./FrameSource.ts"
import { LinkConverter } from "./LinkConverter.ts"
import { decoderName, LinkReader } from "./LinkReader.ts"
import { linksOf } from "./links.ts"

export class AudioReader {
  readonly info: AudioInfo

  readonly #facts: ContainerFacts
  readonly #files: ReadonlyArray<SourceFile>
  /** Where each link begins in the track. */
  readonly #starts: Array<number> = [0]
  /** Which of them is read. */
  #current = 0
  #link: LinkReader
  #converter: LinkConverter | undefined
  /** Of the next sample. */
  #position = 0
  /** What is damaged before it is no loss. */
  #heardFrom = 0
  /** Converted samples that are still to be dropped before the wanted one. */
  #ahead = 0
  #lossBefore: AudioLoss | undefined
  /** Why the next link cannot be read. */
  #fault: TrackUnreadable | undefined

  /** Opens the file and decodes its first frame. Throws TrackUnreadable. */
  constructor(path: string) {
    const unreadable = (reason: TrackUnreadable["reason"]) =>
      new TrackUnreadable({ file: basename(path), stage: "open", reason, decoder: decoderName })
    const fault = fileFault(path)
    if (fault !== undefined) throw unreadable(fault)
    this.#facts = inspect(path)
    if (this.#facts.encrypted) throw unreadable("encrypted")
    const { codec: told } = this.#facts
    this.#files = linksOf(path)?.map((link) => ({ path, ...link })) ?? [
      { path, ...(told === undefined ? {} : { codec: told }) }
    ]
    this.#link = this.#open(0)
    const { channels, codec, sampleRate } = this.#link
    if (!isSupportedSampleRate(sampleRate)) {
      this.close()
      throw unreadable("unsupported")
    }
    this.info = { sampleRate, channels, codec, totalFrames: this.#totalFrames() }
  }

  /** What of all that was read so far was damaged, and is silent. */
  get loss(): AudioLoss | undefined {
    return joined(this.#lossBefore, this.#lossOfLink)
  }

  /** Goes to `startFrame`; what is damaged before `heardFrom` is no loss. To be called once, before the first `next` or `arrive`. */
  seek(startFrame: number, heardFrom = startFrame): void {
    this.#heardFrom = heardFrom
    this.#link.heardFrom = this.#heardFromOfLink
    if (startFrame <= 0) return
    this.#position = startFrame
    const last = this.#starts.findLastIndex((start) => start <= startFrame)
    if (last > 0) this.#goTo(last)
    const within = startFrame - this.#starts[this.#current]!
    // What comes out of a conversion depends on all that went in.
    if (this.#converter === undefined) this.#link.seek(within)
    else this.#ahead = within
  }

  /**
   * The next block of `lengthFrames` (the last one is shorter); "dropping" while the wanted position is still ahead;
   * "end" behind the last. Throws TrackUnreadable once what was decoded before is delivered.
   */
  next(lengthFrames: number): AudioBlock | "dropping" | "end" {
    if (!this.arrive()) return "dropping"
    const start = this.#position
    const channels = Array.from({ length: this.info.channels }, () => new Float32Array(lengthFrames))
    const length = this.readInto(channels, lengthFrames)
    if (length === 0) return "end"
    if (length === lengthFrames) return { start, length, channels }
    return { start, length, channels: channels.map((samples) => samples.slice(0, length)) }
  }

  /** Drops frames before the wanted position; false: there may be more of them. True before the first `readInto`. */
  arrive(): boolean {
    if (this.#converter === undefined) return this.#link.arrive()
    if (this.#ahead <= 0) return true
    const length = Math.min(this.#ahead, droppedFrames)
    const dropped = this.#converter.readInto(
      Array.from({ length: this.info.channels }, () => new Float32Array(length)),
      0,
      length
    )
    this.#ahead = dropped === 0 ? 0 : this.#ahead - dropped
    return this.#ahead === 0
  }

  /**
   * Writes the next samples to the start of one array a channel: `lengthFrames` of them, fewer at the end, then 0.
   * Throws TrackUnreadable once what was decoded before is delivered.
   */
  readInto(target: ReadonlyArray<Float32Array>, lengthFrames: number): number {
    let filled = 0
    while (filled < lengthFrames) {
      const length = (this.#converter ?? this.#link).readInto(target, filled, lengthFrames - filled)
      filled += length
      if (length === 0 && !this.#goOn()) break
    }
    this.#position += filled
    const fault = this.#fault ?? this.#link.end
    if (filled === 0 && fault instanceof TrackUnreadable) throw fault
    return filled
  }

  close(): void {
    this.#converter?.close()
    this.#link.close()
  }

  #open(n: number): LinkReader {
    const isLast = n === this.#files.length - 1
    return new LinkReader(this.#files[n]!, isLast ? this.#facts : { encrypted: false, cutShort: false })
  }

  /** To the next link, where this one has come to its end. */
  #goOn(): boolean {
    if (this.#fault !== undefined || this.#link.end !== "complete" || this.#current + 1 >= this.#files.length)
      return false
    const lossBefore = this.loss
    try {
      this.#goTo(this.#current + 1)
    } catch (cause) {
      // After what was read before it.
      if (!(cause instanceof TrackUnreadable)) throw cause
      this.#fault = cause
      return false
    }
    this.#lossBefore = lossBefore
    return true
  }

  #goTo(n: number): void {
    const link = this.#open(n)
    this.close()
    this.#converter = undefined
    this.#current = n
    this.#link = link
    this.#link.heardFrom = this.#heardFromOfLink
    const { channels, sampleRate } = this.info
    if (this.#link.channels === channels && this.#link.sampleRate === sampleRate) return
    this.#converter = new LinkConverter(this.#link, this.info)
  }

  #totalFrames(): number {
    const { sampleRate, totalFrames } = this.#link
    let total = totalFrames
    for (let n = 1; n < this.#files.length; n++) {
      this.#starts.push(total)
      try {
        const link = this.#open(n)
        total += Math.round((link.totalFrames * sampleRate) / link.sampleRate)
        link.close()
      } catch (cause) {
        // Told when it is reached.
        if (!(cause instanceof TrackUnreadable)) throw cause
      }
    }
    return total
  }

  get #heardFromOfLink(): number {
    const ratio = this.#link.sampleRate / this.info.sampleRate
    return Math.max(0, Math.floor((this.#heardFrom - this.#starts[this.#current]!) * ratio))
  }

  get #lossOfLink(): AudioLoss | undefined {
    const { loss, sampleRate } = this.#link
    if (loss === undefined) return undefined
    const ratio = this.info.sampleRate / sampleRate
    return {
      frames: Math.round(loss.frames * ratio),
      from: this.#starts[this.#current]! + Math.round(loss.from * ratio)
    }
  }
}

/** Samples per channel that are converted and dropped in one call of `arrive`. */
const droppedFrames = 65_536

const joined = (a: AudioLoss | undefined, b: AudioLoss | undefined): AudioLoss | undefined =>
  a === undefined || b === undefined ? (a ?? b) : { from: a.from, frames: a.frames + b.frames }
