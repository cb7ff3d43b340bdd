/** Late Ferry: a slow swing in C for electric piano, brushes, bass and a soft lead, at a moderate loudness. */
import { highPass, highShelf } from "../src/dsp/Biquad.ts"
import { brushSnare, playBlock, playCymbal, playDrum, playShaker, playSnare, softKick } from "./Drums.ts"
import { compress, equalise, fadeOut, normalisePeak } from "./Finish.ts"
import { pingPongDelay, reverb } from "./Reverb.ts"
import { bars, type Chord, chords, melody, pattern, rootAbove, voicing } from "./Sequencer.ts"
import { Session } from "./Session.ts"
import { mixInto, type Stereo } from "./Stereo.ts"
import { type FmPatch, playFm, playSynth, type SynthPatch } from "./Synth.ts"

export const bpm = 82

const beatsPerBar = 4
const verse = chords("Fmaj9 Em7 Dm9 Cmaj7 Fmaj9 Em7 Am9 G9")
const chorus = chords("Dm9 G9 Cmaj9 Am7 Dm9 G9 Em7 A7")

type Section = "intro" | "verse" | "chorus" | "reprise" | "end"

/** First bar of each section; 24 bars in all. */
const form: ReadonlyArray<readonly [bar: number, section: Section, harmony: ReadonlyArray<Chord>]> = [
  [0, "intro", chords("Fmaj9 Em7")],
  [2, "verse", verse],
  [10, "chorus", chorus],
  [18, "reprise", verse.slice(0, 4)],
  [22, "end", chords("Fmaj9 Cmaj9")]
]

const verseTune = `
  -:1 A4:.5 C5:.5 E5:1 D5:.5 C5:.5 | B4:2 G4:1 -:1 | -:1 F4:.5 A4:.5 C5:1 B4:.5 A4:.5 | G4:2.5 E4:.5 G4:1 |
  -:1 A4:.5 C5:.5 G5:1 E5:.5 D5:.5 | D5:1 B4:1 G4:1 B4:1 | C5:1.5 B4:.5 A4:1 E4:1 | A4:2 B4:1 -:1`
const chorusTune = `
  D5:1 F5:.5 E5:.5 -:.5 D5:.5 C5:1 | B4:1.5 A4:.5 B4:1 D5:1 | E5:1 G5:.5 E5:.5 -:.5 D5:.5 B4:1 | C5:2 A4:1 -:1 |
  F5:1 A5:.5 G5:.5 -:.5 F5:.5 E5:1 | D5:1.5 F5:.5 E5:1 D5:1 | B4:1 D5:.5 G5:.5 -:.5 E5:.5 D5:1 | C#5:2 E5:1 -:1`
const repriseTune = verseTune.split("|").slice(0, 4).join("|")

const piano: FmPatch = {
  amplitude: { attackSeconds: 0.002, decaySeconds: 1.1, sustain: 0.05, releaseSeconds: 0.12 },
  ratio: 1,
  index: 1.7,
  indexDecaySeconds: 0.5,
  strikeRatio: 14,
  strikeIndex: 0.8,
  strikeDecaySeconds: 0.03,
  tremolo: 0.35
}
const leadPatch: SynthPatch = {
  wave: "pulse",
  voices: 2,
  detuneCents: 5,
  spread: 0.3,
  sineLevel: 0.5,
  amplitude: { attackSeconds: 0.04, decaySeconds: 0.5, sustain: 0.7, releaseSeconds: 0.09 },
  cutoffHz: 800,
  sweepOctaves: 1.5,
  sweep: { attackSeconds: 0.06, decaySeconds: 0.4, sustain: 0.4, releaseSeconds: 0.1 },
  q: 0.9,
  vibratoCents: 18
}
const bassPatch: SynthPatch = {
  wave: "triangle",
  voices: 1,
  detuneCents: 0,
  spread: 0,
  sineLevel: 0.9,
  amplitude: { attackSeconds: 0.008, decaySeconds: 0.5, sustain: 0.3, releaseSeconds: 0.06 },
  cutoffHz: 500,
  sweepOctaves: 1.2,
  sweep: { attackSeconds: 0.002, decaySeconds: 0.1, sustain: 0, releaseSeconds: 0.05 },
  q: 0.8,
  vibratoCents: 0
}

