/**
 * One stream of audio as contiguous samples from any position, and the verdict on how it ends. Where some of it is
 * damaged, silence of the same length stands for it, so that all that follows is in its place. Synchronous.
 */
import { basename } from "node:path"
import { TrackUnreadable, type UnreadableReason } from "../../../domain/audio/AnalysisError.ts"
import type { AudioLoss } from "../../../services/AudioDecoder.ts"
import { type ContainerFacts, looksLikeAudio } from "./containers.ts"
import { FrameSource, type SourceFile } from "./FrameSource.ts"
import { fadeFramesAt, LostStretch } from "./LostStretch.ts"
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
const exactSeeks = new Set(["wav", "w64", "aiff", "au", "caf", "flac", "mp3", "aac", "mov", "ogg"])

/** How far short of its declared length a healthy file may end, samples per channel. */
const toleranceFrames: Readonly<Record<string, number>> = {
  // Encoders differ over whether the frame that carries the count counts itself.
  mp3: 2 * 1152,
  // Edit lists commonly count in milliseconds.
  mov: 2048,
  // Of a Vorbis stream of one page, less than a second, FFmpeg drops half a block too many.
  ogg: 4096
}

/** Containers that leave damage out without a word, and how far off their timestamps are where nothing is missing, samples. */
const silentLossJitter: Readonly<Record<string, number>> = {
  // By a quarter of the difference between Vorbis' two block sizes (64 to 8192) where they change at the start of a page.
  ogg: 2048,
  // Timestamps of milliseconds, and encoders that leave out a silent frame or two.
  matroska: 8192,
  // Timestamps of milliseconds; no frame has fewer samples than twice this.
  asf: 256
}

/** The longest silence for what is missing where the container does not say how long the whole is, seconds. */
const undeclaredLossSeconds = 60

/** Samples per channel that an MP3 encoder leaves to be dropped at the end: a frame, and the delay of a decoder. */
const paddingMaximum = 2 * 1152

/** Full scale is 1; 60 dB above it there is no music, but integers taken for floats, or damage. */
const largestSample = 1000

/** Work of one call of `arrive`, while it drops samples before the wanted position. */
const dropFramesPerCall = 65_536

/** Damaged packets that are looked past to find the frame that a seek begins with. */
const damagedPacketsMaximum = 256

// FFmpeg is as unsure as this of a file that has nothing but the right ending (AVPROBE_SCORE_RETRY).
const doubtfulProbeScore = 25

export class LinkReader {
  /** Hz. */
  readonly sampleRate: number
  readonly channels: number
  readonly codec: string
  /** How it ended; undefined before. */
  end: TrackUnreadable | "complete" | undefined
  /** What of all that was read so far, from `heardFrom` on, was damaged, and is silent. */
  loss: AudioLoss | undefined
  /** What is damaged before it is no loss. */
  heardFrom = 0

  readonly #file: SourceFile
  readonly #facts: ContainerFacts
  #source: FrameSource
  /** Timestamp of sample 0. */
  readonly #origin: number
  readonly #fadeFrames: number
  /** Between the decoder and whoever reads. */
  readonly #queue = new SampleQueue()
  /** Read before the queue. */
  #stretch: LostStretch | undefined
  /** The last samples that were read, `#fadeFrames` a channel: what is missing behind them fades out of them. */
  readonly #before: ReadonlyArray<Float32Array>
  /** Of the next sample to be queued or dropped. */
  #position = 0
  #startFrame = 0
  #hasBegun = false
  /** Samples per channel that are missing before the current frame, or before the end. */
  #missing = 0
  /** Of all that were decoded or dropped. */
  #lostFrames = 0
  #senselessFrames = 0
  /** Where in the file something did not decode since the last frame. */
  #damagedAt: number | undefined
  /** Timestamp that the next frame should have; NaN where nothing is known. */
  #expectedTimestamp = Number.NaN

