import { Context, type Effect, type Option, type Stream } from "effect"
import type { TrackAnalysis } from "../domain/fingerprint/Fingerprint.ts"
import type { FingerprintStatus } from "../domain/fingerprint/FingerprintStatus.ts"
import type { TrackFile } from "../domain/library/Track.ts"

export interface GenerationEvent {
  readonly status: FingerprintStatus
  /** Present with the statuses `cached` and `complete`. */
  readonly analysis: Option.Option<TrackAnalysis>
}

/**
 * Owns the way to a fingerprint: database, then sidecar, then fingerprint server, then none. Stores what was
 * generated in both caches. Never fails: what goes wrong is logged, counted and ends in none.
 */
export class FingerprintGenerator extends Context.Tag("lathe/FingerprintGenerator")<
  FingerprintGenerator,
  {
    /** None after 60 s at the latest; a generation that takes longer goes on, and is stored. */
    readonly getOrGenerate: (file: TrackFile) => Effect.Effect<Option.Option<TrackAnalysis>>
    /** The same as it goes, ending with `cached`, `complete`, `failed` or `unavailable`. Callers share one generation. */
    readonly events: (file: TrackFile) => Stream.Stream<GenerationEvent>
    /** What the caches hold, without generating. */
    readonly getCached: (file: TrackFile) => Effect.Effect<Option.Option<TrackAnalysis>>
    readonly isServerAvailable: Effect.Effect<boolean>
    /** What was found and could not be stored yet; it is tried again. `isFull`: nothing more should be measured unasked. */
    readonly owed: Effect.Effect<{ readonly count: number; readonly isFull: boolean }>
    /** The tracks whose generations run now. */
    readonly running: Effect.Effect<ReadonlySet<number>>
  }
>() {}
