/** Paper Lanterns: a quiet waltz in D for two plucked strings, bells and a pad. No compression, wide dynamics. */
import { highPass, peaking } from "../src/dsp/Biquad.ts"
import { equalise, fadeOut, normalisePeak, softClip } from "./Finish.ts"
import { filterInPlace } from "./Filter.ts"
import { reverb } from "./Reverb.ts"
import { bars, type Chord, chords, melody, rootAbove, voicing } from "./Sequencer.ts"
import { Session } from "./Session.ts"
import { mixInto, panInto, type Stereo } from "./Stereo.ts"
import { type FmPatch, playFm, playString, playSynth, type StringPatch, type SynthPatch } from "./Synth.ts"

export const bpm = 76

const beatsPerBar = 3
const verse = chords("D Bm7 Gmaj7 A D F#m Gmaj7 Asus4")
const chorus = chords("Bm7 F#m Gmaj7 D Em7 Bm7 Gmaj7 Asus4")

type Section = "intro" | "verse" | "chorus" | "reprise" | "end"

/** First bar of each section with its loudness; 31 bars in all. */
const form: ReadonlyArray<readonly [bar: number, section: Section, harmony: ReadonlyArray<Chord>, level: number]> = [
  [0, "intro", chords("D Gmaj7 D A"), 0.5],
  [4, "verse", verse, 0.65],
  [12, "chorus", chorus, 1],
  [20, "reprise", verse, 0.75],
  [28, "end", chords("Gmaj7 A D"), 0.5]
]

const verseTune = `
  F#5:1 A5:1.5 G5:.5 | F#5:1 D5:2 | B4:1 D5:1 F#5:1 | E5:3 |
  F#5:1 A5:1.5 B5:.5 | A5:2 F#5:1 | G5:1 F#5:1 D5:1 | E5:3`
const chorusTune = `
  D5:1 F#5:1 B5!:1 | A5:2 F#5:1 | G5:1.5 A5:.5 B5!:1 | A5:3 |
  G5:1 F#5:1 E5:1 | F#5!:2 D5:1 | B4:1 D5:1 G5!:1 | D5:1 E5:2`

const guitar: StringPatch = {
  decaySeconds: 3.2,
  releaseSeconds: 0.5,
  damping: 0.38,
  brightnessHz: 3800,
  pluckPosition: 0.22
}
const harp: StringPatch = {
  decaySeconds: 2.6,
  releaseSeconds: 0.8,
  damping: 0.24,
  brightnessHz: 7000,
  pluckPosition: 0.3
}
const bell: FmPatch = {
  amplitude: { attackSeconds: 0.002, decaySeconds: 0.9, sustain: 0, releaseSeconds: 0.5 },
  ratio: 3.01,
  index: 0.9,
  indexDecaySeconds: 0.5,
  strikeRatio: 8.1,
  strikeIndex: 0.5,
  strikeDecaySeconds: 0.02,
  tremolo: 0.15
}
const padPatch: SynthPatch = {
  wave: "triangle",
  voices: 3,
  detuneCents: 8,
  spread: 1,
  sineLevel: 0,
  amplitude: { attackSeconds: 0.9, decaySeconds: 2, sustain: 0.8, releaseSeconds: 0.4 },
  cutoffHz: 700,
  sweepOctaves: 1,
  sweep: { attackSeconds: 1.2, decaySeconds: 2, sustain: 0.6, releaseSeconds: 0.6 },
  q: Math.SQRT1_2,
  vibratoCents: 3
}
const bassPatch: SynthPatch = {
  wave: "triangle",
  voices: 1,
  detuneCents: 0,
  spread: 0,
  sineLevel: 0.8,
  amplitude: { attackSeconds: 0.03, decaySeconds: 0.9, sustain: 0.4, releaseSeconds: 0.2 },
  cutoffHz: 420,
  sweepOctaves: 0,
  sweep: { attackSeconds: 0.1, decaySeconds: 1, sustain: 0, releaseSeconds: 0.1 },
  q: Math.SQRT1_2,
  vibratoCents: 0
}

/** The order in which the right hand takes the chord: sixths and octaves of a waltz in eighths. */
const picking = [0, 2, 3, 4, 3, 2]

/** The master, planar stereo. */
export const render = (sampleRate: number): Stereo => {
  const session = new Session({
    sampleRate,
    bpm,
    beats: 31 * beatsPerBar,
    tailSeconds: 3.5,
    seed: 3,
    swing: 0.5,
    looseSeconds: 0.009
  })
  const left = session.mono()
  const right = session.mono()
  const soft = session.bus()
  for (const [first, section, harmony, level] of form) {
    const sing = (score: string, octave: number, gain: number) =>
      session.notes(melody(first * beatsPerBar, score), (place, note, heldSeconds) =>
        playString(right, place, harp, {
          midi: note.midi + octave,
          heldSeconds: 1.2 * heldSeconds,
          velocity: note.velocity,
          gain: gain * level
        })
      )
    if (section === "verse" || section === "reprise") sing(verseTune, 0, 0.5)
    if (section === "chorus") sing(chorusTune, 0, 0.62)
    if (section === "chorus")
      session.notes(melody(first * beatsPerBar, chorusTune), (place, note, heldSeconds) =>
        playFm(soft, place, bell, {
          midi: note.midi + 12,
          heldSeconds,
          velocity: note.velocity,
          gain: 0.045,
          pan: 0.55
        })
      )
    bars(first, harmony.length, beatsPerBar, (beat, bar) => {
      const chord = harmony[bar]!
      const last = section === "end" && bar === harmony.length - 1
      const hand = [rootAbove(43, chord), ...voicing(55, chord).slice(0, 3), ...voicing(67, chord).slice(0, 1)]
      for (const [step, finger] of picking.entries()) {
        if (last && step > 0) break
        for (const midi of last ? hand : [hand[finger]!]) {
          playString(left, session.place(beat + (last ? (midi - 43) / 60 : step / 2)), guitar, {
            midi,
            heldSeconds: last ? 5 : session.seconds(step === 0 ? 3 : 1.2),
            velocity: (step === 0 ? 0.95 : 0.7) + 0.08 * session.random(),
            gain: 0.5 * level
          })
        }
      }
      if (section === "intro") return
      if (section !== "verse" || bar >= 4)
        for (const [voice, midi] of voicing(57, chord).entries()) {
          playSynth(soft, session.place(beat), padPatch, {
            midi,
            heldSeconds: session.seconds(last ? 4 : 2.9),
            velocity: 0.8,
            gain: 0.05 * level,
            pan: 0.5 * (voice - 1)
          })
        }
      playSynth(soft, session.place(beat), bassPatch, {
        midi: rootAbove(36, chord),
        heldSeconds: session.seconds(2.6),
        velocity: 0.8,
        gain: 0.13 * level,
        pan: -0.1
      })
    })
  }
  // The wooden body: its air and its top plate.
  filterInPlace(left, peaking(sampleRate, 110, 4, 2))
  filterInPlace(left, peaking(sampleRate, 215, 3, 2.5))
  const mix = session.bus()
  panInto(mix, left, 1, -0.45)
  panInto(mix, right, 1, 0.4)
  mixInto(mix, soft, 1)
  mixInto(mix, reverb(mix, sampleRate, { decaySeconds: 2.6, damping: 0.45, preDelaySeconds: 0.03 }), 0.45)
  equalise(mix, highPass(sampleRate, 30, Math.SQRT1_2))
  normalisePeak(mix, -4)
  softClip(mix, 0, 0.5, -7)
  fadeOut(mix, sampleRate, 2)
  return mix
}
