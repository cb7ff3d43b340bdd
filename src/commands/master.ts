/** `lathe master`: measures a file, decides, renders it into another. */
import { Args, Command, Options } from "@effect/cli"
import { Console, Effect, Option, Schema, Stream } from "effect"
import { basename, resolve } from "node:path"
import type { TrackAnalysis } from "../domain/fingerprint/Fingerprint.ts"
import { planFor } from "../domain/mastering/MasteringDecision.ts"
import type { MasteringPlan } from "../domain/mastering/MasteringPlan.ts"
import { DeliveredSampleRate } from "../domain/audio/SampleRate.ts"
import { AudioDecoder, type AudioInfo } from "../services/AudioDecoder.ts"
import { AudioEncoder, encodingFor, writtenEndings } from "../services/AudioEncoder.ts"
import { ChunkMastering } from "../services/ChunkMastering.ts"
import { TrackAnalyzer } from "../services/TrackAnalyzer.ts"
import { engine } from "./engine.ts"
import { bypass, force, intensity, number, preset } from "./options.ts"
import { checkOutputs, writeWhole } from "./outputFiles.ts"
import { withProgress } from "./terminal.ts"
import { UsageError } from "./UsageError.ts"

const input = Args.text({ name: "IN" }).pipe(Args.withDescription("The audio file to master."))
const output = Args.text({ name: "OUT" }).pipe(Args.withDescription("The file to write: .wav or .flac."))

const chunkSeconds = number({
  name: "chunk-seconds",
  placeholder: "SECONDS",
  schema: Schema.Finite.pipe(Schema.between(0.01, 60)),
  expects: "a number from 0.01 to 60",
  byDefault: 10,
  meaning: "Seconds rendered at a time; the result is the same to the bit, whatever it is."
})

const from = number({
  name: "from",
  placeholder: "SECONDS",
  schema: Schema.Finite.pipe(Schema.nonNegative()),
  expects: "a number of seconds, 0 or more",
  byDefault: 0,
  meaning: "Seconds into the track where the output starts."
})

const report = Options.text("report").pipe(
  Options.withPseudoName("FILE.json"),
  Options.optional,
  Options.withDescription("A JSON file to write: the plan, and what was measured before and after.")
)

const rate = Options.choiceWithValue(
  "rate",
  DeliveredSampleRate.literals.map((hz) => [String(hz), hz] as const)
).pipe(Options.optional, Options.withDescription("Hz of OUT. Default: that of IN."))

const bits = Options.choiceWithValue("bits", [
  ["24", 24 as const],
  ["32", 32 as const]
]).pipe(
  Options.optional,
  Options.withDescription(
    "Of a sample: 24 (integer) or 32 (float in a WAV, integer in a FLAC). Default: 32 in a WAV, 24 in a FLAC."
  )
)

/** What `--report` writes. The measured is null for what is too short or too quiet to measure. */
interface Report {
  readonly input: Measured
  readonly plan: MasteringPlan
  readonly output: Measured & { readonly sample_rate: number; readonly samples: number }
}

type Measured = { readonly file: string } & (
  | ({ readonly result: Result } & Pick<TrackAnalysis, "fingerprint" | "measurements">)
  | { readonly result: null; readonly fingerprint: null; readonly measurements: null }
)

/** What mastering is about, of all that was measured. */
interface Result {
  readonly lufs: number
  readonly true_peak_dbtp: number
  readonly crest_db: number
  readonly loudness_range_lu: number
}

const resultOf = ({ fingerprint, measurements }: TrackAnalysis): Result => ({
  lufs: fingerprint.lufs,
  true_peak_dbtp: measurements.true_peak_dbtp,
  crest_db: fingerprint.crest_db,
  loudness_range_lu: measurements.loudness_range_lu
})

/** A file too short or too quiet to measure is mastered by the fallback; one that cannot be read is a failure. */
const measure = Effect.fn("master.measure")(function* (path: string) {
  const analyzer = yield* TrackAnalyzer
  return yield* withProgress(({ show }) =>
    analyzer.analyze(path, ({ percent }) => show(percent / 100, `measuring ${basename(path)}`))
  ).pipe(
    Effect.asSome,
    Effect.catchTags({
      TrackTooShort: ({ message }) => Effect.as(Console.error(message), Option.none()),
      TrackSilent: ({ message }) => Effect.as(Console.error(message), Option.none()),
      TrackTooLarge: ({ message }) => Effect.as(Console.error(message), Option.none())
    })
  )
})

