/** Overpass: loud rock in E minor, two guitars and a synthesiser, compressed and clipped as records of the 2000s were. */
import { highPass, lowShelf } from "../src/dsp/Biquad.ts"
import { playCymbal, playDrum, playRiser, playSnare, rockKick, rockSnare, tom } from "./Drums.ts"
import { compress, duck, equalise, fadeOut, guitarAmplifier, softClip } from "./Finish.ts"
import { pingPongDelay, reverb } from "./Reverb.ts"
import { bars, type Chord, chords, melody, pattern, rootAbove, voicing } from "./Sequencer.ts"
import { Session } from "./Session.ts"
import { mixInto, panInto, type Stereo } from "./Stereo.ts"
import { playString, playSynth, type StringPatch, type SynthPatch } from "./Synth.ts"

export const bpm = 132

const beatsPerBar = 4
const verse = chords("Em Em C D Em Em C D")
const chorus = chords("Em C G D Em C Am B")
const bridge = chords("C G D Em Am C D B")

type Section = "intro" | "verse" | "chorus" | "bridge" | "build" | "end"

/** First bar of each section; 38 bars in all. */
const form: ReadonlyArray<readonly [bar: number, section: Section, harmony: ReadonlyArray<Chord>]> = [
  [0, "intro", chords("Em Em C D")],
  [4, "verse", verse],
  [12, "chorus", chorus],
  [20, "bridge", bridge.slice(0, 4)],
  [24, "build", bridge.slice(4)],
  [28, "chorus", chorus],
  [36, "end", chords("Em Em")]
]

const chorusTune = `
  B4:1.5 E5:.5 E5:1 F#5:1 | G5!:2 F#5:.5 E5:.5 D5:1 | D5:1.5 B4:.5 B4:1 D5:1 | F#5!:2 E5:.5 D5:.5 A4:1 |
  B4:1.5 E5:.5 G5:1 A5:1 | B5!:2 A5:.5 G5:.5 E5:1 | A5:1 G5:1 E5:1 C5:1 | D#5:2 F#5:1 B5!:1`
const bridgeTune = `
  E5:2 G5:1 E5:1 | D5:3 B4:1 | A4:2 D5:1 F#5:1 | E5:4 | C5:2 E5:2 | E5:2 G5:2 | F#5:2 A5:2 | B5!:4`

const open: StringPatch = {
  decaySeconds: 4,
  releaseSeconds: 0.12,
  damping: 0.3,
  brightnessHz: 5000,
  pluckPosition: 0.13
}
const muted: StringPatch = {
  decaySeconds: 0.35,
  releaseSeconds: 0.06,
  damping: 0.5,
  brightnessHz: 2600,
  pluckPosition: 0.1
}

const leadPatch: SynthPatch = {
  wave: "saw",
  voices: 5,
  detuneCents: 14,
  spread: 0.7,
  sineLevel: 0.3,
  amplitude: { attackSeconds: 0.012, decaySeconds: 0.4, sustain: 0.75, releaseSeconds: 0.07 },
  cutoffHz: 1500,
  sweepOctaves: 2.2,
  sweep: { attackSeconds: 0.01, decaySeconds: 0.3, sustain: 0.5, releaseSeconds: 0.1 },
  q: 0.9,
  vibratoCents: 14
}
const arpeggioPatch: SynthPatch = {
  wave: "pulse",
  voices: 2,
  detuneCents: 6,
  spread: 0.2,
  sineLevel: 0,
  amplitude: { attackSeconds: 0.002, decaySeconds: 0.1, sustain: 0, releaseSeconds: 0.03 },
  cutoffHz: 700,
  sweepOctaves: 3,
  sweep: { attackSeconds: 0.001, decaySeconds: 0.09, sustain: 0, releaseSeconds: 0.03 },
  q: 1.6,
  vibratoCents: 0
}
const padPatch: SynthPatch = {
  wave: "saw",
  voices: 4,
  detuneCents: 11,
  spread: 1,
  sineLevel: 0,
  amplitude: { attackSeconds: 0.25, decaySeconds: 1, sustain: 0.8, releaseSeconds: 0.25 },
  cutoffHz: 900,
  sweepOctaves: 1.3,
  sweep: { attackSeconds: 0.8, decaySeconds: 1, sustain: 0.7, releaseSeconds: 0.2 },
  q: 0.8,
  vibratoCents: 0
}
const bassPatch: SynthPatch = {
  wave: "saw",
  voices: 1,
  detuneCents: 0,
  spread: 0,
  sineLevel: 0.7,
  amplitude: { attackSeconds: 0.004, decaySeconds: 0.3, sustain: 0.7, releaseSeconds: 0.03 },
  cutoffHz: 380,
  sweepOctaves: 2.2,
  sweep: { attackSeconds: 0.002, decaySeconds: 0.12, sustain: 0.25, releaseSeconds: 0.04 },
  q: 1,
  vibratoCents: 0
}

