/**
 * Decides how a track is mastered: fingerprint, preset and intensity in, plan out. Pure; renders nothing.
 *
 * The class comes from the 2D Loudness-War Restraint Principle: loudness says whether a track is loud, the crest factor
 * whether it was crushed to become so. What is already loud is restrained, what was crushed gets its transients back,
 * and only what is quiet or moderate is processed in full. Reasons and numbers: docs/mastering.md.
 */
import { Option } from "effect"
import { type BandName, bands, type Fingerprint, type Measurements } from "../fingerprint/Fingerprint.ts"
import {
  BypassableStage,
  type LoudnessClass,
  type MasteringPlan,
  type Move,
  type Preset,
  type RenderSettings
} from "./MasteringPlan.ts"

/** Above this a track is loud, LUFS; exactly this is not. */
export const loudThresholdLufs = -12
/** Below this a loud track is compressed, dB; exactly this is dynamic. */
export const compressedCrestDb = 13
/** What is delivered stays below this, dBTP (EBU R 128 and AES TD1008 name the same ceiling). */
export const ceilingDbtp = -1
/** The largest overshoot that is trimmed away; the limiter serves beyond it. */
export const maximumTrimDb = 2
/** The most crest that the limiter may be asked to remove. */
export const maximumLimitingDb = 3
/** The largest move of one band. */
export const maximumBalanceDb = 3
/** A band with a smaller share of the power than this is noise, not music: left alone. */
export const minimumBandShare = 0.0002

/**
 * Share of the power of each band in the long-term average spectrum of popular music. Elowsson & Friberg, "Long-term
 * Average Spectrum in Popular Music and its Relation to the Level of the Percussion" (AES 142, 2017; 12 345 tracks),
 * approximate its power density by a quadratic in octaves: -2.35 dB/octave at 200 Hz, falling by a further
 * 1.318 dB/octave every octave. These are the integrals of that curve over the seven bands; the test repeats the sum.
 */
export const referenceShares = [0.09288, 0.35833, 0.21765, 0.27031, 0.04322, 0.01022, 0.00738] as const
/** Mean K-weighting (ITU-R BS.1770-4) of each band, weighted by the same curve, dB. */
export const bandWeightsDb = [-5.39, -0.8, -0.05, 0.86, 3.61, 4, 4.04] as const

interface Character {
  readonly targetLufs: number
  /** What the preset adds to each band of an already balanced track, dB (before the soft bound). */
  readonly tiltDb: ReadonlyArray<number>
  readonly balanceStrength: number
  readonly compressionStrength: number
}

const characters: Record<Preset, Character> = {
  adaptive: { targetLufs: -14, tiltDb: [0, 0, 0, 0, 0, 0, 0], balanceStrength: 1, compressionStrength: 1 },
  gentle: { targetLufs: -16, tiltDb: [0, 0, 0, 0, 0, 0, 0], balanceStrength: 0.5, compressionStrength: 0.5 },
  warm: { targetLufs: -13, tiltDb: [0.5, 1.5, 1, 0, -0.5, -1, -1.5], balanceStrength: 1, compressionStrength: 1 },
  bright: { targetLufs: -12, tiltDb: [0, -0.5, -1, 0, 1, 1.5, 2], balanceStrength: 1, compressionStrength: 1 },
  punchy: { targetLufs: -14, tiltDb: [1, 1.5, -1, 0, 0.5, 1, 0], balanceStrength: 1, compressionStrength: 0.5 }
}

/** LUFS a preset aims at. */
export const targetLufs = (preset: Preset): number => characters[preset].targetLufs

/** A deviation this large, dB, gets three quarters of the largest move: tracks differ by 5-10 dB a band and may. */
const balanceSpreadDb = 9
/** Smaller moves of a band are not worth a filter, dB. */
const inaudibleDb = 0.05
/** Most loudness gain: what needs more is hardly music above its noise floor, dB. */
const maximumGainDb = 20
/** Crest given back per unit of the expansion factor, dB. */
const expansionPerFactorDb = 4
/** The gain reduction of Compressed Loud, dB. */
const compressedLoudReductionDb = 0.5

