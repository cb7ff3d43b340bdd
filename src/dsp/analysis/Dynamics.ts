/**
 * Levels of the samples as they are: peak, RMS, clipping, silence, and how crest factor and peak vary from second to
 * second. Over all samples of all channels.
 */
import { blocksPerSecond } from "./BlockClock.ts"
import type { BlockLevels } from "./BlockSums.ts"

/** -60 dBFS: what is below counts as silence, in blocks and in segments. */
export const silenceMeanSquare = 1e-6

export interface DynamicsResult {
  /** Largest absolute sample, linear. */
  readonly peak: number
  /** Peak over RMS, dB; 0 for nothing but zeros. */
  readonly crestDb: number
  readonly clippedSamples: number
  /** Share of complete 100 ms blocks whose RMS is below -60 dBFS. */
  readonly silenceRatio: number
  /** Standard deviation of the crest factor of the non-silent seconds, dB; 0 with fewer than two. */
  readonly crestVariationDb: number
  /** 1 / (1 + coefficient of variation) of the peaks of the non-silent seconds; 1 with fewer than two. */
  readonly peakConsistency: number
}

export interface DynamicsMeter {
  /** The levels of one block of at most 100 ms. False, and nothing is counted, if a sample in it is not finite. */
  readonly process: (block: BlockLevels, length: number, complete: boolean) => boolean
  readonly result: () => DynamicsResult
}

const decibels = (ratio: number): number => 20 * Math.log10(ratio)

/** Mean and variance of a stream of numbers (Welford 1962). */
const makeMoments = () => {
  let count = 0
  let mean = 0
  let squares = 0
  return {
    add: (x: number) => {
      count++
      const delta = x - mean
      mean += delta / count
      squares += delta * (x - mean)
    },
    mean: () => mean,
    standardDeviation: () => (count < 2 ? 0 : Math.sqrt(squares / count))
  }
}

export const makeDynamicsMeter = (channels: number): DynamicsMeter => {
  let peak = 0
  let energy = 0
  let samples = 0
  let clipped = 0
  let blocks = 0
  let silentBlocks = 0
  let secondPeak = 0
  let secondEnergy = 0
  let secondSamples = 0
  const crests = makeMoments()
  const peaks = makeMoments()

  const closeSecond = () => {
    const meanSquare = secondEnergy / secondSamples
    if (meanSquare >= silenceMeanSquare) {
      crests.add(decibels(secondPeak / Math.sqrt(meanSquare)))
      peaks.add(secondPeak)
    }
    secondPeak = 0
    secondEnergy = 0
    secondSamples = 0
  }

  const process = (block: BlockLevels, length: number, complete: boolean): boolean => {
    if (!Number.isFinite(block.energy)) return false
    if (block.peak > peak) peak = block.peak
    energy += block.energy
    samples += length * channels
    clipped += block.clipped
    if (!complete) return true
    if (block.energy / (length * channels) < silenceMeanSquare) silentBlocks++
    blocks++
    secondPeak = Math.max(secondPeak, block.peak)
    secondEnergy += block.energy
    secondSamples += length * channels
    if (blocks % blocksPerSecond === 0) closeSecond()
    return true
  }

  const result = (): DynamicsResult => ({
    peak,
    // The mean square of N equal samples can round to just above their peak's square.
    crestDb: energy === 0 ? 0 : Math.max(0, decibels(peak / Math.sqrt(energy / samples))),
    clippedSamples: clipped,
    silenceRatio: blocks === 0 ? 0 : silentBlocks / blocks,
    crestVariationDb: crests.standardDeviation(),
    peakConsistency: peaks.mean() === 0 ? 1 : 1 / (1 + peaks.standardDeviation() / peaks.mean())
  })

  return { process, result }
}
