/** One audio file as contiguous blocks from any position, and the verdict on how it ends. Synchronous. */
import { basename } from "node:path"
import { TrackUnreadable, type UnreadableReason } from "../../../domain/audio/AnalysisError.ts"
import { isSupportedSampleRate } from "../../../domain/audio/SampleRate.ts"
import type { AudioBlock, AudioInfo } from "../../../services/AudioDecoder.ts"
import { type ContainerFacts, fileFault, inspect, looksLikeAudio } from "./containers.ts"
import { FrameSource } from "./FrameSource.ts"
import { SampleQueue } from "./SampleQueue.ts"

export const decoderName = "ffmpeg (node-av)"

/**
 * Samples decoded and dropped before a wanted position, until nothing of the decoder's state depends on what came
 * before. No entry: decoded from the start of the file instead.
 */
const prerollFrames: Readonly<Record<string, number>> = {
  flac: 0,
  alac: 0,
  // 511 bytes of bit reservoir (ISO 11172-3, 2.4.2.7) span 24 frames of 24 bytes at the lowest rates; then the overlap.
  mp3: 32 * 1152,
  // Overlap of one frame; spectral band replication and parametric stereo remember a few more.
  aac: 16 * 2048,
  // Overlap of one block of at most 8192 samples (Vorbis I, 4.2.2), whose predecessor has to be there too.
  vorbis: 4 * 8192,
  // RFC 7845, 4.6 asks for 80 ms; CELT's energy prediction forgets on for longer.
  opus: 48_000
}
const prerollOf = (codec: string) => (codec.startsWith("pcm_") ? 0 : prerollFrames[codec])

// Containers in which FFmpeg finds any position exactly.
const exactSeeks = new Set(["wav", "w64", "aiff", "au", "caf", "flac", "mp3", "mov", "ogg"])

/** How far short of its declared length a healthy file may end, samples per channel. */
const toleranceFrames: Readonly<Record<string, number>> = {
  // Encoders differ over whether the frame that carries the count counts itself.
  mp3: 2 * 1152,
  // Edit lists commonly count in milliseconds.
  mov: 2048,
  // Of a Vorbis stream of one page, less than a second, FFmpeg drops half a block too many.
  ogg: 4096
}

// Streams of frames without a frame around them: what does not decode at their ends is a tag, or the rest of a frame.
const bareStreams = new Set(["mp3", "aac"])

/** Work of one call of `arrive`, while it drops samples before the wanted position. */
const dropFramesPerCall = 65_536

/** Damaged packets looked past for one that decodes: with one the damage is in the middle, without one at the end. */
const damagedPacketsMaximum = 256

/**
 * FFmpeg is off by a quarter of the difference between Vorbis' two block sizes (64 to 8192) where they change at the
 * start of a page. A page that is lost is usually longer than that: 4 kB.
 */
const oggJitterFrames = 2048

// FFmpeg is as unsure as this of a file that has nothing but the right ending (AVPROBE_SCORE_RETRY).
const doubtfulProbeScore = 25

export class AudioReader {
  readonly info: AudioInfo

  readonly #path: string
  readonly #facts: ContainerFacts
  #source: FrameSource
  /** Timestamp of sample 0. */
  readonly #origin: number
  /** Between the decoder and whoever reads. */
  readonly #queue = new SampleQueue()
  /** Of the next sample to be queued or dropped. */
  #position = 0
  /** Where the next frame's timestamp should be; NaN where nothing is known. */
  #expectedTimestamp = Number.NaN
  #startFrame = 0
  #end: TrackUnreadable | "complete" | undefined

