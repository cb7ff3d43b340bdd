/** Glass Circuit: bright mallets and percussion in A minor, loud by its treble and by its transients, not by compression. */
import { highPass, highShelf } from "../src/dsp/Biquad.ts"
import {
  crackSnare,
  playBlock,
  playClap,
  playCymbal,
  playDrum,
  playRiser,
  playShaker,
  playSnare,
  tightKick,
  tom
} from "./Drums.ts"
import { equalise, fadeOut, softClip } from "./Finish.ts"
import { pingPongDelay, reverb } from "./Reverb.ts"
import { bars, type Chord, chords, melody, pattern, rootAbove, voicing } from "./Sequencer.ts"
import { Session } from "./Session.ts"
import { mixInto, type Stereo } from "./Stereo.ts"
import { type FmPatch, playFm, playSynth, type SynthPatch } from "./Synth.ts"

export const bpm = 118

const beatsPerBar = 4
const loop = chords("Am9 Fmaj9 Cadd9 G6")
const lifted = chords("Fmaj9 G6 Em7 Am9")

type Section = "intro" | "verse" | "chorus" | "break" | "outro"

/** First bar of each section; 36 bars in all. */
const form: ReadonlyArray<readonly [bar: number, section: Section, harmony: ReadonlyArray<Chord>]> = [
  [0, "intro", loop],
  [4, "verse", [...loop, ...loop]],
  [12, "chorus", [...loop, ...loop]],
  [20, "break", lifted],
  [24, "chorus", [...loop, ...loop]],
  [32, "outro", loop]
]

const chorusTune = `
  E5:.75 A5:.75 B5!:.5 C6:1 B5:.5 A5:.5 | G5:.75 A5:.75 C6!:.5 A5:1 G5:1 |
  E5:.75 G5:.75 D6!:.5 C6:1 G5:1 | B5:.75 A5:.75 G5!:.5 E5:2 |
  E5:.75 A5:.75 C6!:.5 E6:1 D6:.5 C6:.5 | A5:.75 C6:.75 E6!:.5 C6:1 A5:1 |
  G5:.75 C6:.75 D6!:.5 E6:1 D6:1 | B5:.75 D6:.75 G5!:.5 B5:2`

const mallet: FmPatch = {
  amplitude: { attackSeconds: 0.001, decaySeconds: 0.11, sustain: 0, releaseSeconds: 0.05 },
  ratio: 4,
  index: 1.6,
  indexDecaySeconds: 0.05,
  strikeRatio: 9.2,
  strikeIndex: 1.4,
  strikeDecaySeconds: 0.008,
  tremolo: 0
}
const glass: FmPatch = {
  amplitude: { attackSeconds: 0.001, decaySeconds: 0.3, sustain: 0, releaseSeconds: 0.12 },
  ratio: 3.5,
  index: 1.8,
  indexDecaySeconds: 0.16,
  strikeRatio: 7.1,
  strikeIndex: 2,
  strikeDecaySeconds: 0.015,
  tremolo: 0.2
}
const stabPatch: SynthPatch = {
  wave: "saw",
  voices: 3,
  detuneCents: 9,
  spread: 0.8,
  sineLevel: 0,
  amplitude: { attackSeconds: 0.002, decaySeconds: 0.07, sustain: 0, releaseSeconds: 0.03 },
  cutoffHz: 1200,
  sweepOctaves: 2.6,
  sweep: { attackSeconds: 0.001, decaySeconds: 0.06, sustain: 0, releaseSeconds: 0.03 },
  q: 1.2,
  vibratoCents: 0
}
const bassPatch: SynthPatch = {
  wave: "pulse",
  voices: 1,
  detuneCents: 0,
  spread: 0,
  sineLevel: 0.5,
  amplitude: { attackSeconds: 0.003, decaySeconds: 0.13, sustain: 0.1, releaseSeconds: 0.03 },
  cutoffHz: 300,
  sweepOctaves: 3,
  sweep: { attackSeconds: 0.001, decaySeconds: 0.06, sustain: 0, releaseSeconds: 0.03 },
  q: 1.8,
  vibratoCents: 0
}

/** The master, planar stereo. */
export const render = (sampleRate: number): Stereo => {
  const session = new Session({
    sampleRate,
    bpm,
    beats: 36 * beatsPerBar,
    tailSeconds: 2.5,
    seed: 2,
    swing: 0.53,
    looseSeconds: 0.002
  })
  const keys = session.bus()
  const low = session.bus()
  const drums = session.bus()
  playKeys(session, keys)
  playBass(session, low)
  playDrums(session, drums)

  const mix = session.bus()
  mixInto(keys, pingPongDelay(keys, sampleRate, session.seconds(0.75), 0.35), 0.35)
  mixInto(mix, keys, 1)
  mixInto(mix, low, 1)
  mixInto(mix, drums, 1)
  mixInto(mix, reverb(keys, sampleRate, { decaySeconds: 1.4, damping: 0.2, preDelaySeconds: 0.02 }), 0.35)
  mixInto(mix, reverb(drums, sampleRate, { decaySeconds: 0.45, damping: 0.2, preDelaySeconds: 0.004 }), 0.2)
  equalise(mix, highPass(sampleRate, 38, Math.SQRT1_2))
  equalise(mix, highShelf(sampleRate, 3000, 3, Math.SQRT1_2))
  softClip(mix, 0.4, 0.75, -0.2)
  fadeOut(mix, sampleRate, 1.2)
  return mix
}

