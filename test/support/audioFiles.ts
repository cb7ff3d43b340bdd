/** Audio files for tests in every format the decoder reads, written by node-av's own encoders: no external program. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Stream } from "effect"
import { Codec, CodecContext, Dictionary, FFmpegError, FormatContext, Frame, Log, Packet, Rational } from "node-av/lib"
import { avChannelLayoutDefault } from "node-av/lib"
import {
  AV_CODEC_FLAG_GLOBAL_HEADER,
  AV_LOG_QUIET,
  AV_OPT_SEARCH_CHILDREN,
  AV_OPT_TYPE_STRING,
  AV_SAMPLE_FMT_DBL,
  AV_SAMPLE_FMT_FLT,
  AV_SAMPLE_FMT_FLTP,
  AV_SAMPLE_FMT_S16,
  AV_SAMPLE_FMT_S16P,
  AV_SAMPLE_FMT_S32,
  AV_SAMPLE_FMT_S32P,
  AV_SAMPLE_FMT_U8,
  AVERROR_EAGAIN,
  AVERROR_EOF,
  type AVSampleFormat,
  type FFEncoderCodec
} from "node-av/constants"
import { type AudioBlock, AudioDecoder, type DecodeOptions } from "../../src/services/AudioDecoder.ts"
import type { Signal } from "./signals.ts"

export interface AudioFormat {
  readonly extension: string
  readonly encoder: string
  readonly sampleFormat: AVSampleFormat
  /** Bits a sample of a lossless integer format holds; floats hold their samples as they are; lossy ones have none. */
  readonly bits?: number
  readonly lossless: boolean
}

export const lossless = (
  extension: string,
  encoder: string,
  sampleFormat: AVSampleFormat,
  bits?: number
): AudioFormat => ({
  extension,
  encoder,
  sampleFormat,
  ...(bits === undefined ? {} : { bits }),
  lossless: true
})
export const lossy = (extension: string, encoder: string, sampleFormat: AVSampleFormat): AudioFormat => ({
  extension,
  encoder,
  sampleFormat,
  lossless: false
})

/** `wav24` is WAVE_FORMAT_EXTENSIBLE, as are all with more than two channels. */
export const audioFormats = {
  wav8: lossless("wav", "pcm_u8", AV_SAMPLE_FMT_U8, 8),
  wav16: lossless("wav", "pcm_s16le", AV_SAMPLE_FMT_S16, 16),
  wav24: lossless("wav", "pcm_s24le", AV_SAMPLE_FMT_S32, 24),
  wav32: lossless("wav", "pcm_s32le", AV_SAMPLE_FMT_S32, 32),
  wavFloat: lossless("wav", "pcm_f32le", AV_SAMPLE_FMT_FLT),
  wavDouble: lossless("wav", "pcm_f64le", AV_SAMPLE_FMT_DBL),
  aiff16: lossless("aiff", "pcm_s16be", AV_SAMPLE_FMT_S16, 16),
  aiff24: lossless("aiff", "pcm_s24be", AV_SAMPLE_FMT_S32, 24),
  flac16: lossless("flac", "flac", AV_SAMPLE_FMT_S16, 16),
  flac24: lossless("flac", "flac", AV_SAMPLE_FMT_S32, 24),
  alac16: lossless("m4a", "alac", AV_SAMPLE_FMT_S16P, 16),
  alac24: lossless("m4a", "alac", AV_SAMPLE_FMT_S32P, 24),
  mp3: lossy("mp3", "libmp3lame", AV_SAMPLE_FMT_FLTP),
  aac: lossy("m4a", "aac", AV_SAMPLE_FMT_FLTP),
  vorbis: lossy("ogg", "libvorbis", AV_SAMPLE_FMT_FLTP),
  opus: lossy("opus", "libopus", AV_SAMPLE_FMT_FLT)
} as const satisfies Record<string, AudioFormat>
export type AudioFormatName = keyof typeof audioFormats

/** Formats that are read, but in which no position is found exactly. */
const otherFormats = { wma: lossy("wma", "wmav2", AV_SAMPLE_FMT_FLTP) } as const

export interface WriteOptions {
  readonly sampleRate: number
  readonly bitRate?: number
  /** Options of FFmpeg's muxer, for example `{ write_xing: "0" }`. */
  readonly muxer?: Record<string, string>
  readonly encoder?: Record<string, string>
}

/** The samples as a lossless format of `bits` can hold them, as float32. */
export const quantised = (signal: Signal, bits: number): Signal =>
  signal.map((samples) => samples.map((sample) => Math.fround(quantise(sample, bits) / 2 ** (bits - 1))))

