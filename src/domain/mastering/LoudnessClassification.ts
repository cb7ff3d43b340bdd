/**
 * The class of a track by the 2D Loudness-War Restraint Principle: loudness says whether it is loud, the crest factor
 * whether it was crushed to become so.
 */
import type { Fingerprint } from "../fingerprint/Fingerprint.ts"
import type { LoudnessClass } from "./MasteringPlan.ts"

/** Above this a track is loud, LUFS; exactly this is not. */
const loudThresholdLufs = -12
/** Below this a loud track is compressed, dB; exactly this is dynamic. */
export const compressedCrestDb = 13

export const classify = (fingerprint: Pick<Fingerprint, "lufs" | "crest_db">): Exclude<LoudnessClass, "unknown"> => {
  if (fingerprint.lufs <= loudThresholdLufs) return "quiet_or_moderate"
  return fingerprint.crest_db < compressedCrestDb ? "compressed_loud" : "dynamic_loud"
}
