/** The 25 dimensions for people: titles, units, scales. What they mean exactly: docs/fingerprint.md. */
import type { DimensionName } from "../src/domain/fingerprint/Fingerprint.ts"

export interface Dimension {
  readonly name: DimensionName
  readonly title: string
  /** Of a band: its edges. */
  readonly range?: string
  readonly unit: string
  readonly digits: number
  /** What the chart spans where the library has no spread, in the unit. */
  readonly low: number
  readonly high: number
  /** Frequencies are compared in octaves. */
  readonly isLogarithmic?: boolean
}

export interface DimensionGroup {
  readonly title: string
  readonly dimensions: ReadonlyArray<Dimension>
}

const of = (
  name: DimensionName,
  title: string,
  unit: string,
  digits: number,
  low: number,
  high: number,
  isLogarithmic = false
): Dimension => ({ name, title, unit, digits, low, high, isLogarithmic })

const band = (name: DimensionName, title: string, range: string, high: number): Dimension => ({
  ...of(name, title, "%", 1, 0, high),
  range
})

export const dimensionGroups: ReadonlyArray<DimensionGroup> = [
  {
    title: "Loudness and dynamics",
    dimensions: [
      of("lufs", "Loudness", "LUFS", 1, -30, -4),
      of("crest_db", "Crest", "dB", 1, 4, 24),
      of("dynamic_range_variation", "Crest variation", "dB", 1, 0, 6),
      of("loudness_variation", "Loudness variation", "LU", 1, 0, 10),
      of("peak_consistency", "Peak consistency", "", 2, 0, 1),
      of("silence_ratio", "Silence", "", 2, 0, 1)
    ]
  },
  {
    title: "Balance",
    dimensions: [
      band("sub_bass_pct", "Sub-bass", "20\u201360 Hz", 60),
      band("bass_pct", "Bass", "60\u2013250 Hz", 80),
      band("low_mid_pct", "Low mids", "250\u2013500 Hz", 60),
      band("mid_pct", "Mids", "0.5\u20132 kHz", 80),
      band("upper_mid_pct", "Upper mids", "2\u20134 kHz", 40),
      band("presence_pct", "Presence", "4\u20136 kHz", 20),
      band("air_pct", "Air", "6\u201320 kHz", 20),
      of("bass_mid_ratio", "Bass to mids", "dB", 1, -20, 20)
    ]
  },
  {
    title: "Rhythm",
    dimensions: [
      of("tempo", "Tempo", "BPM", 1, 60, 180),
      of("rhythm_stability", "Rhythm stability", "", 2, 0, 1),
      of("transient_density", "Onsets", "/s", 1, 0, 12)
    ]
  },
  {
    title: "Spectrum and harmony",
    dimensions: [
      of("spectral_centroid", "Spectral centroid", "Hz", 0, 200, 8000, true),
      of("spectral_rolloff", "Spectral rolloff", "Hz", 0, 400, 18_000, true),
      of("spectral_flatness", "Spectral flatness", "", 3, 0, 0.6),
      of("harmonic_ratio", "Harmonic share", "", 2, 0, 1),
      of("pitch_stability", "Pitch stability", "", 2, 0, 1),
      of("chroma_energy", "Chroma energy", "", 2, 0.08, 1)
    ]
  },
  {
    title: "Stereo",
    dimensions: [
      of("stereo_width", "Stereo width", "", 2, 0, 1),
      of("phase_correlation", "Phase correlation", "", 2, -1, 1)
    ]
  }
]

const byName: ReadonlyMap<string, Dimension> = new Map(
  dimensionGroups.flatMap(({ dimensions }) => dimensions).map((dimension) => [dimension.name, dimension])
)

export const dimensionByName = (name: string): Dimension | undefined => byName.get(name)

/** Where a value lies between two others, 0 to 1. */
export const placeOf = (dimension: Dimension, value: number, low: number, high: number): number => {
  const scale = (x: number) => (dimension.isLogarithmic === true ? Math.log2(Math.max(1, x)) : x)
  const span = scale(high) - scale(low)
  return span <= 0 ? 0.5 : Math.min(1, Math.max(0, (scale(value) - scale(low)) / span))
}
