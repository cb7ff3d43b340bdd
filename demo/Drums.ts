/**
 * Drums and cymbals from sines and filtered noise. Each call adds one hit to a buffer. A hit is one of a few takes that
 * are synthesised once a piece and played in turn, as a sampler does.
 */
import { StateVariableFilter } from "./Filter.ts"
import { advance, pulse } from "./Oscillators.ts"
import { bipolar, type Random } from "./Random.ts"
import { panGains, type Stereo } from "./Stereo.ts"
import type { Placement } from "./Synth.ts"

/** Different enough that a roll does not sound like a machine. */
const takesPerDrum = 4

/** The takes of one piece, by drum. */
export class Takes {
  private readonly byDrum = new Map<string, { readonly takes: Array<Float32Array>; next: number }>()

  /** The next take of a drum; `make` synthesises one. */
  next(drum: string, make: () => Float32Array): Float32Array {
    let entry = this.byDrum.get(drum)
    if (entry === undefined) {
      entry = { takes: [], next: 0 }
      this.byDrum.set(drum, entry)
    }
    const at = entry.next
    entry.next = (at + 1) % takesPerDrum
    return (entry.takes[at] ??= make())
  }
}

export interface DrumPlacement extends Placement {
  readonly takes: Takes
}

export interface Stroke {
  /** 0-1. */
  readonly velocity: number
  readonly gain: number
  readonly pan: number
}

export interface DrumPatch {
  /** Where the pitch starts, where it settles, and the time constant between. */
  readonly startHz: number
  readonly endHz: number
  readonly bendSeconds: number
  /** Time constant of the skin. */
  readonly decaySeconds: number
  /** Level of the beater's click. */
  readonly click: number
}

export const rockKick: DrumPatch = { startHz: 190, endHz: 52, bendSeconds: 0.025, decaySeconds: 0.16, click: 0.5 }
export const tightKick: DrumPatch = { startHz: 320, endHz: 58, bendSeconds: 0.012, decaySeconds: 0.09, click: 0.9 }
export const softKick: DrumPatch = { startHz: 110, endHz: 48, bendSeconds: 0.03, decaySeconds: 0.13, click: 0.08 }
export const tom = (hz: number): DrumPatch => ({
  startHz: 1.7 * hz,
  endHz: hz,
  bendSeconds: 0.04,
  decaySeconds: 0.2,
  click: 0.25
})

/** A skin: a sine that falls in pitch, and a click of 2 ms. Kicks and toms. */
export const playDrum = (bus: Stereo, place: DrumPlacement, patch: DrumPatch, stroke: Stroke): void =>
  addTake(
    bus,
    place,
    stroke,
    place.takes.next(`drum ${patch.startHz} ${patch.endHz}`, () => drum(place.sampleRate, patch, place.random))
  )

const drum = (sampleRate: number, patch: DrumPatch, random: Random): Float32Array => {
  const out = new Float32Array(Math.ceil(7 * patch.decaySeconds * sampleRate))
  const bend = Math.exp(-1 / (patch.bendSeconds * sampleRate))
  const decay = Math.exp(-1 / (patch.decaySeconds * sampleRate))
  const clickDecay = Math.exp(-1 / (0.002 * sampleRate))
  let sweepHz = patch.startHz - patch.endHz
  let level = 1
  let click = patch.click
  let phase = 0
  for (let n = 0; n < out.length; n++) {
    out[n] = level * Math.sin(2 * Math.PI * phase) + click * bipolar(random)
    phase = advance(phase, (patch.endHz + sweepHz) / sampleRate)
    sweepHz *= bend
    level *= decay
    click *= clickDecay
  }
  return out
}

export interface SnarePatch {
  readonly skinHz: number
  readonly skinSeconds: number
  readonly wireHz: number
  readonly wireSeconds: number
  /** Share of the wires against the skin, 0-1. */
  readonly wires: number
}