  /** Opens the file and decodes its first frame. Throws TrackUnreadable. */
  constructor(file: SourceFile, facts: ContainerFacts) {
    this.#file = file
    this.#facts = facts
    this.#source = this.#open()
    try {
      this.#origin = this.#readFirst()
    } catch (cause) {
      this.close()
      throw cause
    }
    const { sampleRate, channels, codec } = this.#source
    this.sampleRate = sampleRate
    this.channels = channels
    this.codec = codec
    this.#fadeFrames = fadeFramesAt(sampleRate)
    this.#before = Array.from({ length: channels }, () => new Float32Array(this.#fadeFrames))
  }

  /** Samples per channel: as the container declares them, else as FFmpeg estimates them; 0 where there is nothing to go by. */
  get totalFrames(): number {
    return this.#declaredFrames ?? this.#source.estimatedFrames
  }

  /** Of the next sample to be read. */
  get position(): number {
    return Math.max(this.#startFrame, this.#nextFrame)
  }

  /** Goes to `startFrame`. To be called once, before the first `arrive` or `readInto`. */
  seek(startFrame: number): void {
    if (startFrame <= 0 || this.end !== undefined) return
    this.#startFrame = startFrame
    const preroll = prerollOf(this.codec)
    const isExact = exactSeeks.has(this.#source.container) && this.#source.hasExactTimestamps
    if (preroll === undefined || !isExact || Number.isNaN(this.#origin)) return
    const from = startFrame - Math.max(preroll, this.#keptFrames)
    // So near the start, decoding from there is as quick.
    if (from <= 8192) return
    if (this.#seekSource(from) && this.#position <= startFrame) return
    this.#source.close()
    this.#source = this.#open()
    this.#position = 0
    this.#hasBegun = false
    this.#readFirst()
  }

  /** Drops frames before the wanted position; false: there may be more of them. True before the first `readInto`. */
  arrive(): boolean {
    const keptFrom = this.#startFrame - this.#keptFrames
    for (let dropped = 0; this.#position < this.#startFrame && this.#hasFrame();) {
      if (dropped >= dropFramesPerCall) return false
      if (this.#position + this.#missing > keptFrom) return true
      this.#position += this.#missing
      this.#missing = 0
      const { lengthFrames } = this.#source
      if (this.#position + lengthFrames > keptFrom) return true
      this.#position += lengthFrames
      this.#source.drop()
      dropped += lengthFrames
    }
    return true
  }

  /** Writes the next samples to one array a channel, `at` on, up to `lengthFrames`; returns how many, 0 at the end. */
  readInto(target: ReadonlyArray<Float32Array>, at: number, lengthFrames: number): number {
    this.#passKept()
    let filled = 0
    while (filled < lengthFrames) {
      const wanted = Math.min(lengthFrames - filled, this.#limitFrames - this.#nextFrame)
      if (wanted <= 0) this.#passRest()
      const length = wanted <= 0 ? 0 : this.#read(target, at + filled, wanted)
      if (length === 0) break
      this.#silenceSenseless(target, at + filled, length)
      filled += length
    }
    if (filled === 0 && this.end === "complete" && 2 * this.#senselessFrames > this.#position) {
      this.end = this.#unreadable("decode", "not_finite")
    }
    return filled
  }

  close(): void {
    this.#queue.close()
    this.#source.close()
  }

  /** Where the file says how long it is, and not FFmpeg's estimate. */
  get #declaredFrames(): number | undefined {
    if (this.#limitFrames < Infinity) return this.#limitFrames
    return this.#facts.declaredFrames ?? this.#gaplessFrames ?? this.#source.declaredFrames
  }

  /** iTunSMPB: iTunes' delay, padding and length, in hexadecimal. FFmpeg obeys it, but declares what it has dropped. */
  get #gaplessFrames(): number | undefined {
    const [, , , length] = this.#source.gaplessTag?.trim().split(/\s+/) ?? []
    const frames = length === undefined ? Number.NaN : Number.parseInt(length, 16)
    return frames > 0 && frames <= (this.#source.declaredFrames ?? 0) ? frames : undefined
  }

  /**
   * Where a stream ends whose frames were counted. FFmpeg leaves out the padding at the end of an MP3 by counting the
   * frames before it, which it cannot behind damage or a seek.
   */
  get #limitFrames(): number {
    const { container, declaredFrames = 0, isIndexed } = this.#source
    // The page that says where the samples end need not be marked as the last.
    if (container === "ogg" && declaredFrames > 0) return declaredFrames
    const end = isIndexed ? this.#source.indexedEnd() : undefined
    if (end === undefined) return Infinity
    const counted = end.frames - this.#origin
    const padding = counted - declaredFrames
    return padding >= 0 && padding <= paddingMaximum ? declaredFrames : counted
  }

  /** Samples per channel before the wanted position that are read: what is missing there fades out of them. */
  get #keptFrames(): number {
    return 2 * this.#fadeFrames
  }

  /** Of the next sample that comes out, before the wanted position or behind it. */
  get #nextFrame(): number {
    return this.#position - this.#queue.lengthFrames - (this.#stretch?.remainingFrames ?? 0)
  }

  #open(): FrameSource {
    const source = FrameSource.open(this.#file)
    if (source instanceof FrameSource) return source
    if (source === "no_decoder") throw this.#unreadable("open", "unsupported")
    if (source === "no_audio" || !looksLikeAudio(this.#file.path)) throw this.#unreadable("open", "not_audio")
    throw this.#unreadable("open", this.#facts.cutShort ? "truncated" : "corrupt")
  }

  /** Decodes the first frame. Its timestamp is the origin of all positions; NaN where it has none. */
  #readFirst(): number {
    if (!this.#hasFrame()) {
      const { probeScore } = this.#source
      if (probeScore <= doubtfulProbeScore && !looksLikeAudio(this.#file.path))
        throw this.#unreadable("open", "not_audio")
      if (this.end instanceof TrackUnreadable) throw this.end
      return Number.NaN
    }
    return this.#source.timestampFrames - this.#missing
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
        this.#missing = 0
        return true
      }
    }
    return false
  }

  /** Samples that are no numbers, or beyond any level, are damage: silence stands for them. */
  #silenceSenseless(target: ReadonlyArray<Float32Array>, at: number, length: number): void {
    // Integers cannot be that large.
    if (/^(pcm_[su]|flac|alac)/.test(this.codec)) return
    let senseless = 0
    let heard = 0
    let first = -1
    const from = this.position - length
    for (let n = 0; n < length; n++) {
      if (target.every((samples) => Math.abs(samples[at + n]!) <= largestSample)) continue
      for (const samples of target) samples[at + n] = 0
      senseless++
      if (from + n < this.heardFrom) continue
      if (heard === 0) first = from + n
      heard++
    }
    this.#senselessFrames += senseless
    if (heard > 0) this.#addLoss(first, heard)
  }

  /** What is missing from `from` to before `end`, as far as it is heard. */
  #noteLoss(from: number, end: number): void {
    const first = Math.max(from, this.heardFrom)
    if (end > first) this.#addLoss(first, end - first)
  }

  #addLoss(from: number, frames: number): void {
    this.loss = { from: this.loss?.from ?? from, frames: (this.loss?.frames ?? 0) + frames }
  }

  /** Padding: what comes behind it is heard by nobody, but says how the file ends. */
  #passRest(): void {
    while (this.#hasFrame()) this.#source.drop()
    this.#missing = 0
  }

  /** Reads what was decoded before the wanted position. */
  #passKept(): void {
    if (this.#nextFrame >= this.#startFrame) return
    const scratch = this.#before.map(() => new Float32Array(this.#keptFrames))
    for (let ahead = 0; (ahead = this.#startFrame - this.#nextFrame) > 0;) {
      this.#stretch?.skipSilence(ahead)
      const length = Math.min(this.#startFrame - this.#nextFrame, this.#keptFrames)
      if (length > 0 && this.#read(scratch, 0, length) === 0) return
    }
  }

  #read(target: ReadonlyArray<Float32Array>, at: number, lengthFrames: number): number {
    if (this.#stretch === undefined) this.#fill(lengthFrames)
    const length = (this.#stretch ?? this.#queue).read(target, at, lengthFrames)
    if (this.#stretch?.remainingFrames === 0) this.#stretch = undefined
    for (const [channel, before] of this.#before.entries()) {
      const kept = Math.min(length, before.length)
      before.copyWithin(0, kept)
      before.set(target[channel]!.subarray(at + length - kept, at + length), before.length - kept)
    }
    return length
  }

  /** Queues frames until there are `lengthFrames`, or the file ends, or something has to be read before the next one. */
  #fill(lengthFrames: number): void {
    while (this.#queue.lengthFrames < lengthFrames) {
      const hasFrame = this.#hasFrame()
      if (this.#missing > 0) {
        if (this.#queue.lengthFrames === 0) this.#beginStretch(hasFrame)
        return
      }
      if (!hasFrame) return
      const frameLength = this.#source.lengthFrames
      const from = Math.max(0, this.#startFrame - this.#keptFrames - this.#position)
      if (!this.#source.moveTo(this.#queue, from)) return
      this.#position += frameLength
    }
  }

  /** Puts silence in the place of what is missing, which the frame behind it, if there is one, fades in from. */
  #beginStretch(hasFrame: boolean): void {
    const lengthFrames = this.#missing
    this.#noteLoss(Math.max(this.#position, this.#startFrame), this.#position + lengthFrames)
    this.#missing = 0
    this.#position += lengthFrames
    if (hasFrame) {
      const frameLength = this.#source.lengthFrames
      this.#source.moveTo(this.#queue, 0)
      this.#position += frameLength
    }
    const before = this.#before.map((samples) => samples.slice())
    const behindFrames = Math.min(this.#fadeFrames, this.#queue.lengthFrames)
    const behind = before.map(() => new Float32Array(behindFrames))
    this.#queue.read(behind, 0, behindFrames)
    this.#stretch = new LostStretch({ lengthFrames, before, behind })
  }

  /** Makes sure that the source has a frame; false at the end. */
  #hasFrame(): boolean {
    while (this.end === undefined) {
      if (this.#source.lengthFrames > 0) return true
      this.end = this.#advance()
    }
    return false
  }

  #advance(): TrackUnreadable | "complete" | undefined {
    const result = this.#source.next()
    if (result === "damaged") {
      this.#damagedAt ??= this.#source.byteOffset
      return undefined
    }
    if (result === "changed") return this.#unreadable("decode", "corrupt")
    if (result === "end") return this.#verdictOnEnd()
    this.#missing = this.#missingBefore()
    const { timestampFrames, lengthFrames } = this.#source
    this.#damagedAt = undefined
    this.#hasBegun = true
    const expected = Number.isNaN(timestampFrames) ? this.#expectedTimestamp : timestampFrames
    this.#expectedTimestamp = expected + lengthFrames
    this.#lostFrames += this.#missing
    const isHopeless = this.#lostFrames > (this.#declaredFrames ?? Infinity) / 2
    return isHopeless ? this.#unreadable("decode", "corrupt") : undefined
  }

  /** Samples per channel that are missing before the frame that has just come. */
  #missingBefore(): number {
    const { container, isBare, isDisplaced, timestampFrames } = this.#source
    const isBehindDamage = this.#damagedAt !== undefined || isDisplaced
    if (isBare && (!this.#hasBegun || !isDisplaced)) return 0
    if (!this.#hasBegun) return isBehindDamage ? this.#credible(timestampFrames - this.#source.startFrames) : 0
    if (isBehindDamage) return this.#credible(this.#source.wholeFrames(timestampFrames - this.#origin - this.#position))
    const jump = timestampFrames - this.#expectedTimestamp
    return jump > (silentLossJitter[container] ?? Infinity) ? this.#credible(this.#source.wholeFrames(jump)) : 0
  }

  /** 0 where a timestamp would lead out of the file: it is damaged itself. */
  #credible(missing: number): number {
    const { container, sampleRate } = this.#source
    const room =
      this.#declaredFrames === undefined
        ? undeclaredLossSeconds * sampleRate
        : this.#declaredFrames + (toleranceFrames[container] ?? 0) - this.#position
    return missing > 0 && missing <= room ? missing : 0
  }

  #verdictOnEnd(): TrackUnreadable | "complete" {
    const { container, isBare, readFailed } = this.#source
    const declared = this.#declaredFrames
    const missing = (declared ?? 0) - this.#position
    if (isBare) {
      const isEarly = this.#source.isIndexed || missing > (toleranceFrames[container] ?? 0)
      return isEarly ? this.#verdictOnBareEnd() : this.#verdictOnLoss(this.#position)
    }
    const isDamaged = this.#damagedAt !== undefined && !(missing <= 0 && declared !== undefined)
    // Its frames have checksums: what is cut in one of them is damaged. Its header may be that of another file.
    const isTold = container !== "flac"
    const isShort = isDamaged || (isTold && missing > this.#toleranceFrames) || (missing > 0 && this.#facts.cutShort)
    // Its length is that of its last page, whichever that is.
    const isCutOgg = container === "ogg" && this.#facts.cutShort
    if (isCutOgg || (isShort && !this.#isDamagedToEnd)) return this.#unreadable("decode", "truncated", this.#damagedAt)
    if (readFailed && declared === undefined) return this.#unreadable("decode", "corrupt")
    return isShort ? this.#loseEnd(missing) : this.#verdictOnLoss(this.#position)
  }

  get #toleranceFrames(): number {
    const { codec, container, frameLength } = this.#source
    // A coded frame is whole or not there at all; its end may be padding that is dropped.
    return Math.max(toleranceFrames[container] ?? 0, codec.startsWith("pcm_") ? 0 : frameLength - 1)
  }

  /** Nothing decodes up to the end, and yet all of the bytes are there. */
  get #isDamagedToEnd(): boolean {
    const { codec, container, isCutPacket } = this.#source
    if (this.#facts.cutShort || this.#declaredFrames === undefined) return false
    if (container === "ogg") return true
    // Of these nobody says how many bytes a packet has.
    const isUntold = container === "flac" || codec.startsWith("pcm_")
    return this.#damagedAt !== undefined && !isCutPacket && !isUntold
  }

  #loseEnd(missing: number): TrackUnreadable | "complete" {
    this.#missing = Math.max(0, missing)
    this.#lostFrames += this.#missing
    return this.#verdictOnLoss(this.#position + this.#missing)
  }

  /** Of the whole, no more than half may be silence in the place of what is damaged: beyond, it is no longer the piece. */
  #verdictOnLoss(wholeFrames: number): TrackUnreadable | "complete" {
    return 2 * this.#lostFrames > wholeFrames ? this.#unreadable("decode", "corrupt") : "complete"
  }

  /** What the header of an MP3 says of its length is held against the frames that there are. */
  #verdictOnBareEnd(): TrackUnreadable | "complete" {
    const end = this.#source.indexedEnd()
    if (end === undefined || end.isCut) return this.#unreadable("decode", "truncated", this.#damagedAt)
    const missing = this.#limitFrames - this.#position
    return this.#loseEnd(missing > (toleranceFrames[this.#source.container] ?? 0) ? missing : 0)
  }

  #unreadable(stage: "open" | "decode", reason: UnreadableReason, byteOffset?: number): TrackUnreadable {
    const file = basename(this.#file.path)
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
