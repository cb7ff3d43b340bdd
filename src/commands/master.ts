/** `lathe master`: measures a file, decides, renders it into another. */
import { Args, Command, Options } from "@effect/cli"
import { Console, Effect, Option, Schema, Stream } from "effect"
import { writeFile } from "node:fs/promises"
import { basename, resolve } from "node:path"
import type { TrackAnalysis } from "../domain/fingerprint/Fingerprint.ts"
import { planFor } from "../domain/mastering/MasteringDecision.ts"
import type { MasteringPlan } from "../domain/mastering/MasteringPlan.ts"
import { DeliveredSampleRate } from "../domain/audio/SampleRate.ts"
import { writeErrorFrom } from "../layers/audio/audioWriteErrors.ts"
import { AudioDecoder } from "../services/AudioDecoder.ts"
import { AudioEncoder, encodingFor } from "../services/AudioEncoder.ts"
import { ChunkMastering } from "../services/ChunkMastering.ts"
import { TrackAnalyzer } from "../services/TrackAnalyzer.ts"
import { engine } from "./engine.ts"
import { bypass, intensity, preset } from "./options.ts"
import { withProgress } from "./terminal.ts"

const input = Args.text({ name: "IN" }).pipe(Args.withDescription("The audio file to master."))
const output = Args.text({ name: "OUT" }).pipe(Args.withDescription("The file to write: .wav or .flac."))

const chunkSeconds = Options.float("chunk-seconds").pipe(
  Options.withSchema(Schema.Finite.pipe(Schema.between(0.01, 60))),
  Options.withDefault(10),
  Options.withDescription("Seconds rendered at a time; the result is the same to the bit, whatever it is.")
)

const from = Options.float("from").pipe(
  Options.withSchema(Schema.Finite.pipe(Schema.nonNegative())),
  Options.withDefault(0),
  Options.withDescription("Seconds into the track where the output starts.")
)

const report = Options.text("report").pipe(
  Options.optional,
  Options.withDescription("A JSON file for the plan and what was measured before and after.")
)

const rate = Options.choiceWithValue(
  "rate",
  DeliveredSampleRate.literals.map((hz) => [String(hz), hz] as const)
).pipe(Options.optional, Options.withDescription("Hz of OUT. Default: that of IN."))

const bits = Options.choice("bits", ["24", "32"]).pipe(
  Options.withDefault("32" as const),
  Options.withDescription("Of a WAV: 24 (integer) or 32 (float). FLAC has 24.")
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

const options = { bits, bypass, chunkSeconds, from, input, intensity, output, preset, rate, report }

export const master = Command.make("master", options, (options) =>
  Effect.gen(function* () {
    const { bits, bypass, chunkSeconds, from, input, intensity, output, preset, report } = options
    const encoding = yield* encodingFor(output, { wavSampleFormat: bits === "24" ? "int24" : "float32" })
    const decoder = yield* AudioDecoder
    const mastering = yield* ChunkMastering
    const encoder = yield* AudioEncoder
    const source = resolve(input)
    const before = yield* measure(source)
    const plan = planFor(before, { preset, intensity, bypass })
    yield* Console.log(describe(plan))
    const info = yield* decoder.probe(source)
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
      yield* writeReport(resolve(report.value), content)
    }
  }).pipe(Effect.scoped, Effect.provide(engine))
).pipe(Command.withDescription("Master one file into another: WAV or FLAC, as OUT ends."))

const writeReport = (path: string, report: Report) =>
  Effect.tryPromise({
    try: () => writeFile(path, `${JSON.stringify(report, null, 2)}\n`),
    catch: (cause) => writeErrorFrom(path, cause)
  })
