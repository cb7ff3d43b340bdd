/** Loudness and true peak of one source in blocks of 100 ms (ITU-R BS.1770-4). Allocates nothing while it runs. */
import { kWeighting } from "../../src/dsp/KWeighting.ts"

/** BS.1770-4 Annex 1, table 3, for the channels of WAVE: L R C LFE, then surrounds. Quadraphonic counts as L R Ls Rs. */
const channelWeights = (channels: number): ReadonlyArray<number> =>
  channels <= 2
    ? [1, 1].slice(0, channels)
    : channels === 4
      ? [1, 1, 1.41, 1.41]
      : [1, 1, 1, 0, 1.41, 1.41, 1, 1].slice(0, channels)

/** BS.1770-4 Annex 2: four phases of twelve taps, one after the other; the last two are the first two, reversed. */
const phases: Float64Array = (() => {
  const first = [
    0.001708984375, 0.010986328125, -0.0196533203125, 0.033203125, -0.0594482421875, 0.1373291015625, 0.97216796875,
    -0.102294921875, 0.047607421875, -0.026611328125, 0.014892578125, -0.00830078125
  ]
  const second = [
    -0.0291748046875, 0.029296875, -0.0517578125, 0.089111328125, -0.16650390625, 0.465087890625, 0.77978515625,
    -0.2003173828125, 0.1015625, -0.0582275390625, 0.0330810546875, -0.0189208984375
  ]
  return Float64Array.from([...first, ...second, ...second.toReversed(), ...first.toReversed()])
})()
const taps = 12
/** No interpolated value exceeds the largest of its samples by more than this: the sum of a phase's magnitudes. */
const greatestGain = 2.1

/** Weighted mean square and largest oversampled magnitude of 100 ms. */
export interface LoudnessBlock {
  readonly meanSquare: number
  readonly truePeak: number
}

export class LoudnessBlocks {
  readonly #weights: ReadonlyArray<number>
  readonly #sections: ReturnType<typeof kWeighting>
  /** Per channel: two delays for each of the two sections. */
  readonly #state: ReadonlyArray<Float64Array>
  /** Per channel: the last twelve samples, twice, so that a window never wraps. */
  readonly #history: ReadonlyArray<Float64Array>
  /** Per channel: for how many samples on a large one is still in the window. */
  readonly #near: Uint8Array
  readonly #blockLength: number
  readonly #emit: (block: LoudnessBlock) => void
  #at = 0
  #filled = 0
  #sum = 0
  #peak = 0

  constructor(sampleRate: number, channels: number, emit: (block: LoudnessBlock) => void) {
    this.#weights = channelWeights(channels)
    this.#sections = kWeighting(sampleRate)
    this.#state = this.#weights.map(() => new Float64Array(4))
    this.#history = this.#weights.map(() => new Float64Array(2 * taps))
    this.#near = new Uint8Array(this.#weights.length)
    this.#blockLength = Math.round(sampleRate / 10)
    this.#emit = emit
  }

  clear(): void {
    for (const state of this.#state) state.fill(0)
    for (const history of this.#history) history.fill(0)
    this.#near.fill(0)
    this.#filled = 0
    this.#sum = 0
    this.#peak = 0
  }

  push(channels: ReadonlyArray<Float32Array>, length: number): void {
    const [shelf, highPass] = this.#sections
    for (let n = 0; n < length; n++) {
      this.#at = (this.#at + 1) % taps
      for (let c = 0; c < this.#weights.length; c++) {
        const x = channels[c]![n]!
        const s = this.#state[c]!
        const y = shelf.b0 * x + s[0]!
        s[0] = shelf.b1 * x - shelf.a1 * y + s[1]!
        s[1] = shelf.b2 * x - shelf.a2 * y
        const z = highPass.b0 * y + s[2]!
        s[2] = highPass.b1 * y - highPass.a1 * z + s[3]!
        s[3] = highPass.b2 * y - highPass.a2 * z
        this.#sum += this.#weights[c]! * z * z
        this.#pushPeak(this.#history[c]!, this.#near, c, x)
      }
      this.#filled += 1
      if (this.#filled === this.#blockLength) {
        this.#emit({ meanSquare: this.#sum / this.#blockLength, truePeak: this.#peak })
        this.#filled = 0
        this.#sum = 0
        this.#peak = 0
        // The peak starts anew: what is in the window may exceed it.
        this.#near.fill(taps)
      }
    }
  }

  #pushPeak(history: Float64Array, near: Uint8Array, channel: number, x: number): void {
    const at = this.#at
    history[at] = x
    history[at + taps] = x
    const magnitude = Math.abs(x)
    if (magnitude > this.#peak) this.#peak = magnitude
    // Most samples are far below the peak of their block, and so is what lies between them.
    if (magnitude * greatestGain > this.#peak) near[channel] = taps
    if (near[channel] === 0) return
    near[channel]! -= 1
    for (let p = 0; p < phases.length; p += taps) {
      let sum = 0
      for (let k = 0; k < taps; k++) sum += phases[p + k]! * history[at + taps - k]!
      const between = Math.abs(sum)
      if (between > this.#peak) this.#peak = between
    }
  }
}
