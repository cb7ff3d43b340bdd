import { Context, type Effect } from "effect"

export interface ReadinessReport {
  /** Whether the database answers. */
  readonly database: boolean
  /** Whether the music folders have been read once. */
  readonly library: boolean
  /** Whether a packet of a track can be rendered; also where there is no track to try it with. */
  readonly rendering: boolean
  /** Whether the fingerprint server answers. Playback does without it, so it says nothing about being ready. */
  readonly fingerprintServer: boolean
}

export const isReady = ({ database, library, rendering }: ReadinessReport): boolean => database && library && rendering

/** Owns knowing whether the service can play music now. That its process answers at all is another question. */
export class Readiness extends Context.Tag("lathe/Readiness")<
  Readiness,
  {
    /** Bounded in time, and not repeated within a few seconds, however often it is asked. Never fails. */
    readonly report: Effect.Effect<ReadinessReport>
    /** The music folders have been read. */
    readonly libraryLoaded: Effect.Effect<void>
  }
>() {}
