import { kWeighting } from "../../../src/dsp/KWeighting.ts"

/** The sum of squares of a K-weighted channel, from its first sample on: the sections one after the other, direct form I. */
export const kWeightedEnergy = (samples: Float32Array, sampleRate: number): number => {
  let signal: ReadonlyArray<number> = [...samples]
  for (const { a1, a2, b0, b1, b2 } of kWeighting(sampleRate)) {
    let [x1, x2, y1, y2] = [0, 0, 0, 0]
    signal = signal.map((x) => {
      const y = b0 * x + b1 * x1 + b2 * x2 - a1 * y1 - a2 * y2
      x2 = x1
      x1 = x
      y2 = y1
      y1 = y
      return y
    })
  }
  return signal.reduce((sum, v) => sum + v * v, 0)
}
