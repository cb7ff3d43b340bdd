/**
 * How many requests one remote address may make: a token bucket each, in a table of bounded size. The key is the
 * address and nothing of the request, so neither another path nor a new connection gives a new budget.
 */
import { makeTokenBucket, type TokenBucket } from "./TokenBucket.ts"

export interface RequestBudget {
  /** Requests a second in the long run. */
  readonly perSecond: number
  /** Requests at once, after a quiet while. */
  readonly burst: number
  /** Addresses remembered; beyond it the one that was quiet for longest is forgotten. */
  readonly addresses: number
}

/** Takes one request out of the budget of `address` at `nowMs`; false: spent. */
export type TakeRequest = (address: string, nowMs: number) => boolean

export const makeRequestBudgets = ({ perSecond, burst, addresses }: RequestBudget): TakeRequest => {
  // In the order of use: the first key is the one to forget.
  const buckets = new Map<string, TokenBucket>()
  return (address, nowMs) => {
    const key = budgetKey(address)
    const bucket = buckets.get(key) ?? makeTokenBucket({ capacity: burst, perSecond })
    buckets.delete(key)
    buckets.set(key, bucket)
    if (buckets.size > addresses) buckets.delete(buckets.keys().next().value!)
    return bucket.take(nowMs)
  }
}

/** IPv4 as it is; of IPv6 the first 64 bits, which is what one household gets: it can change the rest at will. */
export const budgetKey = (address: string): string => {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  if (mapped !== null) return mapped[1]!
  if (!address.includes(":")) return address
  const [plain = ""] = address.split("%")
  const [head = "", tail] = plain.split("::")
  const groups = head === "" ? [] : head.split(":")
  if (tail !== undefined) {
    const last = tail === "" ? [] : tail.split(":")
    while (groups.length + last.length < 8) groups.push("0")
    groups.push(...last)
  }
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":")
}
