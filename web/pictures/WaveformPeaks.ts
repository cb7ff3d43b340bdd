/** Smallest and largest sample of each point of a track, gathered as its samples come by. */

export class WaveformPeaks {
  readonly points: number
  readonly #min: Float32Array
  readonly #max: Float32Array
  readonly #known: Uint8Array
  readonly #lengthFrames: number

  /** `lengthFrames`: of the whole track. */
  constructor(points: number, lengthFrames: number) {
    this.points = points
    this.#min = new Float32Array(points)
    this.#max = new Float32Array(points)
    this.#known = new Uint8Array(points)
    this.#lengthFrames = Math.max(1, lengthFrames)
  }

  static of(min: ReadonlyArray<number>, max: ReadonlyArray<number>): WaveformPeaks {
    const peaks = new WaveformPeaks(min.length, min.length)
    peaks.#min.set(min)
    peaks.#max.set(max)
    peaks.#known.fill(1)
    return peaks
  }

  clear(): void {
    this.#min.fill(0)
    this.#max.fill(0)
    this.#known.fill(0)
  }

  /** `offsetFrames`: sample of the track at which `interleaved` begins. */
  add(offsetFrames: number, interleaved: Float32Array, channels: number): void {
    const frames = interleaved.length / channels
    let n = 0
    while (n < frames) {
      const point = Math.floor(((offsetFrames + n) * this.points) / this.#lengthFrames)
      if (point >= this.points) return
      const end = Math.min(frames, Math.ceil(((point + 1) * this.#lengthFrames) / this.points) - offsetFrames)
      let min = this.#known[point] === 1 ? this.#min[point]! : Infinity
      let max = this.#known[point] === 1 ? this.#max[point]! : -Infinity
      for (let i = n * channels; i < end * channels; i++) {
        const x = interleaved[i]!
        if (x < min) min = x
        if (x > max) max = x
      }
      this.#min[point] = min
      this.#max[point] = max
      this.#known[point] = 1
      n = Math.max(end, n + 1)
    }
  }

  /** Extremes between two places of the track, 0 to 1; undefined where nothing is known of it. */
  between(from: number, to: number): readonly [min: number, max: number] | undefined {
    const first = Math.min(this.points - 1, Math.floor(from * this.points))
    const last = Math.min(this.points - 1, Math.max(first, Math.ceil(to * this.points) - 1))
    let min = Infinity
    let max = -Infinity
    for (let point = first; point <= last; point++) {
      if (this.#known[point] !== 1) continue
      min = Math.min(min, this.#min[point]!)
      max = Math.max(max, this.#max[point]!)
    }
    return max === -Infinity ? undefined : [min, max]
  }
}
