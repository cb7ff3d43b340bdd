/** What is to be played, in order. Entries have keys of their own: a track may stand in it more than once. */
import type { Track } from "../library/Track.ts"

export interface QueueEntry {
  readonly key: number
  readonly track: Track
}

export class Queue {
  #entries: ReadonlyArray<QueueEntry> = []
  #nextKey = 1

  get entries(): ReadonlyArray<QueueEntry> {
    return this.#entries
  }

  #make(tracks: ReadonlyArray<Track>): ReadonlyArray<QueueEntry> {
    return tracks.map((track) => ({ key: this.#nextKey++, track }))
  }

  replace(tracks: ReadonlyArray<Track>): void {
    this.#entries = this.#make(tracks)
  }

  append(tracks: ReadonlyArray<Track>): void {
    this.#entries = [...this.#entries, ...this.#make(tracks)]
  }

  /** Right after the entry with `key`, or first of all. */
  insertAfter(key: number | undefined, tracks: ReadonlyArray<Track>): void {
    this.#entries = this.#entries.toSpliced(this.indexOf(key) + 1, 0, ...this.#make(tracks))
  }

  remove(key: number): void {
    this.#entries = this.#entries.filter((entry) => entry.key !== key)
  }

  /** Puts an entry `by` places further down (or up, where negative). */
  move(key: number, by: number): void {
    const from = this.indexOf(key)
    const to = from + by
    if (from < 0 || to < 0 || to >= this.#entries.length) return
    this.#entries = this.#entries.toSpliced(from, 1).toSpliced(to, 0, this.#entries[from]!)
  }

  clear(): void {
    this.#entries = []
  }

  indexOf(key: number | undefined): number {
    return this.#entries.findIndex((entry) => entry.key === key)
  }

  after(key: number): QueueEntry | undefined {
    const index = this.indexOf(key)
    return index < 0 ? undefined : this.#entries[index + 1]
  }

  before(key: number): QueueEntry | undefined {
    return this.#entries[this.indexOf(key) - 1]
  }
}
