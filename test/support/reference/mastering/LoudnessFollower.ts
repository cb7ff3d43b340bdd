/**
 * Loudness toward a target without knowing the track: causal, slow, upward only. Measures momentary and short-term
 * loudness (ITU-R BS.1770-4, EBU Tech 3341) and remembers about half a minute. Where there is nothing to hear it holds.
 */
import { channelWeights } from "../../../../src/dsp/analysis/LoudnessMeter.ts"
import { kWeighting, meanSquareToLufs } from "../../../../src/dsp/KWeighting.ts"

/** One measurement a step; momentary is 4 of them, short-term 30 (EBU Tech 3341). */
const stepSeconds = 0.1
const momentarySteps = 4
const shortTermSteps = 30
/** Nothing is decided before this much has been heard. */
const minimumSteps = 10
/** BS.1770-4: the absolute gate, LUFS, and the relative one, LU. */
const absoluteGateLufs = -70
const relativeGateLu = 10
const memorySeconds = 30
/** A rise is not noticed at this speed; a fall is quick enough for a chorus after a verse. dB/s. */
const riseDbPerSecond = 0.5
const fallDbPerSecond = 4
/** What a sudden loud passage may exceed the target by until the slower measures have noticed it, LU. */
const momentaryRoomLu = 4

// Places in the array of what changes.
const energy = 0
const longTerm = 1
const longTermWeight = 2
const gainDb = 3
const wantedDb = 4
const valueCount = 5

export interface LoudnessFollower {
  /**
   * Hears one block (an array of `blockFrames` per channel, unchanged) and moves the gain toward `targetLufs`, within
   * 0 to `limitDb`. Returns the gain at the end of the block, dB.
   */
  readonly follow: (block: ReadonlyArray<Float64Array>, targetLufs: number, limitDb: number) => number
  /** Forgets everything. The gain is 0 dB again. */
  readonly reset: () => void
}

export const makeLoudnessFollower = (options: {
  readonly sampleRate: number
  readonly channels: number
  readonly blockFrames: number
}): LoudnessFollower => {
  const { blockFrames, channels, sampleRate } = options
  const [shelf, rlb] = kWeighting(sampleRate)
  const weights = channelWeights(channels)
  const state = new Float64Array(channels * 4)
  const blocksPerStep = Math.max(1, Math.round((stepSeconds * sampleRate) / blockFrames))
  const secondsPerBlock = blockFrames / sampleRate
  const memory = 1 - Math.exp((-blocksPerStep * secondsPerBlock) / memorySeconds)
  const steps = new Float64Array(shortTermSteps)
  let stepAt = 0
  let stepsHeard = 0
  let blocksInStep = 0
  let isHolding = true
  // A number in a closure would be allocated anew with every change.
  const now = new Float64Array(valueCount)

  const reset = (): void => {
    state.fill(0)
    steps.fill(0)
    stepAt = 0
    stepsHeard = 0
    blocksInStep = 0
    now.fill(0)
    isHolding = true
  }

  const kWeightedEnergy = (samples: Float64Array, at: number): number => {
    let p1 = state[at]!
    let p2 = state[at + 1]!
    let q1 = state[at + 2]!
    let q2 = state[at + 3]!
    let sum = 0
    for (let n = 0; n < blockFrames; n++) {
      const x = samples[n]!
      const y = shelf.b0 * x + p1
      p1 = shelf.b1 * x - shelf.a1 * y + p2
      p2 = shelf.b2 * x - shelf.a2 * y
      const z = rlb.b0 * y + q1
      q1 = rlb.b1 * y - rlb.a1 * z + q2
      q2 = rlb.b2 * y - rlb.a2 * z
      sum += z * z
    }
    state[at] = settle(p1)
    state[at + 1] = settle(p2)
    state[at + 2] = settle(q1)
    state[at + 3] = settle(q2)
    return sum
  }

  const meanOfLast = (count: number): number => {
    const available = Math.min(count, stepsHeard)
    let sum = 0
    for (let i = 1; i <= available; i++) sum += steps[(stepAt - i + shortTermSteps) % shortTermSteps]!
    return available === 0 ? 0 : sum / available
  }

  const decide = (targetLufs: number, limitDb: number): void => {
    const momentary = lufs(meanOfLast(momentarySteps))
    const isAudible = momentary > absoluteGateLufs
    const known = now[longTermWeight]! > 0 ? lufs(now[longTerm]! / now[longTermWeight]!) : -Infinity
    if (isAudible && momentary > known - relativeGateLu) {
      const last = steps[(stepAt - 1 + shortTermSteps) % shortTermSteps]!
      now[longTerm] = now[longTerm]! + memory * (last - now[longTerm]!)
      now[longTermWeight] = now[longTermWeight]! + memory * (1 - now[longTermWeight]!)
    }
    isHolding = !isAudible || stepsHeard < minimumSteps || momentary < known - relativeGateLu
    if (isHolding) return
    const heard = Math.max(lufs(now[longTerm]! / now[longTermWeight]!), lufs(meanOfLast(shortTermSteps)))
    const room = targetLufs + momentaryRoomLu - momentary
    now[wantedDb] = Math.min(limitDb, Math.max(0, Math.min(targetLufs - heard, room)))
  }

  const follow = (block: ReadonlyArray<Float64Array>, targetLufs: number, limitDb: number): number => {
    for (let channel = 0; channel < channels; channel++) {
      if (weights[channel]! > 0) {
        now[energy] = now[energy]! + weights[channel]! * kWeightedEnergy(block[channel]!, channel * 4)
      }
    }
    blocksInStep++
    if (blocksInStep === blocksPerStep) {
      steps[stepAt] = now[energy]! / (blocksPerStep * blockFrames)
      stepAt = (stepAt + 1) % shortTermSteps
      stepsHeard++
      blocksInStep = 0
      now[energy] = 0
      decide(targetLufs, limitDb)
    }
    if (!isHolding) {
      const rise = riseDbPerSecond * secondsPerBlock
      const fall = fallDbPerSecond * secondsPerBlock
      now[gainDb] = now[gainDb]! + Math.min(rise, Math.max(-fall, now[wantedDb]! - now[gainDb]!))
    }
    return now[gainDb]!
  }
  return { follow, reset }
}

const lufs = (meanSquare: number): number => (meanSquare > 0 ? meanSquareToLufs(meanSquare) : -Infinity)

const settle = (value: number): number => (value < 1e-30 && value > -1e-30 ? 0 : value)
