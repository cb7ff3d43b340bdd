/**
 * The mastering chain: balance, dynamics, stereo width, gain, true-peak limiter. Float32 in and out, float64 inside.
 *
 * Whatever the caller's blocks are, all work is done on blocks of fixed length on the chain's own grid, with control
 * values at their edges: any split of the input gives the same bytes. The price is one block of latency more.
 */
import type { RenderSettings } from "../../../../src/domain/mastering/MasteringPlan.ts"
import { designBalance, makeBalanceEq } from "./BalanceEq.ts"
import { makeCompressor } from "./Compressor.ts"
import { makeLookAheadLimiter } from "./LookAheadLimiter.ts"
import { makeLoudnessFollower } from "./LoudnessFollower.ts"
import { makeStereoWidth } from "./StereoWidth.ts"
import { expanderDepthDb, makeTransientExpander } from "./TransientExpander.ts"

type Planar = ReadonlyArray<Float32Array>

export interface MasteringChain {
  /** Samples per channel by which the output lags the input. Constant; the first ones that leave are silence. */
  readonly latencyFrames: number
  /**
   * Moves to other settings, linearly in dB over `glideFrames` (at least 20 ms once samples have passed: nothing
   * clicks), from the block on that is being filled.
   */
  readonly setSettings: (settings: RenderSettings, glideFrames: number) => void
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
}

/** Control values are this far apart, about. */
const blockSeconds = 0.00075
const minimumGlideSeconds = 0.02
/** A limiter that is switched on or off glides from or to here: nothing decoded reaches it. */
const openCeilingDbtp = 24

// What glides, by place in one array. The first seven are the gains of the balance filters.
const depthDb = 7
const slope = 8
const thresholdDbfs = 9
const sideDb = 10
const gainDb = 11
const ceilingDbtp = 12
/** Share of the processed signal: 0 in bypass. */
const wet = 13
const followLimitDb = 14
const valueCount = 15

// What moves from block to block beside them: the follower's gain in dB, and the factors the last block ended at.
const followDb = 0
const gain = 1
const sideGain = 2

/** Samples per channel of the chain's own grid: a power of two, 32 at 44.1 and 48 kHz. */
const gridFrames = (sampleRate: number): number => 2 ** Math.max(3, Math.round(Math.log2(blockSeconds * sampleRate)))

