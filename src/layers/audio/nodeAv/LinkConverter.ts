/** A link of another rate or channel count, as the first one has them. Owns native memory until `close`. */
import { AV_SAMPLE_FMT_FLTP } from "node-av/constants"
import { avChannelLayoutDefault, FFmpegError, Frame, SoftwareResampleContext } from "node-av/lib"
import type { LinkReader } from "./LinkReader.ts"

/** Samples per channel converted at a time. */
const inputFrames = 4096

interface Format {
  /** Hz. */
  readonly sampleRate: number
  readonly channels: number
}

export class LinkConverter {
  readonly #link: LinkReader
  readonly #format: Format
  readonly #resampler = new SoftwareResampleContext()
  readonly #input: Frame
  readonly #output: Frame
  readonly #block: ReadonlyArray<Float32Array>
  #read = 0
  #written = 0
  /** Converted and not yet read: from `#at` on, `#held` samples per channel of the output frame. */
  #at = 0
  #held = 0

  constructor(link: LinkReader, format: Format) {
    this.#link = link
    this.#format = format
    const [to, from] = [avChannelLayoutDefault(format.channels), avChannelLayoutDefault(link.channels)]
    FFmpegError.throwIfError(
      this.#resampler.allocSetOpts2(
        to,
        AV_SAMPLE_FMT_FLTP,
        format.sampleRate,
        from,
        AV_SAMPLE_FMT_FLTP,
        link.sampleRate
      )
    )
    FFmpegError.throwIfError(this.#resampler.init())
    this.#input = frameOf(link, inputFrames)
    this.#output = frameOf(format, Math.ceil((inputFrames * format.sampleRate) / link.sampleRate) + 256)
    this.#block = Array.from({ length: link.channels }, () => new Float32Array(inputFrames))
  }

  /** As LinkReader's; as many samples come out as last as long as those that go in. */
  readInto(target: ReadonlyArray<Float32Array>, at: number, lengthFrames: number): number {
    let filled = 0
    while (filled < lengthFrames) {
      if (this.#held === 0 && !this.#convert()) break
      const length = Math.min(lengthFrames - filled, this.#held)
      for (const [channel, plane] of planesOf(this.#output).entries()) {
        target[channel]!.set(plane.subarray(this.#at, this.#at + length), at + filled)
      }
      this.#at += length
      this.#held -= length
      filled += length
    }
    return filled
  }

  close(): void {
    this.#input.free()
    this.#output.free()
    this.#resampler.free()
  }

  /** False behind the last sample. */
  #convert(): boolean {
    const length = this.#link.readInto(this.#block, 0, inputFrames)
    this.#read += length
    const wanted = Math.round((this.#read * this.#format.sampleRate) / this.#link.sampleRate) - this.#written
    if (length === 0 && wanted <= 0) return false
    for (const [channel, plane] of planesOf(this.#input).entries()) plane.set(this.#block[channel]!.subarray(0, length))
    this.#input.nbSamples = length
    this.#output.nbSamples = planesOf(this.#output)[0]!.length
    FFmpegError.throwIfError(this.#resampler.convertFrame(this.#output, length === 0 ? null : this.#input))
    this.#at = 0
    this.#held = length === 0 ? Math.min(wanted, this.#output.nbSamples) : this.#output.nbSamples
    this.#written += this.#held
    return this.#held > 0 || length > 0
  }
}

const frameOf = ({ channels, sampleRate }: Format, nbSamples: number): Frame => {
  const frame = new Frame()
  frame.alloc()
  frame.format = AV_SAMPLE_FMT_FLTP
  frame.sampleRate = sampleRate
  frame.channelLayout = avChannelLayoutDefault(channels)
  frame.nbSamples = nbSamples
  FFmpegError.throwIfError(frame.getBuffer())
  return frame
}

const planesOf = (frame: Frame): ReadonlyArray<Float32Array> =>
  (frame.extendedData ?? []).map((plane) => new Float32Array(plane.buffer, plane.byteOffset, plane.byteLength >> 2))
