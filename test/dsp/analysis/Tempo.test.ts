import { describe, expect, it } from "vitest"
import { autocorrelation } from "../../../src/dsp/analysis/Autocorrelation.ts"
import { countOnsets } from "../../../src/dsp/analysis/Onsets.ts"
import { makeOnsetFlux } from "../../../src/dsp/analysis/OnsetFlux.ts"
import { measureTempo } from "../../../src/dsp/analysis/Tempo.ts"
import { chord, drums, inBlocks, patterns, type PatternName, pinkNoise } from "../../support/musicSignals.ts"
import { makeRandom, silence, sine, whiteNoise } from "../../support/signals.ts"

const rate = 22_050

const fluxOf = (samples: Float32Array) => {
  const flux = makeOnsetFlux(rate, 2205)
  inBlocks([samples], 2205, (block, length) => flux.process(block[0]!, length))
  return flux.result()
}

const withNoise = (samples: Float32Array, seed: number) => {
  const noise = pinkNoise(rate, samples.length / rate, 0.02, seed)
  return samples.map((v, i) => v + noise[i]!)
}

describe("tempo", () => {
  const names = Object.keys(patterns) as ReadonlyArray<PatternName>

  it.each(names)("finds the beat of %s, not half or double of it", (name) => {
    // Busy drum and bass is the known limit: at 60 it has all that makes one of 120, at 174 it may read 116.
    const tempi = name === "drumAndBass" ? [78, 90, 120, 140, 155] : [60, 90, 120, 140, 174]
    const errors = tempi.filter((bpm) => {
      const measured = measureTempo(fluxOf(withNoise(drums(rate, 14, name, bpm, bpm), bpm)))
      return Math.abs(measured.bpm / bpm - 1) > 0.003
    })
    expect(errors).toEqual([])
  })

  it("is refined beyond the 10 ms grid and calls a machine steady", () => {
    const { bpm, stability } = measureTempo(fluxOf(drums(rate, 30, "house", 123.4)))
    expect(Math.abs(bpm - 123.4)).toBeLessThan(0.1)
    expect(stability).toBeGreaterThan(0.99)
  })

  it("calls an uneven player less steady", () => {
    const random = makeRandom(1)
    const beats = new Float32Array(30 * rate)
    for (let beat = 0; beat < 58; beat++) {
      const click = sine(rate, 0.02, 800, -6)
      const start = Math.round((0.3 + beat * 0.5 + (random() - 0.5) * 0.08) * rate)
      click.forEach((v, i) => (beats[start + i] = v * Math.exp(-i / 60)))
    }
    const { bpm, stability } = measureTempo(fluxOf(beats))
    expect(Math.abs(bpm - 120)).toBeLessThan(1.5)
    expect(stability).toBeLessThan(0.97)
    expect(stability).toBeGreaterThan(0.8)
  })

  it("is 0 without a pulse: noise, a drone, a tone, silence, three clicks", () => {
    const none = { bpm: 0, stability: 0 }
    for (const seconds of [0.5, 2, 5, 20]) {
      expect(measureTempo(fluxOf(whiteNoise(rate, seconds, -6, seconds)))).toEqual(none)
      expect(measureTempo(fluxOf(pinkNoise(rate, seconds, 0.5, seconds)))).toEqual(none)
    }
    expect(measureTempo(fluxOf(chord(rate, 10, [110, 164.8, 220.1, 330.3], 0.2)))).toEqual(none)
    expect(measureTempo(fluxOf(sine(rate, 5, 440, -6)))).toEqual(none)
    expect(measureTempo(fluxOf(silence(rate, 5)))).toEqual(none)
    expect(measureTempo(fluxOf(drums(rate, 1.6, "click", 120)))).toEqual(none)
  })
})

describe("onsets", () => {
  const perSecond = (samples: Float32Array) => countOnsets(fluxOf(samples).full) / (samples.length / rate)

  it("are counted once each", () => {
    expect(perSecond(drums(rate, 10, "click", 120))).toBeCloseTo(2, 1)
    expect(perSecond(drums(rate, 10, "kickAndHat", 120))).toBeCloseTo(4, 0)
    expect(perSecond(drums(rate, 10, "drumAndBass", 150))).toBeCloseTo(10, 0)
  })

  it("are as many at a tenth of the level", () => {
    const loud = drums(rate, 10, "rock", 110)
    expect(perSecond(loud.map((v) => 0.1 * v))).toBeCloseTo(perSecond(loud), 1)
  })

  it("are not found in steady sounds, loud or quiet", () => {
    for (const level of [0, -20, -40]) expect(perSecond(whiteNoise(rate, 10, level, 1))).toBeLessThan(0.2)
    expect(perSecond(sine(rate, 10, 440, -6))).toBeLessThan(0.11)
    expect(perSecond(chord(rate, 10, [110, 164.8, 220.1, 330.3], 0.2))).toBeLessThan(0.11)
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
    for (let lag = 0; lag <= 100; lag++) expect(result[lag]).toBeCloseTo(direct(lag) / direct(0), 9)
  })
})
