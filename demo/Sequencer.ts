/** Scores as text, turned into notes with a place in time. Time is counted in beats (quarter notes). */

export interface Note {
  /** Beats from the start of the piece. */
  readonly beat: number
  /** Beats. */
  readonly duration: number
  readonly midi: number
  /** 0-1. */
  readonly velocity: number
}

export interface Hit {
  readonly beat: number
  /** 0-1. */
  readonly velocity: number
}

const semitones: Record<string, number> = { C: 0, D: 2, E: 4, F: 5, G: 7, A: 9, B: 11 }

/** `C4` = 60, `F#3` = 54, `Bb2` = 46. */
export const pitch = (name: string): number => {
  const match = /^([A-G])([#b]?)(-?\d)$/.exec(name)
  if (match === null) throw new RangeError(`${name} is no pitch`)
  const accidental = match[2] === "#" ? 1 : match[2] === "b" ? -1 : 0
  return 12 * (Number(match[3]) + 1) + semitones[match[1]!]! + accidental
}

const qualities: Record<string, ReadonlyArray<number>> = {
  "": [0, 4, 7],
  m: [0, 3, 7],
  "7": [0, 4, 7, 10],
  m7: [0, 3, 7, 10],
  maj7: [0, 4, 7, 11],
  m9: [0, 3, 7, 10, 14],
  maj9: [0, 4, 7, 11, 14],
  "9": [0, 4, 7, 10, 14],
  sus2: [0, 2, 7],
  sus4: [0, 5, 7],
  add9: [0, 4, 7, 14],
  "6": [0, 4, 7, 9]
}

export interface Chord {
  /** Pitch class of the root, 0 = C. */
  readonly root: number
  /** Semitones above the root, ascending from 0. */
  readonly intervals: ReadonlyArray<number>
}

/** `Em`, `Dmaj7`, `F#m7`, `Gadd9`. */
export const chord = (name: string): Chord => {
  const match = /^([A-G][#b]?)(.*)$/.exec(name)
  const intervals = match === null ? undefined : qualities[match[2]!]
  if (match === null || intervals === undefined) throw new RangeError(`${name} is no chord`)
  return { root: pitch(`${match[1]}0`) % 12, intervals }
}

export const chords = (names: string): ReadonlyArray<Chord> => names.trim().split(/\s+/).map(chord)

/** The chord's root at or above `lowest` (MIDI). */
export const rootAbove = (lowest: number, { root }: Chord): number => lowest + ((((root - lowest) % 12) + 12) % 12)

/** Every chord tone moved into the octave from `lowest` up, ascending: neighbouring chords move by small steps. */
export const voicing = (lowest: number, { root, intervals }: Chord): ReadonlyArray<number> =>
  intervals.map((interval) => lowest + ((((root + interval - lowest) % 12) + 12) % 12)).sort((a, b) => a - b)

/**
 * A line such as `B4:1 D5:.5 -:.5 E5!:2`: pitch or rest `-`, beats after the colon, `!` for an accent. Bar lines `|`
 * are ignored.
 */
export const melody = (beat: number, score: string, velocity = 0.8): ReadonlyArray<Note> => {
  const notes: Array<Note> = []
  let at = beat
  for (const token of score.trim().split(/\s+/)) {
    if (token === "|") continue
    const [name, beats] = token.split(":") as [string, string]
    const duration = Number(beats)
    const accent = name.endsWith("!")
    if (name !== "-") {
      const midi = pitch(accent ? name.slice(0, -1) : name)
      notes.push({ beat: at, duration, midi, velocity: accent ? Math.min(1, velocity * 1.25) : velocity })
    }
    at += duration
  }
  return notes
}

const levels: Record<string, number> = { X: 1, x: 0.8, o: 0.5, ".": 0 }

/** A bar of sixteenths such as `X...x...X..ox...`: accent, hit, ghost, rest. */
export const pattern = (beat: number, steps: string, stepBeats = 0.25): ReadonlyArray<Hit> => {
  const hits: Array<Hit> = []
  for (let step = 0; step < steps.length; step++) {
    const velocity = levels[steps[step]!]!
    if (velocity > 0) hits.push({ beat: beat + step * stepBeats, velocity })
  }
  return hits
}

/** Runs `write` for every bar of a section with the bar's first beat and its number within the section. */
export const bars = (first: number, count: number, beatsPerBar: number, write: (beat: number, bar: number) => void) => {
  for (let bar = 0; bar < count; bar++) write((first + bar) * beatsPerBar, bar)
}
