/** The outline of a track: lowest and highest sample, over all channels, of stretches of equal length. */

/** A track has between one and two times as many stretches, if it is not very short. */
const fewestStretches = 2000
const mostStretches = 2 * fewestStretches

export interface Peaks {
  /** One value a stretch, full scale = 1. Beyond full scale is cut. */
  readonly min: Float32Array
  readonly max: Float32Array
}

const fullScale = 32_767

/** Minima, then maxima, 16 bits each, little-endian: what is drawn needs no more. */
export const toBytes = ({ min, max }: Peaks): Uint8Array<ArrayBuffer> => {
  const values = [...min, ...max]
  const view = new DataView(new ArrayBuffer(2 * values.length))
  for (const [i, value] of values.entries()) view.setInt16(2 * i, Math.round(value * fullScale), true)
  return new Uint8Array(view.buffer)
}

export const fromBytes = (bytes: Uint8Array): Peaks => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const values = Float32Array.from({ length: bytes.length / 2 }, (_, i) => view.getInt16(2 * i, true) / fullScale)
  const count = values.length / 2
  return { min: values.subarray(0, count), max: values.subarray(count) }
}

/** Bytes that `toBytes` gives at most. */
const largestWaveform = 2 * 2 * mostStretches

/** Whether these can be what `toBytes` gave. */
export const isWaveform = (bytes: Uint8Array): boolean =>
  bytes.length > 0 && bytes.length % 4 === 0 && bytes.length <= largestWaveform

/** Takes samples as they are decoded, without knowing how many will come: full, it joins stretches and doubles their length. */
export class PeakOutline {
  readonly #min = new Float32Array(mostStretches)
  readonly #max = new Float32Array(mostStretches)
  #framesPerStretch = 16
  /** Stretches that were begun. */
  #stretches = 0
  /** Samples per channel in the last one. */
  #filled = this.#framesPerStretch

  /** `length` samples per channel. */
  push(channels: ReadonlyArray<Float32Array>, length: number): void {
    for (let start = 0; start < length;) {
      if (this.#filled === this.#framesPerStretch) this.#begin()
      const stretch = this.#stretches - 1
      const end = Math.min(length, start + this.#framesPerStretch - this.#filled)
      let min = this.#min[stretch]!
      let max = this.#max[stretch]!
      for (let channel = 0; channel < channels.length; channel++) {
        const samples = channels[channel]!
        for (let n = start; n < end; n++) {
          const sample = samples[n]!
          if (sample < min) min = sample
          if (sample > max) max = sample
        }
      }
      this.#min[stretch] = min
      this.#max[stretch] = max
      this.#filled += end - start
      start = end
    }
  }

  /** So far. */
  peaks(): Peaks {
    const cut = (values: Float32Array) => values.slice(0, this.#stretches).map((x) => Math.min(1, Math.max(-1, x)))
    return { min: cut(this.#min), max: cut(this.#max) }
  }

  #begin(): void {
    if (this.#stretches === mostStretches) {
      for (let n = 0; n < fewestStretches; n++) {
        this.#min[n] = Math.min(this.#min[2 * n]!, this.#min[2 * n + 1]!)
        this.#max[n] = Math.max(this.#max[2 * n]!, this.#max[2 * n + 1]!)
      }
      this.#stretches = fewestStretches
      this.#framesPerStretch *= 2
    }
    this.#min[this.#stretches] = Infinity
    this.#max[this.#stretches] = -Infinity
    this.#stretches += 1
    this.#filled = 0
  }
}

/** The same outline in `points` stretches: none of the peaks is lost. Zeros where there was no sample. */
export const resample = ({ min, max }: Peaks, points: number): { min: Array<number>; max: Array<number> } => {
  const zeros = () => Array.from({ length: points }, () => 0)
  const result = { min: zeros(), max: zeros() }
  if (min.length === 0) return result
  for (let point = 0; point < points; point++) {
    const from = Math.floor((point * min.length) / points)
    const to = Math.max(from + 1, Math.ceil(((point + 1) * min.length) / points))
    let low = Infinity
    let high = -Infinity
    for (let n = from; n < to; n++) {
      if (min[n]! < low) low = min[n]!
      if (max[n]! > high) high = max[n]!
    }
    result.min[point] = low
    result.max[point] = high
  }
  return result
}