// What the stages cost in loudness, measured on the signals of the renderer's tests (docs/mastering.md).
const loudnessPerExpansionDb = 1
const loudnessPerCompressionSlope = 0.9
/** Where peaks are short and rare, the music between them is held back with them; in dense music there is nothing between. */
const limitingLossLu = (limitedDb: number, crestDb: number): number => limitedDb * clamp(0.009 * (crestDb - 6), 0, 0.15)

export interface AnalysedTrack {
  readonly fingerprint: Fingerprint
  readonly measurements: Measurements
}

export interface DecisionRequest {
  readonly analysis: AnalysedTrack
  readonly preset: Preset
  /** 0-1; 0 leaves every sample as it is. */
  readonly intensity: number
  /** Stages to leave out: the plan is made, and its result predicted, without them. Peak safety stays. */
  readonly bypass?: ReadonlyArray<BypassableStage> | undefined
}

/** Each once, in the order of the chain. */
const inOrder = (bypass: ReadonlyArray<BypassableStage>): ReadonlyArray<BypassableStage> =>
  BypassableStage.literals.filter((stage) => bypass.includes(stage))

export const classify = (fingerprint: Pick<Fingerprint, "lufs" | "crest_db">): Exclude<LoudnessClass, "unknown"> => {
  if (fingerprint.lufs <= loudThresholdLufs) return "quiet_or_moderate"
  return fingerprint.crest_db < compressedCrestDb ? "compressed_loud" : "dynamic_loud"
}

/** How much crest a compressed track gets back: 0.1 at 12 dB, 0.5 at 8 dB and below. */
export const expansionFactor = (crestDb: number): number => clamp((compressedCrestDb - crestDb) / 10, 0.1, 0.5)

/** The plan of an analysed track. Every valid analysis has one; it decodes by MasteringPlan's schema. */
export const decide = ({ analysis, bypass = [], intensity, preset }: DecisionRequest): MasteringPlan => {
  const { fingerprint } = analysis
  const loudnessClass = classify(fingerprint)
  const bypassed = inOrder(bypass)
  if (intensity === 0) return untouched(loudnessClass, preset, analysis, bypassed)
  const request = { analysis, preset, intensity: clamp(intensity, 0, 1), bypassed }
  switch (loudnessClass) {
    case "compressed_loud":
      return decideCompressedLoud(request)
    case "dynamic_loud":
      return decideDynamicLoud(request)
    case "quiet_or_moderate":
      return decideQuietOrModerate(request)
  }
}

/** A request whose intensity is above 0 and within bounds. */
interface Request {
  readonly analysis: AnalysedTrack
  readonly preset: Preset
  readonly intensity: number
  readonly bypassed: ReadonlyArray<BypassableStage>
}

/** The plan of a track that may not have been analysed yet. */
export const planFor = (
  analysis: Option.Option<AnalysedTrack>,
  request: Omit<DecisionRequest, "analysis">
): MasteringPlan =>
  Option.match(analysis, {
    onNone: () => fallbackPlan(request),
    onSome: (analysis) => decide({ ...request, analysis })
  })

const bypassNote = (bypassed: ReadonlyArray<BypassableStage>): string =>
  bypassed.length === 0 ? "" : ` Left out on request: ${bypassed.join(", ")}.`

/** The plan while there is no fingerprint: the preset's tilt at half strength, a slow follower, the limiter. */
export const fallbackPlan = (request: Omit<DecisionRequest, "analysis">): MasteringPlan => {
  const { preset } = request
  const intensity = clamp(request.intensity, 0, 1)
  const bypassed = inOrder(request.bypass ?? [])
  const common = { source: "fallback", class: "unknown", preset, intensity, bypassed, predicted: null } as const
  if (intensity === 0) {
    return {
      ...common,
      target_lufs: null,
      summary: "Intensity 0: every sample passes as it is.",
      moves: [],
      settings: { ...neutral, bypass: true, ceiling_dbtp: null }
    }
  }
  const { targetLufs: target, tiltDb } = characters[preset]
  const balance = bypassed.includes("balance")
    ? neutral.balance_db
    : tiltDb.map((tilt) => audible(0.5 * intensity * bounded(tilt / maximumBalanceDb)))
  const isFollowing = !bypassed.includes("gain")
  const limit = fallbackFollowLimitDb * intensity
  const following: ReadonlyArray<Move> = isFollowing
    ? [
        {
          stage: "loudness",
          parameter: "follower",
          amount: limit,
          unit: "dB",
          causes: [],
          reason: `Raises what is quieter than ${target} LUFS, slowly and by at most ${show(limit)} dB, as it is heard.`
        }
      ]
    : []
  const aim = isFollowing ? `, following the loudness toward ${target} LUFS` : ""
  return {
    ...common,
    target_lufs: isFollowing ? target : null,
    summary: `Not measured yet: ${preset} at half strength${aim}.${bypassNote(bypassed)}`,
    moves: [
      ...balanceMoves(balance, () => [], `The ${preset} preset, at half strength until the track is measured`),
      ...following,
      standby([])
    ],
    settings: {
      ...neutral,
      balance_db: balance,
      ...(isFollowing ? { follow_lufs: target, follow_limit_db: limit } : {})
    }
  }
}