/** Where two signals first differ, in words; undefined where every sample is the same. */
export const firstDifference = (actual: Signal, expected: Signal): string | undefined => {
  if (actual.length !== expected.length) return `${actual.length} channels instead of ${expected.length}`
  for (const [channel, samples] of expected.entries()) {
    const others = actual[channel]!
    if (others.length !== samples.length) return `${others.length} samples instead of ${samples.length}`
    for (let n = 0; n < samples.length; n++) {
      if (others[n] !== samples[n]) return `channel ${channel}, sample ${n}: ${others[n]} instead of ${samples[n]}`
    }
  }
  return undefined
}

/** Energy of the signal over that of the difference, dB, over all channels. */
export const signalToNoiseDb = (actual: Signal, expected: Signal): number => {
  let energy = 0
  let noise = 0
  for (const [channel, samples] of expected.entries()) {
    const others = actual[channel]!
    for (let n = 0; n < samples.length; n++) {
      energy += samples[n]! ** 2
      noise += (samples[n]! - (others[n] ?? 0)) ** 2
    }
  }
  return 10 * Math.log10(energy / noise)
}

/** The shift of `actual` against `expected`, in samples, at which they differ least; positive: `actual` is late. */
export const lagFrames = (actual: Float32Array, expected: Float32Array, maximum: number): number => {
  let least = Infinity
  let lag = Number.NaN
  for (let shift = -maximum; shift <= maximum; shift++) {
    let sum = 0
    for (let n = maximum; n < expected.length - maximum; n++) sum += (expected[n]! - (actual[n + shift] ?? 0)) ** 2
    if (sum < least) {
      least = sum
      lag = shift
    }
  }
  return lag
}

/** A folder that lives as long as the scope. */
export const temporaryFolder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "lathe-audio-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

/** The whole of a file, or its rest from `startFrame`; `error` is how the stream failed, if it did. */
export const decodeWithError = (path: string, options: DecodeOptions = {}) =>
  Effect.gen(function* () {
    const decoder = yield* AudioDecoder
    const info = yield* decoder.probe(path)
    const blocks: Array<AudioBlock> = []
    const result = yield* Effect.either(
      Stream.runForEach(decoder.decode(path, options), (block) => Effect.sync(() => blocks.push(block)))
    )
    const lengthFrames = blocks.reduce((sum, block) => sum + block.length, 0)
    const channels: Signal = Array.from({ length: info.channels }, () => new Float32Array(lengthFrames))
    let at = 0
    for (const block of blocks) {
      block.channels.forEach((samples, channel) => channels[channel]!.set(samples, at))
      at += block.length
    }
    return { info, blocks, channels, error: result._tag === "Left" ? result.left : undefined }
  })

/** As `decodeWithError`, but fails where the stream does. */
export const decodeAll = (path: string, options: DecodeOptions = {}) =>
  decodeWithError(path, options).pipe(
    Effect.flatMap((decoded) => (decoded.error === undefined ? Effect.succeed(decoded) : Effect.fail(decoded.error)))
  )

