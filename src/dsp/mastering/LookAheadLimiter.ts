/**
 * True-peak limiter with look-ahead, one gain for all channels.
 *
 * For each interval between samples the detector gives the gain that would bring its peak to the ceiling. The smallest
 * of those over the look-ahead and a flat stretch on both sides is held for a while, released with one pole, and smoothed by two box
 * means that together span the look-ahead: when a peak arrives the gain is already down, and it is constant over the
 * reach of a reconstruction filter, so that it holds between samples too.
 *
 * The box means run on integers (gain in steps of 2^-24): running sums that never drift, and a gain of exactly 1 at rest.
 */
import type { Kernels } from "../Kernels.ts"
import { detectorDelayFrames, detectorHistoryFrames, groupFrames, makeDetectorTables } from "./TruePeakDetector.ts"

/** Samples on either side of a peak that get its gain or less: half the detector's taps, as of common meters. */
const flatFrames = 16
const lookAheadSeconds = 0.00145
/** Fewer samples than this would let the attack be heard as a click at low rates. */
const minimumLookAheadFrames = 64
/** A gain is kept this long after its peak: half a period of 50 Hz, so that a steady bass is not bent by the release. */
const holdSeconds = 0.0102
const releaseSeconds = 0.02
/** Meters on other grids and with other filters than this detector's read up to 0.1 dB more; half of it is in the tolerance. */
const marginDb = 0.07
/** The lines are moved back to their start only so often. */
const blocksPerLine = 32
/** Two numbers of 8 bytes and 15 of 4. */
const setupLength = 10

export interface LookAheadLimiter {
  /** Of the setup of the kernel `limit`. */
  readonly address: number
  /** Samples by which the output lags the input. */
  readonly latencyFrames: number
  /** dBTP of what leaves; Infinity lets everything pass. Takes effect with the next block. */
  readonly setCeilingDbtp: (ceilingDbtp: number) => void
}

export interface LookAheadLimiterOptions {
  readonly sampleRate: number
  readonly channels: number
  /** A multiple of 8. */
  readonly blockFrames: number
  /** Looks between all samples, however far below the ceiling they are; the output is the same. Default false. */
  readonly isExhaustive?: boolean
}

export const makeLookAheadLimiter = (kernels: Kernels, options: LookAheadLimiterOptions): LookAheadLimiter => {
  const { blockFrames, channels, isExhaustive = false, sampleRate } = options
  const { float32, float64 } = kernels
  const lookAheadFrames = Math.max(minimumLookAheadFrames, 2 * Math.round((lookAheadSeconds * sampleRate) / 2))
  const boxFrames = lookAheadFrames / 2 + 1
  const holdFrames = Math.round(holdSeconds * sampleRate)
  const windowFrames = lookAheadFrames + 2 * flatFrames + 1 + holdFrames
  const latencyFrames = detectorDelayFrames + flatFrames + lookAheadFrames

  // Per channel: the last samples, oldest first, then the new blocks, and the largest magnitude of every 8.
  const historyFrames =
    groupFrames * Math.ceil(Math.max(latencyFrames, detectorDelayFrames + detectorHistoryFrames) / groupFrames)
  const lineFrames = historyFrames + blocksPerLine * blockFrames
  const maximaLength = lineFrames / groupFrames
  const { boundsAt, tapsAt } = makeDetectorTables(kernels, isExhaustive)
  const pastFrames = blockFrames * Math.ceil((windowFrames - 1) / blockFrames)
  const setup = float64(setupLength)
  setup.set([Infinity, Math.exp(-1 / (releaseSeconds * sampleRate))])
  new Int32Array(setup.buffer, setup.byteOffset + 16).set([
    float32(channels * lineFrames).byteOffset,
    float32(channels * maximaLength).byteOffset,
    tapsAt,
    boundsAt,
    float32(blockFrames).byteOffset,
    float32(blockFrames).byteOffset,
    float64(4 + pastFrames + 2 * (boxFrames + blockFrames) + blockFrames).byteOffset,
    4 * lineFrames,
    4 * maximaLength,
    windowFrames,
    boxFrames,
    historyFrames,
    latencyFrames,
    lineFrames,
    historyFrames
  ])

  // A number in a closure would be allocated anew with every change.
  const ceilingNow = new Float64Array(1).fill(Infinity)
  const setCeilingDbtp = (ceilingDbtp: number): void => {
    if (ceilingDbtp === ceilingNow[0]) return
    ceilingNow[0] = ceilingDbtp
    setup[0] = 10 ** ((ceilingDbtp - marginDb) / 20)
  }

  return { address: setup.byteOffset, latencyFrames, setCeilingDbtp }
}