const fallbackFollowLimitDb = 9

const neutral: RenderSettings = {
  bypass: false,
  balance_db: [0, 0, 0, 0, 0, 0, 0],
  expansion_db: 0,
  compressor: null,
  side_gain_db: 0,
  gain_db: 0,
  follow_lufs: null,
  follow_limit_db: 0,
  ceiling_dbtp: ceilingDbtp
}

const untouched = (
  loudnessClass: LoudnessClass,
  preset: Preset,
  analysis: AnalysedTrack,
  bypassed: ReadonlyArray<BypassableStage>
): MasteringPlan => ({
  source: "fingerprint",
  class: loudnessClass,
  preset,
  intensity: 0,
  bypassed,
  target_lufs: null,
  predicted: {
    lufs: analysis.fingerprint.lufs,
    crest_db: analysis.fingerprint.crest_db,
    true_peak_dbtp: analysis.measurements.true_peak_dbtp
  },
  summary: "Intensity 0: every sample passes as it is.",
  moves: [],
  settings: { ...neutral, bypass: true, ceiling_dbtp: null }
})

const decideCompressedLoud = ({ analysis, bypassed, intensity, preset }: Request): MasteringPlan => {
  const { fingerprint } = analysis
  const { lufs, crest_db } = fingerprint
  const factor = expansionFactor(crest_db) * intensity
  const isExpanded = !bypassed.includes("dynamics")
  const expansionDb = isExpanded ? expansionPerFactorDb * factor : 0
  const isReduced = !bypassed.includes("gain")
  const reductionDb = isReduced ? compressedLoudReductionDb * intensity : 0
  // One measure of restraint for both: what needs little expansion gets little balance, and at most half. Less where the
  // waveform is clipped flat: there a filter unfolds new peaks, more crest than was asked for.
  const balance = bypassed.includes("balance")
    ? noBalance
    : decideBalance(fingerprint, preset, factor * clamp((crest_db - 3) / 5, 0, 1))
  const safety = decidePeakSafety(analysis, -reductionDb)
  const causes = pick(fingerprint, "lufs", "crest_db")
  const expansion: Move = {
    stage: "dynamics",
    parameter: "expansion",
    amount: factor,
    unit: "factor",
    causes,
    reason: `A crest of ${show(crest_db)} dB at ${show(lufs)} LUFS means crushed transients: about ${show(expansionDb)} dB of crest come back, by lowering what lies between them.`
  }
  const reduction: Move = {
    stage: "loudness",
    parameter: "gain reduction",
    amount: -reductionDb,
    unit: "dB",
    causes,
    reason: `Loud enough already: ${show(reductionDb)} dB less makes room for the transients.`
  }
  const aim = isExpanded ? "transients are given back, nothing becomes louder" : "nothing becomes louder"
  return {
    source: "fingerprint",
    class: "compressed_loud",
    preset,
    intensity,
    bypassed,
    target_lufs: null,
    predicted: {
      lufs:
        lufs +
        balance.loudnessChangeLu -
        reductionDb -
        loudnessPerExpansionDb * expansionDb -
        safety.trimDb -
        safety.loudnessLossLu,
      crest_db: Math.max(0, crest_db + expansionDb - safety.crestLossDb),
      true_peak_dbtp: safety.truePeakDbtp
    },
    summary: `Loud and compressed (${show(lufs)} LUFS, crest ${show(crest_db)} dB): ${aim}.${bypassNote(bypassed)}`,
    moves: [...balance.moves, ...(isExpanded ? [expansion] : []), ...(isReduced ? [reduction] : []), safety.move],
    settings: {
      ...neutral,
      balance_db: balance.gainsDb,
      expansion_db: expansionDb,
      gain_db: gainSetting(-reductionDb - safety.trimDb)
    }
  }
}