export const rockSnare: SnarePatch = { skinHz: 190, skinSeconds: 0.07, wireHz: 3200, wireSeconds: 0.12, wires: 0.6 }
export const crackSnare: SnarePatch = { skinHz: 240, skinSeconds: 0.03, wireHz: 5200, wireSeconds: 0.05, wires: 0.75 }
export const brushSnare: SnarePatch = { skinHz: 180, skinSeconds: 0.04, wireHz: 2600, wireSeconds: 0.09, wires: 0.8 }

/** Two modes of the skin, the wires as band-passed noise. */
export const playSnare = (bus: Stereo, place: DrumPlacement, patch: SnarePatch, stroke: Stroke): void =>
  addTake(
    bus,
    place,
    stroke,
    place.takes.next(`snare ${patch.skinHz} ${patch.wireHz}`, () => snare(place.sampleRate, patch, place.random))
  )

const snare = (sampleRate: number, patch: SnarePatch, random: Random): Float32Array => {
  const out = new Float32Array(Math.ceil(7 * patch.wireSeconds * sampleRate))
  const filter = new StateVariableFilter(sampleRate)
  filter.tune(patch.wireHz, 0.6)
  const skinDecay = Math.exp(-1 / (patch.skinSeconds * sampleRate))
  const wireDecay = Math.exp(-1 / (patch.wireSeconds * sampleRate))
  let skin = 1 - patch.wires
  let wires = patch.wires
  for (let n = 0; n < out.length; n++) {
    filter.process(bipolar(random))
    const turn = (2 * Math.PI * patch.skinHz * n) / sampleRate
    // The second mode of an ideal membrane is 1.59 times the first.
    out[n] = skin * (Math.sin(turn) + 0.6 * Math.sin(1.59 * turn)) + 1.6 * wires * filter.band
    skin *= skinDecay
    wires *= wireDecay
  }
  return out
}

/** Hands: three bursts of noise 11 ms apart and a tail. */
export const playClap = (bus: Stereo, place: DrumPlacement, stroke: Stroke): void =>
  addTake(
    bus,
    place,
    stroke,
    place.takes.next("clap", () => clap(place.sampleRate, place.random))
  )

const clap = (sampleRate: number, random: Random): Float32Array => {
  const out = new Float32Array(Math.ceil(0.45 * sampleRate))
  const filter = new StateVariableFilter(sampleRate)
  filter.tune(2100, 1.4)
  const gap = Math.round(0.011 * sampleRate)
  const burstDecay = Math.exp(-1 / (0.004 * sampleRate))
  const tailDecay = Math.exp(-1 / (0.06 * sampleRate))
  let level = 0
  for (let n = 0; n < out.length; n++) {
    if (n % gap === 0 && n < 3 * gap) level = 1
    filter.process(bipolar(random))
    level *= n < 2 * gap ? burstDecay : tailDecay
    out[n] = 1.4 * level * filter.band
  }
  return out
}

/** Inharmonic partials of a struck plate, Hz: the six square waves of the classic analogue cymbal, two octaves up. */
const platePartials = [842, 1248, 1515, 2143, 2214, 3280]

/** A cymbal: plate partials and noise above `cornerHz`. Closed hi-hat 0.03 s, open 0.2 s, crash 0.9 s. */
export const playCymbal = (
  bus: Stereo,
  place: DrumPlacement,
  decaySeconds: number,
  cornerHz: number,
  stroke: Stroke
): void =>
  addTake(
    bus,
    place,
    stroke,
    place.takes.next(`cymbal ${decaySeconds} ${cornerHz}`, () =>
      cymbal(place.sampleRate, decaySeconds, cornerHz, place.random)
    )
  )

