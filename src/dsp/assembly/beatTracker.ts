// Beat tracking by dynamic programming, one stretch of hops. Reference: test/support/reference/BeatTracker.ts.

/** More than what rounding makes of differences of scores, which stay below 10^7. */
const ROUNDING: f64 = 1e-6

/**
 * scores[t] = strength[t] + max(0, max over d of scores[t - d] - cost[d]), d from `shortest` to `longest`; the d of the
 * maximum, the shortest of equal ones, goes to steps[t], 0 if it is not above 0.
 *
 * strength: f32 x count. scores: the address of scores[0], f64; the `longest` before it are known, or -Infinity before
 * the track. steps: u16 x count. reversedCost: of interval `longest` first, f64 x (longest - shortest + 1), convex with
 * one minimum, at `likeliest`, as tightness * ln(d / period)^2 is.
 * state: kept from call to call, f64 x 4 of zeros at first: the largest scores that a beat may follow, of the newest
 * `longest` or fewer and of as many before those; how many the former are; the last step.
 */
export function beatScores(
  strength: usize,
  scores: usize,
  steps: usize,
  count: i32,
  reversedCost: usize,
  shortest: i32,
  longest: i32,
  likeliest: i32,
  state: usize
): void {
  let largest = load<f64>(state)
  let largestBefore = load<f64>(state, 8)
  let largestOf = <i32>load<f64>(state, 16)
  let step = <i32>load<f64>(state, 24)
  const costEnd = reversedCost + ((<usize>(longest - shortest)) << 3)
  const likeliestCost = reversedCost + ((<usize>(longest - likeliest)) << 3)
  let first = likeliestCost
  let end = likeliestCost
  for (let t: i32 = 0; t < count; t++) {
    const here = scores + ((<usize>t) << 3)
    if (largestOf == longest) {
      largestBefore = largest
      largest = 0
      largestOf = 0
    }
    largestOf++
    largest = max(largest, load<f64>(here - ((<usize>shortest) << 3)))
    // A beat found fast bounds the search: no score of the past makes good for a larger cost than the rest of this.
    let known = load<f64>(here - ((<usize>likeliest) << 3)) - load<f64>(likeliestCost)
    if (step > 0 && step < longest) {
      const at = (<usize>(step + 1)) << 3
      known = max(known, load<f64>(here - at) - load<f64>(reversedCost + ((<usize>longest) << 3) - at))
    }
    const affordable = max(largest, largestBefore) - max<f64>(0, known) + ROUNDING
    // From hop to hop the affordable intervals change little.
    while (first > reversedCost && load<f64>(first - 8) <= affordable) first -= 8
    while (first < likeliestCost && load<f64>(first) > affordable) first += 8
    while (end < costEnd && load<f64>(end + 8) <= affordable) end += 8
    while (end > likeliestCost && load<f64>(end) > affordable) end -= 8
    let cost = first
    let score = here - ((<usize>longest) << 3) + (cost - reversedCost)
    let best = -Infinity
    let bestAt: usize = 0
    if (cost < end) {
      let bests = f64x2.splat(-Infinity)
      let places = i64x2.splat(0)
      let place = i64x2.splat(<i64>score)
      for (; cost < end; cost += 16) {
        const v = f64x2.sub(v128.load(score), v128.load(cost))
        const better = f64x2.ge(v, bests)
        bests = v128.bitselect(v, bests, better)
        places = v128.bitselect(place, places, better)
        place = i64x2.add(place, i64x2.splat(16))
        score += 16
      }
      best = f64x2.extract_lane(bests, 0)
      bestAt = <usize>i64x2.extract_lane(places, 0)
      const other = f64x2.extract_lane(bests, 1)
      const otherAt = <usize>i64x2.extract_lane(places, 1) + 8
      if (other > best || (other == best && otherAt > bestAt)) {
        best = other
        bestAt = otherAt
      }
    }
    if (cost == end) {
      const v = load<f64>(score) - load<f64>(cost)
      if (v >= best) {
        best = v
        bestAt = score
      }
    }
    step = 0
    if (best > 0) step = <i32>((here - bestAt) >> 3)
    else best = 0
    store<f64>(here, <f64>load<f32>(strength + ((<usize>t) << 2)) + best)
    store<u16>(steps + ((<usize>t) << 1), <u16>step)
  }
  store<f64>(state, largest)
  store<f64>(state, largestBefore, 8)
  store<f64>(state, <f64>largestOf, 16)
  store<f64>(state, <f64>step, 24)
}