const measured = (file: string, analysis: Option.Option<TrackAnalysis>): Measured =>
  Option.match(analysis, {
    onNone: () => ({ file, result: null, fingerprint: null, measurements: null }),
    onSome: (analysis) => ({
      file,
      result: resultOf(analysis),
      fingerprint: analysis.fingerprint,
      measurements: analysis.measurements
    })
  })

const describe = (plan: MasteringPlan): string =>
  [
    plan.summary,
    ...plan.moves.map(
      (move) => `  ${move.stage}: ${move.parameter} ${move.amount.toFixed(2)} ${move.unit}. ${move.reason}`
    )
  ].join("\n")

const outcome = (file: string, analysis: Option.Option<TrackAnalysis>): string =>
  Option.match(analysis, {
    onNone: () => `${file} is written.`,
    onSome: ({ fingerprint, measurements }) =>
      `${file} is written: ${fingerprint.lufs.toFixed(1)} LUFS, crest ${fingerprint.crest_db.toFixed(1)} dB, true peak ${measurements.true_peak_dbtp.toFixed(2)} dBTP.`
  })

/** Seconds: as measured, else as the file says of itself; none where nobody knows. */
const lengthOf = (analysis: Option.Option<TrackAnalysis>, { sampleRate, totalFrames }: AudioInfo): number | undefined =>
  Option.match(analysis, {
    onSome: ({ measurements }) => measurements.duration_seconds,
    onNone: () => (totalFrames === 0 ? undefined : totalFrames / sampleRate)
  })

const checkStart = (from: number, file: string, length: number | undefined): Effect.Effect<void, UsageError> =>
  length === undefined || from < length || from === 0
    ? Effect.void
    : new UsageError({
        code: "invalid_value",
        message: `--from is "${from}"; it must be less than ${length.toFixed(2)}, the seconds of ${basename(file)}.`
      })

const options = { bits, bypass, chunkSeconds, force, from, input, intensity, output, preset, rate, report }

export const master = Command.make("master", options, (options) =>
  Effect.gen(function* () {
    const { bypass, chunkSeconds, force, from, input, intensity, output, preset, report } = options
    yield* checkOutputs({
      inputs: [{ by: "IN", path: input }],
      outputs: [
        { by: "OUT", path: output, endings: writtenEndings },
        ...Option.toArray(report).map((path) => ({ by: "--report", path, endings: [".json"] }))
      ],
      force
    })
    const encoding = yield* encodingFor(
      output,
      Option.match(options.bits, { onNone: () => ({}), onSome: (bits) => ({ bits }) })
    )
    const decoder = yield* AudioDecoder
    const mastering = yield* ChunkMastering
    const encoder = yield* AudioEncoder
    const source = resolve(input)
    const before = yield* measure(source)
    const plan = planFor(before, { preset, intensity, bypass })
    const info = yield* decoder.probe(source)
    yield* checkStart(from, input, lengthOf(before, info))
    yield* Console.log(describe(plan))
    const wantedRate = Option.getOrUndefined(options.rate)
    const { channels, packets, sampleRate, totalFrames } = yield* mastering.open({
      path: source,
      startFrame: Math.round(from * (wantedRate ?? info.sampleRate)),
      plan,
      sampleRate: wantedRate,
      packetSeconds: chunkSeconds,
      // Each packet is written before the next one is pulled.
      reusesMemory: true
    })
    const target = resolve(output)
    const { framesWritten } = yield* withProgress(({ show }) =>
      encoder.write(
        target,
        { sampleRate, channels, encoding },
        packets.pipe(
          Stream.tap(({ sampleOffset }) => show(sampleOffset / totalFrames, `mastering ${basename(source)}`)),
          Stream.map(({ samples }) => samples)
        )
      )
    )
    const after = yield* measure(target)
    yield* Console.log(outcome(output, after))
    if (Option.isSome(report)) {
      const content: Report = {
        input: measured(input, before),
        plan,
        output: { ...measured(output, after), sample_rate: sampleRate, samples: framesWritten }
      }
      yield* writeWhole(report.value, `${JSON.stringify(content, null, 2)}\n`)
    }
  }).pipe(Effect.scoped, Effect.provide(engine))
).pipe(Command.withDescription("Master one file into another: WAV or FLAC, as OUT ends."))