/** The master, planar stereo. */
export const render = (sampleRate: number): Stereo => {
  const session = new Session({
    sampleRate,
    bpm,
    beats: 24 * beatsPerBar,
    tailSeconds: 3,
    seed: 4,
    swing: 0.61,
    looseSeconds: 0.007
  })
  const keys = session.bus()
  const lead = session.bus()
  const rhythm = session.bus()
  playPiano(session, keys)
  for (const [first, section] of form) {
    const score = { intro: "", verse: verseTune, chorus: chorusTune, reprise: repriseTune, end: "" }[section]
    if (score !== "")
      session.notes(melody(first * beatsPerBar, score), (place, note, heldSeconds) =>
        playSynth(lead, place, leadPatch, {
          midi: note.midi + 12,
          heldSeconds: 0.9 * heldSeconds,
          velocity: note.velocity,
          gain: 0.14,
          pan: 0.25
        })
      )
  }
  playRhythm(session, rhythm)

  const mix = session.bus()
  mixInto(lead, pingPongDelay(lead, sampleRate, session.seconds(0.75), 0.4), 0.35)
  mixInto(keys, lead, 1)
  mixInto(mix, keys, 1)
  mixInto(mix, reverb(keys, sampleRate, { decaySeconds: 1.8, damping: 0.5, preDelaySeconds: 0.02 }), 0.4)
  mixInto(mix, rhythm, 1)
  mixInto(mix, reverb(rhythm, sampleRate, { decaySeconds: 0.6, damping: 0.4, preDelaySeconds: 0.005 }), 0.2)
  equalise(mix, highPass(sampleRate, 34, Math.SQRT1_2))
  equalise(mix, highShelf(sampleRate, 5000, 2, Math.SQRT1_2))
  compress(mix, sampleRate, { thresholdDb: -18, ratio: 2, attackSeconds: 0.02, releaseSeconds: 0.15 })
  normalisePeak(mix, -1.5)
  fadeOut(mix, sampleRate, 2)
  return mix
}

const playPiano = (session: Session, bus: Stereo): void => {
  for (const [first, section, harmony] of form) {
    bars(first, harmony.length, beatsPerBar, (beat, bar) => {
      const tones = voicing(57, harmony[bar]!)
      const still = section === "intro" || section === "end"
      const comp = still ? "X..............." : bar % 2 === 0 ? "X.....x...o....." : "x.....o...x...o."
      for (const hit of pattern(beat, comp)) {
        for (const [voice, midi] of tones.entries()) {
          playFm(bus, session.place(hit.beat + 0.02 * voice * (still ? 3 : 1)), piano, {
            midi,
            heldSeconds: session.seconds(still ? 3.8 : 1.3),
            velocity: 0.85 * hit.velocity,
            gain: 0.16,
            pan: 0.25 * (voice - 1.5)
          })
        }
      }
    })
  }
}

const playRhythm = (session: Session, bus: Stereo): void => {
  for (const [first, section, harmony] of form) {
    if (section === "intro") continue
    bars(first, harmony.length, beatsPerBar, (beat, bar) => {
      const chord = harmony[bar]!
      const next = harmony[(bar + 1) % harmony.length]!
      const root = rootAbove(31, chord)
      const end = section === "end"
      const bass = (at: number, beats: number, midi: number, velocity: number) =>
        playSynth(bus, session.place(at), bassPatch, {
          midi,
          heldSeconds: session.seconds(beats),
          velocity,
          gain: 0.26,
          pan: -0.05
        })
      bass(beat, end ? 3.5 : 1.6, root, 1)
      if (end) return
      bass(beat + 2, 0.9, root + 7, 0.8)
      bass(beat + 3.5, 0.45, rootAbove(31, next) - 1, 0.7)
      session.hits(pattern(beat, "X.......o.x....."), (place, hit) =>
        playDrum(bus, place, softKick, { velocity: hit.velocity, gain: 0.6, pan: 0 })
      )
      session.hits(pattern(beat, bar % 4 === 3 ? "....x..o....x.oo" : "....x.......x..o"), (place, hit) =>
        playSnare(bus, place, brushSnare, { velocity: hit.velocity, gain: 0.5, pan: 0.1 })
      )
      session.hits(pattern(beat, "x...x.o.x...x.o."), (place, hit) =>
        playCymbal(bus, place, section === "chorus" ? 0.13 : 0.05, 6800, {
          velocity: hit.velocity,
          gain: 0.13,
          pan: -0.45
        })
      )
      if (section === "chorus")
        session.hits(pattern(beat, "......x.......x."), (place, hit) =>
          playBlock(bus, place, 940, { velocity: hit.velocity, gain: 0.14, pan: 0.6 })
        )
      for (let quarter = 0; quarter < 4; quarter++) {
        const stroke = { velocity: quarter % 2 === 0 ? 0.6 : 0.9, gain: 0.1, pan: 0.5 }
        playShaker(bus, session.place(beat + quarter + 0.5), 4200, 0.16, stroke)
      }
    })
  }
}
