/**
 * Beats by dynamic programming (D. P. W. Ellis, "Beat tracking by dynamic programming", Journal of New Music Research
 * 36, 2007): the sequence of hops that gathers the most onset strength while its intervals stay near one period.
 */

/** Ellis's alpha, for an onset strength of standard deviation 1 and the squared natural log of the interval ratio. */
const tightness = 100
/** Beats at the ends that are weaker than this share of the beats' RMS strength belong to no music. */
const edgeStrength = 0.5

/**
 * Beat positions in hops, refined between hops by a parabola. `strength` has standard deviation 1; `periodHops` is the
 * expected interval. Ascending; may be empty.
 */
export const trackBeats = (strength: Float32Array, periodHops: number): Float64Array => {
  const length = strength.length
  const shortest = Math.max(1, Math.round(periodHops / 2))
  const longest = Math.max(shortest, Math.round(2 * periodHops))
  const cost = Float64Array.from(
    { length: longest + 1 },
    (_, d) => tightness * Math.log(Math.max(1, d) / periodHops) ** 2
  )
  // Scores are looked back on for two periods only.
  const kept = longest + 1
  const scores = new Float64Array(kept)
  /** Interval to the beat before, 0 for none. */
  const steps = new Uint16Array(length)
  const lastPeriod = length - Math.min(length, Math.round(periodHops))
  let end = -1
  let endScore = -Infinity
  for (let t = 0; t < length; t++) {
    let best = 0
    let step = 0
    const farthest = Math.min(longest, t)
    let slot = (t - shortest + kept) % kept
    for (let d = shortest; d <= farthest; d++) {
      const score = scores[slot]! - cost[d]!
      if (score > best) {
        best = score
        step = d
      }
      slot = slot === 0 ? kept - 1 : slot - 1
    }
    const score = strength[t]! + best
    scores[t % kept] = score
    steps[t] = step
    if (t >= lastPeriod && score > endScore) {
      endScore = score
      end = t
    }
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
