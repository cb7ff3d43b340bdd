import { basename, extname } from "node:path"
import { Context, Either, type Effect, type Stream } from "effect"
import { AudioWriteError } from "../domain/audio/AudioWriteError.ts"

export type AudioEncoding =
  | { readonly container: "wav"; readonly sampleFormat: "float32" | "int24" }
  | { readonly container: "flac"; readonly sampleFormat: "int24" | "int32" }

export interface EncodingOptions {
  /** 32: float in a WAV, integer in a FLAC. Default: 32 in a WAV, which holds every sample as it is, and 24 in a FLAC. */
  readonly bits?: 24 | 32
}

/** Of what can be written. */
export const writtenEndings: ReadonlyArray<string> = [".wav", ".flac"]

/** What a file of this name holds: decided by its ending, in any case. */
export const encodingFor = (
  path: string,
  options: EncodingOptions = {}
): Either.Either<AudioEncoding, AudioWriteError> => {
  const ending = extname(path).toLowerCase()
  if (ending === ".wav")
    return Either.right({ container: "wav", sampleFormat: options.bits === 24 ? "int24" : "float32" })
  if (ending === ".flac")
    return Either.right({ container: "flac", sampleFormat: options.bits === 32 ? "int32" : "int24" })
  return Either.left(new AudioWriteError({ file: basename(path), reason: "unsupported_ending" }))
}

/** Written into FLAC; a WAV has no place for them that all programs read. */
export interface AudioTags {
  readonly title?: string
  readonly artist?: string
  readonly album?: string
}

export interface WriteFormat {
  /** Hz. */
  readonly sampleRate: number
  readonly channels: number
  readonly encoding: AudioEncoding
  readonly tags?: AudioTags
}

/** Full scale = 1; either one array per channel, all of one length, or one array with the channels interleaved. */
export type WriteBlock = ReadonlyArray<Float32Array> | Float32Array

/**
 * Owns writing audio files. Does not resample or dither: integers are the nearest to the sample, clamped to what the
 * format holds.
 */
export class AudioEncoder extends Context.Tag("lathe/AudioEncoder")<
  AudioEncoder,
  {
    /**
     * Writes the blocks one after the other. The file appears under its name once it is complete; until then, and
     * after a failure or an interruption, what was there before stays. A block of other channels is a defect.
     */
    readonly write: <E, R>(
      path: string,
      format: WriteFormat,
      blocks: Stream.Stream<WriteBlock, E, R>
    ) => Effect.Effect<{ readonly framesWritten: number }, E | AudioWriteError, R>
  }
>() {}
