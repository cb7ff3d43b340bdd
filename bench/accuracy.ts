/**
 * Loudness, loudness range, true peak and crest factor of real music in five formats beside loudgain (libebur128) and
 * ffmpeg; and how far each dimension moves when the same music is encoded lossily.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Layer } from "effect"
import { type DimensionName, dimensionNames, type TrackAnalysis } from "../src/domain/fingerprint/Fingerprint.ts"
import * as AudioDecoderNodeAv from "../src/layers/audio/AudioDecoderNodeAv.ts"
import * as TrackAnalyzerLocal from "../src/layers/fingerprint/TrackAnalyzerLocal.ts"
import { TrackAnalyzer } from "../src/services/TrackAnalyzer.ts"
import { isInstalled, median, report, runProcess } from "./support/measure.ts"
import { type Piece, realMusic } from "./support/music.ts"

/** Of each piece, from the place where most have left their introduction. */
const startSeconds = 30
const seconds = 60

/** A shift of this much of what music spans is one that a listener's or a rule's decision might notice. */
const flaggedPercent = 2

/**
 * The width of what music usually spans, the unit of the table below. Shares and ratios from 0 to 1 (or -1 to 1) that
 * music fills: their whole width. Bands: the largest share that mastered music gives each, bass and mid half of all.
 * The others: from ambient or classical to loud popular music (-30 to -6 LUFS, crest 6 to 22 dB, 60 to 180 BPM, up to 8
 * onsets a second, centroid 0.5 to 5.5 kHz, roll-off 1 to 12 kHz; flatness of music stays below 0.25, chroma between
 * noise at 1/12 and a triad at 1/3).
 */
const usualWidth: Record<DimensionName, number> = {
  sub_bass_pct: 30,
  bass_pct: 50,
  low_mid_pct: 40,
  mid_pct: 50,
  upper_mid_pct: 20,
  presence_pct: 10,
  air_pct: 10,
  lufs: 24,
  crest_db: 16,
  bass_mid_ratio: 30,
  tempo: 120,
  rhythm_stability: 1,
  transient_density: 8,
  silence_ratio: 1,
  spectral_centroid: 5000,
  spectral_rolloff: 11_000,
  spectral_flatness: 0.25,
  harmonic_ratio: 1,
  pitch_stability: 1,
  chroma_energy: 0.25,
  dynamic_range_variation: 6,
  loudness_variation: 8,
  peak_consistency: 1,
  stereo_width: 0.5,
  phase_correlation: 1
}

const quiet = ["-nostdin", "-v", "error", "-y"]
const ffmpeg = async (...words: ReadonlyArray<string>) => (await runProcess("ffmpeg", [...quiet, ...words])).stdout

/** All are made from the FLAC, which is what the Ogg decodes to, except the Ogg: that is the original's own packets. */
const formats = {
  "Ogg, original": { extension: "ogg" },
  FLAC: { extension: "flac" },
  "MP3 320k": { extension: "mp3", encode: ["-c:a", "libmp3lame", "-b:a", "320k"] },
  "AAC 256k": { extension: "m4a", encode: ["-c:a", "aac", "-b:a", "256k"] },
  "Vorbis q6": { extension: "ogg", encode: ["-c:a", "libvorbis", "-q:a", "6"] },
  "Opus 160k": { extension: "opus", encode: ["-c:a", "libopus", "-b:a", "160k"] },
  // Opus is 48 kHz, whatever it was made from: what it moves, the rate alone may move.
  "FLAC 48 kHz": { extension: "flac", encode: ["-ar", "48000", "-sample_fmt", "s32", "-bits_per_raw_sample", "24"] }
} as const
type FormatName = keyof typeof formats
const formatNames = Object.keys(formats) as ReadonlyArray<FormatName>

/** The files of one piece, by format. */
const encodeAll = async (folder: string, { name, path }: Piece): Promise<Record<FormatName, string>> => {
  const files = {} as Record<FormatName, string>
  for (const [index, formatName] of formatNames.entries()) {
    const format = formats[formatName]
    mkdirSync(join(folder, String(index)), { recursive: true })
    files[formatName] = join(folder, String(index), `${name}.${format.extension}`)
  }
  await ffmpeg("-ss", String(startSeconds), "-t", String(seconds), "-i", path, "-c", "copy", files["Ogg, original"])
  await ffmpeg("-i", files["Ogg, original"], "-sample_fmt", "s32", "-bits_per_raw_sample", "24", files.FLAC)
  for (const formatName of formatNames) {
    const format = formats[formatName]
    if ("encode" in format) await ffmpeg("-i", files.FLAC, ...format.encode, files[formatName])
  }
  return files
}

