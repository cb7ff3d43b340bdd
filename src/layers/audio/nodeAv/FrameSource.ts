/** FFmpeg's low-level calls on one audio file: opens it, seeks, gives decoded frames. Owns native memory until `close`. */
import { statSync } from "node:fs"
import {
  AV_CODEC_ID_APE,
  AV_CODEC_ID_FLAC,
  AV_CODEC_ID_PCM_F32LE,
  AV_CODEC_ID_PCM_F64LE,
  AV_CODEC_ID_PCM_S16LE,
  AV_CODEC_ID_PCM_S24LE,
  AV_CODEC_ID_PCM_S32LE,
  AV_CODEC_ID_PCM_U8,
  AV_CODEC_ID_TTA,
  AV_CODEC_ID_WAVPACK,
  AV_LOG_QUIET,
  AV_NOPTS_VALUE,
  AV_OPT_TYPE_STRING,
  AV_PKT_FLAG_CORRUPT,
  AVDISCARD_ALL,
  type AVCodecID,
  AVERROR_EAGAIN,
  AVERROR_EOF,
  AVMEDIA_TYPE_AUDIO,
  AVSEEK_FLAG_BACKWARD,
  AVSEEK_FLAG_BYTE
} from "node-av/constants"
import { avGetCodecName, Codec, CodecContext, Dictionary, FormatContext, Frame, Log, Packet } from "node-av/lib"
import type { Rational, Stream } from "node-av/lib"
import { BareStream } from "./BareStream.ts"
import type { PcmCodec } from "./containers.ts"
import { flacFrameAt } from "./flacFrame.ts"
import { type ByteRange, indexMpeg, type MpegIndex } from "./MpegIndex.ts"
import { headerAt, type MpegKind } from "./mpegHeader.ts"
import { maximumChannels, type SampleQueue } from "./SampleQueue.ts"

// FFmpeg would open anything, playlists that name other files included.
const containers =
  "aac,ac3,aiff,ape,asf,au,caf,dsf,eac3,flac,iff,matroska,webm,mov,mp4,mp3,mpc,mpc8,ogg,rf64,tak,tta,w64,wav,wv"

// Streams of frames without a container: nothing but their bytes says how much of them is missing.
const bareStreams: Readonly<Record<string, MpegKind>> = { mp3: "mpeg", aac: "adts" }

/**
 * FFmpeg is off by a quarter of the difference between Vorbis' two block sizes (64 to 8192) where they change at the
 * start of a page. A page that is lost is usually longer than that: 4 kB.
 */
const oggJitterFrames = 2048

const pcmCodecs: Readonly<Record<PcmCodec, AVCodecID>> = {
  pcm_u8: AV_CODEC_ID_PCM_U8,
  pcm_s16le: AV_CODEC_ID_PCM_S16LE,
  pcm_s24le: AV_CODEC_ID_PCM_S24LE,
  pcm_s32le: AV_CODEC_ID_PCM_S32LE,
  pcm_f32le: AV_CODEC_ID_PCM_F32LE,
  pcm_f64le: AV_CODEC_ID_PCM_F64LE
}

const checksummed: ReadonlySet<number> = new Set([
  AV_CODEC_ID_APE,
  AV_CODEC_ID_FLAC,
  AV_CODEC_ID_TTA,
  AV_CODEC_ID_WAVPACK
])

/** A file, or a part of it that is a stream of its own. */
export interface SourceFile {
  readonly path: string
  readonly range?: ByteRange
  /** Of the frames of the range, where it is known. */
  readonly index?: MpegIndex
  /** Where FFmpeg takes it for another one. */
  readonly codec?: PcmCodec
}

export type OpenFailure = "not_opened" | "no_audio" | "no_decoder"

