/** Tracks made to measure: a given integrated loudness and a given crest factor. */
import { integratedLufs } from "./loudness.ts"
import { dbToLinear, makeRandom, sampled, type Signal } from "./signals.ts"

/**
 * Stereo, with different sides: two tones a side at `lufs`, and a one-sample spike every second or so that lifts the
 * peak to `crestDb` above the RMS without moving either.
 */
export const trackWith = (options: {
  readonly sampleRate: number
  readonly seconds: number
  readonly lufs: number
  readonly crestDb: number
}): Signal => {
  const { sampleRate, seconds, lufs, crestDb } = options
  const frames = Math.round(sampleRate * seconds)
  const tones = (first: number, second: number) =>
    sampled(frames, (n) => {
      const t = (2 * Math.PI * n) / sampleRate
      return 0.1 * (Math.sin(first * t) + 0.5 * Math.sin(second * t))
    })
  const sides = [tones(220, 1310), tones(277, 1760)]
  const gain = dbToLinear(lufs - integratedLufs(sides, sampleRate))
  let sum = 0
  for (const side of sides) {
    for (let n = 0; n < frames; n++) {
      side[n]! *= gain
      sum += side[n]! ** 2
    }
  }
  const peak = Math.sqrt(sum / (2 * frames)) * dbToLinear(crestDb)
  const random = makeRandom(1)
  for (let at = sampleRate / 2; at < frames; at += sampleRate * (0.8 + 0.4 * random())) {
    sides[Math.floor(2 * random())]![Math.floor(at)] = peak
  }
  return sides
}
