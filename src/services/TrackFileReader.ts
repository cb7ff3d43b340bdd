import { Context, type Effect, type Either, type Option } from "effect"
import type { TrackUnreadable } from "../domain/audio/AnalysisError.ts"
import type { TrackAnalysis } from "../domain/fingerprint/Fingerprint.ts"
import type { TrackTags } from "../domain/library/Track.ts"
import type { Peaks } from "../dsp/Waveform.ts"

/** A picture that comes with an audio file. */
export interface TrackArt {
  readonly mediaType: "image/jpeg" | "image/png" | "image/webp" | "image/gif"
  readonly bytes: Uint8Array<ArrayBuffer>
}

export interface TagsOptions {
  /**
   * The file is given little time, after which it is `too_demanding`, which is not held against it: the caller comes
   * back once all others have had their turn. Default false.
   */
  readonly isFirstTry?: boolean
}

/**
 * Owns reading what an audio file, or what lies beside it, says about the audio. Knows no library. Paths are absolute;
 * errors name the file only.
 */
export class TrackFileReader extends Context.Tag("lathe/TrackFileReader")<
  TrackFileReader,
  {
    /** Fails for what is no audio; a file whose tags alone cannot be read is called by its name. */
    readonly tags: (path: string, options?: TagsOptions) => Effect.Effect<TrackTags, TrackUnreadable>
    /** The front cover, else the first picture; none where it is of another kind, too large, or not to be read. */
    readonly art: (path: string) => Effect.Effect<Option.Option<TrackArt>>
    /** Of all samples: takes as long as decoding the file. */
    readonly waveform: (path: string) => Effect.Effect<Peaks, TrackUnreadable>
    /** What a `.25d` file holds, by its own path; Left: why it is none. That it cannot be read is a defect. */
    readonly sidecar: (path: string) => Effect.Effect<Either.Either<TrackAnalysis, string>>
  }
>() {}
