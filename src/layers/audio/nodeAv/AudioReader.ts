/** One audio file as contiguous blocks from any position. Synchronous. */
import { basename } from "node:path"
import { TrackUnreadable } from "../../../domain/audio/AnalysisError.ts"
import { isSupportedSampleRate } from "../../../domain/audio/SampleRate.ts"
import type { AudioBlock, AudioInfo, AudioLoss } from "../../../services/AudioDecoder.ts"
import { fileFault, inspect } from "./containers.ts"
import { decoderName, LinkReader } from "./LinkReader.ts"

export class AudioReader {
  readonly info: AudioInfo

  readonly #link: LinkReader

  /** Opens the file and decodes its first frame. Throws TrackUnreadable. */
  constructor(path: string) {
    const unreadable = (reason: TrackUnreadable["reason"]) =>
      new TrackUnreadable({ file: basename(path), stage: "open", reason, decoder: decoderName })
    const fault = fileFault(path)
    if (fault !== undefined) throw unreadable(fault)
    const facts = inspect(path)
    if (facts.encrypted) throw unreadable("encrypted")
    this.#link = new LinkReader({ path, ...(facts.codec === undefined ? {} : { codec: facts.codec }) }, facts)
    const { channels, codec, sampleRate, totalFrames } = this.#link
    if (!isSupportedSampleRate(sampleRate)) {
      this.close()
      throw unreadable("unsupported")
    }
    this.info = { sampleRate, channels, codec, totalFrames }
  }

  /** What of all that was read so far was damaged, and is silent. */
  get loss(): AudioLoss | undefined {
    return this.#link.loss
  }

  /** Goes to `startFrame`. To be called once, before the first `next` or `arrive`. */
  seek(startFrame: number): void {
    this.#link.seek(startFrame)
  }

  /**
   * The next block of `lengthFrames` (the last one is shorter); "dropping" while the wanted position is still ahead;
   * "end" behind the last. Throws TrackUnreadable once what was decoded before is delivered.
   */
  next(lengthFrames: number): AudioBlock | "dropping" | "end" {
    if (!this.arrive()) return "dropping"
    const start = this.#link.position
    const channels = Array.from({ length: this.info.channels }, () => new Float32Array(lengthFrames))
    const length = this.readInto(channels, lengthFrames)
    if (length === 0) return "end"
    if (length === lengthFrames) return { start, length, channels }
    return { start, length, channels: channels.map((samples) => samples.slice(0, length)) }
  }

  /** Drops frames before the wanted position; false: there may be more of them. True before the first `readInto`. */
  arrive(): boolean {
    return this.#link.arrive()
  }

  /**
   * Writes the next samples to the start of one array a channel: `lengthFrames` of them, fewer at the end, then 0.
   * Throws TrackUnreadable once what was decoded before is delivered.
   */
  readInto(target: ReadonlyArray<Float32Array>, lengthFrames: number): number {
    const filled = this.#link.readInto(target, 0, lengthFrames)
    if (filled === 0 && this.#link.end instanceof TrackUnreadable) throw this.#link.end
    return filled
  }

  close(): void {
    this.#link.close()
  }
}