export class FrameSource {
  /** FFmpeg's name of the container, the first where it has several. */
  readonly container: string
  readonly codec: string
  /** How sure FFmpeg is of the container, 0-100. */
  readonly probeScore: number
  readonly gaplessTag: string | undefined
  /** Hz, of the first frame as soon as there is one: AAC may turn out to have twice the rate that its header says. */
  sampleRate: number
  channels: number

  /** Samples per channel of the current frame, after `next` returned "frame"; 0 where there is none any more. */
  lengthFrames = 0
  /** Timestamp of its first sample, in samples; NaN where it has none. */
  timestampFrames = Number.NaN
  /** Of the last packet; -1 where unknown. */
  byteOffset = -1
  /** The last packet has fewer bytes than its container says. */
  isCutPacket = false
  /** Reading ended by a fault of the container, not by its end. */
  readFailed = false

  readonly #format: FormatContext
  readonly #codec: CodecContext
  readonly #packet: Packet
  readonly #frame: Frame
  readonly #stream: Stream
  readonly #streamIndex: number
  readonly #timeBase: Rational
  /** What the container's header declares, in ticks; AV_NOPTS_VALUE where it does not. */
  readonly #declared: bigint
  readonly #file: SourceFile
  readonly #bare: BareStream | undefined
  #index: MpegIndex | undefined
  /** Of the packet, in samples, where FFmpeg does not give it one. */
  #packetStart = Number.NaN
  /** Where the next packet should begin, in ticks; undefined where nothing is known. */
  #nextTicks: bigint | undefined
  /** Samples per channel of the longest frame so far: the first and the last may be trimmed. */
  #frameLength = 0
  /** The same, and Hz, as the header of the first frame says; 0: it does not. */
  #frameSamples = 0
  #frameRate = 0
  #isDraining = false
  #hasFrame = false
  #isFirstFrame = false
  #hasSought = false

  private constructor(
    file: SourceFile,
    format: FormatContext,
    codec: CodecContext,
    stream: Stream,
    declared: bigint,
    packet: Packet,
    frame: Frame
  ) {
    this.#format = format
    this.#codec = codec
    this.#stream = stream
    this.#streamIndex = stream.index
    this.#timeBase = stream.timeBase
    this.#packet = packet
    this.#frame = frame
    this.container = format.iformat?.name?.split(",")[0] ?? ""
    this.codec = avGetCodecName(stream.codecpar.codecId) ?? "unknown"
    this.probeScore = format.probeScore
    this.gaplessTag = format.metadata?.get("iTunSMPB") ?? undefined
    this.sampleRate = codec.sampleRate
    this.channels = codec.channels
    this.#declared = declared
    this.#file = file
    this.#index = file.index
    const kind = bareStreams[this.container]
    this.#bare = kind === undefined ? undefined : new BareStream(kind, () => this.#indexed(kind))
  }

  /** Whether it is a stream of frames without a container: what does not decode at its ends is a tag, or half a frame. */
  get isBare(): boolean {
    return this.#bare !== undefined
  }

  static open(file: SourceFile): FrameSource | OpenFailure {
    Log.setLevel(AV_LOG_QUIET)
    const format = new FormatContext()
    const codec = new CodecContext()
    const free = () => {
      codec.freeContext()
      format.closeInputSync()
    }
    try {
      const protocols = file.range === undefined ? "file" : "file,subfile"
      const options = Dictionary.fromObject({ format_whitelist: containers, protocol_whitelist: protocols })
      if (format.openInputSync(urlOf(file), null, options) < 0) return "not_opened"
      // Afterwards FFmpeg has filled gaps by estimates, and does not say which.
      const declared = format.streams.map((stream) => stream.duration)
      if (format.findStreamInfoSync() < 0) return (free(), "not_opened")
      const index = format.findBestStream(AVMEDIA_TYPE_AUDIO)
      const stream = format.streams[index]
      if (stream === undefined) return (free(), "no_audio")
      for (const other of format.streams) if (other.index !== index) other.discard = AVDISCARD_ALL
      if (file.codec !== undefined) stream.codecpar.codecId = pcmCodecs[file.codec]
      const decoder = Codec.findDecoder(stream.codecpar.codecId)
      if (decoder === null) return (free(), "no_decoder")
      codec.allocContext3(decoder)
      codec.parametersToContext(stream.codecpar)
      codec.threadCount = 1
      codec.pktTimebase = stream.timeBase
      if (checksummed.has(codec.codecId)) {
        // Otherwise frames whose checksum is wrong are played.
        codec.setOption("err_detect", "crccheck+explode", AV_OPT_TYPE_STRING)
      }
      if (codec.open2Sync(decoder, null) < 0 || codec.channels > maximumChannels) return (free(), "no_decoder")
      const packet = new Packet()
      const frame = new Frame()
      packet.alloc()
      frame.alloc()
      return new FrameSource(file, format, codec, stream, declared[index] ?? AV_NOPTS_VALUE, packet, frame)
    } catch (cause) {
      free()
      throw cause
    }
  }

