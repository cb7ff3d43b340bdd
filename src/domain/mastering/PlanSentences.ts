/**
 * Every sentence of a mastering plan: its summary, and the reason of each of its moves. All numbers are decided where
 * they are called from; here they are put into words.
 */
import type { BandName } from "../fingerprint/Fingerprint.ts"
import type { BypassableStage, Preset } from "./MasteringPlan.ts"

const show = (value: number): string => (Math.abs(value) < 0.05 ? "0" : value.toFixed(1))

interface Loudness {
  readonly lufs: number
  readonly crest_db: number
}

const loudnessOf = ({ crest_db, lufs }: Loudness): string => `${show(lufs)} LUFS, crest ${show(crest_db)} dB`

// Summaries

const leftOut = (bypassed: ReadonlyArray<BypassableStage>): string =>
  bypassed.length === 0 ? "" : ` Left out on request: ${bypassed.join(", ")}.`

export const untouchedSummary = "Intensity 0: every sample passes as it is."

/** `targetLufs`: null where nothing follows the loudness. */
export const fallbackSummary = (
  preset: Preset,
  targetLufs: number | null,
  bypassed: ReadonlyArray<BypassableStage>
): string => {
  const aim = targetLufs === null ? "" : `, following the loudness toward ${targetLufs} LUFS`
  return `Not measured yet: ${preset} at half strength${aim}.${leftOut(bypassed)}`
}

export const compressedLoudSummary = (of: Loudness, bypassed: ReadonlyArray<BypassableStage>): string => {
  const isExpanded = !bypassed.includes("dynamics")
  const aim = isExpanded ? "transients are given back, nothing becomes louder" : "nothing becomes louder"
  return `Loud and compressed (${loudnessOf(of)}): ${aim}.${leftOut(bypassed)}`
}

export const dynamicLoudSummary = (of: Loudness, bypassed: ReadonlyArray<BypassableStage>): string =>
  `Loud and dynamic (${loudnessOf(of)}): restraint, peak safety only.${leftOut(bypassed)}`

export const quietOrModerateSummary = (of: {
  readonly lufs: number
  readonly targetLufs: number
  readonly reachedLufs: number
  readonly bypassed: ReadonlyArray<BypassableStage>
}): string => {
  const { bypassed, lufs, reachedLufs, targetLufs } = of
  const isBalanced = !bypassed.includes("balance")
  const quiet = `Quiet or moderate (${show(lufs)} LUFS)`
  const sentence = bypassed.includes("gain")
    ? `${quiet}.`
    : targetLufs > lufs
      ? `${quiet}: ${isBalanced ? "balanced, and " : ""}brought to ${show(reachedLufs)} LUFS for a target of ${targetLufs}.`
      : `Moderate (${show(lufs)} LUFS), above the target of ${targetLufs}: ${isBalanced ? "balanced, " : ""}the level stays.`
  return sentence + leftOut(bypassed)
}

// Balance

const bandTitles: Record<BandName, string> = {
  sub_bass_pct: "sub-bass",
  bass_pct: "bass",
  low_mid_pct: "low mids",
  mid_pct: "mids",
  upper_mid_pct: "upper mids",
  presence_pct: "presence",
  air_pct: "air"
}

/** Why the bands of a measured track are moved: the beginning of `bandReason`. */
export const balanceAim = (preset: Preset): string =>
  preset === "adaptive" || preset === "gentle" ? "Toward an even balance" : `Toward a ${preset} balance`

/** Why those of a track that is not measured yet are. */
export const fallbackBalanceAim = (preset: Preset): string =>
  `The ${preset} preset, at half strength until the track is measured`

/** `share`: of the power, %, where it is known. */
export const bandReason = (aim: string, band: BandName, share: number | undefined, gainDb: number): string => {
  const known = share === undefined ? "" : ` (${show(share)} % of the power)`
  return `${aim}: the ${bandTitles[band]}${known} get ${gainDb > 0 ? "+" : ""}${show(gainDb)} dB.`
}

// Dynamics

export const expansionReason = ({ crest_db, lufs }: Loudness, expansionDb: number): string =>
  `A crest of ${show(crest_db)} dB at ${show(lufs)} LUFS means crushed transients: about ${show(expansionDb)} dB of crest come back, by lowering what lies between them.`

export const compressionReason = (crestDb: number, thresholdDbfs: number, ratio: number): string =>
  `A crest of ${show(crestDb)} dB leaves room: what exceeds ${show(thresholdDbfs)} dBFS RMS is held back at ${ratio.toFixed(2)}:1.`

export const restraintReason = "Loud with its dynamics intact: no dynamics, no loudness gain, no balance."

// Stereo

export const sideGainReason = (width: number, gainDb: number): string =>
  gainDb > 0
    ? `Narrow (width ${width.toFixed(2)}) and well correlated: the sides get ${show(gainDb)} dB.`
    : `The sides outweigh the middle (width ${width.toFixed(2)}): ${show(-gainDb)} dB less keeps it together in mono.`

// Loudness

export const reductionReason = (reductionDb: number): string =>
  `Loud enough already: ${show(reductionDb)} dB less makes room for the transients.`

export const followerReason = (targetLufs: number, limitDb: number): string =>
  `Raises what is quieter than ${targetLufs} LUFS, slowly and by at most ${show(limitDb)} dB, as it is heard.`

export const levelStaysReason = (lufs: number, targetLufs: number, isTrimmed: boolean): string =>
  `At ${show(lufs)} LUFS it is at or above the target of ${targetLufs}: its level stays${isTrimmed ? ", but for its peaks" : ""}.`

/** A gain toward a target, and why it reaches what it reaches. */
export const gainReason = (
  targetLufs: number,
  reachedLufs: number,
  because:
    | { readonly limiterTakesAtMostDb: number }
    | "peaks"
    | { readonly intensity: number }
    | { readonly gainIsAtMostDb: number }
    | { readonly from: number }
): string => {
  const aim = `The target is ${targetLufs} LUFS`
  const reached = `${show(reachedLufs)} LUFS`
  if (because === "peaks") {
    return `${aim}; the peaks leave room for ${reached} without limiting, and that is what it becomes.`
  }
  if ("limiterTakesAtMostDb" in because) {
    return `${aim}; the limiter may take no more than ${because.limiterTakesAtMostDb} dB, so it becomes ${reached}.`
  }
  if ("intensity" in because) return `${aim}; at intensity ${because.intensity.toFixed(2)} it becomes ${reached}.`
  if ("gainIsAtMostDb" in because) {
    return `${aim}; with at most ${because.gainIsAtMostDb} dB of gain it becomes ${reached}.`
  }
  return `${aim}: it becomes ${reached}, from ${show(because.from)}.`
}

// Peak safety

export const standbyReason = (ceilingDbtp: number): string =>
  `The limiter stands by at ${ceilingDbtp} dBTP; the peaks are not expected to reach it.`

export const trimReason = (peakDbtp: number, trimDb: number, ceilingDbtp: number): string =>
  `Peaks would reach ${show(peakDbtp)} dBTP: ${show(trimDb)} dB less everywhere keeps them below ${ceilingDbtp} without a limiter.`

export const limiterReason = (peakDbtp: number, limitedDb: number, trimDb: number): string => {
  const trimmed = trimDb > 0 ? `, after ${show(trimDb)} dB of trim` : ""
  return `Peaks would reach ${show(peakDbtp)} dBTP: the limiter takes up to ${show(limitedDb)} dB off them${trimmed}.`
}