/** Writes `signal` as `<folder>/<name>.<extension of the format>` and returns that path. */
export const writeAudioFile = (
  folder: string,
  name: string,
  formatName: AudioFormatName | keyof typeof otherFormats | AudioFormat,
  signal: Signal,
  options: WriteOptions
): string => {
  Log.setLevel(AV_LOG_QUIET)
  const format: AudioFormat =
    typeof formatName === "string" ? { ...audioFormats, ...otherFormats }[formatName] : formatName
  const path = join(folder, `${name}.${format.extension}`)
  const codec = Codec.findEncoderByName(format.encoder as FFEncoderCodec)
  if (codec === null) throw new Error(`This build of FFmpeg has no encoder ${format.encoder}`)
  const lengthFrames = signal[0]?.length ?? 0
  const timeBase = new Rational(1, options.sampleRate)

  const container = new FormatContext()
  FFmpegError.throwIfError(container.allocOutputContext2(null, null, path))
  const encoder = new CodecContext()
  encoder.allocContext3(codec)
  encoder.sampleFormat = format.sampleFormat
  encoder.sampleRate = options.sampleRate
  encoder.channelLayout = avChannelLayoutDefault(signal.length)
  encoder.timeBase = timeBase
  if (format.bits !== undefined) encoder.bitsPerRawSample = format.bits
  if (options.bitRate !== undefined) encoder.bitRate = BigInt(options.bitRate)
  encoder.setFlags(AV_CODEC_FLAG_GLOBAL_HEADER)
  for (const [name, value] of Object.entries(options.encoder ?? {})) {
    // Not by open2Sync's dictionary: node-av 6.1.1 frees it twice.
    FFmpegError.throwIfError(encoder.setOption(name, value, AV_OPT_TYPE_STRING, AV_OPT_SEARCH_CHILDREN))
  }
  FFmpegError.throwIfError(encoder.open2Sync(codec, null))
  const stream = container.newStream(codec)
  stream.timeBase = timeBase
  FFmpegError.throwIfError(stream.codecpar.fromContext(encoder))
  FFmpegError.throwIfError(container.openOutputSync())
  FFmpegError.throwIfError(container.writeHeaderSync(Dictionary.fromObject(options.muxer ?? {})))

  const packet = new Packet()
  packet.alloc()
  const drain = () => {
    while (true) {
      const code = encoder.receivePacketSync(packet)
      if (code === AVERROR_EAGAIN || code === AVERROR_EOF) return
      FFmpegError.throwIfError(code)
      packet.streamIndex = 0
      packet.rescaleTs(timeBase, stream.timeBase)
      FFmpegError.throwIfError(container.interleavedWriteFrameSync(packet))
    }
  }
  const blockFrames = encoder.frameSize > 0 ? encoder.frameSize : 4096
  for (let start = 0; start < lengthFrames; start += blockFrames) {
    const frame = new Frame()
    frame.alloc()
    frame.format = format.sampleFormat
    frame.nbSamples = Math.min(blockFrames, lengthFrames - start)
    frame.sampleRate = options.sampleRate
    frame.channelLayout = avChannelLayoutDefault(signal.length)
    FFmpegError.throwIfError(frame.getBuffer())
    frame.pts = BigInt(start)
    fill(frame, format, signal, start)
    FFmpegError.throwIfError(encoder.sendFrameSync(frame))
    frame.free()
    drain()
  }
  FFmpegError.throwIfError(encoder.sendFrameSync(null))
  drain()
  FFmpegError.throwIfError(container.writeTrailerSync())
  packet.free()
  container.closeOutputSync()
  encoder.freeContext()
  container.freeContext()
  return path
}

const quantise = (sample: number, bits: number) => {
  const scale = 2 ** (bits - 1)
  return Math.max(-scale, Math.min(scale - 1, Math.round(sample * scale)))
}

const planar: ReadonlySet<AVSampleFormat> = new Set([AV_SAMPLE_FMT_S16P, AV_SAMPLE_FMT_S32P, AV_SAMPLE_FMT_FLTP])

/** A plane of FFmpeg's, which are aligned, in the machine's byte order. */
const numbersOf = ({ buffer, byteOffset, byteLength }: Buffer, format: AVSampleFormat) => {
  switch (format) {
    case AV_SAMPLE_FMT_U8:
      return new Uint8Array(buffer, byteOffset, byteLength)
    case AV_SAMPLE_FMT_S16:
    case AV_SAMPLE_FMT_S16P:
      return new Int16Array(buffer, byteOffset, byteLength / 2)
    case AV_SAMPLE_FMT_S32:
    case AV_SAMPLE_FMT_S32P:
      return new Int32Array(buffer, byteOffset, byteLength / 4)
    case AV_SAMPLE_FMT_DBL:
      return new Float64Array(buffer, byteOffset, byteLength / 8)
    default:
      return new Float32Array(buffer, byteOffset, byteLength / 4)
  }
}

/** The whole number that stands for a sample, or the sample itself where the format holds those. */
const numberOf = ({ sampleFormat, bits }: AudioFormat): ((sample: number) => number) => {
  switch (sampleFormat) {
    case AV_SAMPLE_FMT_U8:
      return (sample) => quantise(sample, 8) + 128
    case AV_SAMPLE_FMT_S16:
    case AV_SAMPLE_FMT_S16P:
      return (sample) => quantise(sample, 16)
    case AV_SAMPLE_FMT_S32:
    case AV_SAMPLE_FMT_S32P:
      return (sample) => quantise(sample, bits ?? 32) * 2 ** (32 - (bits ?? 32))
    default:
      return (sample) => sample
  }
}

const fill = (frame: Frame, format: AudioFormat, signal: Signal, start: number) => {
  const planes = frame.extendedData ?? []
  const isPlanar = planar.has(format.sampleFormat)
  const toNumber = numberOf(format)
  for (const [channel, samples] of signal.entries()) {
    const plane = planes[isPlanar ? channel : 0]
    if (plane === undefined) throw new Error(`FFmpeg gave no plane for channel ${channel}`)
    const numbers = numbersOf(plane, format.sampleFormat)
    const [stride, offset] = isPlanar ? [1, 0] : [signal.length, channel]
    for (let n = 0; n < frame.nbSamples; n++) numbers[offset + n * stride] = toNumber(samples[start + n] ?? 0)
  }
}
