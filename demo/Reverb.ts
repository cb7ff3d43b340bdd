import { silentStereo, type Stereo } from "./Stereo.ts"

/** Lengths of the delay lines, samples at 44.1 kHz: primes of 25-52 ms, so that no echo meets another. */
const lineLengths = [1103, 1277, 1433, 1571, 1733, 1907, 2087, 2293]
const referenceRate = 44_100
/** Brings the wet field to about the level of its send at a decay of 1.5 s. */
const inputGain = 0.25

export interface ReverbOptions {
  /** Time until the tail is 60 dB down. */
  readonly decaySeconds: number
  /** 0 bright, towards 1 dark: the one-pole low-pass in every line. */
  readonly damping: number
  readonly preDelaySeconds: number
}

/**
 * The room's answer to `send`, without the direct sound: eight delay lines fed back through a Householder matrix, left
 * into the even ones and right into the odd ones. J.-M. Jot, A. Chaigne, "Digital delay networks for designing
 * artificial reverberators", AES 90th Convention, 1991.
 */
export const reverb = (send: Stereo, sampleRate: number, options: ReverbOptions): Stereo => {
  const frames = send[0].length
  const wet = silentStereo(frames)
  const preDelay = Math.round(options.preDelaySeconds * sampleRate)
  const lengths = Int32Array.from(lineLengths, (length) => Math.round((length * sampleRate) / referenceRate))
  // One array for all lines: the loop looks up no array in an array.
  const starts = Int32Array.from(lengths, (_, i) => lengths.subarray(0, i).reduce((sum, length) => sum + length, 0))
  const ends = starts.map((start, i) => start + lengths[i]!)
  const memory = new Float64Array(ends[7]!)
  const positions = starts.slice()
  const gains = Float64Array.from(lengths, (length) => 10 ** ((-3 * length) / (options.decaySeconds * sampleRate)))
  const outputs = new Float64Array(lengths.length)
  const { damping } = options
  const [sendLeft, sendRight] = send
  const [wetLeft, wetRight] = wet
  for (let n = preDelay; n < frames; n++) {
    let sum = 0
    for (let i = 0; i < 8; i++) {
      const delayed = gains[i]! * memory[positions[i]!]!
      const before = outputs[i]!
      const output = delayed + damping * (before - delayed)
      outputs[i] = output
      sum += output
    }
    const left = inputGain * sendLeft[n - preDelay]!
    const right = inputGain * sendRight[n - preDelay]!
    const reflected = sum / 4
    for (let i = 0; i < 8; i++) {
      const at = positions[i]!
      memory[at] = (i % 2 === 0 ? left : right) + outputs[i]! - reflected
      positions[i] = at + 1 === ends[i]! ? starts[i]! : at + 1
    }
    wetLeft[n] = outputs[0]! + outputs[2]! - outputs[4]! - outputs[6]! + 0.4 * (outputs[1]! - outputs[3]!)
    wetRight[n] = outputs[1]! + outputs[3]! - outputs[5]! - outputs[7]! + 0.4 * (outputs[0]! - outputs[2]!)
  }
  return wet
}

/** Echoes that change sides: the first is on the right. `feedback` below 1. */
export const pingPongDelay = (send: Stereo, sampleRate: number, seconds: number, feedback: number): Stereo => {
  const frames = send[0].length
  const wet = silentStereo(frames)
  const delay = Math.round(seconds * sampleRate)
  // One pole at about 4 kHz: every repeat is darker than the one before.
  const smoothing = 1 - Math.exp((-2 * Math.PI * 4000) / sampleRate)
  let left = 0
  let right = 0
  for (let n = delay; n < frames; n++) {
    left += smoothing * (feedback * wet[1][n - delay]! - left)
    right += smoothing * (0.5 * (send[0][n - delay]! + send[1][n - delay]!) + feedback * wet[0][n - delay]! - right)
    wet[0][n] = left
    wet[1][n] = right
  }
  return wet
}
