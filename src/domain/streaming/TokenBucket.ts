/** A bound on a rate that allows bursts: tokens come back steadily, up to a full bucket. Knows no clock. */
export interface TokenBucketOptions {
  /** Tokens of a full bucket: the largest burst. */
  readonly capacity: number
  readonly perSecond: number
}

export interface TokenBucket {
  /** Takes one token, if there is one, at a time in milliseconds that never goes back. */
  readonly take: (nowMillis: number) => boolean
}

/** Starts full. */
export const makeTokenBucket = ({ capacity, perSecond }: TokenBucketOptions): TokenBucket => {
  let tokens = capacity
  let filledAt: number | undefined
  return {
    take: (nowMillis) => {
      const elapsed = Math.max(0, nowMillis - (filledAt ?? nowMillis))
      filledAt = Math.max(nowMillis, filledAt ?? nowMillis)
      tokens = Math.min(capacity, tokens + (elapsed / 1000) * perSecond)
      if (tokens < 1) return false
      tokens -= 1
      return true
    }
  }
}
