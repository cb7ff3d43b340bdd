/**
 * Beats by dynamic programming (D. P. W. Ellis, "Beat tracking by dynamic programming", Journal of New Music Research
 * 36, 2007): the sequence of hops that gathers the most onset strength while its intervals stay near one period.
 */
import type { Kernels } from "../Kernels.ts"

/** Ellis's alpha, for an onset strength of standard deviation 1 and the squared natural log of the interval ratio. */
const tightness = 100
/** Beats at the ends that are weaker than this share of the beats' RMS strength belong to no music. */
const edgeStrength = 0.5

/** The kernel gets so many hops at a time. */
const stretchHops = 4096

/**
 * Beat positions in hops, refined between hops by a parabola. `strength` has standard deviation 1; `periodHops` is the
 * expected interval. Ascending; may be empty. `steps` is work space of as many values as `strength` has.
 */
export const trackBeats = (
  kernels: Kernels,
  strength: Float32Array,
  periodHops: number,
  steps: Uint16Array
): Float64Array => {
  const length = strength.length
  const shortest = Math.max(1, Math.round(periodHops / 2))
  const longest = Math.max(shortest, Math.round(2 * periodHops))
  // The cheapest interval: of the two around the period.
  const costOf = (d: number) => tightness * Math.log(d / periodHops) ** 2
  const below = Math.max(shortest, Math.floor(periodHops))
  const likeliest = below < longest && costOf(below + 1) < costOf(below) ? below + 1 : below
  const reversedCost = kernels.float64(longest - shortest + 1)
  for (let d = shortest; d <= longest; d++) reversedCost[longest - d] = costOf(d)
  const stretch = kernels.float32(stretchHops)
  const stretchSteps = kernels.int32(stretchHops / 2)
  const newSteps = new Uint16Array(stretchSteps.buffer, stretchSteps.byteOffset, stretchHops)
  const state = kernels.float64(4)
  // The scores that a stretch looks back on, and its own.
  const scores = kernels.float64(longest + stretchHops).fill(-Infinity, 0, longest)
  const lastPeriod = length - Math.min(length, Math.round(periodHops))
  let end = -1
  let endScore = -Infinity
  for (let from = 0; from < length; from += stretchHops) {
    const count = Math.min(stretchHops, length - from)
    stretch.set(strength.subarray(from, from + count))
    kernels.functions.beatScores(
      stretch.byteOffset,
      scores.byteOffset + 8 * longest,
      newSteps.byteOffset,
      count,
      reversedCost.byteOffset,
      shortest,
      longest,
      likeliest,
      state.byteOffset
    )
    steps.set(newSteps.subarray(0, count), from)
    for (let t = Math.max(lastPeriod, from); t < from + count; t++) {
      const score = scores[longest + t - from]!
      if (score > endScore) {
        endScore = score
        end = t
      }
    }
    scores.copyWithin(0, count, count + longest)
  }
  if (end < 0) return new Float64Array(0)
  let count = 0
  for (let t = end; ; t -= steps[t]!) {
    count++
    if (steps[t] === 0) break
  }
  const beats = new Float64Array(count)
  for (let t = end, i = count - 1; i >= 0; t -= steps[t]!, i--) beats[i] = t
  return refine(trim(beats, strength), strength)
}

const trim = (beats: Float64Array, strength: Float32Array): Float64Array => {
  let squares = 0
  for (const t of beats) squares += strength[t]! ** 2
  const threshold = edgeStrength * Math.sqrt(squares / beats.length)
  let from = 0
  let end = beats.length
  while (from < end && strength[beats[from]!]! < threshold) from++
  while (end > from && strength[beats[end - 1]!]! < threshold) end--
  return beats.subarray(from, end)
}

const refine = (beats: Float64Array, strength: Float32Array): Float64Array =>
  beats.map((t) => {
    if (t === 0 || t === strength.length - 1) return t
    const before = strength[t - 1]!
    const at = strength[t]!
    const after = strength[t + 1]!
    const curvature = before - 2 * at + after
    return at >= before && at >= after && curvature < 0 ? t + (before - after) / (2 * curvature) : t
  })
