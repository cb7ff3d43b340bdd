/**
 * Levels of the samples as they are: peak, RMS, clipping, silence, and how crest factor and peak vary from second to
 * second. Over all samples of all channels.
 */
import { blocksPerSecond } from "./BlockClock.ts"

/** -60 dBFS: what is below counts as silence, in blocks and in frames. */
export const silenceMeanSquare = 1e-6

/** The largest positive code of 16 bits. A clipped 16-bit file never reaches 1 on the positive side. */
const clippedAt = 32767 / 32768

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
  /** One block of at most 100 ms. False, and nothing is counted, if a sample in it is not finite. */
  readonly process: (channels: ReadonlyArray<Float32Array>, length: number, complete: boolean) => boolean
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

  const process = (input: ReadonlyArray<Float32Array>, length: number, complete: boolean): boolean => {
    let blockPeak = 0
    let blockEnergy = 0
    let blockClipped = 0
    for (let c = 0; c < channels; c++) {
      const x = input[c]!
      let largest = 0
      let sum = 0
      for (let i = 0; i < length; i++) {
        const v = x[i]!
        const magnitude = Math.abs(v)
        if (magnitude > largest) largest = magnitude
        sum += v * v
      }
      // Only what comes near full scale is counted one by one.
      if (largest >= clippedAt) for (let i = 0; i < length; i++) if (Math.abs(x[i]!) >= clippedAt) blockClipped++
      if (largest > blockPeak) blockPeak = largest
      blockEnergy += sum
    }
    // Squares of finite float32 cannot overflow a double: the sum is finite exactly if every sample is.
    if (!Number.isFinite(blockEnergy)) return false
    if (blockPeak > peak) peak = blockPeak
    energy += blockEnergy
    samples += length * channels
    clipped += blockClipped
    if (!complete) return true
    if (blockEnergy / (length * channels) < silenceMeanSquare) silentBlocks++
    blocks++
    secondPeak = Math.max(secondPeak, blockPeak)
    secondEnergy += blockEnergy
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