/** The master, planar stereo. */
export const render = (sampleRate: number): Stereo => {
  const session = new Session({
    sampleRate,
    bpm,
    beats: 38 * beatsPerBar,
    tailSeconds: 2.5,
    seed: 1,
    swing: 0.5,
    looseSeconds: 0.003
  })
  const drums = session.bus()
  const synths = session.bus()
  const bass = session.bus()
  const kicks = playDrums(session, drums)
  playSynths(session, synths)
  playBass(session, bass)

  const mix = session.bus()
  for (const [pan, fromBar] of [
    [-0.85, 0],
    [0.85, 2]
  ] as const) {
    const guitar = playGuitar(session, fromBar)
    guitarAmplifier(guitar, sampleRate, 26)
    panInto(mix, guitar, 0.21, pan)
  }
  mixInto(synths, pingPongDelay(synths, sampleRate, session.seconds(0.75), 0.4), 0.3)
  mixInto(mix, synths, 1)
  mixInto(mix, bass, 1)
  duck(mix, sampleRate, kicks, 0.3, 0.07)
  mixInto(mix, reverb(mix, sampleRate, { decaySeconds: 1.6, damping: 0.4, preDelaySeconds: 0.015 }), 0.4)
  mixInto(mix, drums, 1)
  mixInto(mix, reverb(drums, sampleRate, { decaySeconds: 0.7, damping: 0.3, preDelaySeconds: 0.005 }), 0.3)
  equalise(mix, highPass(sampleRate, 32, Math.SQRT1_2))
  equalise(mix, lowShelf(sampleRate, 110, 4, Math.SQRT1_2))
  compress(mix, sampleRate, { thresholdDb: -22, ratio: 6, attackSeconds: 0.004, releaseSeconds: 0.09 })
  softClip(mix, 11.5, 0.35, -0.6)
  fadeOut(mix, sampleRate, 1.2)
  return mix
}

const playGuitar = (session: Session, fromBar: number): Float32Array<ArrayBuffer> => {
  const out = session.mono()
  const strum = (beat: number, chord: Chord, beats: number, patch: StringPatch, velocity: number, full: boolean) => {
    const root = rootAbove(40, chord)
    for (const [string, interval] of (full ? [0, 7, 12] : [0, 7]).entries()) {
      const place = session.place(beat + 0.012 * string)
      playString(out, place, patch, {
        midi: root + interval,
        heldSeconds: session.seconds(beats),
        velocity,
        gain: 0.5
      })
    }
  }
  for (const [first, section, harmony] of form) {
    bars(first, harmony.length, beatsPerBar, (beat, bar) => {
      const chord = harmony[bar]!
      if (first + bar < fromBar) return
      if (section === "intro" || section === "verse") {
        for (const hit of pattern(beat, "X.x.x.X.x.x.X.x.")) {
          const accent = hit.velocity === 1
          strum(hit.beat, chord, accent ? 0.5 : 0.25, accent ? open : muted, hit.velocity, accent)
        }
      } else if (section === "chorus") {
        strum(beat, chord, 1.45, open, 1, true)
        strum(beat + 1.5, chord, 1.45, open, 0.9, true)
        strum(beat + 3, chord, 0.95, open, 0.9, true)
      } else if (section === "build") {
        for (const hit of pattern(beat, "x.x.x.x.x.x.x.x.")) strum(hit.beat, chord, 0.4, muted, 0.6 + 0.1 * bar, false)
      } else if (section === "end" && bar === 0) {
        strum(beat, chord, 7.5, open, 1, true)
      }
    })
  }
  return out
}

const playBass = (session: Session, bus: Stereo): void => {
  for (const [first, section, harmony] of form) {
    if (section === "intro") continue
    bars(first, harmony.length, beatsPerBar, (beat, bar) => {
      const midi = rootAbove(28, harmony[bar]!)
      const play = (at: number, beats: number, velocity: number, note: number) =>
        playSynth(bus, session.place(at), bassPatch, {
          midi: note,
          heldSeconds: session.seconds(beats),
          velocity,
          gain: 0.42,
          pan: 0
        })
      if (section === "bridge") play(beat, 3.8, 0.8, midi)
      else if (section === "end") {
        if (bar === 0) play(beat, 7.5, 1, midi)
      } else
        for (let eighth = 0; eighth < 8; eighth++) {
          play(beat + eighth / 2, 0.42, eighth % 2 === 0 ? 1 : 0.8, eighth === 7 ? midi + 7 : midi)
        }
    })
  }
}