const lastValue = (text: string, key: string): number => {
  const at = text.lastIndexOf(`${key}=`)
  return at < 0 ? Number.NaN : Number.parseFloat(text.slice(at + key.length + 1))
}

const toDecibels = (linear: number) => 20 * Math.log10(linear)

const printMetadata = "ametadata=mode=print:file=-"

interface Reading {
  readonly lufs: number
  readonly rangeLu: number
  readonly truePeakDbtp: number
}

/** Short-term loudness of 3 s windows, LUFS, one every 100 ms from the first whole one on. */
const shortTermOf = (metadata: string): ReadonlyArray<number> =>
  [...metadata.matchAll(/r128\.S=(\S+)/g)].map(([, value]) => Number(value)).slice(29)

/** EBU Tech 3342 on windows a second apart, as libebur128 takes them, of short-term loudness that is not ours. */
const rangeOfSeconds = (shortTerm: ReadonlyArray<number>): number => {
  const power = (lufs: number) => 10 ** (lufs / 10)
  const aboveGate = shortTerm.filter((lufs, i) => i % 10 === 0 && lufs > -70)
  const mean = aboveGate.reduce((sum, lufs) => sum + power(lufs), 0) / aboveGate.length
  const gated = aboveGate.filter((lufs) => lufs > 10 * Math.log10(mean) - 20).sort((a, b) => a - b)
  const at = (percentile: number) => gated[Math.round((gated.length - 1) * percentile)]!
  return at(0.95) - at(0.1)
}

const readWithFfmpeg = async (
  file: string
): Promise<Reading & { readonly crestDb: number; readonly rangeOfSecondsLu: number }> => {
  const loudness = await ffmpeg("-i", file, "-af", `ebur128=peak=true:metadata=1,${printMetadata}`, "-f", "null", "-")
  const levels = "astats=metadata=1:measure_perchannel=none:measure_overall=Peak_level+RMS_level"
  const stats = await ffmpeg(
    "-i",
    file,
    "-af",
    `asetnsamples=n=44100:p=0,${levels},${printMetadata}`,
    "-f",
    "null",
    "-"
  )
  return {
    lufs: lastValue(loudness, "r128.I"),
    rangeLu: lastValue(loudness, "r128.LRA"),
    rangeOfSecondsLu: rangeOfSeconds(shortTermOf(loudness)),
    truePeakDbtp: toDecibels(Math.max(lastValue(loudness, "true_peaks_ch0"), lastValue(loudness, "true_peaks_ch1"))),
    crestDb: lastValue(stats, "Overall.Peak_level") - lastValue(stats, "Overall.RMS_level")
  }
}

const readWithLoudgain = async (file: string): Promise<Reading | undefined> => {
  const { stdout } = await runProcess("loudgain", ["-q", "-O", file])
  const [names, values] = stdout
    .trim()
    .split("\n")
    .map((line) => line.split("\t"))
  const column = (name: string) => Number.parseFloat(values?.[names?.indexOf(name) ?? -1] ?? "")
  const peak = column("True_Peak")
  return { lufs: column("Loudness"), rangeLu: column("Range"), truePeakDbtp: toDecibels(peak) }
}

const layer = TrackAnalyzerLocal.layer.pipe(Layer.provide(AudioDecoderNodeAv.layer))
const analyze = (file: string): Promise<TrackAnalysis> =>
  Effect.flatMap(TrackAnalyzer, (analyzer) => analyzer.analyze(file)).pipe(Effect.provide(layer), Effect.runPromise)

/** Largest and middle of the absolute differences. */
const spread = (differences: ReadonlyArray<number>, digits: number): string => {
  const sizes = differences.map(Math.abs)
  return `${Math.max(...sizes).toFixed(digits)} (${median(sizes).toFixed(digits)})`
}