  /** Opens the file and decodes its first frame. Throws TrackUnreadable. */
  constructor(path: string) {
    this.#path = path
    const fault = fileFault(path)
    if (fault !== undefined) throw this.#unreadable("open", fault)
    this.#facts = inspect(path)
    if (this.#facts.encrypted) throw this.#unreadable("open", "encrypted")
    this.#source = this.#open()
    try {
      this.#origin = this.#readFirst()
    } catch (cause) {
      this.close()
      throw cause
    }
    const { sampleRate, channels, codec, estimatedFrames } = this.#source
    if (!isSupportedSampleRate(sampleRate)) {
      this.close()
      throw this.#unreadable("open", "unsupported")
    }
    this.info = { sampleRate, channels, codec, totalFrames: this.#declaredFrames ?? estimatedFrames }
  }

  /** Goes to `startFrame`. To be called once, before the first `next` or `arrive`. */
  seek(startFrame: number): void {
    if (startFrame <= 0 || this.#end !== undefined) return
    this.#startFrame = startFrame
    const preroll = prerollOf(this.info.codec)
    const isExact = exactSeeks.has(this.#source.container) && this.#source.hasExactTimestamps
    if (preroll === undefined || !isExact || Number.isNaN(this.#origin)) return
    // So near the start, decoding from there is as quick.
    if (startFrame <= preroll + 8192) return
    if (this.#seekSource(startFrame - preroll) && this.#position <= startFrame) return
    this.#source.close()
    this.#source = this.#open()
    this.#position = 0
    this.#expectedTimestamp = Number.NaN
    this.#readFirst()
  }

  /**
   * The next block of `lengthFrames` (the last one is shorter); "dropping" while the wanted position is still ahead;
   * "end" behind the last. Throws TrackUnreadable once what was decoded before is delivered.
   */
  next(lengthFrames: number): AudioBlock | "dropping" | "end" {
    if (!this.arrive()) return "dropping"
    const start = Math.max(this.#position - this.#queue.lengthFrames, this.#startFrame)
    const channels = Array.from({ length: this.info.channels }, () => new Float32Array(lengthFrames))
    const length = this.readInto(channels, lengthFrames)
    if (length === 0) return "end"
    if (length === lengthFrames) return { start, length, channels }
    return { start, length, channels: channels.map((samples) => samples.slice(0, length)) }
  }

  /** Drops frames before the wanted position; false: there may be more of them. True before the first `readInto`. */
  arrive(): boolean {
    for (let dropped = 0; this.#position < this.#startFrame && this.#hasFrame();) {
      if (dropped >= dropFramesPerCall) return false
      const { lengthFrames } = this.#source
      if (this.#position + lengthFrames > this.#startFrame) return true
      this.#position += lengthFrames
      this.#source.drop()
      dropped += lengthFrames
    }
    return true
  }

  /**
   * Writes the next samples to the start of one array a channel: `lengthFrames` of them, fewer at the end, then 0.
   * Throws TrackUnreadable once what was decoded before is delivered.
   */
  readInto(target: ReadonlyArray<Float32Array>, lengthFrames: number): number {
    let filled = 0
    while (filled < lengthFrames) {
      this.#fill(lengthFrames - filled)
      const length = this.#queue.read(target, filled, lengthFrames - filled)
      if (length === 0) break
      filled += length
    }
    if (filled === 0 && this.#end instanceof TrackUnreadable) throw this.#end
    return filled
  }

  close(): void {
    this.#queue.close()
    this.#source.close()
  }

  /** Where the file says how long it is, and not FFmpeg's estimate. */
  get #declaredFrames(): number | undefined {
    return this.#facts.declaredFrames ?? this.#gaplessFrames ?? this.#source.declaredFrames
  }

  /** iTunSMPB: iTunes' delay, padding and length, in hexadecimal. FFmpeg obeys it, but declares what it has dropped. */
  get #gaplessFrames(): number | undefined {
    const [, , , length] = this.#source.gaplessTag?.trim().split(/\s+/) ?? []
    const frames = length === undefined ? Number.NaN : Number.parseInt(length, 16)
    return frames > 0 && frames <= (this.#source.declaredFrames ?? 0) ? frames : undefined
  }

  #open(): FrameSource {
    const source = FrameSource.open(this.#path)
    if (source instanceof FrameSource) return source
    if (source === "no_decoder") throw this.#unreadable("open", "unsupported")
    if (source === "no_audio" || !looksLikeAudio(this.#path)) throw this.#unreadable("open", "not_audio")
    throw this.#unreadable("open", this.#facts.cutShort ? "truncated" : "corrupt")
  }

  /** Decodes the first frame. Its timestamp is the origin of all positions; NaN where it has none. */
  #readFirst(): number {
    if (this.#hasFrame()) return this.#source.timestampFrames
    const { probeScore } = this.#source
    if (probeScore <= doubtfulProbeScore && !looksLikeAudio(this.#path)) throw this.#unreadable("open", "not_audio")
    if (this.#end instanceof TrackUnreadable) throw this.#end
    return Number.NaN
  }

  /** Goes to a frame at or before `frames`, and places it. Damage on the way is none of the wanted samples. */
  #seekSource(frames: number): boolean {
    if (!this.#source.seek(frames + this.#origin)) return false
    for (let damaged = 0; damaged < damagedPacketsMaximum;) {
      const result = this.#source.next()
      if (result === "damaged") damaged++
      else if (result !== "frame" || Number.isNaN(this.#source.timestampFrames)) return false
      else {
        this.#position = this.#source.timestampFrames - this.#origin
        this.#expectedTimestamp = this.#source.timestampFrames + this.#source.lengthFrames
        return true
      }
    }
    return false
  }

  /** Queues frames until there are `lengthFrames`, or the file ends, or a frame cannot follow what is queued. */
  #fill(lengthFrames: number): void {
    while (this.#queue.lengthFrames < lengthFrames && this.#hasFrame()) {
      const frameLength = this.#source.lengthFrames
      if (!this.#source.moveTo(this.#queue, Math.max(0, this.#startFrame - this.#position))) return
      this.#position += frameLength
    }
  }

  /** Makes sure that the source has a frame; false at the end. */
  #hasFrame(): boolean {
    while (this.#end === undefined) {
      if (this.#source.lengthFrames > 0) return true
      this.#end = this.#advance()
    }
    return false
  }

  #advance(): TrackUnreadable | "complete" | undefined {
    const result = this.#source.next()
    if (result === "damaged") return this.#verdictOnDamage()
    if (result === "changed") return this.#unreadable("decode", "corrupt")
    if (result === "end") return this.#verdictOnEnd()
    const { timestampFrames, lengthFrames, container } = this.#source
    // Ogg drops a damaged page without a word. A new link of a chained stream starts over: a jump backwards.
    const isGap = container === "ogg" && timestampFrames - this.#expectedTimestamp > oggJitterFrames
    this.#expectedTimestamp = timestampFrames + lengthFrames
    return isGap ? this.#unreadable("decode", "corrupt") : undefined
  }

  #verdictOnEnd(): TrackUnreadable | "complete" {
    const { container, readFailed } = this.#source
    const missing = (this.#declaredFrames ?? 0) - this.#position
    const isShort = missing > (toleranceFrames[container] ?? 0) || (missing > 0 && this.#facts.cutShort)
    // Its length is that of its last page, whichever that is.
    const isCutOgg = container === "ogg" && this.#facts.cutShort
    if (isShort || isCutOgg) return this.#unreadable("decode", "truncated")
    return readFailed && this.#declaredFrames === undefined ? this.#unreadable("decode", "corrupt") : "complete"
  }

  #verdictOnDamage(): TrackUnreadable | "complete" | undefined {
    const { container } = this.#source
    const isBare = bareStreams.has(container)
    const isFirst = this.#position === 0
    let result: ReturnType<FrameSource["next"]> = "damaged"
    const at = this.#source.byteOffset
    for (let damaged = 0; result === "damaged" && damaged < damagedPacketsMaximum; damaged++) {
      result = this.#source.next()
    }
    if (result !== "end") {
      // A stream that was joined in its middle begins with the rest of a frame.
      if (isBare && isFirst && result === "frame") return undefined
      return this.#unreadable("decode", "corrupt", at)
    }
    const declared = this.#declaredFrames
    if (declared === undefined) return isBare ? "complete" : this.#unreadable("decode", "truncated", at)
    return this.#position >= declared ? "complete" : this.#unreadable("decode", "truncated", at)
  }

  #unreadable(stage: "open" | "decode", reason: UnreadableReason, byteOffset?: number): TrackUnreadable {
    const file = basename(this.#path)
    if (stage === "open") return new TrackUnreadable({ file, stage, reason, decoder: decoderName })
    const offset = byteOffset ?? this.#source.byteOffset
    const seconds = this.#position / this.#source.sampleRate
    return new TrackUnreadable({
      file,
      stage,
      reason,
      decoder: decoderName,
      // A damaged header may name no rate.
      ...(Number.isFinite(seconds) ? { position_seconds: seconds } : {}),
      ...(offset >= 0 ? { byte_offset: offset } : {})
    })
  }
}
