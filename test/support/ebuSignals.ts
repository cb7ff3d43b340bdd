/**
 * The test signals of EBU Tech 3341 (minimum requirements) and Tech 3342 that their texts define, made at any rate that 10
 * divides. Cases 7 and 8 of the first and 5 and 6 of the second are recorded programmes and cannot be made from a text.
 */
import type { Kernels } from "../../src/dsp/Kernels.ts"
import { dbToLinear, sampled } from "./signals.ts"

/** The level of each channel for some time; -Infinity is silence. */
export interface Segment {
  readonly seconds: number
  readonly levelsDbfs: ReadonlyArray<number>
}

const stereo = (...segments: ReadonlyArray<readonly [seconds: number, levelDbfs: number]>) =>
  segments.map(([seconds, level]): Segment => ({ seconds, levelsDbfs: [level, level] }))

export interface LoudnessCase {
  readonly name: string
  readonly segments: ReadonlyArray<Segment>
  readonly expected: number
}

const case9 = [
  [1.34, -20],
  [1.66, -30]
] as const

/** Tech 3341, table 1: integrated loudness of a 1 kHz sine, +-0.1 LU. Case 6 is given with a silent LFE. */
export const integratedCases: ReadonlyArray<LoudnessCase> = [
  { name: "1", segments: stereo([20, -23]), expected: -23 },
  { name: "2", segments: stereo([20, -33]), expected: -33 },
  { name: "3", segments: stereo([10, -36], [60, -23], [10, -36]), expected: -23 },
  { name: "4", segments: stereo([10, -72], [10, -36], [60, -23], [10, -36], [10, -72]), expected: -23 },
  { name: "5", segments: stereo([20, -26], [20.1, -20], [20, -26]), expected: -23 },
  { name: "6", segments: [{ seconds: 20, levelsDbfs: [-28, -28, -24, -Infinity, -30, -30] }], expected: -23 }
]

/** Tech 3341, case 9: the short-term loudness is -23.0 +-0.1 LUFS and constant after 3 s. */
export const shortTermCase: LoudnessCase = {
  name: "9",
  segments: stereo(...Array.from({ length: 5 }, () => case9).flat()),
  expected: -23
}

/** Tech 3342: loudness range of a 1 kHz sine, +-1 LU. */
export const rangeCases: ReadonlyArray<LoudnessCase> = [
  { name: "1", segments: stereo([20, -20], [20, -30]), expected: 10 },
  { name: "2", segments: stereo([20, -20], [20, -15]), expected: 5 },
  { name: "3", segments: stereo([20, -40], [20, -20]), expected: 20 },
  { name: "4", segments: stereo([20, -50], [20, -35], [20, -20], [20, -35], [20, -50]), expected: 15 }
]

/** The sine in blocks of 100 ms, a whole number of its periods, in the memory of the kernels. */
export const inToneBlocks = (
  kernels: Kernels,
  sampleRate: number,
  segments: ReadonlyArray<Segment>,
  f: (block: ReadonlyArray<Float32Array>, length: number) => void
): void => {
  const length = sampleRate / 10
  const tone = sampled(length, (n) => Math.sin((2 * Math.PI * 1000 * n) / sampleRate))
  const arrays = segments[0]!.levelsDbfs.map(() => kernels.float32(length))
  let filled = 0
  for (const { levelsDbfs, seconds } of segments) {
    const amplitudes = levelsDbfs.map(dbToLinear)
    let left = Math.round(seconds * sampleRate)
    while (left > 0) {
      const end = Math.min(length, filled + left)
      arrays.forEach((array, c) => {
        const amplitude = amplitudes[c]!
        for (let i = filled; i < end; i++) array[i] = amplitude * tone[i]!
      })
      left -= end - filled
      filled = end % length
      if (filled === 0) f(arrays, length)
    }
  }
}
