/** `lathe compare A B`: two files, or one before and after, measured side by side. */
import { Args, Command, Options } from "@effect/cli"
import { Console, Effect, Option, Stream } from "effect"
import { basename, resolve } from "node:path"
import { bands, dimensionNames, type TrackAnalysis } from "../domain/fingerprint/Fingerprint.ts"
import { PeakOutline, resample } from "../dsp/Waveform.ts"
import { AudioDecoder } from "../services/AudioDecoder.ts"
import { TrackAnalyzer } from "../services/TrackAnalyzer.ts"
import { bandLabel, bandLevels, type Side, toSvg } from "./comparisonPicture.ts"
import { engine } from "./engine.ts"
import { force } from "./options.ts"
import { checkOutputs, writeWhole } from "./outputFiles.ts"
import { colour, columns, sparkline } from "./terminal.ts"

const before = Args.text({ name: "A" }).pipe(Args.withDescription("An audio file."))
const after = Args.text({ name: "B" }).pipe(Args.withDescription("Another one, such as the same piece mastered."))

const json = Options.boolean("json").pipe(Options.withDescription("Both analyses and their differences as JSON."))

const picture = Options.text("picture").pipe(
  Options.withPseudoName("FILE.svg"),
  Options.optional,
  Options.withDescription("An SVG file to write: both outlines, and what moved in the balance.")
)

const measure = (file: string) =>
  Effect.gen(function* () {
    const path = resolve(file)
    const analysis = yield* Effect.flatMap(TrackAnalyzer, (analyzer) => analyzer.analyze(path))
    const outline = new PeakOutline()
    const decoder = yield* AudioDecoder
    yield* decoder
      .decode(path)
      .pipe(Stream.runForEach(({ channels, length }) => Effect.sync(() => outline.push(channels, length))))
    return { file: basename(file), analysis, peaks: outline.peaks() } satisfies Side
  })

/** What a person looks at first: name, unit, value. */
const shown: ReadonlyArray<readonly [string, string, (of: TrackAnalysis) => number]> = [
  ["loudness", "LUFS", ({ fingerprint }) => fingerprint.lufs],
  ["true peak", "dBTP", ({ measurements }) => measurements.true_peak_dbtp],
  ["crest", "dB", ({ fingerprint }) => fingerprint.crest_db],
  ["loudness range", "LU", ({ measurements }) => measurements.loudness_range_lu],
  ["stereo width", "", ({ fingerprint }) => fingerprint.stereo_width],
  ["correlation", "", ({ fingerprint }) => fingerprint.phase_correlation],
  ["centroid", "Hz", ({ fingerprint }) => fingerprint.spectral_centroid],
  ["tempo", "BPM", ({ fingerprint }) => fingerprint.tempo],
  ["clipped samples", "", ({ measurements }) => measurements.clipped_samples]
]

const digits = (value: number) => (Math.abs(value) >= 1000 ? 0 : Math.abs(value) >= 100 ? 1 : 2)
const signed = (value: number) => `${value > 0 ? "+" : ""}${value.toFixed(digits(value))}`

const outlineWidth = 64

/** Height of the outline of what is heard: the larger half of each stretch, full scale = 1. */
const heights = ({ peaks }: Side): ReadonlyArray<number> => {
  const { max, min } = resample(peaks, outlineWidth)
  return max.map((high, n) => Math.max(high, -min[n]!))
}

const toText = (a: Side, b: Side): string => {
  const rows = shown.map(([name, unit, of]) => {
    const [x, y] = [of(a.analysis), of(b.analysis)]
    return [unit === "" ? name : `${name}, ${unit}`, x.toFixed(digits(x)), y.toFixed(digits(y)), signed(y - x)]
  })
  const [levels, others] = [bandLevels(a.analysis), bandLevels(b.analysis)]
  const balance = bands.map(({ highHz, lowHz, name }, n) => [
    `${bandLabel(name)}, ${lowHz}-${highHz} Hz, dB`,
    levels[n]!.toFixed(1),
    others[n]!.toFixed(1),
    signed(others[n]! - levels[n]!)
  ])
  return [
    columns([["", a.file, b.file, "difference"], ...rows, ...balance]),
    "",
    `${colour("dim", "A")} ${sparkline(heights(a), 0, 1)}`,
    `${colour("dim", "B")} ${sparkline(heights(b), 0, 1)}`
  ].join("\n")
}

const toJson = (a: Side, b: Side): string => {
  const side = ({ analysis, file }: Side) => ({ file, ...analysis })
  const difference = Object.fromEntries(
    dimensionNames.map((name) => [name, b.analysis.fingerprint[name] - a.analysis.fingerprint[name]])
  )
  return JSON.stringify({ a: side(a), b: side(b), difference })
}

export const compare = Command.make(
  "compare",
  { before, after, force, json, picture },
  ({ after, before, force, json, picture }) =>
    Effect.gen(function* () {
      yield* checkOutputs({
        inputs: [
          { by: "A", path: before },
          { by: "B", path: after }
        ],
        outputs: Option.toArray(picture).map((path) => ({ by: "--picture", path, endings: [".svg"] })),
        force
      })
      const [a, b] = yield* Effect.all([measure(before), measure(after)])
      yield* Console.log(json ? toJson(a, b) : toText(a, b))
      if (Option.isSome(picture)) yield* writeWhole(picture.value, toSvg(a, b))
    }).pipe(Effect.provide(engine))
).pipe(Command.withDescription("Measure two files side by side: what differs, as a table and a picture."))
