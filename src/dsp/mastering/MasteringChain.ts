/**
 * The mastering chain: balance, dynamics, stereo width, gain, true-peak limiter. Float32 in and out, float64 up to the
 * limiter's delay line.
 *
 * Whatever the caller's blocks are, all work is done on blocks of fixed length on the chain's own grid, with control
 * values at their edges: any split of the input gives the same bytes. The price is one block of latency more.
 */
import type { RenderSettings } from "../../domain/mastering/MasteringPlan.ts"
import type { FollowState, RenderState } from "../../domain/mastering/RenderState.ts"
import { type Kernels, makeKernels } from "../Kernels.ts"
import { designBalance, makeBalanceEq } from "./BalanceEq.ts"
import {
  ceilingDbtp,
  depthDb,
  followLimitDb,
  gainDb,
  makeChainControls,
  sideDb,
  slope,
  thresholdDbfs,
  wet
} from "./ChainControls.ts"
import { makeCompressor } from "./Compressor.ts"
import { makeLookAheadLimiter } from "./LookAheadLimiter.ts"
import { makeLoudnessFollower } from "./LoudnessFollower.ts"
import { makePlanarBlock } from "./PlanarBlock.ts"
import { makeStereoWidth } from "./StereoWidth.ts"
import { makeTransientExpander } from "./TransientExpander.ts"

type Planar = ReadonlyArray<Float32Array>

export interface MasteringChain {
  /** Samples per channel by which the output lags the input. Constant; the first ones that leave are silence. */
  readonly latencyFrames: number
  /**
   * Moves to other settings, linearly in dB over `glideFrames` (at least 20 ms once samples have passed: nothing
   * clicks), from the block on that is being filled.
   */
  readonly setSettings: (settings: RenderSettings, glideFrames: number) => void
  /** Where its gains are after the samples that were processed so far; `position` counts from the first of these. */
  readonly state: () => RenderState & { readonly position: number }
  /**
   * `frames` samples per channel in, as many out. Planar, one array per channel, read from `inputOffset` and written
   * from `outputOffset` on; input and output may be the same arrays. The input has to be finite.
   */
  readonly process: (input: Planar, inputOffset: number, output: Planar, outputOffset: number, frames: number) => void
}

export interface MasteringChainOptions {
  /** Hz, 8 000 to 384 000. */
  readonly sampleRate: number
  /** 1 to 8. */
  readonly channels: number
  readonly settings: RenderSettings
  /**
   * Where another chain had got to toward these settings. What it says of `position`, samples from this chain's first,
   * holds there; before that the gains are those of the same glide, or rest.
   */
  readonly from?: (RenderState & { readonly position: number }) | undefined
  /** As in LookAheadLimiter. */
  readonly isExhaustive?: boolean
  /** Whose memory it shall work in. Default: its own. */
  readonly kernels?: Kernels
}

/** Control values are this far apart, about. */
const blockSeconds = 0.00075
const minimumGlideSeconds = 0.02
/** So many blocks go through the chain before its lines are moved back to their start. */
const blocksPerLine = 256

/** Where `renderBlocks` finds how many sections the balance has now. */
const sectionCountPlace = 8

/** Samples per channel of the chain's own grid: a power of two, 32 at 44.1 and 48 kHz. */
export const gridFrames = (sampleRate: number): number =>
  2 ** Math.max(3, Math.round(Math.log2(blockSeconds * sampleRate)))

