/**
 * Gain of the side signal above 120 Hz. The second-order high-pass turns the phase by more than 90 degrees below its
 * corner, so that what it lets through there narrows rather than widens.
 */
import { highPass } from "../../../../src/dsp/Biquad.ts"

const cornerHz = 120

export interface StereoWidth {
  /**
   * In place, on two channels of equal length; the side gain moves linearly from `from` to `to` (factors) over the
   * block. Where left equals right, nothing changes.
   */
  readonly process: (left: Float64Array, right: Float64Array, from: number, to: number) => void
}

export const makeStereoWidth = (sampleRate: number): StereoWidth => {
  const { b0, b1, b2, a1, a2 } = highPass(sampleRate, cornerHz, Math.SQRT1_2)
  const state = new Float64Array(2)
  const process = (left: Float64Array, right: Float64Array, from: number, to: number): void => {
    const frames = left.length
    const step = (to - from) / frames
    let extra = from - 1
    let s1 = state[0]!
    let s2 = state[1]!
    for (let n = 0; n < frames; n++) {
      extra += step
      const side = (left[n]! - right[n]!) / 2
      const high = b0 * side + s1
      s1 = b1 * side - a1 * high + s2
      s2 = b2 * side - a2 * high
      left[n] = left[n]! + extra * high
      right[n] = right[n]! - extra * high
    }
    state[0] = Math.abs(s1) < 1e-30 ? 0 : s1
    state[1] = Math.abs(s2) < 1e-30 ? 0 : s2
  }
  return { process }
}
