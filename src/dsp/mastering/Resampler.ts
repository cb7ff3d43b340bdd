/**
 * Resampling by any ratio of whole rates: a polyphase FIR filter, linear phase, Kaiser window (Crochiere & Rabiner,
 * "Multirate Digital Signal Processing", 1983). Flat within 0.001 dB to 0.907 of half the lower rate (20 kHz at
 * 44.1 kHz), 120 dB down from half the lower rate on: nothing folds back.
 *
 * Output n is the instant n / rate. Where it lies between the input's samples is computed in whole numbers from n alone,
 * so that nothing drifts and it makes no difference where one starts.
 */
import { kaiser } from "../analysis/TruePeakMeter.ts"
import type { Kernels } from "../Kernels.ts"

/** 0.1102 (A - 8.7) for A = 125 dB: with single-precision taps and sums 120 dB are left. */
const kaiserBeta = 12.8
/** (A - 7.95) / 2.285: taps of a filter whose transition is one radian a sample wide. */
const tapsPerRadian = 51.2
/** As shares of half the lower rate. */
const passEdge = 0.907
const stopEdge = 1
/** The kernel's stride. */
const tapGroup = 8
/** With more phases than this, filters are interpolated between so many: the error is below -130 dB. */
const maximumRows = 2048
/** Samples that enter at a time. */
const lineFrames = 8192

/** Both rates over their greatest common divisor: `to` outputs span `from` inputs. */
export interface RateRatio {
  readonly from: number
  readonly to: number
}

export const rateRatio = (fromHz: number, toHz: number): RateRatio => {
  let [a, b] = [fromHz, toHz]
  while (b > 0) [a, b] = [b, a % b]
  return { from: fromHz / a, to: toHz / a }
}

/** How many outputs, from 0 on, lie at instants before input `frames`: the length of a resampled track. */
export const resampledFrames = ({ from, to }: RateRatio, frames: number): number => Math.ceil((frames * to) / from)

/** The last input at or before the instant of output `frame`. */
export const sourceFrame = ({ from, to }: RateRatio, frame: number): number => Math.floor((frame * from) / to)

interface Design {
  /** Of each filter. */
  readonly taps: number
  readonly rows: number
}

const designOf = ({ from, to }: RateRatio): Design => {
  const transition = Math.PI * (stopEdge - passEdge) * Math.min(1, to / from)
  return {
    taps: tapGroup * Math.ceil(tapsPerRadian / transition / tapGroup),
    rows: Math.min(to, maximumRows)
  }
}

/** Inputs on either side that an output depends on, at most. */
export const resamplerReach = (ratio: RateRatio): number => designOf(ratio).taps / 2

/** rows + 1 filters: row r is for an output r / rows of a sample behind the middle two taps' first. Unity at DC. */
const writeTable = (ratio: RateRatio, { rows, taps }: Design, table: Float32Array): void => {
  const cutoff = ((passEdge + stopEdge) / 2) * Math.min(1, ratio.to / ratio.from)
  const half = taps / 2
  const filter = new Float64Array(taps)
  for (let row = 0; row <= rows / 2; row++) {
    let sum = 0
    for (let k = 0; k < taps; k++) {
      const t = k - (half - 1) - row / rows
      const x = Math.PI * cutoff * t
      filter[k] = (x === 0 ? 1 : Math.sin(x) / x) * kaiser(t / half, kaiserBeta)
      sum += filter[k]!
    }
    // Row rows - r is row r, seen from the other side.
    for (let k = 0; k < taps; k++) {
      const tap = filter[k]! / sum
      table[row * taps + k] = tap
      table[(rows - row) * taps + taps - 1 - k] = tap
    }
  }
}

export interface ResamplerOptions {
  readonly ratio: RateRatio
  readonly channels: number
  /** Position of the first input in its track; what precedes it is taken as silence. */
  readonly firstInput: number
  /** Position of the first output in its track, at or after the instant of `firstInput`. */
  readonly firstOutput: number
}

export interface Resampler {
  /** Where inputs are to be written, one array a channel, from `end` on: at most `room` of them, then `enter`. */
  readonly lines: ReadonlyArray<Float32Array>
  readonly end: () => number
  readonly room: () => number
  readonly enter: (frames: number) => void
  /**
   * Computes outputs, at most `maximum`, as far as the inputs so far reach, to this address, f32, channels `stride`
   * bytes apart; returns how many.
   */
  readonly produce: (address: number, stride: number, maximum: number) => number
}

export const makeResampler = (kernels: Kernels, options: ResamplerOptions): Resampler => {
  const { channels, firstInput, firstOutput, ratio } = options
  const design = designOf(ratio)
  const { rows, taps } = design
  const table = kernels.float32((rows + 1) * taps)
  writeTable(ratio, design, table)
  const before = taps / 2 - 1
  const length = taps + lineFrames
  const all = kernels.float32(channels * length)
  const lines = Array.from({ length: channels }, (_, c) => all.subarray(c * length, (c + 1) * length))
  const work = kernels.int32(7)
  work.set([taps, rows, ratio.to, Math.floor(ratio.from / ratio.to), ratio.from % ratio.to])
  const at = 5
  const phase = 6
  // Silence up to the first input, which is at `before`.
  work[at] = sourceFrame(ratio, firstOutput) - firstInput
  work[phase] = (firstOutput * ratio.from) % ratio.to
  let filledTo = before

  /** What no output needs any more makes room. */
  const moveBack = (): void => {
    const from = Math.min(work[at]!, filledTo)
    for (let channel = 0; channel < channels; channel++) lines[channel]!.copyWithin(0, from, filledTo)
    filledTo -= from
    work[at] = work[at]! - from
  }

  const room = (): number => {
    if (filledTo + taps > length) moveBack()
    return length - filledTo
  }

  const produce: Resampler["produce"] = (address, stride, maximum) => {
    const behind = filledTo - taps - work[at]!
    if (behind < 0) return 0
    const count = Math.min(maximum, Math.ceil(((behind + 1) * ratio.to - work[phase]!) / ratio.from))
    kernels.functions.resample(
      all.byteOffset,
      4 * length,
      channels,
      table.byteOffset,
      work.byteOffset,
      address,
      stride,
      count
    )
    return count
  }

  return {
    lines,
    end: () => filledTo,
    room,
    enter: (frames) => {
      filledTo += frames
    },
    produce
  }
}
