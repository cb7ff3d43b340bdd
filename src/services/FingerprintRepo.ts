import { Context, type Effect, type Option } from "effect"
import type { TrackAnalysis } from "../domain/fingerprint/Fingerprint.ts"
import type { FileVersion, TrackId } from "../domain/library/Track.ts"

/** One content of one track's file: what is stored about another version is never returned. */
export interface TrackKey {
  readonly trackId: TrackId
  readonly version: FileVersion
}

/** Why a file version has no fingerprint and will not get one. */
export interface RememberedFailure {
  readonly code: string
  readonly message: string
}

/** Owns the stored fingerprints. Does not generate any: see FingerprintGenerator. Storage faults are defects. */
export class FingerprintRepo extends Context.Tag("lathe/FingerprintRepo")<
  FingerprintRepo,
  {
    /** The analysis of this file version by the current algorithm, if one is stored and valid. */
    readonly find: (key: TrackKey) => Effect.Effect<Option.Option<TrackAnalysis>>
    /**
     * The analysis of a file of this size and time, to which something has been done since: renamed, given other rights,
     * or replaced. Whether it is about its content now is for the caller to find out, by the SHA-256 of its provenance.
     */
    readonly findUnverified: (key: TrackKey) => Effect.Effect<Option.Option<TrackAnalysis>>
    /** Forgets the analysis of a track: it is about a content that is gone. */
    readonly drop: (key: TrackKey) => Effect.Effect<void>
    /** Replaces whatever was stored for the track. */
    readonly store: (key: TrackKey, analysis: TrackAnalysis) => Effect.Effect<void>
    readonly findFailure: (key: TrackKey) => Effect.Effect<Option.Option<RememberedFailure>>
    readonly storeFailure: (key: TrackKey, failure: RememberedFailure) => Effect.Effect<void>
  }
>() {}
