/**
 * `node mutantAnalyzer.ts FOLDER SEED FROM END`: writes the mutants FROM to END - 1 of a seed, one after the other,
 * and analyses each as the product does. Prints one MutantLine before and one after each. Native code may end it.
 */
import { createHash } from "node:crypto"
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs"
import { basename, extname, join } from "node:path"
import { Cause, Effect, Exit, Layer, Option, Schema } from "effect"
import { AnalysisError } from "../../src/domain/audio/AnalysisError.ts"
import { AnalysisProgress, TrackAnalysis } from "../../src/domain/fingerprint/Fingerprint.ts"
import * as AudioDecoderNodeAv from "../../src/layers/audio/AudioDecoderNodeAv.ts"
import * as TrackAnalyzerLocal from "../../src/layers/fingerprint/TrackAnalyzerLocal.ts"
import { TrackAnalyzer } from "../../src/services/TrackAnalyzer.ts"
import { type AudioFormatName, writeAudioFile } from "./audioFiles.ts"
import { drums, pinkNoise } from "./musicSignals.ts"
import { mutate } from "./mutations.ts"
import { makeRandom } from "./signals.ts"

export const MutantLine = Schema.parseJson(
  Schema.Union(
    Schema.TaggedStruct("Begun", { index: Schema.Int, words: Schema.String }),
    Schema.TaggedStruct("Ended", {
      index: Schema.Int,
      /** `analysed`, `analysed, with damage` where some of it is lost, a name of an AnalysisError with its reason, or `defect`. */
      outcome: Schema.String,
      /** Why the outcome is none that a caller may get; empty where it is one. */
      fault: Schema.String,
      milliseconds: Schema.Finite,
      /** Largest resident memory of the process so far. */
      residentMiB: Schema.Finite
    })
  )
)

export const mutatedFormats: ReadonlyArray<AudioFormatName> = [
  "wav16",
  "wav24",
  "wavFloat",
  "aiff16",
  "flac16",
  "flac24",
  "mp3",
  "aac",
  "alac16",
  "vorbis",
  "opus"
]

/** The extensions under which a mutant may go, its own among them more often. */
const extensions = ["wav", "aiff", "flac", "mp3", "m4a", "ogg", "opus", "aac", "txt", ""]
const extensionSwapped = 0.15

/** Little more than an analysis needs, so that many fit into a run. */
const seconds = 0.7

const makeOriginals = (folder: string) => {
  mkdirSync(folder, { recursive: true })
  const signalAt = (rate: number) => [drums(rate, seconds, "rock", 120, 1, 0.05), pinkNoise(rate, seconds, 0.3, 2)]
  const existing = new Set(readdirSync(folder))
  return mutatedFormats.map((format) => {
    const rate = format === "opus" ? 48_000 : 44_100
    const known = [...existing].find((name) => name.startsWith(`${format}.`))
    // Bit-exact: no random serial numbers, so that a seed is the same file everywhere.
    const path =
      known === undefined
        ? writeAudioFile(folder, format, format, signalAt(rate), { sampleRate: rate, muxer: { fflags: "+bitexact" } })
        : join(folder, known)
    return { format, extension: extname(path).slice(1), bytes: readFileSync(path) }
  })
}

const say = (line: typeof MutantLine.Type) => writeSync(1, `${Schema.encodeSync(MutantLine)(line)}\n`)

const isAnalysis = Schema.is(TrackAnalysis)
const isError = Schema.is(AnalysisError)
const isProgress = Schema.is(AnalysisProgress)

const judge = (path: string, folder: string) =>
  Effect.gen(function* () {
    const faults: Array<string> = []
    const { analyze } = yield* TrackAnalyzer
    const exit = yield* Effect.exit(
      analyze(path, (progress) =>
        Effect.sync(() => {
          if (!isProgress(progress)) faults.push(`progress ${JSON.stringify(progress)}`)
        })
      )
    )
    if (Exit.isSuccess(exit)) {
      if (!isAnalysis(exit.value)) faults.push("the analysis is none by its schema")
      const isDamaged = exit.value.provenance.frames_lost > 0
      return { outcome: isDamaged ? "analysed, with damage" : "analysed", fault: faults.join("; ") }
    }
    const error = Option.getOrUndefined(Cause.failureOption(exit.cause))
    if (error === undefined) return { outcome: "defect", fault: Cause.pretty(exit.cause) }
    if (!isError(error)) faults.push("the error is none by its schema")
    if (error.message.includes(folder)) faults.push("the message names a path")
    const reason = error._tag === "TrackUnreadable" ? ` (${error.stage}: ${error.reason})` : ""
    return { outcome: error._tag + reason, fault: faults.join("; ") }
  })

/** The file of one number of a seed, whatever was made before it. */
const makeMutant = (originals: ReturnType<typeof makeOriginals>, seed: number, index: number) => {
  const digest = createHash("sha256").update(`${seed}/${index}`).digest()
  const random = makeRandom(digest.readUInt32LE(0))
  const { bytes: original, extension, format } = originals[index % originals.length]!
  const mutant = mutate(original, random)
  const name = random() < extensionSwapped ? extensions[Math.floor(random() * extensions.length)]! : extension
  return {
    bytes: mutant.bytes,
    name: name === "" ? `mutant-${index}` : `mutant-${index}.${name}`,
    words: `${format}${name === extension ? "" : ` named .${name}`}: ${mutant.changes.join(", ")}`
  }
}

const run = (folder: string, seed: number, from: number, end: number, keep: boolean) =>
  Effect.gen(function* () {
    const originals = makeOriginals(join(folder, "originals"))
    for (let index = from; index < end; index++) {
      const { bytes, name, words } = makeMutant(originals, seed, index)
      const path = join(folder, name)
      writeFileSync(path, bytes)
      say({ _tag: "Begun", index, words })
      const start = performance.now()
      const { fault, outcome } = yield* judge(path, folder)
      const milliseconds = performance.now() - start
      const residentMiB = process.resourceUsage().maxRSS / 1024
      say({ _tag: "Ended", index, outcome, fault, milliseconds, residentMiB })
      if (!keep) rmSync(path)
    }
  }).pipe(Effect.provide(TrackAnalyzerLocal.layer.pipe(Layer.provide(AudioDecoderNodeAv.layer))))

if (/^mutantAnalyzer\.[jt]s$/.test(basename(process.argv[1] ?? ""))) {
  const [folder = "", seed, from, end, keep] = process.argv.slice(2)
  await Effect.runPromise(run(folder, Number(seed), Number(from), Number(end), keep === "keep"))
}
