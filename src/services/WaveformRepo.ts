import { Context, Effect, Option } from "effect"
import type { TrackFile } from "../domain/library/Track.ts"
import type { Peaks } from "../dsp/Waveform.ts"

export interface WaveformRepoService {
  /** Of this version of the file, if it is stored. */
  readonly find: (file: TrackFile) => Effect.Effect<Option.Option<Peaks>>
  /** Never fails: a waveform that cannot be stored is drawn anew. */
  readonly store: (file: TrackFile, waveform: Peaks) => Effect.Effect<void>
}

/** Owns the stored waveforms. Draws none. Where there is no store, nothing is kept. */
export class WaveformRepo extends Context.Reference<WaveformRepo>()("lathe/WaveformRepo", {
  defaultValue: (): WaveformRepoService => ({ find: () => Effect.succeed(Option.none()), store: () => Effect.void })
}) {}