const playSynths = (session: Session, bus: Stereo): void => {
  const sing = (beat: number, score: string, gain: number, pan: number) =>
    session.notes(melody(beat, score), (place, note, heldSeconds) =>
      playSynth(bus, place, leadPatch, { midi: note.midi, heldSeconds, velocity: note.velocity, gain, pan })
    )
  for (const [first, section, harmony] of form) {
    const beat = first * beatsPerBar
    if (section === "chorus") sing(beat, chorusTune, 0.34, 0.08)
    if (section === "bridge") sing(beat, bridgeTune, 0.2, -0.15)
    bars(first, harmony.length, beatsPerBar, (start, bar) => {
      const chord = harmony[bar]!
      if (section !== "intro" && section !== "verse")
        for (const [voice, midi] of voicing(55, chord).entries()) {
          playSynth(bus, session.place(start), padPatch, {
            midi,
            heldSeconds: session.seconds(section === "end" ? 4 - 2 * bar : 3.9),
            velocity: 0.8,
            gain: 0.11,
            pan: voice - 1
          })
        }
      if (section === "end") return
      const tones = voicing(64, chord)
      for (let step = 0; step < 16; step++) {
        const lift = step % 4 === 3 ? 12 : 0
        playSynth(bus, session.place(start + step / 4), arpeggioPatch, {
          midi: tones[(step * 2 + bar) % tones.length]! + lift,
          heldSeconds: 0.09,
          velocity: step % 4 === 0 ? 1 : 0.7,
          gain: section === "chorus" ? 0.12 : 0.17,
          pan: 0.75 * Math.sin((step * Math.PI) / 5 + bar)
        })
      }
    })
  }
}

/** Plays the kit; returns the frames of the kick. */
const playDrums = (session: Session, bus: Stereo): ReadonlyArray<number> => {
  const kicks: Array<number> = []
  const crash = (beat: number) =>
    playCymbal(bus, session.place(beat), 0.8, 3800, { velocity: 1, gain: 0.34, pan: beat % 8 === 0 ? -0.5 : 0.5 })
  const kick = (beat: number, steps: string) =>
    session.hits(pattern(beat, steps), (place, hit) => {
      kicks.push(place.startFrame)
      playDrum(bus, place, rockKick, { velocity: hit.velocity, gain: 0.95, pan: 0 })
    })
  const snare = (beat: number, steps: string) =>
    session.hits(pattern(beat, steps), (place, hit) =>
      playSnare(bus, place, rockSnare, { velocity: hit.velocity, gain: 0.95, pan: 0.05 })
    )
  const hat = (beat: number, steps: string, decaySeconds: number) =>
    session.hits(pattern(beat, steps), (place, hit) =>
      playCymbal(bus, place, decaySeconds, 7000, { velocity: hit.velocity, gain: 0.3, pan: 0.4 })
    )
  const fill = (beat: number) => {
    for (const [step, hz] of [190, 190, 150, 150, 115, 115, 88, 88].entries()) {
      const stroke = { velocity: 0.8 + 0.025 * step, gain: 0.75, pan: 0.6 - 0.17 * step }
      playDrum(bus, session.place(beat + 2 + step / 4), tom(hz), stroke)
    }
  }
  for (const [first, section, harmony] of form) {
    const beat = first * beatsPerBar
    if (section !== "intro" && section !== "build") crash(beat)
    if (section === "chorus") crash(beat + 16)
    if (section === "build" || section === "intro")
      playRiser(bus, session.place(beat + 8), session.seconds(8), { velocity: 1, gain: 0.3, pan: -0.2 })
    bars(first, harmony.length, beatsPerBar, (start, bar) => {
      const last = bar === harmony.length - 1
      if (section === "intro" && bar >= 2) hat(start, "X.x.x.x.X.x.x.x.", 0.04)
      if (section === "verse") {
        kick(start, bar % 2 === 0 ? "X.....x.X.x....." : "X.....x.X.x...x.")
        snare(start, last ? "....X..." : "....X.......X..o")
        hat(start, "X.x.X.x.X.x.X.x.", 0.035)
      } else if (section === "chorus") {
        kick(start, "X..x..x.X..x..x.")
        snare(start, last ? "....X..." : "....X.......X...")
        hat(start, "X.x.X.x.X.x.X.x.", 0.16)
      } else if (section === "bridge") {
        kick(start, "X.........x.....")
        snare(start, "........X.......")
        hat(start, "X...x...x...x...", 0.05)
      } else if (section === "build") {
        kick(start, "X...X...X...X...")
        snare(start, ["........", "....o...o...o...", "o.o.o.o.x.x.x.x.", "xxxxxxxxXXXXXXXX"][bar]!)
      } else if (section === "end" && bar === 0) {
        kick(start, "X...")
        snare(start, "X...")
      }
      if (last && (section === "verse" || section === "chorus")) fill(start)
    })
  }
  return kicks
}