const decideDynamicLoud = ({ analysis, bypassed, intensity, preset }: Request): MasteringPlan => {
  const { fingerprint } = analysis
  const { lufs, crest_db } = fingerprint
  const safety = decidePeakSafety(analysis, 0, { sparesDynamics: true })
  return {
    source: "fingerprint",
    class: "dynamic_loud",
    preset,
    intensity,
    bypassed,
    target_lufs: null,
    predicted: {
      lufs: lufs - safety.trimDb - safety.loudnessLossLu,
      crest_db: Math.max(0, crest_db - safety.crestLossDb),
      true_peak_dbtp: safety.truePeakDbtp
    },
    summary: `Loud and dynamic (${show(lufs)} LUFS, crest ${show(crest_db)} dB): restraint, peak safety only.${bypassNote(bypassed)}`,
    moves: [
      {
        stage: "dynamics",
        parameter: "restraint",
        amount: 0,
        unit: "factor",
        causes: pick(fingerprint, "lufs", "crest_db"),
        reason: "Loud with its dynamics intact: no dynamics, no loudness gain, no balance."
      },
      safety.move
    ],
    settings: { ...neutral, gain_db: gainSetting(-safety.trimDb) }
  }
}

const decideQuietOrModerate = ({ analysis, bypassed, intensity, preset }: Request): MasteringPlan => {
  const { fingerprint, measurements } = analysis
  const { lufs, crest_db } = fingerprint
  const { targetLufs: target } = characters[preset]
  const balance = bypassed.includes("balance") ? noBalance : decideBalance(fingerprint, preset, intensity)
  const compression = bypassed.includes("dynamics") ? noCompression : decideCompression(analysis, preset, intensity)
  const stereo = bypassed.includes("width") ? noStereo : decideStereo(fingerprint, measurements, intensity)
  const isRaised = !bypassed.includes("gain")
  const changeLu = balance.loudnessChangeLu + compression.loudnessChangeLu + stereo.loudnessChangeLu

  // Only upward; a track at or above its target keeps its level.
  const wantedLufs = lufs + (isRaised ? intensity * clamp(target - lufs, 0, maximumGainDb) : changeLu)
  const wantedGainDb = isRaised ? wantedLufs - lufs - changeLu : 0
  // What the stages before take from or add to the loudness, they take from or add to the peaks as well.
  const safety = decidePeakSafety(analysis, wantedLufs - lufs)
  const reachedLufs = wantedLufs - safety.trimDb - safety.loudnessLossLu
  const gainDb = gainSetting(wantedGainDb - safety.trimDb)

  return {
    source: "fingerprint",
    class: "quiet_or_moderate",
    preset,
    intensity,
    bypassed,
    target_lufs: isRaised ? target : null,
    predicted: {
      lufs: reachedLufs,
      // What the compressor holds back does not reach the limiter.
      crest_db: Math.max(0, crest_db - Math.max(compression.crestDb, safety.crestLossDb)),
      true_peak_dbtp: safety.truePeakDbtp
    },
    summary: `${quietSummary({ target, lufs, reachedLufs, bypassed })}${bypassNote(bypassed)}`,
    moves: [
      ...balance.moves,
      ...compression.moves,
      ...stereo.moves,
      ...(isRaised
        ? [
            {
              stage: "loudness",
              parameter: "gain",
              amount: gainSetting(wantedGainDb),
              unit: "dB",
              causes: [...pick(fingerprint, "lufs"), { name: "true_peak_dbtp", value: measurements.true_peak_dbtp }],
              reason: loudnessReason({ target, lufs, wantedLufs, reachedLufs, intensity, safety })
            } as const
          ]
        : []),
      safety.move
    ],
    settings: {
      ...neutral,
      balance_db: balance.gainsDb,
      compressor: compression.setting,
      side_gain_db: stereo.gainDb,
      gain_db: gainDb
    }
  }
}

