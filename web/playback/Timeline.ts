/**
 * What is heard without interruption, as segments on one line: each is a track from some sample on, and the next one
 * begins at the very sample after its last. Both sources, enhanced and original, are fed along the same line.
 */
import type { MasteringPlan } from "../../src/domain/mastering/MasteringPlan.ts"
import type { FingerprintStatus } from "../../src/domain/fingerprint/FingerprintStatus.ts"
import type { QueueEntry } from "./Queue.ts"

/** Positions and offsets are samples per channel. */
export interface Segment {
  readonly entry: QueueEntry
  /** On the timeline. */
  readonly start: number
  /** In the track: the sample that is heard at `start`. */
  readonly offset: number
  /** After its last sample, on the timeline, once that is known. */
  end: number | undefined
  /** What the service has said about it. */
  plan: MasteringPlan | undefined
  fingerprint: FingerprintStatus | undefined
  /** Seconds, of the whole track, by the stream. */
  duration: number
}

export class Timeline {
  #segments: ReadonlyArray<Segment> = []

  get segments(): ReadonlyArray<Segment> {
    return this.#segments
  }

  begin(entry: QueueEntry, offset: number): Segment {
    this.#segments = []
    return this.#add(entry, 0, offset)
  }

  /** A track from its beginning, after the last segment, whose end is known by then. */
  append(entry: QueueEntry): Segment {
    return this.#add(entry, this.#segments.at(-1)?.end ?? 0, 0)
  }

  #add(entry: QueueEntry, start: number, offset: number): Segment {
    const { duration } = entry.track
    const segment = { entry, start, offset, end: undefined, plan: undefined, fingerprint: undefined, duration }
    this.#segments = [...this.#segments, segment]
    return segment
  }

  clear(): void {
    this.#segments = []
  }

  at(position: number): Segment | undefined {
    return this.#segments.findLast(({ start }) => start <= position)
  }

  after(segment: Segment): Segment | undefined {
    const index = this.#segments.indexOf(segment)
    return index < 0 ? undefined : this.#segments[index + 1]
  }

  dropAfter(segment: Segment): void {
    this.#segments = this.#segments.slice(0, this.#segments.indexOf(segment) + 1)
  }

  /** Nothing before the segment that is heard is asked for again. */
  dropBefore(segment: Segment): void {
    this.#segments = this.#segments.slice(Math.max(0, this.#segments.indexOf(segment)))
  }
}