  /** What the container's header declares, encoder delay and padding left out; undefined where it does not. */
  get declaredFrames(): number | undefined {
    return this.#declared > 0n ? this.#netFrames(this.#declared) : undefined
  }

  /** `declaredFrames`, or FFmpeg's estimate from the bit rate; 0 where there is none. */
  get estimatedFrames(): number {
    return this.declaredFrames ?? (this.#stream.duration > 0n ? this.#netFrames(this.#stream.duration) : 0)
  }

  /** Whether every frame can have a timestamp that names its first sample exactly. */
  get hasExactTimestamps(): boolean {
    const { num, den } = this.#timeBase
    const rate = num * this.sampleRate
    return den % rate === 0 || rate % den === 0
  }

  /** Samples per channel of a whole frame; 0 before the first. */
  get frameLength(): number {
    return this.#frameLength
  }

  /** Whether the current frame does not follow the one before it, where that is told by its bytes. */
  get isDisplaced(): boolean {
    return this.#bare?.isDisplaced ?? false
  }

  /** Where the last frame of a bare stream ends on the scale of `timestampFrames`, and whether the file ends within it. */
  indexedEnd(): { readonly frames: number; readonly isCut: boolean } | undefined {
    const index = this.#kind === undefined ? undefined : this.#indexed(this.#kind)
    if (index === undefined || this.#indexedFrameLength === 0) return undefined
    // Without a count that says so, half a frame at the end is nothing.
    const isCut = index.isCut && (index.xing?.frames ?? 0) > index.frames
    return { frames: index.frames * this.#indexedFrameLength, isCut }
  }

  /** Whether the end is known without looking for it. */
  get isIndexed(): boolean {
    return this.#index !== undefined
  }

  /** Timestamp that the first frame should have, in samples. */
  get startFrames(): number {
    const { startTime } = this.#stream
    return startTime === AV_NOPTS_VALUE ? 0 : this.#toFrames(startTime)
  }

  /** `frames` as timestamps tell them; where those are less exact than a sample, that of as many whole frames. */
  wholeFrames(frames: number): number {
    if (this.hasExactTimestamps || this.#frameLength === 0) return frames
    const whole = Math.round(frames / this.#frameLength) * this.#frameLength
    const { num, den } = this.#timeBase
    return Math.abs(whole - frames) <= (2 * this.sampleRate * num) / den ? whole : frames
  }

  /** "damaged": a packet did not decode, and the next call goes on behind it. "changed": another rate or channel count. */
  next(): "frame" | "damaged" | "changed" | "end" {
    this.lengthFrames = 0
    while (true) {
      const received = this.#codec.receiveFrameSync(this.#frame)
      if (received >= 0) return this.#takeFrame()
      if (received === AVERROR_EOF || this.#isDraining) return "end"
      if (received !== AVERROR_EAGAIN) return this.#leaveDamage()
      const read = this.#format.readFrameSync(this.#packet)
      if (read < 0) {
        this.readFailed = read !== AVERROR_EOF
        this.#isDraining = true
        this.#codec.sendPacketSync(null)
        continue
      }
      if (this.#packet.streamIndex !== this.#streamIndex) {
        this.#packet.unref()
        continue
      }
      if (!this.#decodePacket()) return this.#leaveDamage()
    }
  }

  /** What comes next does not go on from what came before: nothing of that may sound on. */
  #leaveDamage(): "damaged" {
    this.#codec.flushBuffers()
    return "damaged"
  }

  /** Gives the packet to the decoder; false: it is damaged. */
  #decodePacket(): boolean {
    const packet = this.#packet
    this.byteOffset = Number(packet.pos) + (this.#file.range?.start ?? 0)
    this.isCutPacket = packet.hasFlags(AV_PKT_FLAG_CORRUPT)
    if (this.#isBehindLoss()) this.#codec.flushBuffers()
    this.#packetStart = this.#startOfPacket()
    const isDecoded =
      this.#bare === undefined ? this.#codec.sendPacketSync(packet) >= 0 : this.#decodeBarePacket(this.#bare)
    packet.unref()
    return isDecoded
  }

  #decodeBarePacket(bare: BareStream): boolean {
    // What FFmpeg would leave out by it is counted from the start of the file, which is not where it has begun after a seek.
    if (this.#hasSought) this.#packet.freeSideData()
    const start = this.byteOffset
    const end = start + this.#packet.size
    if (bare.follows(start) && this.#codec.sendPacketSync(this.#packet) >= 0) {
      if (this.#frameSamples === 0) this.#noteFrame(this.#packet.data)
      bare.next(end)
      return true
    }
    const data = this.#packet.data
    if (data === null) return false
    const found = bare.find(start, data)
    if (found === undefined || (found.stray === 0 && bare.follows(start))) return bare.skip(start, data)
    if (found.stray > 0) this.#packet.data = Buffer.from(data.subarray(found.stray))
    // It does not go on from what came before.
    this.#codec.flushBuffers()
    if (this.#codec.sendPacketSync(this.#packet) < 0) return bare.skip(start, data)
    bare.goOn(found.frame, end)
    return true
  }

  #noteFrame(data: Buffer | null): void {
    const header = data === null || this.#kind === undefined ? undefined : headerAt(this.#kind, data, 0)
    if (header !== undefined) [this.#frameSamples, this.#frameRate] = [header.samples, header.sampleRate]
  }

  get #kind(): MpegKind | undefined {
    return bareStreams[this.container]
  }

  #indexed(kind: MpegKind): MpegIndex | undefined {
    const { path, range } = this.#file
    this.#index ??= indexMpeg(path, kind, range ?? { start: 0, end: statSync(path).size })[0]
    return this.#index
  }

  /** Ogg drops a damaged page without a word. */
  #isBehindLoss(): boolean {
    const { pts, duration } = this.#packet
    const expected = this.#nextTicks
    this.#nextTicks = pts === AV_NOPTS_VALUE ? undefined : pts + duration
    if (this.container !== "ogg" || expected === undefined || pts === AV_NOPTS_VALUE) return false
    return this.#toFrames(pts - expected) > oggJitterFrames
  }

  /** FLAC's frames say where they belong; FFmpeg forgets it where some of them are damaged. */
  #startOfPacket(): number {
    const { data, pts } = this.#packet
    if (pts !== AV_NOPTS_VALUE || this.codec !== "flac" || data === null) return Number.NaN
    // STREAMINFO (RFC 9639, 8.2): the smallest block, then the largest.
    const { extradata } = this.#stream.codecpar
    const blockFrames = extradata !== null && extradata.length >= 4 ? extradata.readUInt16BE(2) : 0
    return flacFrameAt(data, 0, blockFrames)?.startFrame ?? Number.NaN
  }

  /** Goes to a packet at or before `frames` on the scale of `timestampFrames`. False: it could not. */
  seek(frames: number): boolean {
    if (!(this.#bare === undefined ? this.#seekByTime(frames) : this.#seekByFrame(frames, this.#bare))) return false
    this.#codec.flushBuffers()
    this.lengthFrames = 0
    this.#isDraining = false
    this.#nextTicks = undefined
    this.readFailed = false
    return true
  }

  #seekByTime(frames: number): boolean {
    const { num, den } = this.#timeBase
    const ticks = Math.round((frames * den) / (num * this.sampleRate))
    return this.#format.seekFrameSync(this.#streamIndex, BigInt(ticks), AVSEEK_FLAG_BACKWARD) >= 0
  }

  #seekByFrame(frames: number, bare: BareStream): boolean {
    const index = this.#kind === undefined ? undefined : this.#indexed(this.#kind)
    if (index === undefined || this.#indexedFrameLength === 0) return false
    const { byte, frame } = index.lastUpTo(Math.floor(frames / this.#indexedFrameLength))
    const at = byte - (this.#file.range?.start ?? 0)
    if (this.#format.seekFrameSync(this.#streamIndex, BigInt(at), AVSEEK_FLAG_BYTE) < 0) return false
    bare.seek(frame, byte)
    this.#hasSought = true
    return true
  }

  /** Queues the current frame without its first `from` samples; false, and it stays, as in `SampleQueue.push`. */
  moveTo(queue: SampleQueue, from: number): boolean {
    if (!queue.push(this.#frame, this.lengthFrames, from)) return false
    this.lengthFrames = 0
    return true
  }

  drop(): void {
    this.lengthFrames = 0
  }

  close(): void {
    this.lengthFrames = 0
    this.#frame.free()
    this.#packet.free()
    this.#codec.freeContext()
    this.#format.closeInputSync()
  }

  #takeFrame(): "frame" | "changed" {
    const { pts, nbSamples, channels, sampleRate } = this.#frame
    this.#isFirstFrame = !this.#hasFrame
    if (!this.#hasFrame) {
      this.#hasFrame = true
      this.sampleRate = sampleRate
      this.channels = channels
    }
    if (sampleRate !== this.sampleRate || channels !== this.channels) return "changed"
    this.timestampFrames = pts === AV_NOPTS_VALUE ? this.#packetStart : this.#toFrames(pts)
    this.#packetStart += nbSamples
    this.lengthFrames = nbSamples
    this.#frameLength = Math.max(this.#frameLength, nbSamples)
    if (this.#bare !== undefined && this.#indexedFrameLength > 0) this.#placeBareFrame(this.#bare)
    return "frame"
  }

  /** By its number: FFmpeg's timestamps of these streams count what it has read. Of the first one the start may be left out. */
  #placeBareFrame({ frame }: BareStream): void {
    const length = this.#indexedFrameLength
    const omitted = this.#isFirstFrame ? Math.max(0, length - this.lengthFrames) : 0
    this.timestampFrames = frame * length + omitted
  }

  /** Samples per channel of a frame as it comes out of the decoder, which may double the rate; 0 where there is no index. */
  get #indexedFrameLength(): number {
    return this.#frameRate === 0 ? 0 : (this.#frameSamples * this.sampleRate) / this.#frameRate
  }

  #netFrames(ticks: bigint): number {
    // Ogg counts the samples that an Opus decoder has to drop first (RFC 7845, 4.2).
    const delay = this.container === "ogg" ? this.#stream.codecpar.initialPadding : 0
    return Math.max(0, this.#toFrames(ticks) - delay)
  }

  #toFrames(ticks: bigint): number {
    const { num, den } = this.#timeBase
    return Math.round((Number(ticks) * num * this.sampleRate) / den)
  }
}

/** FFmpeg's name for a part of a file; "end" is exclusive. */
const urlOf = ({ path, range }: SourceFile): string =>
  range === undefined ? path : `subfile,,start,${range.start},end,${range.end},,:${path}`
