/** Tuned instruments. Each call adds one note to a buffer; nothing is shared between notes but the random source. */
import { adsr, adsrSeconds, type Adsr } from "./Envelope.ts"
import { StateVariableFilter } from "./Filter.ts"
import { advance, midiToHz, pulse, saw, triangle } from "./Oscillators.ts"
import { bipolar, type Random } from "./Random.ts"
import { panGains, type Stereo } from "./Stereo.ts"

/** Samples between two looks at envelopes and filters; in between they move in a straight line. */
const controlFrames = 16

export interface Placement {
  readonly sampleRate: number
  readonly startFrame: number
  readonly random: Random
}

export interface PlayedNote {
  readonly midi: number
  /** How long the key is held. */
  readonly heldSeconds: number
  /** 0-1: loudness, and brightness where the instrument has that. */
  readonly velocity: number
  readonly gain: number
  /** -1 left, 1 right. */
  readonly pan: number
}

export interface SynthPatch {
  readonly wave: "saw" | "pulse" | "triangle"
  /** Unison oscillators. */
  readonly voices: number
  /** Detuning of the outermost oscillators, cents. */
  readonly detuneCents: number
  /** How far the unison fans out, 0-1. */
  readonly spread: number
  /** Level of a sine at the fundamental, in the middle. */
  readonly sineLevel: number
  readonly amplitude: Adsr
  readonly cutoffHz: number
  /** Octaves that the filter envelope opens the cutoff at full velocity. */
  readonly sweepOctaves: number
  readonly sweep: Adsr
  readonly q: number
  readonly vibratoCents: number
}

/** A note that has fallen this far below its own level is over: -66 dB. */
const inaudible = 5e-4

const vibratoHz = 5.3
/** Vibrato comes in after the note has spoken. */
const vibratoDelaySeconds = 0.25

/** Subtractive: unison oscillators into one low-pass a side. */
export const playSynth = (bus: Stereo, place: Placement, patch: SynthPatch, note: PlayedNote): void => {
  const { sampleRate, startFrame, random } = place
  const { wave, sineLevel, voices } = patch
  const [busLeft, busRight] = bus
  const frames = framesOf(bus, place, adsrSeconds(patch.amplitude, note.heldSeconds))
  const base = midiToHz(note.midi) / sampleRate
  const phases = new Float64Array(patch.voices)
  const ratios = new Float64Array(patch.voices)
  const lefts = new Float64Array(patch.voices)
  const rights = new Float64Array(patch.voices)
  for (let v = 0; v < voices; v++) {
    const offset = patch.voices === 1 ? 0 : (2 * v) / (patch.voices - 1) - 1
    phases[v] = random()
    ratios[v] = 2 ** ((offset * patch.detuneCents) / 1200)
    // Neighbours in pitch land on opposite sides, so that neither side is sharp.
    const [left, right] = panGains(clampPan(note.pan + patch.spread * offset * (v % 2 === 0 ? 1 : -1)))
    lefts[v] = left / Math.sqrt(patch.voices)
    rights[v] = right / Math.sqrt(patch.voices)
  }
  const leftFilter = new StateVariableFilter(sampleRate)
  const rightFilter = new StateVariableFilter(sampleRate)
  const gain = note.gain * note.velocity
  const [sineLeft, sineRight] = panGains(note.pan)
  let sinePhase = 0
  let amplitude = 0
  let amplitudeStep = 0
  let bend = 1
  for (let n = 0; n < frames; n++) {
    if (n % controlFrames === 0) {
      const t = n / sampleRate
      if (n > patch.amplitude.attackSeconds * sampleRate + controlFrames && amplitude < inaudible * gain) break
      const next = gain * adsr(patch.amplitude, note.heldSeconds, (n + controlFrames) / sampleRate)
      amplitudeStep = (next - amplitude) / controlFrames
      const opening = patch.sweepOctaves * note.velocity * adsr(patch.sweep, note.heldSeconds, t)
      const cutoffHz = patch.cutoffHz * 2 ** opening
      leftFilter.tune(cutoffHz, patch.q)
      rightFilter.tuneLike(leftFilter)
      const depth = patch.vibratoCents * Math.min(1, Math.max(0, t - vibratoDelaySeconds) / 0.3)
      bend = 2 ** ((depth * Math.sin(2 * Math.PI * vibratoHz * t)) / 1200)
    }
    amplitude += amplitudeStep
    let left = 0
    let right = 0
    for (let v = 0; v < voices; v++) {
      const increment = base * ratios[v]! * bend
      const phase = phases[v]!
      const y =
        wave === "saw" ? saw(phase, increment) : wave === "pulse" ? pulse(phase, increment, 0.35) : triangle(phase)
      phases[v] = advance(phase, increment)
      left += lefts[v]! * y
      right += rights[v]! * y
    }
    leftFilter.process(left)
    rightFilter.process(right)
    const sine = sineLevel === 0 ? 0 : sineLevel * Math.sin(2 * Math.PI * sinePhase)
    sinePhase = advance(sinePhase, base * bend)
    const at = startFrame + n
    busLeft[at] = busLeft[at]! + amplitude * (leftFilter.low + sineLeft * sine)
    busRight[at] = busRight[at]! + amplitude * (rightFilter.low + sineRight * sine)
  }
}

