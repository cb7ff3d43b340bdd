import { type DrumPlacement, Takes } from "./Drums.ts"
import { makeRandom, type Random } from "./Random.ts"
import type { Hit, Note } from "./Sequencer.ts"
import { silentStereo, type Stereo } from "./Stereo.ts"

export interface SessionOptions {
  readonly sampleRate: number
  readonly bpm: number
  readonly beats: number
  /** Room for the last notes to ring. */
  readonly tailSeconds: number
  readonly seed: number
  /** Where the off-beat eighth falls within the beat: 0.5 straight, 0.67 triplets. */
  readonly swing: number
  /** Largest random shift of a note either way, as a player has it. */
  readonly looseSeconds: number
}

/** The time line of one piece: from beats to frames, with the piece's swing and the player's looseness. */
export class Session {
  readonly sampleRate: number
  readonly random: Random
  readonly lengthFrames: number
  private readonly options: SessionOptions
  private readonly takes = new Takes()

  constructor(options: SessionOptions) {
    this.options = options
    this.sampleRate = options.sampleRate
    this.random = makeRandom(options.seed)
    this.lengthFrames = Math.ceil((this.seconds(options.beats) + options.tailSeconds) * options.sampleRate)
  }

  bus(): Stereo {
    return silentStereo(this.lengthFrames)
  }

  mono(): Float32Array<ArrayBuffer> {
    return new Float32Array(this.lengthFrames)
  }

  seconds(beats: number): number {
    return (beats * 60) / this.options.bpm
  }

  /** The frame of a beat, on the grid. */
  frame(beat: number): number {
    const whole = Math.floor(beat)
    const part = beat - whole
    const { swing } = this.options
    const swung = part < 0.5 ? 2 * part * swing : swing + (2 * part - 1) * (1 - swing)
    return Math.round(this.seconds(whole + swung) * this.sampleRate)
  }

  /** Where a player puts that beat. */
  place(beat: number): DrumPlacement {
    const shift = this.options.looseSeconds * (2 * this.random() - 1)
    const startFrame = Math.max(0, this.frame(beat) + Math.round(shift * this.sampleRate))
    return { sampleRate: this.sampleRate, startFrame, random: this.random, takes: this.takes }
  }

  notes(notes: ReadonlyArray<Note>, play: (place: DrumPlacement, note: Note, heldSeconds: number) => void): void {
    for (const note of notes) play(this.place(note.beat), note, this.seconds(note.duration))
  }

  hits(hits: ReadonlyArray<Hit>, play: (place: DrumPlacement, hit: Hit) => void): void {
    for (const hit of hits) play(this.place(hit.beat), hit)
  }
}