const quietSummary = (of: {
  readonly target: number
  readonly lufs: number
  readonly reachedLufs: number
  readonly bypassed: ReadonlyArray<BypassableStage>
}): string => {
  const { bypassed, lufs, reachedLufs, target } = of
  if (bypassed.includes("gain")) return `Quiet or moderate (${show(lufs)} LUFS).`
  const isBalanced = !bypassed.includes("balance")
  return target > lufs
    ? `Quiet or moderate (${show(lufs)} LUFS): ${isBalanced ? "balanced, and " : ""}brought to ${show(reachedLufs)} LUFS for a target of ${target}.`
    : `Moderate (${show(lufs)} LUFS), above the target of ${target}: ${isBalanced ? "balanced, " : ""}the level stays.`
}

const loudnessReason = (of: {
  readonly target: number
  readonly lufs: number
  readonly wantedLufs: number
  readonly reachedLufs: number
  readonly intensity: number
  readonly safety: PeakSafety
}): string => {
  const { intensity, lufs, reachedLufs, safety, target, wantedLufs } = of
  const reached = `${show(reachedLufs)} LUFS`
  if (target <= lufs) {
    return `At ${show(lufs)} LUFS it is at or above the target of ${target}: its level stays${safety.trimDb > 0 ? ", but for its peaks" : ""}.`
  }
  const aim = `The target is ${target} LUFS`
  if (safety.limitedDb > 0 && safety.trimDb > 0) {
    return `${aim}; the limiter may take no more than ${maximumLimitingDb} dB, so it becomes ${reached}.`
  }
  if (safety.trimDb > 0)
    return `${aim}; the peaks leave room for ${reached} without limiting, and that is what it becomes.`
  if (intensity < 1) return `${aim}; at intensity ${intensity.toFixed(2)} it becomes ${reached}.`
  if (target - wantedLufs > 0.05) return `${aim}; with at most ${maximumGainDb} dB of gain it becomes ${reached}.`
  return `${aim}: it becomes ${reached}, from ${show(lufs)}.`
}

interface PeakSafety {
  /** Static, >= 0. */
  readonly trimDb: number
  /** What the limiter will take off the highest peak, dB >= 0. */
  readonly limitedDb: number
  /** What that takes off the loudness, LU >= 0. */
  readonly loudnessLossLu: number
  /** What it takes off the crest factor, which knows sample peaks only, dB; the RMS falls with the loudness. */
  readonly crestLossDb: number
  /** True peak of the result. */
  readonly truePeakDbtp: number
  readonly move: Move
}

/**
 * After `gainDb` of everything else: trim up to 2 dB; the limiter beyond that, up to 3 dB; a trim again for what even
 * that would leave. `sparesDynamics`: beyond 2 dB the trim stays, and the limiter takes the rest only.
 */
const decidePeakSafety = (
  { fingerprint, measurements }: AnalysedTrack,
  gainDb: number,
  { sparesDynamics = false }: { readonly sparesDynamics?: boolean } = {}
): PeakSafety => {
  const peak = clamp(measurements.true_peak_dbtp + gainDb, -200, 200)
  const overDb = peak - ceilingDbtp
  const causes = [{ name: "true_peak_dbtp", value: peak }]
  const unlimited = { limitedDb: 0, loudnessLossLu: 0, crestLossDb: 0 }
  if (overDb <= 0) return { ...unlimited, trimDb: 0, truePeakDbtp: peak, move: standby(causes) }
  if (overDb <= maximumTrimDb) {
    return {
      ...unlimited,
      trimDb: overDb,
      truePeakDbtp: ceilingDbtp,
      move: {
        stage: "peak_safety",
        parameter: "static trim",
        amount: -overDb,
        unit: "dB",
        causes,
        reason: `Peaks would reach ${show(peak)} dBTP: ${show(overDb)} dB less everywhere keeps them below ${ceilingDbtp} without a limiter.`
      }
    }
  }
  const limitedDb = Math.min(overDb - (sparesDynamics ? maximumTrimDb : 0), maximumLimitingDb)
  const trimDb = overDb - limitedDb
  const loudnessLossLu = limitingLossLu(limitedDb, fingerprint.crest_db)
  const trimmed = trimDb > 0 ? `, after ${show(trimDb)} dB of trim` : ""
  return {
    trimDb,
    limitedDb,
    loudnessLossLu,
    crestLossDb: clamp(measurements.sample_peak_dbfs + gainDb - trimDb - ceilingDbtp, 0, limitedDb) - loudnessLossLu,
    truePeakDbtp: ceilingDbtp,
    move: {
      stage: "peak_safety",
      parameter: "true-peak limiter",
      amount: -limitedDb,
      unit: "dB",
      causes,
      reason: `Peaks would reach ${show(peak)} dBTP: the limiter takes up to ${show(limitedDb)} dB off them${trimmed}.`
    }
  }
}