export interface FmPatch {
  readonly amplitude: Adsr
  /** Modulator over carrier frequency. */
  readonly ratio: number
  /** Modulation index at full velocity; its time constant. */
  readonly index: number
  readonly indexDecaySeconds: number
  /** A second modulator for the strike, gone after a few milliseconds. */
  readonly strikeRatio: number
  readonly strikeIndex: number
  readonly strikeDecaySeconds: number
  /** Depth of the tremolo that moves the note from side to side, 0-1. */
  readonly tremolo: number
}

const tremoloHz = 4.2
/** Radians: what is left of a strike moves no sample any more. */
const inaudibleStrike = 1e-14

/** Two-operator frequency modulation with a strike: J. Chowning, JAES 21(7), 1973. Mallets, bells, electric pianos. */
export const playFm = (bus: Stereo, place: Placement, patch: FmPatch, note: PlayedNote): void => {
  const { sampleRate, startFrame } = place
  const [busLeft, busRight] = bus
  const frames = framesOf(bus, place, adsrSeconds(patch.amplitude, note.heldSeconds))
  const [left, right] = panGains(note.pan)
  const turn = (2 * Math.PI * midiToHz(note.midi)) / sampleRate
  const indexDecay = Math.exp(-1 / (patch.indexDecaySeconds * sampleRate))
  const strikeDecay = Math.exp(-1 / (patch.strikeDecaySeconds * sampleRate))
  // Fewer sidebands on high notes keeps them below Nyquist.
  const tracking = Math.min(1, 2 ** ((72 - note.midi) / 24))
  let index = patch.index * note.velocity * tracking
  let strike = patch.strikeIndex * note.velocity * tracking
  const gain = note.gain * note.velocity
  let amplitude = 0
  let amplitudeStep = 0
  let lean = 0
  for (let n = 0; n < frames; n++) {
    if (n % controlFrames === 0) {
      if (n > patch.amplitude.attackSeconds * sampleRate + controlFrames && amplitude < inaudible * gain) break
      const next = gain * adsr(patch.amplitude, note.heldSeconds, (n + controlFrames) / sampleRate)
      amplitudeStep = (next - amplitude) / controlFrames
      lean = patch.tremolo * Math.sin((2 * Math.PI * tremoloHz * (startFrame + n)) / sampleRate)
    }
    amplitude += amplitudeStep
    index *= indexDecay
    strike *= strikeDecay
    const phase = turn * n
    const struck = strike < inaudibleStrike ? 0 : strike * Math.sin(patch.strikeRatio * phase)
    const y = amplitude * Math.sin(phase + index * Math.sin(patch.ratio * phase) + struck)
    const at = startFrame + n
    busLeft[at] = busLeft[at]! + left * (1 + lean) * y
    busRight[at] = busRight[at]! + right * (1 - lean) * y
  }
}

