/** FFmpeg's low-level calls on one audio file: opens it, seeks, gives decoded frames. Owns native memory until `close`. */
import {
  AV_CODEC_ID_FLAC,
  AV_LOG_QUIET,
  AV_NOPTS_VALUE,
  AV_OPT_TYPE_STRING,
  AVDISCARD_ALL,
  AVERROR_EAGAIN,
  AVERROR_EOF,
  AVMEDIA_TYPE_AUDIO,
  AVSEEK_FLAG_BACKWARD
} from "node-av/constants"
import { avGetCodecName, Codec, CodecContext, Dictionary, FormatContext, Frame, Log, Packet } from "node-av/lib"
import type { Rational, Stream } from "node-av/lib"
import { maximumChannels, type SampleQueue } from "./SampleQueue.ts"

// FFmpeg would open anything, playlists that name other files included.
const containers =
  "aac,ac3,aiff,ape,asf,au,caf,dsf,eac3,flac,iff,matroska,webm,mov,mp4,mp3,mpc,mpc8,ogg,rf64,tak,tta,w64,wav,wv"

// Where MP3 files carry tags that are no audio: at the end, and between two files that were joined.
const tagMarkers = ["ID3", "TAG", "APETAGEX", "LYRICSBEGIN"]

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
  #isDraining = false
  #hasFrame = false

  private constructor(
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
  }

  static open(path: string): FrameSource | OpenFailure {
    Log.setLevel(AV_LOG_QUIET)
    const format = new FormatContext()
    const codec = new CodecContext()
    const free = () => {
      codec.freeContext()
      format.closeInputSync()
    }
    try {
      const options = Dictionary.fromObject({ format_whitelist: containers, protocol_whitelist: "file" })
      if (format.openInputSync(path, null, options) < 0) return "not_opened"
      // Afterwards FFmpeg has filled gaps by estimates, and does not say which.
      const declared = format.streams.map((stream) => stream.duration)
      if (format.findStreamInfoSync() < 0) return (free(), "not_opened")
      const index = format.findBestStream(AVMEDIA_TYPE_AUDIO)
      const stream = format.streams[index]
      if (stream === undefined) return (free(), "no_audio")
      for (const other of format.streams) if (other.index !== index) other.discard = AVDISCARD_ALL
      const decoder = Codec.findDecoder(stream.codecpar.codecId)
      if (decoder === null) return (free(), "no_decoder")
      codec.allocContext3(decoder)
      codec.parametersToContext(stream.codecpar)
      codec.threadCount = 1
      codec.pktTimebase = stream.timeBase
      if (codec.codecId === AV_CODEC_ID_FLAC) {
        // Otherwise frames whose checksum is wrong are played.
        codec.setOption("err_detect", "crccheck+explode", AV_OPT_TYPE_STRING)
      }
      if (codec.open2Sync(decoder, null) < 0 || codec.channels > maximumChannels) return (free(), "no_decoder")
      const packet = new Packet()
      const frame = new Frame()
      packet.alloc()
      frame.alloc()
      return new FrameSource(format, codec, stream, declared[index] ?? AV_NOPTS_VALUE, packet, frame)
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

  /** "damaged": a packet did not decode, and the next call goes on behind it. "changed": another rate or channel count. */
  next(): "frame" | "damaged" | "changed" | "end" {
    this.lengthFrames = 0
    while (true) {
      const received = this.#codec.receiveFrameSync(this.#frame)
      if (received >= 0) return this.#takeFrame()
      if (received === AVERROR_EOF || this.#isDraining) return "end"
      if (received !== AVERROR_EAGAIN) return "damaged"
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
      this.byteOffset = Number(this.#packet.pos)
      const sent = this.#codec.sendPacketSync(this.#packet)
      const isDamaged = sent < 0 && !this.#isTag()
      this.#packet.unref()
      if (isDamaged) return "damaged"
    }
  }

  /** Goes to a packet at or before `frames` on the scale of `timestampFrames`. False: it could not. */
  seek(frames: number): boolean {
    const { num, den } = this.#timeBase
    const ticks = Math.round((frames * den) / (num * this.sampleRate))
    if (this.#format.seekFrameSync(this.#streamIndex, BigInt(ticks), AVSEEK_FLAG_BACKWARD) < 0) return false
    this.#codec.flushBuffers()
    this.lengthFrames = 0
    this.#isDraining = false
    this.readFailed = false
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
    if (!this.#hasFrame) {
      this.#hasFrame = true
      this.sampleRate = sampleRate
      this.channels = channels
    }
    if (sampleRate !== this.sampleRate || channels !== this.channels) return "changed"
    this.timestampFrames = pts === AV_NOPTS_VALUE ? Number.NaN : this.#toFrames(pts)
    this.lengthFrames = nbSamples
    return "frame"
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

  #isTag(): boolean {
    const start = this.#packet.data?.toString("latin1", 0, 11) ?? ""
    return tagMarkers.some((marker) => start.startsWith(marker))
  }
}
