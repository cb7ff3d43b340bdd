import { describe, it } from "vitest"
import { chord, melody, pattern, pitch, rootAbove, voicing } from "../../demo/Sequencer.ts"
import { assert } from "../support/assert.ts"

describe("a score", () => {
  it("names pitches as MIDI does", () => {
    assert.deepStrictEqual(["C4", "A4", "F#3", "Bb2"].map(pitch), [60, 69, 54, 46])
    assert.throws(() => pitch("H4"), /H4 is no pitch/)
  })

  it("voices a chord within the octave above a note, so that chords connect", () => {
    assert.deepStrictEqual(voicing(60, chord("Am")), [60, 64, 69])
    assert.deepStrictEqual(voicing(60, chord("G7")), [62, 65, 67, 71])
    assert.strictEqual(rootAbove(40, chord("Em")), 40)
    assert.strictEqual(rootAbove(40, chord("D")), 50)
    assert.throws(() => chord("Cdim13"), /no chord/)
  })

  it("reads notes, rests and accents one after the other", () => {
    assert.deepStrictEqual(melody(4, "B4:1 -:.5 | E5!:2"), [
      { beat: 4, duration: 1, midi: 71, velocity: 0.8 },
      { beat: 5.5, duration: 2, midi: 76, velocity: 1 }
    ])
  })

  it("reads drum patterns in sixteenths", () => {
    assert.deepStrictEqual(pattern(8, "X..o"), [
      { beat: 8, velocity: 1 },
      { beat: 8.75, velocity: 0.5 }
    ])
  })
})
