/** Valid analyses and tracks for tests that are not about measuring. */
import { algorithmVersion, type Fingerprint, type TrackAnalysis } from "../../src/domain/fingerprint/Fingerprint.ts"
import { noDetails, type TrackFile, TrackId } from "../../src/domain/library/Track.ts"

/** 25 different values, so that a dimension stored under another's name shows. */
export const someFingerprint: Fingerprint = {
  sub_bass_pct: 8.5,
  bass_pct: 31.25,
  low_mid_pct: 20.75,
  mid_pct: 27.5,
  upper_mid_pct: 7.125,
  presence_pct: 2.875,
  air_pct: 2,
  lufs: -14.5,
  crest_db: 13.1,
  bass_mid_ratio: -0.84,
  tempo: 121.3,
  rhythm_stability: 0.91,
  transient_density: 3.7,
  silence_ratio: 0.015,
  spectral_centroid: 2310.5,
  spectral_rolloff: 4870.25,
  spectral_flatness: 0.021,
  harmonic_ratio: 0.62,
  pitch_stability: 0.83,
  chroma_energy: 0.19,
  dynamic_range_variation: 1.7,
  loudness_variation: 2.9,
  peak_consistency: 0.87,
  stereo_width: 0.33,
  phase_correlation: 0.58
}

export const fileVersion = {
  size: 4_096_000,
  mtime_ms: 1_750_000_000_123.457,
  inode: 4_711,
  ctime_ms: 1_750_000_000_456.789
}

export const someAnalysis = (fingerprint: Partial<Fingerprint> = {}): TrackAnalysis => ({
  fingerprint: { ...someFingerprint, ...fingerprint },
  measurements: {
    duration_seconds: 200.5,
    sample_rate: 44_100,
    channels: 2,
    sample_peak_dbfs: -1.2,
    true_peak_dbtp: -0.9,
    loudness_range_lu: 6.4,
    clipped_samples: 0
  },
  provenance: {
    algorithm_version: algorithmVersion,
    decoder: "scripted",
    decoder_version: "1",
    frames_analysed: 8_842_050,
    frames_lost: 0,
    file_size: fileVersion.size,
    file_mtime_ms: fileVersion.mtime_ms,
    content_sha256: "ab".repeat(32),
    analysed_at: "2026-01-02T03:04:05.678Z",
    elapsed_seconds: 1.25
  }
})

export const someTrackFile = (overrides: Partial<TrackFile> = {}): TrackFile => ({
  track: {
    ...noDetails,
    id: TrackId.make(7),
    title: "Title",
    artist: "Artist",
    duration: 200.5,
    sample_rate: 44_100,
    channels: 2,
    has_art: false,
    added_at: "2026-01-02T03:04:05.678Z"
  },
  folder: "/music",
  relativePath: "album/title.flac",
  version: fileVersion,
  ...overrides
})