const comparison = (rows: ReadonlyArray<Measured>, hasLoudgain: boolean): ReadonlyArray<string> => [
  "| format | LUFS - loudgain | LUFS - ffmpeg | LRA - loudgain | LRA - ffmpeg | LRA of ffmpeg's windows 1 s apart - loudgain | dBTP - loudgain | dBTP - ffmpeg | crest - astats |",
  "|---|---|---|---|---|---|---|---|---|",
  ...formatNames.map((format) => {
    const of = rows.filter((row) => row.format === format)
    const beside = (difference: (row: Measured) => number, digits: number) => spread(of.map(difference), digits)
    const besideLoudgain = (difference: (own: TrackAnalysis, other: Reading) => number) =>
      hasLoudgain ? beside(({ analysis, loudgain }) => difference(analysis, loudgain!), 2) : "not installed"
    const cells = [
      besideLoudgain((own, other) => own.fingerprint.lufs - other.lufs),
      beside(({ analysis, ffmpeg }) => analysis.fingerprint.lufs - ffmpeg.lufs, 3),
      besideLoudgain((own, other) => own.measurements.loudness_range_lu - other.rangeLu),
      beside(({ analysis, ffmpeg }) => analysis.measurements.loudness_range_lu - ffmpeg.rangeLu, 2),
      hasLoudgain ? beside(({ ffmpeg, loudgain }) => ffmpeg.rangeOfSecondsLu - loudgain!.rangeLu, 2) : "not installed",
      besideLoudgain((own, other) => own.measurements.true_peak_dbtp - other.truePeakDbtp),
      beside(({ analysis, ffmpeg }) => analysis.measurements.true_peak_dbtp - ffmpeg.truePeakDbtp, 2),
      beside(({ analysis, ffmpeg }) => analysis.fingerprint.crest_db - ffmpeg.crestDb, 4)
    ]
    return `| ${format} | ${cells.join(" | ")} |`
  })
]

const reencoded: ReadonlyArray<FormatName> = ["MP3 320k", "AAC 256k", "Vorbis q6", "Opus 160k", "FLAC 48 kHz"]

const reencoding = (rows: ReadonlyArray<Measured>): ReadonlyArray<string> => {
  const valuesOf = (format: FormatName, name: DimensionName) =>
    new Map(rows.filter((row) => row.format === format).map((row) => [row.piece, row.analysis.fingerprint[name]]))
  return [
    `| dimension | usual width | ${reencoded.join(" | ")} | flagged |`,
    `|---|---|${reencoded.map(() => "---|").join("")}---|`,
    ...dimensionNames.map((name) => {
      const reference = valuesOf("FLAC", name)
      const flagged = new Set<string>()
      const cells = reencoded.map((format) => {
        const percents = [...valuesOf(format, name)].map(([piece, value]) => {
          const percent = (100 * (value - reference.get(piece)!)) / usualWidth[name]
          if (Math.abs(percent) > flaggedPercent) flagged.add(piece)
          return percent
        })
        return spread(percents, 2)
      })
      return `| \`${name}\` | ${usualWidth[name]} | ${cells.join(" | ")} | ${[...flagged].join(", ")} |`
    })
  ]
}

interface Measured {
  readonly piece: string
  readonly format: FormatName
  readonly analysis: TrackAnalysis
  readonly ffmpeg: Awaited<ReturnType<typeof readWithFfmpeg>>
  readonly loudgain: Reading | undefined
}

const measureAll = async (pieces: ReadonlyArray<Piece>, hasLoudgain: boolean) => {
  const folder = mkdtempSync(join(tmpdir(), "lathe-accuracy-"))
  const rows: Array<Measured> = []
  try {
    for (const piece of pieces) {
      const files = await encodeAll(folder, piece)
      for (const format of formatNames) {
        const file = files[format]
        rows.push({
          piece: piece.name,
          format,
          analysis: await analyze(file),
          ffmpeg: await readWithFfmpeg(file),
          loudgain: hasLoudgain ? await readWithLoudgain(file) : undefined
        })
        rmSync(file)
      }
      console.error(piece.name)
    }
    return rows
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const pieces = realMusic()
if (typeof pieces === "string") console.log(pieces)
else if (!(await isInstalled("ffmpeg")))
  console.log("This benchmark compares with ffmpeg: install it (Debian: ffmpeg).")
else {
  const hasLoudgain = await isInstalled("loudgain")
  const rows = await measureAll(pieces, hasLoudgain)
  report(
    "accuracy",
    "Loudness beside other meters, and dimensions under re-encoding",
    [
      `${pieces.length} pieces of Debian's wesnoth-1.16-music, ${seconds} s of each. FLAC is what the Ogg decodes to; the others are made from it by ffmpeg.`,
      "",
      "## Beside other meters",
      "",
      "Largest (and middle) absolute difference over the pieces, LU or dB. loudgain prints two decimals, ffmpeg three of loudness and two of LRA. libebur128 takes loudness range from windows 1 s apart; lathe and ffmpeg 0.1 s apart, as EBU Tech 3342 asks since 2016 (an overlap of at least 2.9 s). The column between shows that this is all of the difference: ffmpeg's short-term loudness, taken 1 s apart. True peaks differ most from loudgain's where a decoded lossy file exceeds full scale; ffmpeg and lathe agree there.",
      "",
      ...comparison(rows, hasLoudgain),
      "",
      "## Re-encoded",
      "",
      `Largest (and middle) absolute difference from the FLAC over the pieces, in percent of the usual width; pieces above ${flaggedPercent} % are named.`,
      "",
      ...reencoding(rows)
    ].join("\n")
  )
}
