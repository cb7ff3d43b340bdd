/** The plan while there is no fingerprint: the preset's tilt at half strength, a slow follower, the limiter. */
import { fallbackBalance, noBalance } from "./BalanceDecision.ts"
import { type DecisionRequest, inOrder } from "./DecisionRequest.ts"
import { clamp } from "./Decibels.ts"
import type { MasteringPlan, Move } from "./MasteringPlan.ts"
import { neutral, untouched } from "./NeutralSettings.ts"
import { standby } from "./PeakSafetyDecision.ts"
import * as Sentences from "./PlanSentences.ts"
import { characters } from "./PresetCharacter.ts"

/** The most that following the loudness may add, dB. */
const followLimitDb = 9

export const fallbackPlan = (request: Omit<DecisionRequest, "analysis">): MasteringPlan => {
  const { preset } = request
  const intensity = clamp(request.intensity, 0, 1)
  const bypassed = inOrder(request.bypass ?? [])
  const common = { source: "fallback", class: "unknown", preset, intensity, bypassed, predicted: null } as const
  if (intensity === 0) {
    return { ...common, target_lufs: null, summary: Sentences.untouchedSummary, moves: [], settings: untouched }
  }
  const { targetLufs } = characters[preset]
  const balance = bypassed.includes("balance") ? noBalance : fallbackBalance(preset, intensity)
  const isFollowing = !bypassed.includes("gain")
  const limitDb = followLimitDb * intensity
  return {
    ...common,
    target_lufs: isFollowing ? targetLufs : null,
    summary: Sentences.fallbackSummary(preset, isFollowing ? targetLufs : null, bypassed),
    moves: [...balance.moves, ...(isFollowing ? [follower(targetLufs, limitDb)] : []), standby([])],
    settings: {
      ...neutral,
      balance_db: balance.gainsDb,
      ...(isFollowing ? { follow_lufs: targetLufs, follow_limit_db: limitDb } : {})
    }
  }
}

const follower = (targetLufs: number, limitDb: number): Move => ({
  stage: "loudness",
  parameter: "follower",
  amount: limitDb,
  unit: "dB",
  causes: [],
  reason: Sentences.followerReason(targetLufs, limitDb)
})
