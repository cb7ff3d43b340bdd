/** The samples of one source that wait to be heard, addressed by their place on the timeline (samples per channel). */
export class TimelineRing {
  readonly #ring: ReadonlyArray<Float32Array>
  readonly #capacity: number
  /** Held are the samples of [start, end). */
  #start = 0
  #end = 0

  constructor(channels: number, capacity: number) {
    this.#ring = Array.from({ length: channels }, () => new Float32Array(capacity))
    this.#capacity = capacity
  }

  get end(): number {
    return this.#end
  }

  /** Empties it; what comes next is expected at `position`. */
  clear(position = 0): void {
    this.#start = position
    this.#end = position
  }

  /** Samples that can be read from `position` on without a hole. */
  available(position: number): number {
    return position >= this.#start && position < this.#end ? this.#end - position : 0
  }

  /** What lies before `position` has been heard. */
  discardBefore(position: number): void {
    if (position <= this.#start) return
    this.#start = position
    this.#end = Math.max(this.#end, position)
  }

  /** Drops what lies at or after `position`. */
  truncate(position: number): void {
    this.#end = Math.max(this.#start, Math.min(this.#end, position))
  }

  /** What was heard or is held already is left out; after a hole only what follows it is kept. */
  write(position: number, channels: ReadonlyArray<Float32Array>): void {
    const length = channels[0]?.length ?? 0
    if (position > this.#end) this.clear(position)
    const skip = this.#end - position
    const count = Math.min(length - skip, this.#capacity - (this.#end - this.#start))
    if (count <= 0) return
    const at = this.#end % this.#capacity
    const first = Math.min(count, this.#capacity - at)
    for (const [c, ring] of this.#ring.entries()) {
      ring.set(channels[c]!.subarray(skip, skip + first), at)
      if (count > first) ring.set(channels[c]!.subarray(skip + first, skip + count), 0)
    }
    this.#end += count
  }

  /** Fills `length` samples of `into` from `position`; what is not held is silence. Says how many were held. */
  read(position: number, into: ReadonlyArray<Float32Array>, length: number): number {
    const count = Math.min(length, this.available(position))
    const at = position % this.#capacity
    const first = Math.min(count, this.#capacity - at)
    for (let c = 0; c < into.length; c++) {
      const ring = this.#ring[c]!
      const out = into[c]!
      for (let n = 0; n < first; n++) out[n] = ring[at + n]!
      for (let n = first; n < count; n++) out[n] = ring[n - first]!
      out.fill(0, count, length)
    }
    return count
  }
}
