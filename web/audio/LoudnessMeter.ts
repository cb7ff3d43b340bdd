/** Momentary, short-term and integrated loudness from blocks of 100 ms (ITU-R BS.1770-4, EBU Tech 3341). */
import { meanSquareToLufs } from "../../src/dsp/KWeighting.ts"
import type { LoudnessBlock } from "./LoudnessBlocks.ts"

/** LUFS and dBTP; -Infinity for silence, undefined before there is enough to say. */
export interface LoudnessReading {
  readonly momentary: number | undefined
  readonly shortTerm: number | undefined
  readonly integrated: number | undefined
  readonly truePeak: number | undefined
  /** Seconds measured. */
  readonly seconds: number
}

/** In blocks: 400 ms and 3 s. */
const momentaryBlocks = 4
const shortTermBlocks = 30
const absoluteGateLufs = -70
const relativeGateLu = -10
/** The integrated loudness is kept as a histogram of this step, so that hours of music take no more memory. */
const stepLu = 0.05
const lowestLufs = absoluteGateLufs
const bins = Math.round((20 - lowestLufs) / stepLu)

export class LoudnessMeter {
  readonly #recent: Array<number> = []
  readonly #counts = new Uint32Array(bins)
  readonly #sums = new Float64Array(bins)
  #blocks = 0
  #peak = 0

  clear(): void {
    this.#recent.length = 0
    this.#counts.fill(0)
    this.#sums.fill(0)
    this.#blocks = 0
    this.#peak = 0
  }

  push({ meanSquare, truePeak }: LoudnessBlock): void {
    this.#blocks += 1
    this.#peak = Math.max(this.#peak, truePeak)
    this.#recent.push(meanSquare)
    if (this.#recent.length > shortTermBlocks) this.#recent.shift()
    const gated = this.#mean(momentaryBlocks)
    if (gated === undefined) return
    const lufs = meanSquareToLufs(gated)
    if (!(lufs > absoluteGateLufs)) return
    const bin = Math.min(bins - 1, Math.floor((lufs - lowestLufs) / stepLu))
    this.#counts[bin]! += 1
    this.#sums[bin]! += gated
  }

  reading(): LoudnessReading {
    const lufs = (meanSquare: number | undefined) =>
      meanSquare === undefined ? undefined : meanSquareToLufs(meanSquare)
    return {
      momentary: lufs(this.#mean(momentaryBlocks)),
      shortTerm: lufs(this.#mean(shortTermBlocks)),
      integrated: lufs(this.#integrated()),
      truePeak: this.#blocks === 0 ? undefined : 20 * Math.log10(this.#peak),
      seconds: this.#blocks / 10
    }
  }

  #mean(blocks: number): number | undefined {
    if (this.#recent.length < blocks) return undefined
    let sum = 0
    for (let i = this.#recent.length - blocks; i < this.#recent.length; i++) sum += this.#recent[i]!
    return sum / blocks
  }

  /** Mean square over both gates. */
  #integrated(): number | undefined {
    const above = this.#meanFrom(0)
    if (above === undefined) return undefined
    const gate = meanSquareToLufs(above) + relativeGateLu
    return this.#meanFrom(Math.max(0, Math.floor((gate - lowestLufs) / stepLu)))
  }

  #meanFrom(first: number): number | undefined {
    let count = 0
    let sum = 0
    for (let bin = first; bin < bins; bin++) {
      count += this.#counts[bin]!
      sum += this.#sums[bin]!
    }
    return count === 0 ? undefined : sum / count
  }
}
