/**
 * Decoded frames in, planar float32 out, through libswresample, which converts, deinterleaves and queues. (To read
 * `frame.data` instead makes two objects over foreign memory a frame: as slow as the decoding itself.) Owns native
 * memory until `close`.
 */
import { AV_CHANNEL_ORDER_NATIVE, AV_SAMPLE_FMT_FLTP, AVERROR_INPUT_CHANGED } from "node-av/constants"
import { avChannelLayoutDefault, FFmpegError, Frame, SoftwareResampleContext } from "node-av/lib"

/** More than SWR_CH_MAX libswresample does not take. */
export const maximumChannels = 64

/** Samples per channel that come out of libswresample at a time. */
const outputFrames = 16_384

export class SampleQueue {
  /** Queued samples per channel. */
  lengthFrames = 0

  #resampler: SoftwareResampleContext | undefined
  /** Where libswresample writes to, and its planes: allocated once. */
  #output: Frame | undefined
  #planes: ReadonlyArray<Float32Array> = []
  /** For frames whose layout is none of FFmpeg's own (plain WAV says nothing): libswresample wants one. */
  #layout: ReturnType<typeof avChannelLayoutDefault> | undefined

  /**
   * Queues a frame of `lengthFrames`, its first `from` left out; those must not follow queued ones. False: its sample
   * format or channel layout is another than that of what is queued, which has to be read first.
   */
  push(frame: Frame, lengthFrames: number, from: number): boolean {
    if (!this.#convert(frame)) {
      if (this.lengthFrames > 0) return false
      this.#configure(frame)
      if (!this.#convert(frame)) throw new FFmpegError(AVERROR_INPUT_CHANGED)
    }
    if (from > 0) FFmpegError.throwIfError(this.#resampler!.dropOutput(from))
    this.lengthFrames += lengthFrames - from
    return true
  }

  /** Takes up to `length` samples per channel into `target`, `at` on; returns how many. */
  read(target: ReadonlyArray<Float32Array>, at: number, length: number): number {
    const wanted = Math.min(length, this.lengthFrames)
    for (let done = 0; done < wanted;) {
      const run = Math.min(wanted - done, outputFrames)
      const output = this.#output!
      output.nbSamples = run
      FFmpegError.throwIfError(this.#resampler!.convertFrame(output, null))
      for (let channel = 0; channel < target.length; channel++) {
        const plane = this.#planes[channel]!
        target[channel]!.set(run === outputFrames ? plane : plane.subarray(0, run), at + done)
      }
      done += run
    }
    this.lengthFrames -= wanted
    return wanted
  }

  close(): void {
    this.#planes = []
    this.#output?.free()
    this.#resampler?.free()
    this.#output = undefined
    this.#resampler = undefined
  }

  /** False: the frame is not what the resampler was set up for. */
  #convert(frame: Frame): boolean {
    if (this.#resampler === undefined) return false
    if (this.#layout !== undefined) frame.channelLayout = this.#layout
    const code = this.#resampler.convertFrame(null, frame)
    if (code === AVERROR_INPUT_CHANGED) return false
    FFmpegError.throwIfError(code)
    return true
  }

  #configure(frame: Frame): void {
    this.close()
    const { channelLayout, format, sampleRate } = frame
    this.#layout =
      channelLayout.order === AV_CHANNEL_ORDER_NATIVE ? undefined : avChannelLayoutDefault(channelLayout.nbChannels)
    const layout = this.#layout ?? channelLayout
    const resampler = new SoftwareResampleContext()
    this.#resampler = resampler
    FFmpegError.throwIfError(
      resampler.allocSetOpts2(layout, AV_SAMPLE_FMT_FLTP, sampleRate, layout, format as never, sampleRate)
    )
    FFmpegError.throwIfError(resampler.init())
    const output = new Frame()
    this.#output = output
    output.alloc()
    output.format = AV_SAMPLE_FMT_FLTP
    output.sampleRate = sampleRate
    output.channelLayout = layout
    output.nbSamples = outputFrames
    FFmpegError.throwIfError(output.getBuffer())
    // `data` ends after eight planes.
    this.#planes = (output.extendedData ?? []).map(
      (plane) => new Float32Array(plane.buffer, plane.byteOffset, outputFrames)
    )
  }
}
