/** What the page says: times, numbers, fingerprint states and mastering plans in words. */
import type { FingerprintStatus } from "../src/domain/fingerprint/FingerprintStatus.ts"
import type { MasteringPlan, Move } from "../src/domain/mastering/MasteringPlan.ts"
import { dimensionByName } from "./dimensions.ts"
import type { MatchGains } from "./playback/loudnessMatch.ts"

export const clock = (seconds: number): string => {
  const whole = Math.max(0, Math.floor(seconds))
  const rest = String(whole % 60).padStart(2, "0")
  const minutes = Math.floor(whole / 60)
  if (minutes < 60) return `${minutes}:${rest}`
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`
}

export const counted = (count: number, noun: string): string =>
  `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`

export const spokenTime = (seconds: number): string => {
  const whole = Math.max(0, Math.floor(seconds))
  const minutes = Math.floor(whole / 60)
  return minutes === 0 ? counted(whole, "second") : `${counted(minutes, "minute")} ${counted(whole % 60, "second")}`
}

/** With the minus of typography; nothing is "-0.0". */
export const number = (value: number, digits: number): string => {
  const text = value.toFixed(digits)
  return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "\u2212")
}

export const signed = (value: number, digits: number): string =>
  `${Number(value.toFixed(digits)) > 0 ? "+" : ""}${number(value, digits)}`

/** A level that may be silence or not known yet. */
export const level = (value: number | undefined): string =>
  value === undefined ? "\u2013" : value < -99 ? "\u2212\u221e" : number(value, 1)

export const amountOf = ({ amount, unit }: Pick<Move, "amount" | "unit">): string => {
  if (amount === 0) return "none"
  if (unit === "ratio") return `${number(amount, 2)} : 1`
  if (unit === "factor") return number(amount, 2)
  return `${unit === "dBTP" ? number(amount, 1) : signed(amount, 1)} ${unit}`
}

const causeTitles: Record<string, { readonly title: string; readonly unit: string; readonly digits: number }> = {
  true_peak_dbtp: { title: "true peak", unit: "dBTP", digits: 1 },
  sample_peak_dbfs: { title: "sample peak", unit: "dBFS", digits: 1 },
  loudness_range_lu: { title: "loudness range", unit: "LU", digits: 1 }
}

/** `crest 8.5 dB` */
export const causeOf = ({ name, value }: Move["causes"][number]): string => {
  const dimension = dimensionByName(name)
  const { digits, title, unit } = dimension ?? causeTitles[name] ?? { title: name, unit: "", digits: 2 }
  return `${title.toLowerCase()} ${number(value, digits)}${unit === "" ? "" : ` ${unit}`}`
}

const stageTitles: Record<Move["stage"], string> = {
  balance: "Balance",
  dynamics: "Dynamics",
  stereo: "Stereo",
  loudness: "Loudness",
  peak_safety: "Peak safety"
}
export const stageTitle = (stage: Move["stage"]): string => stageTitles[stage]

const classTitles: Record<MasteringPlan["class"], string> = {
  compressed_loud: "Loud and compressed",
  dynamic_loud: "Loud and dynamic",
  quiet_or_moderate: "Quiet or moderate",
  unknown: "Not measured yet"
}

/** The plan in a breath: what it is, and what was done about it. */
export const planHeadline = (plan: MasteringPlan): { readonly found: string; readonly done: string } => {
  const values = plan.moves.flatMap(({ causes }) => causes)
  const valueOf = (name: string) => values.find((cause) => cause.name === name)?.value
  const lufs = valueOf("lufs")
  const crest = valueOf("crest_db")
  const measured = [
    lufs === undefined ? undefined : `${number(lufs, 1)} LUFS`,
    crest === undefined ? undefined : `crest ${number(crest, 1)} dB`
  ].filter((part) => part !== undefined)
  const found = `${classTitles[plan.class]}${measured.length === 0 ? "" : `: ${measured.join(", ")}`}`
  if (plan.settings.bypass) return { found, done: "left as it is" }
  const done = plan.moves.flatMap((move) => doneBy(move))
  const balance = plan.moves.filter(({ stage }) => stage === "balance")
  const most = Math.max(0, ...balance.map(({ amount }) => Math.abs(amount)))
  if (balance.length > 0) done.push(`balanced by up to ${number(most, 1)} dB`)
  return { found, done: done.length === 0 ? "only the peaks are watched" : done.join(", ") }
}

const doneBy = (move: Move): ReadonlyArray<string> => {
  const { amount, parameter, stage } = move
  if (amount === 0) return []
  if (parameter === "expansion") return [`dynamics expanded by ${number(amount, 2)}`]
  if (parameter === "compression") return [`compressed ${amountOf(move)}`]
  if (stage === "stereo") return [`sides ${amountOf(move)}`]
  if (parameter === "follower") return [`quiet parts raised by up to ${number(amount, 1)} dB`]
  if (stage === "loudness") return [`gain ${amountOf(move)}`]
  if (parameter === "static trim") return [`trimmed by ${number(-amount, 1)} dB for its peaks`]
  if (stage === "peak_safety") return [`peaks limited by up to ${number(-amount, 1)} dB`]
  return []
}

const sources: Record<NonNullable<FingerprintStatus["source"]>, string> = {
  database: "the library",
  sidecar: "the file beside the track",
  server: "the fingerprint server"
}

/** How the fingerprint of the track stands, and what that means for the sound. */
export const fingerprintSentence = ({ message, percent, source, status }: FingerprintStatus): string => {
  const from = source === undefined ? "" : ` (from ${sources[source]})`
  switch (status) {
    case "cached":
    case "complete":
      return `Measured${from}.`
    case "queued":
      return "Waiting to be measured. Until then it is mastered by ear, as it goes."
    case "analyzing":
      return `Measuring${percent === undefined ? "" : `, ${Math.round(percent)} %`}. Until then it is mastered as it goes.`
    case "failed":
    case "unavailable":
      return `Not measured: ${message} It is mastered as it goes.`
  }
}

export const matchSentence = (
  isMatched: boolean,
  { enhanced, original }: MatchGains,
  plan: MasteringPlan | undefined
) => {
  if (!isMatched) return "Each at its own level. The louder one seems better: match them to compare fairly."
  if (enhanced < -0.05) return `Equally loud: the enhanced sound is turned down by ${number(-enhanced, 1)} dB.`
  if (original < -0.05) return `Equally loud: the original is turned down by ${number(-original, 1)} dB.`
  if (plan?.predicted === null) return "Equally loud: measured while it plays."
  return "Equally loud as they are."
}
