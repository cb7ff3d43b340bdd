/** Music of a known tempo, alone and behind an intro, and what is measured of it. */
import { makeKernels } from "../../src/dsp/Kernels.ts"
import { makeOnsetFlux } from "../../src/dsp/analysis/OnsetFlux.ts"
import { measureTempo } from "../../src/dsp/analysis/Tempo.ts"
import { chord, drums, inBlocks, inSequence, patterns, type PatternName, pinkNoise } from "./musicSignals.ts"

/** Hz. */
export const rate = 22_050

export const fluxOf = (samples: Float32Array, kernels = makeKernels()) => {
  const flux = makeOnsetFlux(kernels, rate, 2205)
  inBlocks([samples], 2205, (block, length) => flux.process(block[0]!, length))
  return flux.result()
}

export const withNoise = (samples: Float32Array, seed: number) => {
  const noise = pinkNoise(rate, samples.length / rate, 0.02, seed)
  return samples.map((v, i) => v + noise[i]!)
}

export const names = Object.keys(patterns) as ReadonlyArray<PatternName>

export const tempoOf = (samples: Float32Array): number => {
  const kernels = makeKernels()
  return measureTempo(kernels, fluxOf(samples, kernels)).bpm
}

/** Drums, a bass on the beats and a chord that changes with each bar. */
export const song = (bpm: number, seconds: number): Float32Array => {
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

/** How many of these tempi, each in every pattern, are read to 1 % behind an ambient intro. */
export const makeRightAfter = (introSeconds: number) => {
  const scene = makeScene(introSeconds, 14)
  return (tempi: ReadonlyArray<number>): number =>
    tempi
      .flatMap((bpm) => names.map((name) => [name, bpm] as const))
      .filter(([name, bpm]) => Math.abs(tempoOf(scene(drums(rate, 14, name, bpm, bpm))) / bpm - 1) < 0.01).length
}

/** The tempi that the measurement was fitted to, and others. */
export const tempi = {
  fitted: [60, 72, 80, 90, 100, 110, 120, 128, 140, 174],
  others: [66, 76, 84, 95, 105, 115, 124, 133, 150, 156, 165, 180]
}
