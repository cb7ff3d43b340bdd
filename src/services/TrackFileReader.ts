import { Context, type Effect, type Option } from "effect"
import type { TrackUnreadable } from "../domain/audio/AnalysisError.ts"
import type { TrackTags } from "../domain/library/Track.ts"

/** A picture that comes with an audio file. */
export interface TrackArt {
  readonly mediaType: "image/jpeg" | "image/png" | "image/webp" | "image/gif"
  readonly bytes: Uint8Array<ArrayBuffer>
}

/** Owns reading what an audio file says about itself. Knows no library. Paths are absolute; errors name the file only. */
export class TrackFileReader extends Context.Tag("lathe/TrackFileReader")<
  TrackFileReader,
  {
    /** Fails for what is no audio; a file whose tags alone cannot be read is called by its name. */
    readonly tags: (path: string) => Effect.Effect<TrackTags, TrackUnreadable>
    /** The front cover, else the first picture; none where it is of another kind, too large, or not to be read. */
    readonly art: (path: string) => Effect.Effect<Option.Option<TrackArt>>
  }
>() {}
