/**
 * From the samples of a file to what is delivered: the mastering chain, at the rate that was asked for. Where that is not
 * the file's, the stages up to the gain run at the file's rate, then the resampler, and behind it the limiter: the
 * ceiling holds for the samples that leave, whatever the resampler's filter adds between the file's.
 *
 * Without settings nothing is mastered: the file's own samples, or these resampled, with no limiter.
 */
import type { RenderSettings } from "../../domain/mastering/MasteringPlan.ts"
import type { RenderState } from "../../domain/mastering/RenderState.ts"
import { makeKernels } from "../Kernels.ts"
import { makeLookAheadLimiter } from "./LookAheadLimiter.ts"
import { gridFrames, type MasteringChain, makeMasteringChain } from "./MasteringChain.ts"
import { makePlanarBlock } from "./PlanarBlock.ts"
import { makeResampler, rateRatio, resampledFrames, resamplerReach, sourceFrame } from "./Resampler.ts"

type Planar = ReadonlyArray<Float32Array>

/** Rendered and thrown away before a start in the middle: what came before has no effect on the stages after this. */
const preRollSeconds = 5
/** A pre-roll starts on a multiple of this, and with it on the chain's own grid at any rate. */
const startGridFrames = 1024

export interface DeliveryOptions {
  /** Hz, of the file: 8 000 to 384 000. */
  readonly sourceRate: number
  /** Hz, of what is delivered; the same range. */
  readonly sampleRate: number
  /** 1 to 8. */
  readonly channels: number
  /** null: nothing is mastered. */
  readonly settings: RenderSettings | null
  /** First sample wanted, samples per channel at `sampleRate`. */
  readonly startFrame: number
  /** Where another delivery of this file had got to toward these settings: no level jumps where this one goes on. */
  readonly from?: RenderState | undefined
}

export interface Delivery {
  /** Position in the file of the first sample to be pushed: far enough before the start. */
  readonly readFrom: number
  /**
   * Position, at the delivered rate, of the first sample that `process` writes. Before `startFrame` and even before 0,
   * by the latency: what precedes the start is to be thrown away.
   */
  readonly firstFrame: number
  /** Length of what is delivered of a file of so many samples per channel: all n for which n / rate lies within it. */
  readonly lengthOf: (sourceFrames: number) => number
  /** As of MasteringChain, in seconds. No effect where there were no settings to begin with. */
  readonly setSettings: (settings: RenderSettings, glideSeconds: number) => void
  /** Where its gains are by now; null: at rest, and nothing is followed. */
  readonly state: () => RenderState | null
  /** Most that `process` writes for so many samples per channel. */
  readonly capacity: (frames: number) => number
  /** Takes `frames` samples per channel, finite, and writes to the start of `output`; returns how many per channel. */
  readonly process: (input: Planar, frames: number, output: Planar) => number
}

/** `position` from the file's first sample to a chain's, which is `readFrom`. */
const fromOf = ({ from }: DeliveryOptions, start: number, readFrom: number) =>
  from && { ...from, position: (from.position ?? start) - readFrom }

const stateOf = (chain: MasteringChain | null, readFrom: number): RenderState | null => {
  const state = chain?.state()
  if (state === undefined || (state.glide === null && state.follow === null)) return null
  return { ...state, position: readFrom + state.position }
}

const gridBelow = (frame: number): number => Math.max(0, Math.floor(frame / startGridFrames) * startGridFrames)

/** Throws a RangeError where the kernels cannot have their memory. */
export const makeDelivery = (options: DeliveryOptions): Delivery =>
  options.sampleRate === options.sourceRate ? makeAtOwnRate(options) : makeResampled(options)

const makeAtOwnRate = (options: DeliveryOptions): Delivery => {
  const { channels, settings, sourceRate: sampleRate, startFrame } = options
  const readFrom = settings === null ? startFrame : gridBelow(startFrame - preRollSeconds * sampleRate)
  const makeChain = (settings: RenderSettings) => {
    const [kernels, from] = [makeKernels(mebibytesOf(options)), fromOf(options, startFrame, readFrom)]
    return makeMasteringChain({ kernels, sampleRate, channels, settings, from })
  }
  const chain = settings === null ? null : makeChain(settings)
  return {
    readFrom,
    firstFrame: readFrom - (chain?.latencyFrames ?? 0),
    lengthOf: (sourceFrames) => sourceFrames,
    setSettings: (next, glideSeconds) => chain?.setSettings(next, Math.round(glideSeconds * sampleRate)),
    state: () => stateOf(chain, readFrom),
    capacity: (frames) => frames,
    process: (input, frames, output) => {
      if (chain === null) for (const [c, samples] of input.entries()) output[c]!.set(samples.subarray(0, frames))
      else chain.process(input, 0, output, 0, frames)
      return frames
    }
  }
}

/**
 * MiB of the kernels' memory for one rendering: 0.15 are used for stereo at 44.1 kHz, 3.3 for a ratio of rates with a
 * filter for each of 2048 phases, 4.5 for eight channels at 384 kHz.
 */
