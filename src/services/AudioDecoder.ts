import { Context, type Effect, type Scope, type Stream } from "effect"
import type { TrackUnreadable } from "../domain/audio/AnalysisError.ts"

export interface AudioInfo {
  /** Hz, 8000 to 384000: a file of another rate is `unsupported`. */
  readonly sampleRate: number
  readonly channels: number
  /**
   * Samples per channel, as the container declares them, encoder delay and padding already left out; exact for
   * WAV, AIFF, FLAC, ALAC and files with gapless metadata, close for others. 0 where the container does not say.
   */
  readonly totalFrames: number
  /** FFmpeg's short name: `flac`, `mp3`, `aac`. */
  readonly codec: string
}

/** A run of decoded audio. The arrays are the receiver's to keep. */
export interface AudioBlock {
  /** Position of the first sample in the track, samples per channel. */
  readonly start: number
  /** Samples per channel in this block. */
  readonly length: number
  /** One array of `length` per channel, full scale = 1. */
  readonly channels: ReadonlyArray<Float32Array<ArrayBuffer>>
}

/** What of a file is damaged: silence stands for it, so that all that follows is in its place. Samples per channel. */
export interface AudioLoss {
  readonly frames: number
  /** Position in the track of the first of them. */
  readonly from: number
}

/** An open file, read from one position on by whoever keeps the arrays. */
export interface AudioReading {
  readonly info: AudioInfo
  /**
   * Decodes the next samples into the beginning of `target`, one array a channel of at least `lengthFrames`, full
   * scale = 1. Returns how many per channel: at least one, perhaps fewer than `lengthFrames`; 0 behind the last. What
   * was decoded before a fault is delivered before this fails. Work of one go, but for the way to the first sample of
   * a start in the middle: the caller gives the event loop its turn. Where more than half of the track is damaged it
   * fails.
   */
  readonly readInto: (
    target: ReadonlyArray<Float32Array>,
    lengthFrames: number
  ) => Effect.Effect<number, TrackUnreadable>
  /** Of all that was read so far, from `heardFrom` on; undefined where nothing is damaged. */
  readonly loss: () => AudioLoss | undefined
}

export interface OpenOptions {
  /** First sample wanted, samples per channel from the start of the track. Default 0. At or past the end: none. */
  readonly startFrame?: number
  /** What is damaged before this sample is no loss: it is read, but not heard. Default: `startFrame`. */
  readonly heardFrom?: number
}

export interface DecodeOptions extends OpenOptions {
  /** Samples per channel of every block but the last. Default 16384. */
  readonly blockFrames?: number
}

/**
 * Owns reading audio files: container and codec to planar float32 at the file's own rate and channel count. Does not
 * resample, downmix or measure. Paths are absolute; errors carry the file's name only.
 */
export class AudioDecoder extends Context.Tag("lathe/AudioDecoder")<
  AudioDecoder,
  {
    /** Name and version of the decoder, as provenance records it. */
    readonly identity: { readonly name: string; readonly version: string }
    /** What the container declares, without decoding the audio. */
    readonly probe: (path: string) => Effect.Effect<AudioInfo, TrackUnreadable>
    /** Opens a file to read it from `startFrame` on, as cheaply as the decoder can; the scope closes it. */
    readonly open: (path: string, options?: OpenOptions) => Effect.Effect<AudioReading, TrackUnreadable, Scope.Scope>
    /**
     * The samples from `startFrame` on, contiguous, as `open` reads them: exactly those that a decode from 0 delivers there (but for the
     * noise that AAC substitutes at random). What was decoded before a fault is delivered before the stream fails. One
     * block of work a pull, and the event loop has its turn in between.
     */
    readonly decode: (path: string, options?: DecodeOptions) => Stream.Stream<AudioBlock, TrackUnreadable>
  }
>() {}