export interface StringPatch {
  /** Time until a held string is 60 dB down. */
  readonly decaySeconds: number
  /** The same after it was let go. */
  readonly releaseSeconds: number
  /** Loss of treble in every round trip, 0-0.5. */
  readonly damping: number
  /** Corner of the low-pass on the pluck at full velocity. */
  readonly brightnessHz: number
  /** Where it is plucked, as a share of the string: 0.5 middle, 0.1 near the bridge. */
  readonly pluckPosition: number
}

/**
 * A plucked string: K. Karplus, A. Strong, CMJ 7(2), 1983, with the tuning all-pass and the pluck-position comb of
 * D. Jaffe, J. Smith (same issue). Adds to one channel; `pan` is the caller's.
 */
export const playString = (
  out: Float32Array,
  { sampleRate, startFrame, random }: Placement,
  patch: StringPatch,
  note: Omit<PlayedNote, "pan">
): void => {
  const hz = midiToHz(note.midi)
  const held = Math.round(note.heldSeconds * sampleRate)
  const frames = Math.min(out.length - startFrame, held + Math.round(patch.releaseSeconds * sampleRate))
  // The loop is the line, the damping filter (delay = damping) and the all-pass (delay 0.1-1.1).
  const period = sampleRate / hz - patch.damping
  const length = Math.floor(period - 0.1)
  const fraction = period - length
  const tuning = (1 - fraction) / (1 + fraction)
  const line = excitation(length, sampleRate, patch, note.velocity, random)
  const heldGain = 10 ** (-3 / (hz * patch.decaySeconds))
  const releasedGain = 10 ** (-3 / (hz * patch.releaseSeconds))
  const gain = note.gain * note.velocity
  let at = 0
  let last = 0
  let allPassIn = 0
  let allPassOut = 0
  for (let n = 0; n < frames; n++) {
    const y = line[at]!
    const damped = (n < held ? heldGain : releasedGain) * ((1 - patch.damping) * y + patch.damping * last)
    last = y
    allPassOut = tuning * (damped - allPassOut) + allPassIn
    allPassIn = damped
    line[at] = allPassOut
    if (++at === length) at = 0
    out[startFrame + n] = out[startFrame + n]! + gain * y
  }
}

/** One period of low-passed noise, as a string sounds that is plucked at one place; mean 0, peak 1. */
const excitation = (length: number, sampleRate: number, patch: StringPatch, velocity: number, random: Random) => {
  const noise = new Float64Array(length)
  const smoothing = 1 - Math.exp((-2 * Math.PI * patch.brightnessHz * (0.3 + 0.7 * velocity)) / sampleRate)
  let low = 0
  let mean = 0
  for (let n = 0; n < length; n++) {
    low += smoothing * (bipolar(random) - low)
    noise[n] = low
    mean += low / length
  }
  const comb = Math.max(1, Math.round(patch.pluckPosition * length))
  const line = new Float64Array(length)
  let peak = 0
  for (let n = 0; n < length; n++) {
    line[n] = noise[n]! - mean - 0.9 * (noise[(n + length - comb) % length]! - mean)
    peak = Math.max(peak, Math.abs(line[n]!))
  }
  for (let n = 0; n < length; n++) line[n] = line[n]! / peak
  return line
}

const clampPan = (pan: number): number => Math.max(-1, Math.min(1, pan))

const framesOf = (bus: Stereo, { sampleRate, startFrame }: Placement, seconds: number): number =>
  Math.min(bus[0].length - startFrame, Math.ceil(seconds * sampleRate))
