/** A seeded generator of uniform numbers in [0, 1): mulberry32 (T. Ettinger, 2017). Equal seeds, equal sequences. */
export type Random = () => number

export const makeRandom = (seed: number): Random => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/** Uniform in [-1, 1). */
export const bipolar = (random: Random): number => 2 * random() - 1