const cymbal = (sampleRate: number, decaySeconds: number, cornerHz: number, random: Random): Float32Array => {
  const out = new Float32Array(Math.ceil(6 * decaySeconds * sampleRate))
  const filter = new StateVariableFilter(sampleRate)
  filter.tune(cornerHz, 0.8)
  const decay = Math.exp(-1 / (decaySeconds * sampleRate))
  const attackFrames = 0.0008 * sampleRate
  const phases = Float64Array.from(platePartials, () => random())
  let level = 1
  for (let n = 0; n < out.length; n++) {
    let plate = 0
    for (let p = 0; p < phases.length; p++) {
      plate += pulse(phases[p]!, platePartials[p]! / sampleRate, 0.5)
      phases[p] = advance(phases[p]!, platePartials[p]! / sampleRate)
    }
    filter.process(0.12 * plate + 0.5 * bipolar(random))
    level *= decay
    out[n] = level * Math.min(1, n / attackFrames) * filter.high
  }
  return out
}

/** A shaker or brush: noise that swells and falls. */
export const playShaker = (
  bus: Stereo,
  place: DrumPlacement,
  cornerHz: number,
  seconds: number,
  stroke: Stroke
): void =>
  addTake(
    bus,
    place,
    stroke,
    place.takes.next(`shaker ${cornerHz} ${seconds}`, () => shaker(place.sampleRate, cornerHz, seconds, place.random))
  )

const shaker = (sampleRate: number, cornerHz: number, seconds: number, random: Random): Float32Array => {
  const out = new Float32Array(Math.ceil(seconds * sampleRate))
  const filter = new StateVariableFilter(sampleRate)
  filter.tune(cornerHz, 0.9)
  for (let n = 0; n < out.length; n++) {
    filter.process(bipolar(random))
    out[n] = Math.sin((Math.PI * n) / out.length) ** 2 * filter.band
  }
  return out
}

/** A rim or wood block: one short, high resonance. */
export const playBlock = (bus: Stereo, place: DrumPlacement, hz: number, stroke: Stroke): void =>
  addTake(
    bus,
    place,
    stroke,
    place.takes.next(`block ${hz}`, () => block(place.sampleRate, hz))
  )

const block = (sampleRate: number, hz: number): Float32Array => {
  const out = new Float32Array(Math.ceil(0.1 * sampleRate))
  const decay = Math.exp(-1 / (0.014 * sampleRate))
  let level = 1
  for (let n = 0; n < out.length; n++) {
    const turn = (2 * Math.PI * n) / sampleRate
    out[n] = level * (Math.sin(hz * turn) + 0.6 * Math.sin(2.71 * hz * turn))
    level *= decay
  }
  return out
}

/** Noise that rises through the spectrum for `seconds` and stops: leads into a new section. */
export const playRiser = (bus: Stereo, place: DrumPlacement, seconds: number, stroke: Stroke): void =>
  addTake(
    bus,
    place,
    stroke,
    place.takes.next(`riser ${seconds}`, () => riser(place.sampleRate, seconds, place.random))
  )

const riser = (sampleRate: number, seconds: number, random: Random): Float32Array => {
  const out = new Float32Array(Math.ceil(seconds * sampleRate))
  const filter = new StateVariableFilter(sampleRate)
  for (let n = 0; n < out.length; n++) {
    const progress = n / out.length
    if (n % 16 === 0) filter.tune(300 * 2 ** (4.5 * progress), 1.5)
    filter.process(bipolar(random))
    out[n] = progress * progress * filter.band
  }
  return out
}

const addTake = (bus: Stereo, place: Placement, stroke: Stroke, take: Float32Array): void => {
  const [left, right] = panGains(stroke.pan)
  const gain = stroke.gain * stroke.velocity
  const frames = Math.min(bus[0].length - place.startFrame, take.length)
  for (let n = 0; n < frames; n++) {
    const y = gain * take[n]!
    const at = place.startFrame + n
    bus[0][at] = bus[0][at]! + left * y
    bus[1][at] = bus[1][at]! + right * y
  }
}
