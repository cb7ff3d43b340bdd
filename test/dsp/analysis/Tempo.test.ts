import { describe, it } from "vitest"
import { makeKernels } from "../../../src/dsp/Kernels.ts"
import { autocorrelation } from "../../../src/dsp/analysis/Autocorrelation.ts"
import { countOnsets, pickOnsets } from "../../../src/dsp/analysis/Onsets.ts"
import { measureTempo } from "../../../src/dsp/analysis/Tempo.ts"
import { assert } from "../../support/assert.ts"
import { chord, drums, patterns, pinkNoise } from "../../support/musicSignals.ts"
import { fluxOf, makeRightAfter, names, rate, song, tempi, tempoOf, withNoise } from "../../support/tempoScenes.ts"
import { makeRandom, silence, sine, whiteNoise } from "../../support/signals.ts"

describe("tempo", () => {
  it.each(names)("finds the beat of %s, not half or double of it", (name) => {
    // Busy drum and bass is the known limit: at 60 it has all that makes one of 120, at 174 it may read 116.
    const tempi = name === "drumAndBass" ? [78, 90, 120, 140, 155] : [60, 90, 120, 140, 174]
    const errors = tempi.filter((bpm) => {
      const measured = measureTempo(makeKernels(), fluxOf(withNoise(drums(rate, 14, name, bpm, bpm), bpm)))
      return Math.abs(measured.bpm / bpm - 1) > 0.003
    })
    assert.deepStrictEqual(errors, [])
  })

  it.each([60, 72, 90, 100, 120, 128, 140, 174])("is %i within 1 %% for clicks, drums and a song", (bpm) => {
    for (const signal of [drums(rate, 14, "click", bpm), drums(rate, 14, "house", bpm), song(bpm, 20)]) {
      assert.isBelow(Math.abs(tempoOf(signal) / bpm - 1), 0.01)
    }
  })

  // Without an intro, and the tempi it was fitted to: Tempo.heavy.ts.
  it("is at the right level for 53 and more of 60 pairs of pattern and tempo, after 20 s of an ambient intro", () => {
    assert.isAtLeast(makeRightAfter(20)(tempi.others), 53)
  })

  it("calls rubato less steady than a grid", () => {
    // The tempo swings by a sixth to either side, once in ten seconds.
    const clicks = (swing: number) => {
      const out = new Float32Array(40 * rate)
      const click = sine(rate, 0.02, 800, -6).map((v, i) => v * Math.exp(-i / 60))
      for (let t = 0.3; t < 39; t += 0.5 * (1 + swing * Math.sin((2 * Math.PI * t) / 10))) {
        out.set(click, Math.round(t * rate))
      }
      return measureTempo(makeKernels(), fluxOf(out))
    }
    const grid = clicks(0)
    const rubato = clicks(1 / 6)
    assert.isAbove(grid.stability, 0.99)
    assert.isBelow(rubato.stability, 0.95)
    assert.isAbove(rubato.bpm, 0)
  })

  it("is refined beyond the 10 ms grid and calls a machine steady", () => {
    const { bpm, stability } = measureTempo(makeKernels(), fluxOf(drums(rate, 30, "house", 123.4)))
    assert.isBelow(Math.abs(bpm - 123.4), 0.1)
    assert.isAbove(stability, 0.99)
  })

  it("calls an uneven player less steady", () => {
    const random = makeRandom(1)
    const beats = new Float32Array(30 * rate)
    for (let beat = 0; beat < 58; beat++) {
      const click = sine(rate, 0.02, 800, -6)
      const start = Math.round((0.3 + beat * 0.5 + (random() - 0.5) * 0.08) * rate)
      click.forEach((v, i) => (beats[start + i] = v * Math.exp(-i / 60)))
    }
    const { bpm, stability } = measureTempo(makeKernels(), fluxOf(beats))
    assert.isBelow(Math.abs(bpm - 120), 1.5)
    assert.isBelow(stability, 0.97)
    assert.isAbove(stability, 0.8)
  })

  it("is 0 without a pulse: noise, a drone, a tone, silence, three clicks", () => {
    const none = { bpm: 0, stability: 0 }
    for (const seconds of [0.5, 2, 5, 20]) {
      assert.deepStrictEqual(measureTempo(makeKernels(), fluxOf(whiteNoise(rate, seconds, -6, seconds))), none)
      assert.deepStrictEqual(measureTempo(makeKernels(), fluxOf(pinkNoise(rate, seconds, 0.5, seconds))), none)
    }
    assert.deepStrictEqual(measureTempo(makeKernels(), fluxOf(chord(rate, 10, [110, 164.8, 220.1, 330.3], 0.2))), none)
    assert.deepStrictEqual(measureTempo(makeKernels(), fluxOf(sine(rate, 5, 440, -6))), none)
    assert.deepStrictEqual(measureTempo(makeKernels(), fluxOf(silence(rate, 5))), none)
    assert.deepStrictEqual(measureTempo(makeKernels(), fluxOf(drums(rate, 1.6, "click", 120))), none)
  })
})

