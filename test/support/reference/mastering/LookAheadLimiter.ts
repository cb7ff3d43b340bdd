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
import { detectorDelayFrames, detectorHistoryFrames, detectTruePeaks, staysBelow } from "./TruePeakDetector.ts"

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
const unity = 2 ** 24

// Places in the array of what changes from sample to sample.
const queueHead = 0
const queueTail = 1
const positionNow = 2
const envelopeNow = 3
const firstSum = 4
const secondSum = 5
const ringPosition = 6
const stateLength = 7

export interface LookAheadLimiter {
  /** Samples by which the output lags the input. */
  readonly latencyFrames: number
  /** dBTP of what leaves; Infinity lets everything pass. Takes effect with the next block. */
  readonly setCeilingDbtp: (ceilingDbtp: number) => void
  /** In place: what leaves is `latencyFrames` older than what entered. One array of `blockFrames` per channel. */
  readonly process: (block: ReadonlyArray<Float64Array>) => void
}

export const makeLookAheadLimiter = (options: {
  readonly sampleRate: number
  readonly channels: number
  readonly blockFrames: number
}): LookAheadLimiter => {
  const { blockFrames, channels, sampleRate } = options
  const lookAheadFrames = Math.max(minimumLookAheadFrames, 2 * Math.round((lookAheadSeconds * sampleRate) / 2))
  const boxFrames = lookAheadFrames / 2 + 1
  const holdFrames = Math.round(holdSeconds * sampleRate)
  const windowFrames = lookAheadFrames + 2 * flatFrames + 1 + holdFrames
  const latencyFrames = detectorDelayFrames + flatFrames + lookAheadFrames
  const release = 1 - Math.exp(-1 / (releaseSeconds * sampleRate))
  const fullSum = boxFrames * unity
  const fullSumOfSums = boxFrames * fullSum

  // Per channel: the last samples, oldest first, then the new block.
  const historyFrames = Math.max(latencyFrames, detectorDelayFrames + detectorHistoryFrames)
  const lines = Array.from({ length: channels }, () => new Float64Array(historyFrames + blockFrames))
  const peaks = new Float64Array(blockFrames)
  const gains = new Float64Array(blockFrames)
  // Largest samples of the blocks that the detector still reaches.
  const blockPeaks = new Float64Array(Math.ceil((detectorDelayFrames + detectorHistoryFrames + 1) / blockFrames) + 1)

  // Sliding minimum: a queue of rising values and their positions (Lemire 2006).
  let queueLength = 1
  while (queueLength <= windowFrames) queueLength *= 2
  const queueMask = queueLength - 1
  const queueValues = new Float64Array(queueLength)
  const queuePositions = new Float64Array(queueLength)

  // Two box means over rings of integers.
  const ring1 = new Float64Array(boxFrames).fill(unity)
  const ring2 = new Float64Array(boxFrames).fill(fullSum)
  // Numbers that change live in typed arrays: a number in a closure is allocated anew with every change.
  const state = new Float64Array(stateLength)
  state[envelopeNow] = 1
  state[firstSum] = fullSum
  state[secondSum] = fullSumOfSums
  const limit = new Float64Array(1).fill(Infinity)
  const ceilingNow = new Float64Array(1).fill(Infinity)

  const isAtRest = (): boolean =>
    state[envelopeNow] === 1 &&
    state[firstSum] === fullSum &&
    state[secondSum] === fullSumOfSums &&
    (state[queueHead] === state[queueTail] || queueValues[state[queueHead]! & queueMask] === 1)

  const setCeilingDbtp = (ceilingDbtp: number): void => {
    if (ceilingDbtp === ceilingNow[0]) return
    ceilingNow[0] = ceilingDbtp
    limit[0] = 10 ** ((ceilingDbtp - marginDb) / 20)
  }

  /** Fills `peaks`; false where nothing comes near the ceiling. */
  const detect = (block: ReadonlyArray<Float64Array>): boolean => {
    const ceiling = limit[0]!
    let largest = 0
    for (let channel = 0; channel < channels; channel++) {
      const samples = block[channel]!
      for (let n = 0; n < blockFrames; n++) {
        const x = samples[n]!
        const magnitude = x < 0 ? -x : x
        if (magnitude > largest) largest = magnitude
      }
    }
    blockPeaks.copyWithin(0, 1)
    blockPeaks[blockPeaks.length - 1] = largest
    if (ceiling === Infinity) return false
    for (let i = 0; i < blockPeaks.length - 1; i++) if (blockPeaks[i]! > largest) largest = blockPeaks[i]!
    if (staysBelow(largest, ceiling)) return false
    peaks.fill(0)
    for (let channel = 0; channel < channels; channel++) {
      detectTruePeaks(lines[channel]!, historyFrames - detectorDelayFrames, blockFrames, largest, ceiling, peaks)
    }
    for (let n = 0; n < blockFrames; n++) if (peaks[n]! > ceiling) return true
    return false
  }

  const computeGains = (isOver: boolean): void => {
    let head = state[queueHead]!
    let tail = state[queueTail]!
    let position = state[positionNow]!
    let envelope = state[envelopeNow]!
    let sum1 = state[firstSum]!
    let sum2 = state[secondSum]!
    let ringAt = state[ringPosition]!
    for (let n = 0; n < blockFrames; n++) {
      const required = isOver && peaks[n]! > limit[0]! ? limit[0]! / peaks[n]! : 1
      while (tail > head && queueValues[(tail - 1) & queueMask]! >= required) tail--
      queueValues[tail & queueMask] = required
      queuePositions[tail & queueMask] = position
      tail++
      if (queuePositions[head & queueMask]! <= position - windowFrames) head++
      position++
      const smallest = queueValues[head & queueMask]!

      envelope += (1 - envelope) * release
      if (envelope > 1 - 1 / unity) envelope = 1
      if (smallest < envelope) envelope = smallest

      const step = Math.floor(envelope * unity)
      sum1 += step - ring1[ringAt]!
      ring1[ringAt] = step
      sum2 += sum1 - ring2[ringAt]!
      ring2[ringAt] = sum1
      ringAt = ringAt + 1 === boxFrames ? 0 : ringAt + 1
      gains[n] = sum2 / fullSumOfSums
    }
    state[queueHead] = head
    state[queueTail] = tail
    state[positionNow] = position
    state[envelopeNow] = envelope
    state[firstSum] = sum1
    state[secondSum] = sum2
    state[ringPosition] = ringAt
  }

  const process = (block: ReadonlyArray<Float64Array>): void => {
    for (let channel = 0; channel < channels; channel++) {
      const line = lines[channel]!
      line.copyWithin(0, blockFrames)
      line.set(block[channel]!, historyFrames)
    }
    const isOver = detect(block)
    const outputAt = historyFrames - latencyFrames
    if (!isOver && isAtRest()) {
      // Every gain is exactly 1. The window holds nothing but ones, so any one of them stands for all.
      state[queueHead] = 0
      state[queueTail] = 0
      state[positionNow] = state[positionNow]! + blockFrames
      for (let channel = 0; channel < channels; channel++) {
        const line = lines[channel]!
        const samples = block[channel]!
        for (let n = 0; n < blockFrames; n++) samples[n] = line[outputAt + n]!
      }
      return
    }
    computeGains(isOver)
    for (let channel = 0; channel < channels; channel++) {
      const line = lines[channel]!
      const samples = block[channel]!
      for (let n = 0; n < blockFrames; n++) samples[n] = line[outputAt + n]! * gains[n]!
    }
  }

  return { latencyFrames, setCeilingDbtp, process }
}
