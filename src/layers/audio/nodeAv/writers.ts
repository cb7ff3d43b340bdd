/** Samples to the bytes of a file: a header to start with, bytes per block, and the header as it has to be at the end. */
import {
  AV_CODEC_ID_FLAC,
  AV_LOG_QUIET,
  AV_OPT_TYPE_INT,
  AV_PKT_DATA_NEW_EXTRADATA,
  AV_SAMPLE_FMT_S32,
  AVERROR_EAGAIN,
  AVERROR_EOF
} from "node-av/constants"
import { avChannelLayoutDefault, Codec, CodecContext, FFmpegError, Frame, Log, Packet, Rational } from "node-av/lib"
import type { AudioTags } from "../../../services/AudioEncoder.ts"
import { littleEndianBytes } from "../../../dsp/littleEndian.ts"
import { bytesPerSample, type WavFormat, wavHeader } from "./wavHeader.ts"

/** Takes interleaved samples. `close` frees native memory, and may be called more than once. */
export interface FileWriter {
  readonly start: () => Buffer
  readonly encode: (interleaved: Float32Array) => Buffer
  /** What follows the last block, and the header that replaces the first bytes of the file. */
  readonly finish: () => { readonly tail: Buffer; readonly header: Buffer }
  readonly close: () => void
}

/** The nearest of 24 bits, clamped: -1 is -2^23, and 1 is one step short of full scale. Not a number becomes 0. */
export const toInt24 = (sample: number): number => {
  const scaled = Math.round(sample * 8_388_608)
  return scaled > 8_388_607 ? 8_388_607 : scaled < -8_388_608 ? -8_388_608 : scaled | 0
}

/** The nearest of 32 bits, clamped as those of 24 are. */
export const toInt32 = (sample: number): number => {
  const scaled = Math.round(sample * 2_147_483_648)
  return scaled > 2_147_483_647 ? 2_147_483_647 : scaled < -2_147_483_648 ? -2_147_483_648 : scaled | 0
}

/** FFmpeg takes both in 32 bits, those of 24 left-aligned. */
const toFlacSample = { int24: (sample: number) => toInt24(sample) << 8, int32: toInt32 } as const

export const makeWavWriter = (format: WavFormat): FileWriter => {
  const sampleBytes = bytesPerSample[format.sampleFormat]
  let samples = 0
  const encode = (interleaved: Float32Array) => {
    samples += interleaved.length
    if (format.sampleFormat === "float32") return littleEndianBytes(interleaved as Float32Array<ArrayBuffer>)
    const bytes = Buffer.alloc(interleaved.length * sampleBytes)
    for (let n = 0; n < interleaved.length; n++) bytes.writeIntLE(toInt24(interleaved[n]!), 3 * n, 3)
    return bytes
  }
  const finish = () => ({
    // RIFF pads chunks to even sizes.
    tail: Buffer.alloc((samples * sampleBytes) % 2),
    header: wavHeader(format, samples / format.channels)
  })
  return { start: () => wavHeader(format, 0), encode, finish, close: () => {} }
}

const flacMarker = Buffer.from("fLaC")

/** RFC 9639, 8.1: one metadata block. */
const metadataBlock = (type: "STREAMINFO" | "VORBIS_COMMENT", isLast: boolean, content: Buffer): Buffer => {
  const header = Buffer.alloc(4)
  header.writeUInt32BE(content.length)
  header[0] = (isLast ? 0x80 : 0) | (type === "STREAMINFO" ? 0 : 4)
  return Buffer.concat([header, content])
}

/** RFC 9639, 8.6: a vendor string and `FIELD=value` in UTF-8, each behind its length. */
const vorbisComment = (tags: AudioTags): Buffer => {
  const withLength = (text: string) => {
    const bytes = Buffer.from(text)
    const length = Buffer.alloc(4)
    length.writeUInt32LE(bytes.length)
    return Buffer.concat([length, bytes])
  }
  const fields = Object.entries(tags).map(([name, value]) => withLength(`${name.toUpperCase()}=${value}`))
  const count = Buffer.alloc(4)
  count.writeUInt32LE(fields.length)
  return Buffer.concat([withLength("lathe"), count, ...fields])
}

/** Everything before the first frame. */
const flacHeader = (streamInfo: Buffer, tags: AudioTags): Buffer =>
  Buffer.concat([
    flacMarker,
    metadataBlock("STREAMINFO", false, streamInfo),
    metadataBlock("VORBIS_COMMENT", true, vorbisComment(tags))
  ])