const playKeys = (session: Session, bus: Stereo): void => {
  const strike = (patch: FmPatch, beat: number, midi: number, velocity: number, gain: number, pan: number) =>
    playFm(bus, session.place(beat), patch, { midi, heldSeconds: 0.5, velocity, gain, pan })
  for (const [first, section, harmony] of form) {
    if (section === "chorus")
      session.notes(melody(first * beatsPerBar, chorusTune), (place, note, heldSeconds) =>
        playFm(bus, place, glass, {
          midi: note.midi + 12,
          heldSeconds: 0.7 * heldSeconds,
          velocity: note.velocity,
          gain: 0.3,
          pan: 0.1
        })
      )
    bars(first, harmony.length, beatsPerBar, (beat, bar) => {
      const tones = voicing(69, harmony[bar]!)
      const busy = section === "outro" && bar > 1 ? "X..x....x......." : "X..x..x.x..x..xo"
      for (const [count, hit] of pattern(beat, busy).entries()) {
        const midi = tones[(count * 2 + bar) % tones.length]!
        strike(mallet, hit.beat, midi, hit.velocity, 0.34, -0.7)
        strike(mallet, hit.beat + 0.25, midi + 12, 0.6 * hit.velocity, 0.34, 0.75)
      }
      if (section === "verse" || section === "chorus")
        for (const hit of pattern(beat, "..x...x...x..x..")) {
          for (const [voice, midi] of voicing(60, harmony[bar]!).entries()) {
            playSynth(bus, session.place(hit.beat), stabPatch, {
              midi,
              heldSeconds: 0.12,
              velocity: hit.velocity,
              gain: 0.2,
              pan: 0.4 * (voice - 1.5)
            })
          }
        }
      if (section === "break")
        strike(glass, beat, tones[bar % tones.length]! + 12, 0.9, 0.4, bar % 2 === 0 ? -0.4 : 0.4)
    })
  }
}

const playBass = (session: Session, bus: Stereo): void => {
  for (const [first, section, harmony] of form) {
    if (section !== "verse" && section !== "chorus") continue
    bars(first, harmony.length, beatsPerBar, (beat, bar) => {
      const root = rootAbove(33, harmony[bar]!)
      for (const hit of pattern(beat, section === "verse" ? "X.....x...x....." : "X..x..x...x..xo.")) {
        playSynth(bus, session.place(hit.beat), bassPatch, {
          midi: hit.velocity === 0.5 ? root + 12 : root,
          heldSeconds: 0.16,
          velocity: hit.velocity,
          gain: 0.42,
          pan: 0
        })
      }
    })
  }
}

const playDrums = (session: Session, bus: Stereo): void => {
  const blocks = (beat: number, steps: string, hz: number, pan: number) =>
    session.hits(pattern(beat, steps), (place, hit) =>
      playBlock(bus, place, hz, { velocity: hit.velocity, gain: 0.5, pan })
    )
  const kick = (beat: number, steps: string) =>
    session.hits(pattern(beat, steps), (place, hit) =>
      playDrum(bus, place, tightKick, { velocity: hit.velocity, gain: 1, pan: 0 })
    )
  const clap = (beat: number, steps: string) =>
    session.hits(pattern(beat, steps), (place, hit) =>
      playClap(bus, place, { velocity: hit.velocity, gain: 0.75, pan: -0.1 })
    )
  const snare = (beat: number, steps: string) =>
    session.hits(pattern(beat, steps), (place, hit) =>
      playSnare(bus, place, crackSnare, { velocity: hit.velocity, gain: 1, pan: 0.12 })
    )
  const hat = (beat: number, steps: string, decaySeconds: number) =>
    session.hits(pattern(beat, steps), (place, hit) =>
      playCymbal(bus, place, decaySeconds, 6500, { velocity: hit.velocity, gain: 0.42, pan: 0.5 })
    )
  for (const [first, section, harmony] of form) {
    if (section === "chorus")
      playCymbal(bus, session.place(first * beatsPerBar), 0.5, 4500, { velocity: 1, gain: 0.4, pan: -0.4 })
    bars(first, harmony.length, beatsPerBar, (beat, bar) => {
      const last = bar === harmony.length - 1
      if (section === "intro" || section === "outro") {
        blocks(beat, "..x..x....x..o..", 1150, 0.6)
        if (bar >= 2 === (section === "intro")) clap(beat, "....x.......x...")
        if (section === "intro" && last)
          playRiser(bus, session.place(beat), session.seconds(4), { velocity: 1, gain: 0.2, pan: 0.2 })
        return
      }
      if (section === "break") {
        clap(beat, last ? "....X...x.x.XXXX" : "....X.......X...")
        blocks(beat, "x..x..x.x..x..x.", 1150, 0.6)
        blocks(beat, "..x..o..x...x.o.", 860, -0.6)
        if (last)
          for (const [step, hz] of [220, 180, 150, 120].entries()) {
            const stroke = { velocity: 0.9, gain: 0.8, pan: 0.5 - 0.33 * step }
            playDrum(bus, session.place(beat + 3 + step / 4), tom(hz), stroke)
          }
        return
      }
      kick(beat, section === "verse" ? "X.....x...X....." : "X..x..x...X..x..")
      snare(beat, "....X.......X..o")
      if (section === "chorus") clap(beat, "....X.......X...")
      hat(beat, "X.xoX.xoX.xoX.xo", 0.022)
      hat(beat, "..............x.", 0.12)
      blocks(beat, bar % 2 === 0 ? "...x..x....x..x." : "..x..x..x....x..", 1150, 0.7)
      for (let eighth = 0; eighth < 8; eighth++) {
        const stroke = { velocity: eighth % 2 === 0 ? 0.5 : 0.9, gain: 0.4, pan: -0.65 }
        playShaker(bus, session.place(beat + eighth / 2), 7500, 0.07, stroke)
      }
    })
  }
}
