/**
 * The 25-dimension fingerprint: how a track sounds, in physical units. Names are those of the wire (JSON, protobuf,
 * sidecar, database columns). Definitions: docs/fingerprint.md.
 */
import { Schema } from "effect"

/** Bumped by every change that alters a value; results of different versions are never mixed. */
export const algorithmVersion = 1

const Ratio = Schema.Finite.pipe(Schema.between(0, 1))
const Percent = Schema.Finite.pipe(Schema.between(0, 100))
const Decibels = Schema.Finite.pipe(Schema.between(0, 400))

/** The seven bands, ascending: name and edges in Hz. The last one ends at Nyquist where that is lower. */
export const bands = [
  { name: "sub_bass_pct", lowHz: 20, highHz: 60 },
  { name: "bass_pct", lowHz: 60, highHz: 250 },
  { name: "low_mid_pct", lowHz: 250, highHz: 500 },
  { name: "mid_pct", lowHz: 500, highHz: 2000 },
  { name: "upper_mid_pct", lowHz: 2000, highHz: 4000 },
  { name: "presence_pct", lowHz: 4000, highHz: 6000 },
  { name: "air_pct", lowHz: 6000, highHz: 20000 }
] as const

export type BandName = (typeof bands)[number]["name"]

const dimensions = {
  sub_bass_pct: Percent,
  bass_pct: Percent,
  low_mid_pct: Percent,
  mid_pct: Percent,
  upper_mid_pct: Percent,
  presence_pct: Percent,
  air_pct: Percent,
  /** Integrated loudness, LUFS (ITU-R BS.1770-4). The lower bound is the absolute gate. */
  lufs: Schema.Finite.pipe(Schema.between(-70, 20)),
  /** Sample peak over RMS, dB. */
  crest_db: Decibels,
  /** Power of 20-250 Hz over 250-2000 Hz, dB. */
  bass_mid_ratio: Schema.Finite.pipe(Schema.between(-60, 60)),
  /** Beats per minute; 0 where no pulse was found. */
  tempo: Schema.Finite.pipe(
    Schema.filter((bpm) => bpm === 0 || (bpm >= 30 && bpm <= 300) || "tempo is 0 or from 30 to 300 BPM")
  ),
  rhythm_stability: Ratio,
  /** Onsets per second. */
  transient_density: Schema.Finite.pipe(Schema.between(0, 1000)),
  silence_ratio: Ratio,
  /** Hz. */
  spectral_centroid: Schema.Finite.pipe(Schema.between(0, 192_000)),
  /** Hz. */
  spectral_rolloff: Schema.Finite.pipe(Schema.between(0, 192_000)),
  spectral_flatness: Ratio,
  harmonic_ratio: Ratio,
  pitch_stability: Ratio,
  chroma_energy: Ratio,
  /** dB. */
  dynamic_range_variation: Decibels,
  /** LU. */
  loudness_variation: Schema.Finite.pipe(Schema.between(0, 100)),
  peak_consistency: Ratio,
  /** 0 mono, 0.5 uncorrelated, 1 out of phase. */
  stereo_width: Ratio,
  phase_correlation: Schema.Finite.pipe(Schema.between(-1, 1))
}

export type DimensionName = keyof typeof dimensions

/** The 25 names in the order of the wire. */
export const dimensionNames = Object.keys(dimensions) as ReadonlyArray<DimensionName>

/** All 25, finite, in range, with bands that sum to 100 within 0.1: anything else does not decode. */
export const Fingerprint = Schema.Struct(dimensions).pipe(
  Schema.filter((fingerprint) => {
    const sum = bands.reduce((total, { name }) => total + fingerprint[name], 0)
    return Math.abs(sum - 100) <= 0.1 || `the seven bands sum to ${sum}, not to 100`
  }),
  Schema.annotations({ identifier: "Fingerprint" })
)
export type Fingerprint = typeof Fingerprint.Type

/** What an analysis measures beside the 25 dimensions. */
export const Measurements = Schema.Struct({
  duration_seconds: Schema.Finite.pipe(Schema.nonNegative()),
  sample_rate: Schema.Int.pipe(Schema.positive()),
  channels: Schema.Int.pipe(Schema.positive()),
  /** Largest absolute sample, dBFS. */
  sample_peak_dbfs: Schema.Finite,
  /** Largest peak of the oversampled signal, dBTP (ITU-R BS.1770-4 Annex 2). */
  true_peak_dbtp: Schema.Finite,
  /** Loudness range, LU (EBU Tech 3342). */
  loudness_range_lu: Schema.Finite.pipe(Schema.nonNegative()),
  /** Samples at or beyond full scale of 16 bits (32767/32768), over all channels. */
  clipped_samples: Schema.Int.pipe(Schema.nonNegative())
}).annotations({ identifier: "Measurements" })
export type Measurements = typeof Measurements.Type

/** Where a fingerprint comes from: what decoded which bytes, when, and how long it took. */
export const Provenance = Schema.Struct({
  algorithm_version: Schema.Int.pipe(Schema.positive()),
  decoder: Schema.String,
  decoder_version: Schema.String,
  /** Samples per channel. */
  frames_analysed: Schema.Int.pipe(Schema.nonNegative()),
  /** Bytes. */
  file_size: Schema.Int.pipe(Schema.nonNegative()),
  /** Milliseconds since 1970. */
  file_mtime_ms: Schema.Finite,
  /** SHA-256, lower-case hex. */
  content_sha256: Schema.String.pipe(Schema.pattern(/^[0-9a-f]{64}$/)),
  /** ISO 8601, UTC. */
  analysed_at: Schema.String,
  elapsed_seconds: Schema.Finite.pipe(Schema.nonNegative()),
  /** How many of the frames analysed are damaged in the file, and were measured as silence. */
  frames_lost: Schema.optionalWith(Schema.Int.pipe(Schema.nonNegative()), { default: () => 0 })
}).annotations({ identifier: "Provenance" })
export type Provenance = typeof Provenance.Type

/** The result of one analysis of one file. */
export const TrackAnalysis = Schema.Struct({
  fingerprint: Fingerprint,
  measurements: Measurements,
  provenance: Provenance
}).annotations({ identifier: "TrackAnalysis" })
export type TrackAnalysis = typeof TrackAnalysis.Type

/** How far an analysis has come. `percent` is of the track's duration. */
export const AnalysisProgress = Schema.Struct({
  stage: Schema.Literal("queued", "decoding", "finishing"),
  percent: Schema.Finite.pipe(Schema.between(0, 100))
})
export type AnalysisProgress = typeof AnalysisProgress.Type
