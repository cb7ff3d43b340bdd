/** Synthesised signals for tests: planar float32, full scale = 1. Seeded: the same arguments give the same samples. */

export type Signal = ReadonlyArray<Float32Array<ArrayBuffer>>

/** mulberry32: a small seeded generator of uniform numbers in [0, 1). */
export const makeRandom = (seed: number): (() => number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/** `Float32Array.from` of an object with a length does the same, ten times slower. */
export const sampled = (frames: number, sample: (n: number) => number): Float32Array<ArrayBuffer> => {
  const out = new Float32Array(frames)
  for (let n = 0; n < frames; n++) out[n] = sample(n)
  return out
}

export const dbToLinear = (db: number): number => 10 ** (db / 20)

/** One channel of a sine; `levelDbfs` is its peak. */
export const sine = (sampleRate: number, seconds: number, frequencyHz: number, levelDbfs: number, phase = 0) => {
  const amplitude = dbToLinear(levelDbfs)
  return sampled(
    Math.round(seconds * sampleRate),
    (n) => amplitude * Math.sin((2 * Math.PI * frequencyHz * n) / sampleRate + phase)
  )
}

export const silence = (sampleRate: number, seconds: number) => new Float32Array(Math.round(seconds * sampleRate))

/** One channel of uniform white noise; `levelDbfs` is its peak. */
export const whiteNoise = (sampleRate: number, seconds: number, levelDbfs: number, seed: number) => {
  const random = makeRandom(seed)
  const amplitude = dbToLinear(levelDbfs)
  return sampled(Math.round(seconds * sampleRate), () => amplitude * (2 * random() - 1))
}

/** The same samples in `channels` channels (separate arrays). */
export const onAll = (channels: number, samples: Float32Array<ArrayBuffer>): Signal =>
  Array.from({ length: channels }, () => samples.slice())