describe("onsets", () => {
  const perSecond = (samples: Float32Array) => countOnsets(fluxOf(samples).full) / (samples.length / rate)

  it("are counted once each", () => {
    assert.closeTo(perSecond(drums(rate, 10, "click", 120)), 2, 0.05)
    assert.closeTo(perSecond(drums(rate, 10, "kickAndHat", 120)), 4, 0.5)
    assert.closeTo(perSecond(drums(rate, 10, "drumAndBass", 150)), 10, 0.5)
  })

  it.each(names)("are found within 50 ms of the strokes of %s: F-measure 0.95 and more", (name) => {
    for (const bpm of [90, 128]) {
      const seconds = 20
      const step = 60 / bpm / 4
      const strokes: Array<number> = []
      const sixteenths = new Set<number>(Object.values(patterns[name]).flat())
      for (let i = 0; 0.25 + i * step < seconds - 0.05; i++) if (sixteenths.has(i % 16)) strokes.push(0.25 + i * step)
      const found: Array<number> = []
      // A segment of 512 samples is heard at its middle.
      pickOnsets(fluxOf(drums(rate, seconds, name, bpm)).full, (hop) => found.push(hop / 100 + 256 / rate))
      let hits = 0
      let next = 0
      for (const stroke of strokes) {
        while (next < found.length && found[next]! < stroke - 0.05) next++
        if (next < found.length && found[next]! <= stroke + 0.05) {
          hits++
          next++
        }
      }
      assert.isAtLeast((2 * hits) / (strokes.length + found.length), 0.95, `${bpm}`)
    }
  })

  it("are as many at a tenth of the level", () => {
    const loud = drums(rate, 10, "rock", 110)
    assert.closeTo(perSecond(loud.map((v) => 0.1 * v)), perSecond(loud), 0.05)
  })

  it("are not found in steady sounds, loud or quiet", () => {
    for (const level of [0, -20, -40]) assert.isBelow(perSecond(whiteNoise(rate, 10, level, 1)), 0.2)
    assert.isBelow(perSecond(sine(rate, 10, 440, -6)), 0.11)
    assert.isBelow(perSecond(chord(rate, 10, [110, 164.8, 220.1, 330.3], 0.2)), 0.11)
  })
})

describe("autocorrelation", () => {
  it("equals the defining sum for a series longer than a segment", () => {
    const random = makeRandom(3)
    const series = Float32Array.from({ length: 3000 }, () => random() - 0.5)
    const result = autocorrelation(series, 100)
    const direct = (lag: number) => {
      let sum = 0
      for (let i = 0; i + lag < series.length; i++) sum += series[i]! * series[i + lag]!
      return sum / (series.length - lag)
    }
    for (let lag = 0; lag <= 100; lag++) assert.closeTo(result[lag], direct(lag) / direct(0), 5e-10)
  })
})