/** Throws a RangeError where the kernels cannot have their memory. */
export const makeMasteringChain = (options: MasteringChainOptions): MasteringChain => {
  const kernels = options.kernels ?? makeKernels()
  const { functions } = kernels
  const { channels, sampleRate } = options
  const blockFrames = gridFrames(sampleRate)
  const shape = { sampleRate, channels, blockFrames }
  const design = designBalance(sampleRate)
  const equaliser = makeBalanceEq(kernels, shape)
  const expander = makeTransientExpander(kernels, shape)
  const compressor = makeCompressor(kernels, shape)
  const width = channels === 2 ? makeStereoWidth(kernels, sampleRate) : null
  const follower = makeLoudnessFollower(kernels, shape)
  const limiter = makeLookAheadLimiter(kernels, { ...shape, isExhaustive: options.isExhaustive ?? false })
  const stageLatency = expander.latencyFrames + limiter.latencyFrames
  const latencyFrames = blockFrames + stageLatency

  const block = makePlanarBlock(kernels, channels, blockFrames)
  // The input, the last `stageLatency` samples of it first: bypass is that much late. And what leaves, in the same places:
  // a processed block goes where the next block of input will.
  const lineFrames = stageLatency + blocksPerLine * blockFrames
  const entering = makeLines(kernels, channels, lineFrames)
  const leaving = makeLines(kernels, channels, lineFrames + blockFrames)
  /** Where the block that is being filled starts, and where the next sample goes. */
  let blockStart = stageLatency
  let filledTo = stageLatency

  const controls = makeChainControls(design)
  const { current } = controls
  let settings = options.settings
  let blocksDone = 0
  /** Blocks until what was taken over from another chain holds. */
  let blocksToState = 0
  let followed: FollowState | null = null
  /** What was asked for before that. */
  let change: { readonly settings: RenderSettings; readonly glideFrames: number } | undefined
  let targetLufs = 0
  let isFollowing = false
  /** Whether the stages have been given what `current` holds. */
  let hasSettings = false
  // A number in a closure would be allocated anew with every change.
  const followDb = new Float64Array(1)
  // Of the kernel `applyGain`.
  const gainWork = kernels.float64(3)
  gainWork[2] = 1
  // Of the kernel `renderBlocks`.
  const chain = kernels.int32(14)
  chain.set([
    channels,
    blockFrames,
    entering.stride,
    leaving.stride,
    block.address,
    equaliser.coefficientsAt,
    equaliser.orderAt,
    equaliser.stateAt,
    0,
    expander.address,
    compressor.address,
    width?.address ?? 0,
    gainWork.byteOffset,
    limiter.address
  ])
  const chainAt = chain.byteOffset

  const setSettings = (next: RenderSettings, glideFrames: number): void => {
    if (blocksToState > 0) {
      // From where the gains are then.
      change = { settings: next, glideFrames }
      return
    }
    settings = next
    hasSettings = false
    const hasStarted = blocksDone > 0 || filledTo > stageLatency
    if (!hasStarted && options.from === undefined) return startWith(undefined)
    const isIdle = current[wet] === 0
    // The processed signal has to come through where it was not computed before.
    const priming = isIdle && !next.bypass ? Math.ceil(stageLatency / blockFrames) + 1 : 0
    const glideBlocks = Math.max(1, Math.ceil(Math.max(glideFrames, minimumGlideSeconds * sampleRate) / blockFrames))
    controls.moveTo(next, glideBlocks, priming)
    if (!next.bypass) setFollowing(next, isIdle)
  }

  const startWith = (from: MasteringChainOptions["from"]): void => {
    const blocks = Math.round((from?.position ?? 0) / blockFrames)
    if (from?.glide) controls.goOn(from.glide, settings, blocks)
    else controls.moveTo(settings, 0, 0)
    followed = from?.follow ?? null
    followDb[0] = followed?.gain_db ?? 0
    blocksToState = Math.max(0, blocks)
    isFollowing = !settings.bypass && settings.follow_lufs !== null
    targetLufs = settings.follow_lufs ?? 0
    takeOverWhenDue()
    width?.startAt(decibels(current[sideDb]!))
    const gain = current[gainDb]! + followDb[0]!
    gainWork.set([gain, gain, decibels(gain)])
  }

  const takeOverWhenDue = (): void => {
    if (blocksToState > 0) return
    if (followed !== null && isFollowing) follower.goOn(followed)
    followed = null
    if (change === undefined) return
    const { glideFrames, settings: next } = change
    change = undefined
    setSettings(next, glideFrames)
  }

  const setFollowing = (settings: RenderSettings, isIdle: boolean): void => {
    const wasFollowing = isFollowing
    isFollowing = settings.follow_lufs !== null
    if (settings.follow_lufs !== null) {
      targetLufs = settings.follow_lufs
      if (!wasFollowing || isIdle) {
        follower.reset()
        if (isIdle) followDb[0] = 0
      }
      return
    }
    // What the follower had reached becomes part of the static gain that glides away.
    controls.takeIntoGain(isIdle ? 0 : followDb[0]!)
    followDb[0] = 0
  }

  /** Where all stages go on as they are, in one call; returns how many blocks it was. */
  const renderSteady = (count: number): number => {
    if (controls.isGliding() || isFollowing || current[wet] !== 1 || !hasSettings || !equaliser.isSteady()) return 0
    chain[sectionCountPlace] = equaliser.sectionCount()
    functions.renderBlocks(
      chainAt,
      entering.address + 4 * blockStart,
      leaving.address + 4 * (blockStart + blockFrames),
      count
    )
    return count
  }

  const processBlock = (): void => {
    const wetBefore = current[wet]!
    controls.advance()
    const isBeforeState = blocksToState > 0
    if (isBeforeState) blocksToState--
    if (wetBefore === 0 && current[wet] === 0 && !controls.isGliding()) {
      mix(0, 0)
      return
    }
    applyStages(isBeforeState)
    takeOverWhenDue()
    if (wetBefore !== 1 || current[wet] !== 1) mix(wetBefore, current[wet]!)
  }

  const applyStages = (isBeforeState: boolean): void => {
    functions.widen(entering.address + 4 * blockStart, entering.stride, block.address, channels, blockFrames)
    equaliser.setFilterGainsDb(current)
    equaliser.process(block)
    expander.setDepthDb(current[depthDb]!)
    compressor.set(current[thresholdDbfs]!, current[slope]!)
    width?.setSideGain(decibels(current[sideDb]!))
    functions.shapeBlock(chainAt)
    if (isFollowing && isBeforeState) follower.hear(block)
    else if (isFollowing) {
      followDb[0] = follower.follow(block, targetLufs - current[gainDb]!, current[followLimitDb]!)
    }
    gainWork[0] = current[gainDb]! + followDb[0]!
    limiter.setCeilingDbtp(current[ceilingDbtp]!)
    functions.finishBlock(chainAt, leaving.address + 4 * (blockStart + blockFrames))
    hasSettings = true
  }

  /** The input of `stageLatency` ago where `wet` is 0, what the stages made where it is 1. */
  const mix = (wetBefore: number, wetAfter: number): void => {
    const step = (wetAfter - wetBefore) / blockFrames
    for (let channel = 0; channel < channels; channel++) {
      const dry = entering.channels[channel]!
      const out = leaving.channels[channel]!
      const dryAt = blockStart - stageLatency
      const outAt = blockStart + blockFrames
      for (let n = 0; n < blockFrames; n++) {
        const share = wetBefore + step * (n + 1)
        const x = dry[dryAt + n]!
        out[outAt + n] = share === 0 ? x : x + share * (out[outAt + n]! - x)
      }
    }
  }

  const moveBack = (): void => {
    const from = blockStart - stageLatency
    for (let channel = 0; channel < channels; channel++) {
      entering.channels[channel]!.copyWithin(0, from, filledTo)
      leaving.channels[channel]!.copyWithin(0, from, blockStart + blockFrames)
    }
    blockStart -= from
    filledTo -= from
  }

  const process: MasteringChain["process"] = (input, inputOffset, output, outputOffset, frames) => {
    let done = 0
    while (done < frames) {
      if (filledTo === lineFrames) moveBack()
      const run = Math.min(frames - done, lineFrames - filledTo)
      const at = filledTo
      for (let channel = 0; channel < channels; channel++) {
        copy(input[channel]!, inputOffset + done, entering.channels[channel]!, at, run)
      }
      filledTo += run
      while (filledTo - blockStart >= blockFrames) {
        const steady = renderSteady(Math.floor((filledTo - blockStart) / blockFrames))
        if (steady === 0) processBlock()
        const blocks = Math.max(1, steady)
        blockStart += blocks * blockFrames
        blocksDone += blocks
      }
      for (let channel = 0; channel < channels; channel++) {
        copy(leaving.channels[channel]!, at, output[channel]!, outputOffset + done, run)
      }
      done += run
    }
  }

  const state: MasteringChain["state"] = () => ({
    position: blocksDone * blockFrames,
    settings,
    glide: controls.glideState(),
    follow: isFollowing ? (followed ?? follower.state()) : null
  })

  startWith(options.from)
  return { latencyFrames, setSettings, state, process }
}

interface Lines {
  readonly channels: Planar
  readonly address: number
  /** Bytes from a channel to the next. */
  readonly stride: number
}

const makeLines = (kernels: Kernels, channels: number, frames: number): Lines => {
  const all = kernels.float32(channels * frames)
  return {
    channels: Array.from({ length: channels }, (_, channel) => all.subarray(channel * frames, (channel + 1) * frames)),
    address: all.byteOffset,
    stride: 4 * frames
  }
}

/** Below this many samples a loop is faster than a view. */
const viewFrom = 128

const copy = (from: Float32Array, fromAt: number, to: Float32Array, toAt: number, count: number): void => {
  if (fromAt === 0 && count === from.length) to.set(from, toAt)
  else if (count >= viewFrom) to.set(from.subarray(fromAt, fromAt + count), toAt)
  else for (let n = 0; n < count; n++) to[toAt + n] = from[fromAt + n]!
}

const decibels = (db: number): number => (db === 0 ? 1 : 10 ** (db / 20))