export const makeMasteringChain = (options: MasteringChainOptions): MasteringChain => {
  const { channels, sampleRate } = options
  const blockFrames = gridFrames(sampleRate)
  const shape = { sampleRate, channels, blockFrames }
  const design = designBalance(sampleRate)
  const equaliser = makeBalanceEq(shape)
  const expander = makeTransientExpander(shape)
  const compressor = makeCompressor(shape)
  const width = channels === 2 ? makeStereoWidth(sampleRate) : null
  const follower = makeLoudnessFollower(shape)
  const limiter = makeLookAheadLimiter(shape)
  const stageLatency = expander.latencyFrames + limiter.latencyFrames
  const latencyFrames = blockFrames + stageLatency

  const block = Array.from({ length: channels }, () => new Float64Array(blockFrames))
  // What was processed last; leaves while the next block fills.
  const finished = Array.from({ length: channels }, () => new Float32Array(blockFrames))
  // The input, `stageLatency` late, for bypass.
  const dry = Array.from({ length: channels }, () => new Float32Array(stageLatency + blockFrames))
  let filled = 0
  let hasStarted = false

  const start = new Float64Array(valueCount)
  const end = new Float64Array(valueCount)
  const current = new Float64Array(valueCount)
  let glideBlocks = 0
  let glideBlock = 0
  /** Blocks until the processed signal has come through, where it was not computed before. */
  let primingBlocks = 0
  let targetLufs = 0
  let isFollowing = false
  // A number in a closure would be allocated anew with every change.
  const moving = new Float64Array(3)
  moving[gain] = 1
  moving[sideGain] = 1

  const readSettings = (settings: RenderSettings, into: Float64Array): void => {
    into.set(design.filterGainsDb(settings.balance_db))
    into[depthDb] = expanderDepthDb(settings.expansion_db)
    into[slope] = settings.compressor === null ? 0 : 1 - 1 / settings.compressor.ratio
    into[thresholdDbfs] = settings.compressor === null ? current[thresholdDbfs]! : settings.compressor.threshold_dbfs
    into[sideDb] = settings.side_gain_db
    into[gainDb] = settings.gain_db
    into[ceilingDbtp] = settings.ceiling_dbtp ?? Infinity
    into[wet] = 1
    into[followLimitDb] = settings.follow_limit_db
  }

  const setSettings = (settings: RenderSettings, glideFrames: number): void => {
    const isIdle = current[wet] === 0
    start.set(current)
    if (settings.bypass) {
      // Everything stays as it is and fades out.
      end.set(current)
      end[wet] = 0
    } else {
      readSettings(settings, end)
      if (isIdle) {
        // Nothing of it is heard yet: it starts as it shall be, and fades in.
        start.set(end)
        start[wet] = 0
      } else if (current[slope] === 0) {
        start[thresholdDbfs] = end[thresholdDbfs]!
      }
      setFollowing(settings, isIdle)
    }
    if (start[ceilingDbtp] !== end[ceilingDbtp]) {
      start[ceilingDbtp] = Math.min(start[ceilingDbtp]!, openCeilingDbtp)
    }
    glideBlock = 0
    if (hasStarted) {
      primingBlocks = isIdle && end[wet] === 1 ? Math.ceil(stageLatency / blockFrames) + 1 : 0
      glideBlocks = Math.max(1, Math.ceil(Math.max(glideFrames, minimumGlideSeconds * sampleRate) / blockFrames))
    } else {
      glideBlocks = 0
      current.set(end)
      moving[sideGain] = decibels(current[sideDb]!)
      moving[gain] = decibels(current[gainDb]!)
    }
  }

  const setFollowing = (settings: RenderSettings, isIdle: boolean): void => {
    const wasFollowing = isFollowing
    isFollowing = settings.follow_lufs !== null
    if (settings.follow_lufs !== null) {
      targetLufs = settings.follow_lufs
      if (!wasFollowing || isIdle) {
        follower.reset()
        if (isIdle) moving[followDb] = 0
      }
      return
    }
    if (isIdle) moving[followDb] = 0
    // What the follower had reached becomes part of the static gain that glides away.
    start[gainDb] = start[gainDb]! + moving[followDb]!
    current[gainDb] = start[gainDb]!
    moving[followDb] = 0
  }

  const advance = (): void => {
    if (primingBlocks > 0) {
      primingBlocks--
      current.set(start)
      return
    }
    if (glideBlock >= glideBlocks) return
    glideBlock++
    if (glideBlock === glideBlocks) {
      current.set(end)
      return
    }
    const share = glideBlock / glideBlocks
    for (let i = 0; i < valueCount; i++) {
      const from = start[i]!
      const to = end[i] === Infinity ? openCeilingDbtp : end[i]!
      current[i] = from === end[i] ? from : from + share * (to - from)
    }
  }

  const isSilentWet = (): boolean => current[wet] === 0 && primingBlocks === 0 && glideBlock >= glideBlocks

  const processBlock = (): void => {
    const wetBefore = current[wet]!
    const wasPriming = primingBlocks > 0
    advance()
    for (let channel = 0; channel < channels; channel++) {
      const line = dry[channel]!
      const samples = block[channel]!
      line.copyWithin(0, blockFrames)
      for (let n = 0; n < blockFrames; n++) line[stageLatency + n] = samples[n]!
    }
    if (wetBefore === 0 && !wasPriming && isSilentWet()) {
      for (let channel = 0; channel < channels; channel++) {
        const line = dry[channel]!
        const out = finished[channel]!
        for (let n = 0; n < blockFrames; n++) out[n] = line[n]!
      }
      return
    }
    applyStages()
    leave(wetBefore, current[wet]!)
  }

  const applyStages = (): void => {
    equaliser.setFilterGainsDb(current)
    equaliser.process(block)
    expander.process(block, current[depthDb]!)
    compressor.process(block, current[thresholdDbfs]!, current[slope]!)
    if (width !== null) {
      const next = decibels(current[sideDb]!)
      const before = moving[sideGain]!
      if (next !== 1 || before !== 1) width.process(block[0]!, block[1]!, before, next)
      moving[sideGain] = next
    }
    if (isFollowing) {
      moving[followDb] = follower.follow(block, targetLufs - current[gainDb]!, current[followLimitDb]!)
    }
    applyGain(moving[gain]!, decibels(current[gainDb]! + moving[followDb]!))
    limiter.setCeilingDbtp(current[ceilingDbtp]!)
    limiter.process(block)
  }

  const applyGain = (before: number, next: number): void => {
    if (next !== 1 || before !== 1) {
      const step = (next - before) / blockFrames
      for (let channel = 0; channel < channels; channel++) {
        const samples = block[channel]!
        if (step === 0) for (let n = 0; n < blockFrames; n++) samples[n] = samples[n]! * next
        else for (let n = 0; n < blockFrames; n++) samples[n] = samples[n]! * (before + step * (n + 1))
      }
    }
    moving[gain] = next
  }

  const leave = (wetBefore: number, wetAfter: number): void => {
    const step = (wetAfter - wetBefore) / blockFrames
    for (let channel = 0; channel < channels; channel++) {
      const samples = block[channel]!
      const line = dry[channel]!
      const out = finished[channel]!
      if (wetBefore === 1 && wetAfter === 1) {
        for (let n = 0; n < blockFrames; n++) out[n] = samples[n]!
      } else {
        for (let n = 0; n < blockFrames; n++) {
          const share = wetBefore + step * (n + 1)
          out[n] = line[n]! + share * (samples[n]! - line[n]!)
        }
      }
    }
  }

  const process: MasteringChain["process"] = (input, inputOffset, output, outputOffset, frames) => {
    hasStarted = true
    let done = 0
    while (done < frames) {
      const run = Math.min(frames - done, blockFrames - filled)
      for (let channel = 0; channel < channels; channel++) {
        const from = input[channel]!
        const to = output[channel]!
        const samples = block[channel]!
        const leaving = finished[channel]!
        for (let n = 0; n < run; n++) {
          samples[filled + n] = from[inputOffset + done + n]!
          to[outputOffset + done + n] = leaving[filled + n]!
        }
      }
      filled += run
      done += run
      if (filled === blockFrames) {
        processBlock()
        filled = 0
      }
    }
  }

  setSettings(options.settings, 0)
  return { latencyFrames, setSettings, process }
}

const decibels = (db: number): number => (db === 0 ? 1 : 10 ** (db / 20))
