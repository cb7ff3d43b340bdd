import { Context, type Effect, type Option } from "effect"
import type { TrackUnreadable } from "../domain/audio/AnalysisError.ts"
import type { TrackFile } from "../domain/library/Track.ts"
import type { Peaks } from "../dsp/Waveform.ts"
import type { TrackArt } from "./TrackFileReader.ts"

/** Owns what a player shows of a file beside its tags: picture and waveform, each read once per version and kept. */
export class TrackMedia extends Context.Tag("lathe/TrackMedia")<
  TrackMedia,
  {
    readonly art: (file: TrackFile) => Effect.Effect<Option.Option<TrackArt>>
    /** Of the original. Decodes the whole file the first time; one file at a time. */
    readonly waveform: (file: TrackFile) => Effect.Effect<Peaks, TrackUnreadable>
  }
>() {}
