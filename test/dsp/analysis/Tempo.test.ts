import { describe, it } from "vitest"
import { makeKernels } from "../../../src/dsp/Kernels.ts"
import { autocorrelation } from "../../../src/dsp/analysis/Autocorrelation.ts"
import { countOnsets, pickOnsets } from "../../../src/dsp/analysis/Onsets.ts"
import { makeOnsetFlux } from "../../../src/dsp/analysis/OnsetFlux.ts"
import { measureTempo } from "../../../src/dsp/analysis/Tempo.ts"
import { assert } from "../../support/assert.ts"
import {
  chord,
  drums,
  inBlocks,
  inSequence,
  patterns,
  type PatternName,
  pinkNoise
} from "../../support/musicSignals.ts"
import { makeRandom, silence, sine, whiteNoise } from "../../support/signals.ts"

const rate = 22_050

const fluxOf = (samples: Float32Array, kernels = makeKernels()) => {
  const flux = makeOnsetFlux(kernels, rate, 2205)
  inBlocks([samples], 2205, (block, length) => flux.process(block[0]!, length))
  return flux.result()
}

const withNoise = (samples: Float32Array, seed: number) => {
  const noise = pinkNoise(rate, samples.length / rate, 0.02, seed)
  return samples.map((v, i) => v + noise[i]!)
}

const names = Object.keys(patterns) as ReadonlyArray<PatternName>

const tempoOf = (samples: Float32Array): number => {
  const kernels = makeKernels()
  return measureTempo(kernels, fluxOf(samples, kernels)).bpm
}

/** Drums, a bass on the beats and a chord that changes with each bar. */
const song = (bpm: number, seconds: number): Float32Array => {
  const beat = 60 / bpm
  const out = drums(rate, seconds, "rock", bpm, bpm, 0)
  const roots = [55, 73.42, 65.41, 82.41]
  for (let n = 0; n < out.length; n++) {
    const t = n / rate
    const root = roots[Math.floor(t / (4 * beat)) % 4]!
    const sinceBeat = t % beat
    const bass = 0.2 * Math.min(1, sinceBeat / 0.005) * Math.exp(-3 * sinceBeat) * Math.sin(2 * Math.PI * root * t)
    const pad = [4, 5, 6].reduce((sum, partial) => sum + 0.04 * Math.sin(2 * Math.PI * root * partial * t), 0)
    out[n] = out[n]! + bass + pad
  }
  return out
}

/** A swelling chord over soft noise. */
const intro = (seconds: number): Float32Array => {
  const noise = pinkNoise(rate, seconds, 0.03, 7)
  return chord(rate, seconds, [110, 164.8, 220.1, 277.2], 0.06).map(
    (v, n) => v * (1 + 0.5 * Math.sin((2 * Math.PI * n) / (7 * rate))) + noise[n]!
  )
}

/** What comes after the intro goes in place behind it, over soft noise: the same array for many. */
const makeScene = (introSeconds: number, seconds: number) => {
  const before = intro(introSeconds)
  const noise = pinkNoise(rate, seconds, 0.02, 3)
  const all = inSequence(before, noise)
  return (samples: Float32Array): Float32Array => {
    for (let n = 0; n < noise.length; n++) all[before.length + n] = noise[n]! + samples[n]!
    return all
  }
}

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

  describe.each([0, 20])("after %i s of an ambient intro", (introSeconds) => {
    const scene = makeScene(introSeconds, 14)
    const right = (tempi: ReadonlyArray<number>): number =>
      tempi
        .flatMap((bpm) => names.map((name) => [name, bpm] as const))
        .filter(([name, bpm]) => Math.abs(tempoOf(scene(drums(rate, 14, name, bpm, bpm))) / bpm - 1) < 0.01).length

    it("is at the right level for 46 and more of 50 pairs of pattern and tempo", () => {
      assert.isAtLeast(right([60, 72, 80, 90, 100, 110, 120, 128, 140, 174]), 46)
    })

    it("is at the right level for 53 and more of 60 pairs it was not fitted to", () => {
      assert.isAtLeast(right([66, 76, 84, 95, 105, 115, 124, 133, 150, 156, 165, 180]), 53)
    })
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
      // A frame of 512 samples is heard at its middle.
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
