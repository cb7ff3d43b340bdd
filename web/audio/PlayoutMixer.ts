/**
 * What the audio thread does: plays two sources, the enhanced music and the original, from the same place of one
 * timeline, and crossfades from one to the other. At rest the audible source leaves sample by sample as it came, but
 * for its own gain.
 */
import { TimelineRing } from "./TimelineRing.ts"

export const sources = ["enhanced", "original"] as const
export type Source = (typeof sources)[number]

export interface MixerOptions {
  readonly channels: number
  /** Samples per channel, as all lengths here. */
  readonly capacity: number
  /** Sound begins, and begins again after it ran dry, with this much at hand. */
  readonly prebuffer: number
  readonly crossfade: number
}

/** `filling`: waits for samples. `drained`: everything up to the announced end was heard. */
export type MixerState = "filling" | "playing" | "drained"

/** How fast a gain follows its setting: the share of the way that is left after one sample. Settles in about 50 ms. */
const gainKeep = 0.996
const gainSettled = 1e-4

type Planes = ReadonlyArray<Float32Array>

export class PlayoutMixer {
  readonly rings: Readonly<Record<Source, TimelineRing>>
  readonly #prebuffer: number
  readonly #crossfadeStep: number
  readonly #gains = { enhanced: 1, original: 1 }
  readonly #gainTargets = { enhanced: 1, original: 1 }
  #position = 0
  #end: number | undefined
  #state: MixerState = "filling"
  #wanted: Source = "enhanced"
  #active: Source = "enhanced"
  /** 0 the enhanced source alone, 1 the original alone. */
  #mix = 0
  /** How many samples of the last block each source had. */
  readonly held = { enhanced: 0, original: 0 }

  constructor({ capacity, channels, crossfade, prebuffer }: MixerOptions) {
    this.rings = { enhanced: new TimelineRing(channels, capacity), original: new TimelineRing(channels, capacity) }
    this.#prebuffer = prebuffer
    this.#crossfadeStep = 1 / crossfade
  }

  get position(): number {
    return this.#position
  }
  get state(): MixerState {
    return this.#state
  }
  get active(): Source {
    return this.#active
  }

  /** Drops everything; the timeline starts anew. */
  begin(): void {
    this.rings.enhanced.clear()
    this.rings.original.clear()
    this.#position = 0
    this.#end = undefined
    this.#state = "filling"
    this.#active = this.#wanted
    this.#mix = this.#wanted === "original" ? 1 : 0
    this.#gains.enhanced = this.#gainTargets.enhanced
    this.#gains.original = this.#gainTargets.original
  }

  /** Where the music ends, or that it goes on after all. */
  setEnd(position: number | undefined): void {
    this.#end = position
    if (this.#state === "drained" && (position === undefined || position > this.#position)) this.#state = "filling"
  }

  select(source: Source): void {
    this.#wanted = source
  }

  setGain(source: Source, linear: number): void {
    this.#gainTargets[source] = linear
  }

  truncate(position: number): void {
    this.rings.enhanced.truncate(position)
    this.rings.original.truncate(position)
  }

  /** One block: what is heard, and both sources as they are. Says how many samples were played. */
  render(heard: Planes, enhanced: Planes, original: Planes, length: number): number {
    this.#switchSource(length)
    const available = this.rings[this.#active].available(this.#position)
    const rest = this.#end === undefined ? Infinity : this.#end - this.#position
    if (this.#state === "filling" && available > 0 && available >= Math.min(this.#prebuffer, rest)) {
      this.#state = "playing"
    }
    const count = this.#state === "playing" ? Math.min(length, available) : 0
    this.held.enhanced = this.rings.enhanced.read(this.#position, enhanced, count)
    this.held.original = this.rings.original.read(this.#position, original, count)
    this.#blend(heard, enhanced, original, count)
    for (const planes of [heard, enhanced, original]) for (const plane of planes) plane.fill(0, count)
    this.#position += count
    this.rings.enhanced.discardBefore(this.#position)
    this.rings.original.discardBefore(this.#position)
    if (this.#end !== undefined && this.#position >= this.#end) this.#state = "drained"
    else if (this.#state === "playing" && count < length) this.#state = "filling"
    return count
  }

  /** To the wanted source as soon as it has the samples of this very block. */
  #switchSource(length: number): void {
    if (this.#active === this.#wanted) return
    const rest = this.#end === undefined ? Infinity : this.#end - this.#position
    if (this.rings[this.#wanted].available(this.#position) >= Math.min(length, Math.max(1, rest))) {
      this.#active = this.#wanted
    } else if (this.rings[this.#active].available(this.#position) === 0) {
      // Nothing is heard anyway.
      this.#active = this.#wanted
    }
  }

  #blend(heard: Planes, enhanced: Planes, original: Planes, count: number): void {
    const target = this.#active === "original" ? 1 : 0
    const gains = this.#gains
    const targets = this.#gainTargets
    for (let n = 0; n < count; n++) {
      gains.enhanced = approach(gains.enhanced, targets.enhanced)
      gains.original = approach(gains.original, targets.original)
      if (this.#mix < target) this.#mix = Math.min(target, this.#mix + this.#crossfadeStep)
      else if (this.#mix > target) this.#mix = Math.max(target, this.#mix - this.#crossfadeStep)
      // The two are nearly the same music, so amplitudes add: linear, not equal power.
      const a = (1 - this.#mix) * gains.enhanced
      const b = this.#mix * gains.original
      for (let c = 0; c < heard.length; c++) heard[c]![n] = a * enhanced[c]![n]! + b * original[c]![n]!
    }
  }
}

const approach = (value: number, target: number): number =>
  Math.abs(target - value) < gainSettled ? target : target + (value - target) * gainKeep
