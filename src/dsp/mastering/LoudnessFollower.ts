/**
 * Loudness toward a target without knowing the track: causal, slow, upward only. Measures momentary and short-term
 * loudness (ITU-R BS.1770-4, EBU Tech 3341) and remembers about half a minute. Where there is nothing to hear it holds.
 */
import type { FollowState } from "../../domain/mastering/RenderState.ts"
import { channelWeights } from "../analysis/LoudnessMeter.ts"
import type { Kernels } from "../Kernels.ts"
import { kWeighting, meanSquareToLufs } from "../KWeighting.ts"
import type { PlanarBlock } from "./PlanarBlock.ts"

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
const longTerm = 0
const longTermWeight = 1
const gainDb = 2
const wantedDb = 3
const valueCount = 4

export interface LoudnessFollower {
  /**
   * Hears one block of `blockFrames`, which stays as it is, and moves the gain toward `targetLufs`, within 0 to `limitDb`.
   * Returns the gain at the end of the block, dB.
   */
  readonly follow: (block: PlanarBlock, targetLufs: number, limitDb: number) => number
  /** Hears one block, and leaves the gain as it is. */
  readonly hear: (block: PlanarBlock) => void
  readonly state: () => FollowState
  /** Takes over what another one has come to; the last three seconds are what this one has heard. */
  readonly goOn: (state: FollowState) => void
  /** Forgets everything. The gain is 0 dB again. */
  readonly reset: () => void
}

export const makeLoudnessFollower = (
  { float64, functions }: Kernels,
  options: { readonly sampleRate: number; readonly channels: number; readonly blockFrames: number }
): LoudnessFollower => {
  const { blockFrames, channels, sampleRate } = options
  const pairs = Math.ceil(channels / 2)
  const coefficients = float64(10)
  coefficients.set(kWeighting(sampleRate).flatMap(({ a1, a2, b0, b1, b2 }) => [b0, b1, b2, a1, a2]))
  const coefficientsAt = coefficients.byteOffset
  const weights = float64(2 * pairs)
  weights.set(channelWeights(channels))
  const weightsAt = weights.byteOffset
  const filters = float64(8 * pairs)
  const filtersAt = filters.byteOffset
  // Of the step that is being heard.
  const energy = float64(1)
  const energyAt = energy.byteOffset
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
    filters.fill(0)
    energy[0] = 0
    steps.fill(0)
    stepAt = 0
    stepsHeard = 0
    blocksInStep = 0
    now.fill(0)
    isHolding = true
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

  /** True: a step is complete. */
  const listen = (block: PlanarBlock): boolean => {
    functions.followedEnergy(block.address, channels, blockFrames, coefficientsAt, weightsAt, filtersAt, energyAt)
    blocksInStep++
    if (blocksInStep < blocksPerStep) return false
    steps[stepAt] = energy[0]! / (blocksPerStep * blockFrames)
    stepAt = (stepAt + 1) % shortTermSteps
    stepsHeard++
    blocksInStep = 0
    energy[0] = 0
    return true
  }

  const follow = (block: PlanarBlock, targetLufs: number, limitDb: number): number => {
    if (listen(block)) decide(targetLufs, limitDb)
    if (!isHolding) {
      const rise = riseDbPerSecond * secondsPerBlock
      const fall = fallDbPerSecond * secondsPerBlock
      now[gainDb] = now[gainDb]! + Math.min(rise, Math.max(-fall, now[wantedDb]! - now[gainDb]!))
    }
    return now[gainDb]!
  }

  const state = (): FollowState => ({
    gain_db: now[gainDb]!,
    // Where it holds, it wants what it has.
    wanted_db: isHolding ? now[gainDb]! : now[wantedDb]!,
    long_term: now[longTerm]!,
    long_term_weight: now[longTermWeight]!
  })

  const goOn = (state: FollowState): void => {
    now[gainDb] = state.gain_db
    now[wantedDb] = state.wanted_db
    now[longTerm] = state.long_term
    now[longTermWeight] = state.long_term_weight
    isHolding = false
    if (state.long_term_weight > 0) stepsHeard = Math.max(stepsHeard, minimumSteps)
  }

  return { follow, hear: (block) => void listen(block), state, goOn, reset }
}

const lufs = (meanSquare: number): number => (meanSquare > 0 ? meanSquareToLufs(meanSquare) : -Infinity)