const standby = (causes: Move["causes"]): Move => ({
  stage: "peak_safety",
  parameter: "true-peak limiter",
  amount: 0,
  unit: "dB",
  causes,
  reason: `The limiter stands by at ${ceilingDbtp} dBTP; the peaks are not expected to reach it.`
})

interface Balance {
  readonly gainsDb: ReadonlyArray<number>
  /** Loudness of the balanced track minus that of the original, LU. */
  readonly loudnessChangeLu: number
  readonly moves: ReadonlyArray<Move>
}

const noBalance: Balance = { gainsDb: neutral.balance_db, loudnessChangeLu: 0, moves: [] }

/**
 * Toward the reference spectrum, softly bounded. Only the shape counts, not the level: the curve is shifted so that at
 * full strength it leaves the K-weighted loudness as it is.
 */
const decideBalance = (fingerprint: Fingerprint, preset: Preset, strength: number): Balance => {
  const { tiltDb, balanceStrength } = characters[preset]
  const shares = bands.map(({ name }) => fingerprint[name] / 100)
  const isLive = shares.map((share) => share >= minimumBandShare)
  const deviations = shares.map((share, i) => (isLive[i] ? 10 * Math.log10(referenceShares[i]! / share) : 0))
  const curve = (shiftDb: number, scale: number) =>
    deviations.map((deviation, i) =>
      isLive[i]
        ? scale * balanceStrength * bounded((deviation - shiftDb) / balanceSpreadDb + tiltDb[i]! / maximumBalanceDb)
        : 0
    )
  const change = (gainsDb: ReadonlyArray<number>) => loudnessChange(shares, gainsDb)

  let low = -100
  let high = 100
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2
    if (change(curve(middle, 1)) > 0) low = middle
    else high = middle
  }
  const gainsDb = curve((low + high) / 2, strength).map(audible)
  const reason = preset === "adaptive" || preset === "gentle" ? "Toward an even balance" : `Toward a ${preset} balance`
  return {
    gainsDb,
    loudnessChangeLu: change(gainsDb),
    moves: balanceMoves(gainsDb, (name) => pick(fingerprint, name), reason)
  }
}

/** LU, from the power shares of the bands and their K-weighting. */
const loudnessChange = (shares: ReadonlyArray<number>, gainsDb: ReadonlyArray<number>): number => {
  let before = 0
  let after = 0
  for (const [i, share] of shares.entries()) {
    const power = share * 10 ** (bandWeightsDb[i]! / 10)
    before += power
    after += power * 10 ** (gainsDb[i]! / 10)
  }
  return before > 0 ? 10 * Math.log10(after / before) : 0
}

const bandTitles: Record<BandName, string> = {
  sub_bass_pct: "sub-bass",
  bass_pct: "bass",
  low_mid_pct: "low mids",
  mid_pct: "mids",
  upper_mid_pct: "upper mids",
  presence_pct: "presence",
  air_pct: "air"
}

const balanceMoves = (
  gainsDb: ReadonlyArray<number>,
  causesOf: (name: BandName) => Move["causes"],
  why: string
): ReadonlyArray<Move> =>
  bands.flatMap(({ name, lowHz, highHz }, i): ReadonlyArray<Move> => {
    const gainDb = gainsDb[i]!
    if (gainDb === 0) return []
    const causes = causesOf(name)
    const share = causes[0] === undefined ? "" : ` (${show(causes[0].value)} % of the power)`
    return [
      {
        stage: "balance",
        parameter: `gain from ${lowHz} to ${highHz} Hz`,
        amount: gainDb,
        unit: "dB",
        causes,
        reason: `${why}: the ${bandTitles[name]}${share} get ${gainDb > 0 ? "+" : ""}${show(gainDb)} dB.`
      }
    ]
  })

