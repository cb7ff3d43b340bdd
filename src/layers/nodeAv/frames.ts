/** Decoded frames to planar float32. */
import {
  AV_SAMPLE_FMT_DBL,
  AV_SAMPLE_FMT_DBLP,
  AV_SAMPLE_FMT_FLT,
  AV_SAMPLE_FMT_FLTP,
  AV_SAMPLE_FMT_S16,
  AV_SAMPLE_FMT_S16P,
  AV_SAMPLE_FMT_S32,
  AV_SAMPLE_FMT_S32P,
  AV_SAMPLE_FMT_U8,
  AV_SAMPLE_FMT_U8P,
  type AVPixelFormat,
  type AVSampleFormat
} from "node-av/constants"

type Samples = Uint8Array | Int16Array | Int32Array | Float32Array | Float64Array

interface Layout {
  readonly planar: boolean
  readonly bytes: number
  /** The value that stands for silence, and what one step is worth at full scale = 1. */
  readonly zero: number
  readonly step: number
  readonly view: (buffer: Buffer, samples: number) => Samples
}

const u8 = (buffer: Buffer, samples: number) => new Uint8Array(buffer.buffer, buffer.byteOffset, samples)
const s16 = (buffer: Buffer, samples: number) => new Int16Array(buffer.buffer, buffer.byteOffset, samples)
const s32 = (buffer: Buffer, samples: number) => new Int32Array(buffer.buffer, buffer.byteOffset, samples)
const f32 = (buffer: Buffer, samples: number) => new Float32Array(buffer.buffer, buffer.byteOffset, samples)
const f64 = (buffer: Buffer, samples: number) => new Float64Array(buffer.buffer, buffer.byteOffset, samples)

// FFmpeg left-aligns what has other widths (24-bit FLAC is S32 with eight zero bits below), so the scale is the
// container's width.
const layouts = new Map<AVSampleFormat | AVPixelFormat, Layout>([
  [AV_SAMPLE_FMT_U8, { planar: false, bytes: 1, zero: 128, step: 2 ** -7, view: u8 }],
  [AV_SAMPLE_FMT_U8P, { planar: true, bytes: 1, zero: 128, step: 2 ** -7, view: u8 }],
  [AV_SAMPLE_FMT_S16, { planar: false, bytes: 2, zero: 0, step: 2 ** -15, view: s16 }],
  [AV_SAMPLE_FMT_S16P, { planar: true, bytes: 2, zero: 0, step: 2 ** -15, view: s16 }],
  [AV_SAMPLE_FMT_S32, { planar: false, bytes: 4, zero: 0, step: 2 ** -31, view: s32 }],
  [AV_SAMPLE_FMT_S32P, { planar: true, bytes: 4, zero: 0, step: 2 ** -31, view: s32 }],
  [AV_SAMPLE_FMT_FLT, { planar: false, bytes: 4, zero: 0, step: 1, view: f32 }],
  [AV_SAMPLE_FMT_FLTP, { planar: true, bytes: 4, zero: 0, step: 1, view: f32 }],
  [AV_SAMPLE_FMT_DBL, { planar: false, bytes: 8, zero: 0, step: 1, view: f64 }],
  [AV_SAMPLE_FMT_DBLP, { planar: true, bytes: 8, zero: 0, step: 1, view: f64 }]
])

/** Samples of one frame, still in FFmpeg's memory: to be copied before the frame is released. */
export interface FrameSamples {
  readonly planes: ReadonlyArray<Samples>
  readonly planar: boolean
  readonly zero: number
  readonly step: number
}

export const samplesOf = (
  format: AVSampleFormat | AVPixelFormat,
  buffers: ReadonlyArray<Buffer>,
  channels: number,
  lengthFrames: number
): FrameSamples | undefined => {
  const layout = layouts.get(format)
  if (layout === undefined) return undefined
  const samples = layout.planar ? lengthFrames : lengthFrames * channels
  const planes: Array<Samples> = []
  for (let plane = 0; plane < (layout.planar ? channels : 1); plane++) {
    const buffer = buffers[plane]
    if (buffer === undefined || buffer.length < samples * layout.bytes) return undefined
    planes.push(layout.view(buffer, samples))
  }
  return { planes, planar: layout.planar, zero: layout.zero, step: layout.step }
}

/** Copies `length` samples per channel from `from` on to `target`, `at` on. */
export const copySamples = (
  { planes, planar, zero, step }: FrameSamples,
  from: number,
  length: number,
  target: ReadonlyArray<Float32Array>,
  at: number
): void => {
  const channels = target.length
  for (let channel = 0; channel < channels; channel++) {
    const out = target[channel]!
    const source = planes[planar ? channel : 0]!
    const stride = planar ? 1 : channels
    const first = planar ? from : from * channels + channel
    // One loop for each common type: a loop that has seen several kinds of array is slow for all of them.
    if (source instanceof Int16Array) copy16(source, first, stride, step, out, at, length)
    else if (source instanceof Int32Array) copy32(source, first, stride, step, out, at, length)
    else if (planar && source instanceof Float32Array) out.set(source.subarray(from, from + length), at)
    else for (let n = 0, index = first; n < length; n++, index += stride) out[at + n] = (source[index]! - zero) * step
  }
}

const copy16 = (
  source: Int16Array,
  first: number,
  stride: number,
  step: number,
  out: Float32Array,
  at: number,
  length: number
) => {
  for (let n = 0, index = first; n < length; n++, index += stride) out[at + n] = source[index]! * step
}
const copy32 = (
  source: Int32Array,
  first: number,
  stride: number,
  step: number,
  out: Float32Array,
  at: number,
  length: number
) => {
  for (let n = 0, index = first; n < length; n++, index += stride) out[at + n] = source[index]! * step
}