const mebibytesOf = ({ channels, sampleRate, sourceRate }: DeliveryOptions): number =>
  channels * Math.max(sampleRate, sourceRate) <= 400_000 ? 4 : 16

/** Blocks of the limiter that are computed at a time. */
const limiterBlocks = 64

const makeResampled = (options: DeliveryOptions): Delivery => {
  const { channels, sampleRate, settings, sourceRate, startFrame } = options
  const kernels = makeKernels(mebibytesOf(options))
  const ratio = rateRatio(sourceRate, sampleRate)
  const start = sourceFrame(ratio, startFrame)
  const readFrom =
    settings === null ? Math.max(0, start - resamplerReach(ratio)) : gridBelow(start - preRollSeconds * sourceRate)
  const chain =
    settings === null
      ? null
      : makeMasteringChain({
          kernels,
          sampleRate: sourceRate,
          channels,
          settings: withoutLimiter(settings),
          from: fromOf(options, start, readFrom)
        })
  const firstOutput = resampledFrames(ratio, readFrom)
  const resampler = makeResampler(kernels, {
    ratio,
    channels,
    firstInput: readFrom - (chain?.latencyFrames ?? 0),
    firstOutput
  })
  const blockFrames = gridFrames(sampleRate)
  const lineFrames = limiterBlocks * blockFrames
  const stride = 4 * lineFrames
  const makeLines = () => {
    const all = kernels.float32(channels * lineFrames)
    return {
      address: all.byteOffset,
      channels: Array.from({ length: channels }, (_, c) => all.subarray(c * lineFrames, (c + 1) * lineFrames))
    }
  }
  const resampled = makeLines()
  const limited = makeLines()
  const block = makePlanarBlock(kernels, channels, blockFrames)
  const limiter = chain === null ? null : makeLookAheadLimiter(kernels, { sampleRate, channels, blockFrames })
  if (settings !== null) limiter?.setCeilingDbtp(ceilingOf(settings))
  /** Samples in `resampled`: less than a block, between calls. */
  let pending = 0
  /** Blocks until the limiter opens, if it shall: the old plan fades out under its ceiling. */
  let blocksToOpen = 0

  const setSettings: Delivery["setSettings"] = (next, glideSeconds) => {
    if (chain === null || limiter === null) return
    chain.setSettings(withoutLimiter(next), Math.round(glideSeconds * sourceRate))
    const ceiling = ceilingOf(next)
    blocksToOpen = ceiling === Infinity ? Math.ceil((glideSeconds * sampleRate) / blockFrames) + limiterBlocks : 0
    // The limiter's own attack keeps this from being heard.
    if (ceiling < Infinity) limiter.setCeilingDbtp(ceiling)
  }

  /** Limits what is pending, in whole blocks; returns how many samples per channel are in `limited` now. */
  const limit = (): number => {
    if (limiter === null) return 0
    let blocks = Math.floor(pending / blockFrames)
    let done = 0
    const run = (count: number) => {
      const offset = 4 * done
      kernels.functions.limitBlocks(
        resampled.address + offset,
        stride,
        block.address,
        channels,
        blockFrames,
        limiter.address,
        limited.address + offset,
        stride,
        count
      )
      done += count * blockFrames
      blocks -= count
    }
    if (blocksToOpen > 0) {
      const count = Math.min(blocks, blocksToOpen)
      run(count)
      blocksToOpen -= count
      if (blocksToOpen === 0) limiter.setCeilingDbtp(Infinity)
    }
    run(blocks)
    for (const samples of resampled.channels) samples.copyWithin(0, done, pending)
    pending -= done
    return done
  }

  const process: Delivery["process"] = (input, frames, output) => {
    let written = 0
    for (let done = 0; done < frames;) {
      const run = Math.min(frames - done, resampler.room())
      const to = resampler.end()
      if (chain !== null) chain.process(input, done, resampler.lines, to, run)
      else for (const [c, samples] of input.entries()) resampler.lines[c]!.set(samples.subarray(done, done + run), to)
      resampler.enter(run)
      done += run
      for (;;) {
        const count = resampler.produce(resampled.address + 4 * pending, stride, lineFrames - pending)
        if (count === 0) break
        pending += count
        const source = limiter === null ? resampled : limited
        let finished = pending
        if (limiter === null) pending = 0
        else finished = limit()
        for (const [c, samples] of source.channels.entries()) output[c]!.set(samples.subarray(0, finished), written)
        written += finished
      }
    }
    return written
  }

  return {
    readFrom,
    firstFrame: firstOutput - (limiter?.latencyFrames ?? 0),
    lengthOf: (sourceFrames) => resampledFrames(ratio, sourceFrames),
    setSettings,
    state: () => stateOf(chain, readFrom),
    capacity: (frames) => resampledFrames(ratio, frames + 1) + blockFrames,
    process
  }
}

const withoutLimiter = (settings: RenderSettings): RenderSettings => ({ ...settings, ceiling_dbtp: null })

const ceilingOf = (settings: RenderSettings): number =>
  settings.bypass ? Infinity : (settings.ceiling_dbtp ?? Infinity)