interface Compression {
  readonly setting: RenderSettings["compressor"]
  readonly loudnessChangeLu: number
  /** Crest taken off, dB; a rough estimate. */
  readonly crestDb: number
  readonly moves: ReadonlyArray<Move>
}

const noCompression: Compression = { setting: null, loudnessChangeLu: 0, crestDb: 0, moves: [] }

/** From a ratio of 1 at a crest of 12 dB to 1.5 at 22 dB, on what lies 6 dB or more above the track's RMS. */
const decideCompression = (analysis: AnalysedTrack, preset: Preset, intensity: number): Compression => {
  const { fingerprint, measurements } = analysis
  const { crest_db } = fingerprint
  const strength = intensity * characters[preset].compressionStrength * clamp((crest_db - 12) / 10, 0, 1)
  const ratio = 1 + 0.5 * strength
  if (ratio < 1.01) return noCompression
  const thresholdDbfs = clamp(measurements.sample_peak_dbfs - crest_db + 6, -60, 0)
  const slope = 1 - 1 / ratio
  return {
    setting: { threshold_dbfs: thresholdDbfs, ratio },
    loudnessChangeLu: -loudnessPerCompressionSlope * slope,
    crestDb: Math.min(crest_db, slope * 3),
    moves: [
      {
        stage: "dynamics",
        parameter: "compression",
        amount: ratio,
        unit: "ratio",
        causes: pick(fingerprint, "crest_db"),
        reason: `A crest of ${show(crest_db)} dB leaves room: what exceeds ${show(thresholdDbfs)} dBFS RMS is held back at ${ratio.toFixed(2)}:1.`
      }
    ]
  }
}

interface Stereo {
  readonly gainDb: number
  readonly loudnessChangeLu: number
  readonly moves: ReadonlyArray<Move>
}

const noStereo: Stereo = { gainDb: 0, loudnessChangeLu: 0, moves: [] }

/** Widths between these are natural; below 0.03 is mono, above 0.5 the side is louder than the middle. */
const narrowWidth = 0.2
const wideWidth = 0.5
const monoWidth = 0.03
const minimumCorrelation = 0.2
const maximumSideGainDb = 2

const decideStereo = (fingerprint: Fingerprint, measurements: Measurements, intensity: number): Stereo => {
  const { stereo_width: width, phase_correlation: correlation } = fingerprint
  if (measurements.channels !== 2 || width < monoWidth) return noStereo
  const mayWiden = correlation >= minimumCorrelation
  const widening = mayWiden ? Math.min((narrowWidth - width) / 0.1, (width - monoWidth) / 0.05) : 0
  const narrowing = (width - wideWidth) / 0.2
  const gainDb = audible(intensity * maximumSideGainDb * (clamp(widening, 0, 1) - clamp(narrowing, 0, 1)))
  if (gainDb === 0) return noStereo
  const sideToMiddle = (width / Math.max(1 - width, 1e-6)) ** 2
  return {
    gainDb,
    loudnessChangeLu: 10 * Math.log10((1 + sideToMiddle * 10 ** (gainDb / 10)) / (1 + sideToMiddle)),
    moves: [
      {
        stage: "stereo",
        parameter: "side gain above 120 Hz",
        amount: gainDb,
        unit: "dB",
        causes: pick(fingerprint, "stereo_width", "phase_correlation"),
        reason:
          gainDb > 0
            ? `Narrow (width ${width.toFixed(2)}) and well correlated: the sides get ${show(gainDb)} dB.`
            : `The sides outweigh the middle (width ${width.toFixed(2)}): ${show(-gainDb)} dB less keeps it together in mono.`
      }
    ]
  }
}

const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value))

/** Any argument to within the largest move of a band, dB; a third of it for a small one. */
const bounded = (argument: number): number => maximumBalanceDb * Math.tanh(argument)

const audible = (db: number): number => (Math.abs(db) < inaudibleDb ? 0 : db)

/** Within what RenderSettings carries, dB. */
const gainSetting = (db: number): number => clamp(db, -60, 60) + 0

const pick = (fingerprint: Fingerprint, ...names: ReadonlyArray<keyof Fingerprint>): Move["causes"] =>
  names.map((name) => ({ name, value: fingerprint[name] }))

const show = (value: number): string => (Math.abs(value) < 0.05 ? "0" : value.toFixed(1))
