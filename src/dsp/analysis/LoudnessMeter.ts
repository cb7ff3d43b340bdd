/**
 * Loudness of a programme: ITU-R BS.1770-4 (integrated, 400 ms blocks every 100 ms, both gates), EBU Tech 3342
 * (loudness range) and the spread of short-term loudness, all from the K-weighted power of 100 ms blocks. That series is
 * the only thing that grows with the track.
 */
import type { Kernels } from "../Kernels.ts"
import { kWeighting, meanSquareToLufs } from "../KWeighting.ts"
import { blocksPerSecond } from "./BlockClock.ts"
import { makeSeries64 } from "./Series.ts"

/** BS.1770-4, Annex 1: blocks at or below this loudness never count. */
const absoluteGateLufs = -70
/** BS.1770-4: 10 LU below the loudness of what passes the absolute gate. */
const relativeGateLu = -10
/** EBU Tech 3342, 3.2: 20 LU below. */
const rangeGateLu = -20
const rangeLowPercentile = 0.1
const rangeHighPercentile = 0.95

const momentaryBlocks = 4
const shortTermBlocks = 30
/** The short-term series of `variation` steps by 1 s: values that share two thirds of their window say little anew. */
const variationStepBlocks = blocksPerSecond

/**
 * Channel weights, BS.1770-4 Annex 1 table 3 and Annex 3 (1.41 for 60-120 degrees to either side, 1 elsewhere, LFE left
 * out), in the channel order of WAVE and FFmpeg: L R C LFE, then rear, then side. Four channels are L R Ls Rs and five
 * L R C Ls Rs, as libebur128 has it. More than eight channels have no order to go by: all count 1.
 */
export const channelWeights = (channels: number): ReadonlyArray<number> => {
  const surround = 1.41
  switch (channels) {
    case 4:
      return [1, 1, surround, surround]
    case 5:
      return [1, 1, 1, surround, surround]
    case 6:
      return [1, 1, 1, 0, surround, surround]
    case 7:
      return [1, 1, 1, 0, 1, surround, surround]
    case 8:
      return [1, 1, 1, 0, 1, 1, surround, surround]
    default:
      return Array.from({ length: channels }, () => 1)
  }
}

export interface LoudnessResult {
  /** LUFS; null where no block is above the absolute gate. */
  readonly integratedLufs: number | null
  /** LU; 0 for less than 3 s. */
  readonly rangeLu: number
  /** Standard deviation of the gated short-term loudness at 1 s steps, LU; 0 with fewer than two values. */
  readonly variationLu: number
}

export interface LoudnessMeter {
  /** One complete 100 ms block, planar, in the memory of the kernels. */
  readonly process: (channels: ReadonlyArray<Float32Array>, length: number) => void
  /** Ends the measurement. */
  readonly result: () => LoudnessResult
}

export const makeLoudnessMeter = (kernels: Kernels, sampleRate: number, channels: number): LoudnessMeter => {
  const coefficients = kernels.float64(10)
  coefficients.set(kWeighting(sampleRate).flatMap(({ a1, a2, b0, b1, b2 }) => [b0, b1, b2, a1, a2]))
  const energies = kernels.float64(2)
  const pairs = pairsOf(channelWeights(channels)).map((pair) => ({ ...pair, state: kernels.float64(12) }))
  const powers = makeSeries64()

  const process = (input: ReadonlyArray<Float32Array>, length: number) => {
    let energy = 0
    for (const { first, firstWeight, second, secondWeight, state } of pairs) {
      kernels.functions.kWeightedEnergy(
        kernels.addressOf(input[first]!),
        kernels.addressOf(input[second]!),
        length,
        coefficients.byteOffset,
        state.byteOffset,
        energies.byteOffset
      )
      energy += firstWeight * energies[0]! + secondWeight * energies[1]!
    }
    powers.push(energy / length)
  }

  return { process, result: () => gatedLoudness(powers.take()) }
}

/** The channels that count, by twos; an odd last one goes with itself, at weight 0. */
const pairsOf = (weights: ReadonlyArray<number>) => {
  const counted = weights.flatMap((weight, channel) => (weight > 0 ? [{ channel, weight }] : []))
  return Array.from({ length: Math.ceil(counted.length / 2) }, (_, i) => {
    const first = counted[2 * i]!
    const second = counted[2 * i + 1] ?? { channel: first.channel, weight: 0 }
    return { first: first.channel, firstWeight: first.weight, second: second.channel, secondWeight: second.weight }
  })
}

/** `powers`: the channel-weighted mean square of each 100 ms block. */
const gatedLoudness = (powers: Float64Array): LoudnessResult => {
  const momentary = windowMeans(powers, momentaryBlocks, 1)
  const integrated = gatedMean(momentary, relativeGateLu)
  const shortTerm = gate(windowMeans(powers, shortTermBlocks, 1), rangeGateLu)
  return {
    integratedLufs: integrated === null ? null : meanSquareToLufs(integrated),
    rangeLu: loudnessRange(shortTerm),
    variationLu: standardDeviationLu(gate(windowMeans(powers, shortTermBlocks, variationStepBlocks), rangeGateLu))
  }
}

// Summed afresh for each window: a running sum would carry the rounding of a loud passage into the silence after it.
const windowMeans = (powers: Float64Array, blocks: number, step: number): Float64Array => {
  const count = Math.max(0, Math.floor((powers.length - blocks) / step) + 1)
  const means = new Float64Array(count)
  for (let i = 0; i < count; i++) {
    let sum = 0
    for (let j = i * step; j < i * step + blocks; j++) sum += powers[j]!
    means[i] = sum / blocks
  }
  return means
}

const absoluteGate = 10 ** ((absoluteGateLufs - meanSquareToLufs(1)) / 10)

const meanAbove = (powers: Float64Array, threshold: number): number | null => {
  let sum = 0
  let count = 0
  for (const power of powers) {
    if (power > threshold) {
      sum += power
      count++
    }
  }
  return count === 0 ? null : sum / count
}

const thresholdOf = (powers: Float64Array, gateLu: number): number | null => {
  const ungated = meanAbove(powers, absoluteGate)
  return ungated === null ? null : Math.max(absoluteGate, ungated * 10 ** (gateLu / 10))
}

const gatedMean = (powers: Float64Array, gateLu: number): number | null => {
  const threshold = thresholdOf(powers, gateLu)
  return threshold === null ? null : meanAbove(powers, threshold)
}

const gate = (powers: Float64Array, gateLu: number): Float64Array => {
  const threshold = thresholdOf(powers, gateLu)
  return threshold === null ? new Float64Array(0) : powers.filter((power) => power > threshold)
}

/** EBU Tech 3342: the 95th less the 10th percentile of the gated short-term loudness, nearest rank. */
const loudnessRange = (gated: Float64Array): number => {
  if (gated.length === 0) return 0
  const sorted = gated.slice().sort()
  const at = (percentile: number) => sorted[Math.round((sorted.length - 1) * percentile)]!
  return 10 * Math.log10(at(rangeHighPercentile) / at(rangeLowPercentile))
}

const standardDeviationLu = (gated: Float64Array): number => {
  if (gated.length < 2) return 0
  let sum = 0
  for (const power of gated) sum += meanSquareToLufs(power)
  const mean = sum / gated.length
  let squares = 0
  for (const power of gated) squares += (meanSquareToLufs(power) - mean) ** 2
  return Math.sqrt(squares / gated.length)
}