export interface FlacFormat {
  readonly sampleRate: number
  readonly channels: number
  /** Default int24. */
  readonly sampleFormat?: "int24" | "int32"
  readonly tags?: AudioTags
}

/** RFC 9639, 8.2: five bits, less one, behind 100 others. */
const bitsIn = (streamInfo: Buffer): number => ((streamInfo.readUInt16BE(12) >> 4) & 31) + 1

/** Throws FFmpegError where FLAC cannot hold the format, and an Error where this FFmpeg writes no 32 bits (before 6.1). */
export const makeFlacWriter = ({ sampleRate, channels, sampleFormat = "int24", tags = {} }: FlacFormat): FileWriter => {
  const toSample = toFlacSample[sampleFormat]
  const bits = sampleFormat === "int32" ? 32 : 24
  Log.setLevel(AV_LOG_QUIET)
  const codec = Codec.findEncoder(AV_CODEC_ID_FLAC)
  if (codec === null) throw new Error("This build of FFmpeg has no FLAC encoder")
  const context = new CodecContext()
  const frame = new Frame()
  const packet = new Packet()
  context.allocContext3(codec)
  context.sampleFormat = AV_SAMPLE_FMT_S32
  context.bitsPerRawSample = bits
  // 32 bits count as experimental in FFmpeg, which otherwise writes 24 without a word.
  if (bits === 32) context.setOption("strict", -2, AV_OPT_TYPE_INT)
  context.sampleRate = sampleRate
  context.channelLayout = avChannelLayoutDefault(channels)
  context.timeBase = new Rational(1, sampleRate)
  context.setOption("compression_level", 5, AV_OPT_TYPE_INT)
  const opened = context.open2Sync(codec, null)
  if (opened < 0) {
    context.freeContext()
    throw new FFmpegError(opened)
  }
  let streamInfo = Buffer.from(context.extraData ?? Buffer.alloc(34))
  if (bitsIn(streamInfo) !== bits) {
    context.freeContext()
    throw new Error(`This build of FFmpeg writes FLAC of ${bitsIn(streamInfo)} bits, not of ${bits}`)
  }
  frame.alloc()
  packet.alloc()
  let isOpen = true
  const pending = new Int32Array(context.frameSize * channels)
  let filled = 0
  let position = 0

  const drain = (parts: Array<Buffer>) => {
    while (true) {
      const code = context.receivePacketSync(packet)
      if (code === AVERROR_EAGAIN || code === AVERROR_EOF) return
      FFmpegError.throwIfError(code)
      const final = packet.getSideData(AV_PKT_DATA_NEW_EXTRADATA)
      if (final !== null) streamInfo = Buffer.from(final)
      // The packet that only carries the final STREAMINFO is empty.
      if (packet.size > 0 && packet.data !== null) parts.push(Buffer.from(packet.data))
      packet.unref()
    }
  }
  const sendPending = (parts: Array<Buffer>) => {
    frame.format = AV_SAMPLE_FMT_S32
    frame.sampleRate = sampleRate
    frame.channelLayout = avChannelLayoutDefault(channels)
    frame.nbSamples = filled / channels
    FFmpegError.throwIfError(frame.getBuffer())
    frame.pts = BigInt(position)
    const plane = frame.data?.[0]
    if (plane === undefined) throw new Error("FFmpeg gave a frame without memory")
    new Int32Array(plane.buffer, plane.byteOffset, filled).set(pending.subarray(0, filled))
    FFmpegError.throwIfError(context.sendFrameSync(frame))
    frame.unref()
    position += filled / channels
    filled = 0
    drain(parts)
  }
  const encode = (interleaved: Float32Array) => {
    const parts: Array<Buffer> = []
    for (let n = 0; n < interleaved.length; n++) {
      pending[filled++] = toSample(interleaved[n]!)
      if (filled === pending.length) sendPending(parts)
    }
    return Buffer.concat(parts)
  }
  const finish = () => {
    const parts: Array<Buffer> = []
    if (filled > 0) sendPending(parts)
    FFmpegError.throwIfError(context.sendFrameSync(null))
    drain(parts)
    return { tail: Buffer.concat(parts), header: flacHeader(streamInfo, tags) }
  }
  const close = () => {
    if (!isOpen) return
    isOpen = false
    frame.free()
    packet.free()
    context.freeContext()
  }
  return { start: () => flacHeader(streamInfo, tags), encode, finish, close }
}
