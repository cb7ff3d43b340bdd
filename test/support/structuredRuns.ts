/** Runs files with a damaged structure through the worker processes that read and analyse for the service. */
import { createHash } from "node:crypto"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { AV_SAMPLE_FMT_FLTP, AV_SAMPLE_FMT_S16 } from "node-av/constants"
import { Cause, Effect, Exit, Layer, Option, Schedule, Schema } from "effect"
import { AnalysisError } from "../../src/domain/audio/AnalysisError.ts"
import { TrackAnalysis } from "../../src/domain/fingerprint/Fingerprint.ts"
import { TrackTags } from "../../src/domain/library/Track.ts"
import * as TrackAnalyzerProcessPool from "../../src/layers/fingerprint/TrackAnalyzerProcessPool.ts"
import * as TrackFileReaderProcess from "../../src/layers/library/TrackFileReaderProcess.ts"
import { TrackAnalyzer } from "../../src/services/TrackAnalyzer.ts"
import { TrackFileReader } from "../../src/services/TrackFileReader.ts"
import { audioFormats, lossless, lossy, writeAudioFile } from "./audioFiles.ts"
import { built } from "./built.ts"
import { type ContainerName, encodeFile, trees } from "./containers.ts"
import { drums, pinkNoise } from "./musicSignals.ts"
import type { MutantFault, MutantReport, MutantRunOptions } from "./mutantRuns.ts"
import { makeRandom } from "./signals.ts"
import { mutateStructure } from "./structuredMutations.ts"

const formats = {
  wav: audioFormats.wav16,
  aiff: audioFormats.aiff16,
  w64: lossless("w64", "pcm_s16le", AV_SAMPLE_FMT_S16, 16),
  flac: audioFormats.flac16,
  vorbis: audioFormats.vorbis,
  opus: audioFormats.opus,
  mp3: audioFormats.mp3,
  "mp3 with ID3v2.3": audioFormats.mp3,
  mp4: audioFormats.aac,
  matroska: lossy("mka", "aac", AV_SAMPLE_FMT_FLTP),
  caf: lossless("caf", "pcm_s16be", AV_SAMPLE_FMT_S16, 16),
  asf: lossy("wma", "wmav2", AV_SAMPLE_FMT_FLTP),
  adts: lossy("aac", "aac", AV_SAMPLE_FMT_FLTP)
} satisfies Record<ContainerName, ReturnType<typeof lossy>>
const structuredFormats = Object.keys(formats) as ReadonlyArray<ContainerName>

/** Little more than an analysis needs. */
const seconds = 0.5
const rate = 48_000

/** Of each format, as a tree. */
export const makeTrees = (folder: string) => {
  const signal = [drums(rate, seconds, "rock", 120, 1, 0.05), pinkNoise(rate, seconds, 0.3, 2)]
  return structuredFormats.map((format) => {
    // Bit-exact: no random serial numbers, so that a seed is the same file everywhere.
    const options = { sampleRate: rate, muxer: { fflags: "+bitexact" } }
    const path = writeAudioFile(folder, `original ${format}`, formats[format], signal, options)
    return { format, extension: formats[format].extension, root: trees[format](readFileSync(path)) }
  })
}

/** The file of one number of a seed, whatever was made before it. */
const makeMutant = (originals: ReturnType<typeof makeTrees>, seed: number, index: number, largest?: number) => {
  const random = makeRandom(createHash("sha256").update(`structured/${seed}/${index}`).digest().readUInt32LE(0))
  const { extension, format, root } = originals[index % originals.length]!
  const { bytes, changes } = mutateStructure(root, random, largest)
  return { bytes, name: `mutant-${index}.${extension}`, words: `${format}: ${changes.join(", ")}` }
}

export interface StructuredRunOptions extends Omit<MutantRunOptions, "analyzer" | "deadlineMs"> {
  /** Arguments of `node`. Default: the probe worker. */
  readonly probeWorker?: ReadonlyArray<string>
  /** No part of a file grows beyond so many bytes. Default 4 MiB. */
  readonly largest?: number
  /** Of the reader of tags. Default 10 s, as in the service. */
  readonly tagsDeadlineMs?: number
}

/** What the pools give a file, and the start of a worker on a busy machine: nothing may take longer. */
const deadlineMs = 90_000
/** Of the pools, bytes: src/layers/library/TrackFileReaderProcess.ts and src/layers/fingerprint/TrackAnalyzerProcessPool.ts. */
const bounds: Readonly<Record<string, number>> = { probeWorker: 512 * 2 ** 20, analysisWorker: 1024 * 2 ** 20 }
const lookMs = 50

/** Largest resident memory of each worker that this process has, in bytes; none where the system does not say. */
const workerMemory = (): ReadonlyArray<{ readonly worker: string; readonly bytes: number }> => {
  try {
    return readdirSync(`/proc/${process.pid}/task`)
      .flatMap((task) => readFileSync(`/proc/${process.pid}/task/${task}/children`, "latin1").trim().split(" "))
      .flatMap((pid) => {
        const command = pid === "" ? "" : readFileSync(`/proc/${pid}/cmdline`, "latin1")
        const worker = Object.keys(bounds).find((name) => command.includes(name))
        if (worker === undefined) return []
        const status = readFileSync(`/proc/${pid}/status`, "latin1")
        return [{ worker, bytes: 1024 * Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) }]
      })
  } catch {
    // One of them has ended in between.
    return []
  }
}

const isAnalysis = Schema.is(TrackAnalysis)
const isTags = Schema.is(TrackTags)
const isError = Schema.is(AnalysisError)

const ofWorker: ReadonlySet<string> = new Set(["too_demanding", "corrupt"])

interface Outcome {
  readonly outcome: string
  /** Its worker may be gone. */
  readonly isOfWorker: boolean
  readonly fault: string
}

const judge = <A>(what: string, folder: string, exit: Exit.Exit<A, unknown>, isResult: (a: A) => boolean): Outcome => {
  if (Exit.isSuccess(exit)) {
    const fault = isResult(exit.value) ? "" : `what came of ${what} is none by its schema`
    return { outcome: `${what}: done`, isOfWorker: false, fault }
  }
  const error = Option.getOrUndefined(Cause.failureOption(exit.cause))
  if (Cause.isInterruptedOnly(exit.cause) || error === "hang")
    return { outcome: `${what}: hang`, isOfWorker: true, fault: `no end of ${what} within ${deadlineMs / 1000} s` }
  if (!isError(error)) return { outcome: `${what}: defect`, isOfWorker: true, fault: Cause.pretty(exit.cause) }
  const reason = error._tag === "TrackUnreadable" ? ` (${error.stage}: ${error.reason})` : ""
  return {
    outcome: `${what}: ${error._tag}${reason}`,
    isOfWorker: error._tag === "TrackUnreadable" && error.decoder === undefined && ofWorker.has(error.reason),
    fault: error.message.includes(folder) ? "the message names a path" : ""
  }
}

const bounded = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.exit(Effect.timeoutFail(effect, { duration: deadlineMs, onTimeout: () => "hang" }))

/** How each of tags, picture and analysis came out. */
const readAll = (path: string, folder: string) =>
  Effect.gen(function* () {
    const reader = yield* TrackFileReader
    const { analyze } = yield* TrackAnalyzer
    return [
      judge("tags", folder, yield* bounded(reader.tags(path)), isTags),
      judge("art", folder, yield* bounded(reader.art(path)), Option.isOption),
      judge("analysis", folder, yield* bounded(analyze(path)), isAnalysis)
    ]
  })

const run = (options: StructuredRunOptions, folder: string, report: MutableReport) =>
  Effect.gen(function* () {
    const { count, from = 0, keepIn, onEnded, seed } = options
    const originals = makeTrees(join(folder, "originals"))
    const song = join(folder, "originals", "song.flac")
    writeFileSync(song, encodeFile(originals.find(({ format }) => format === "flac")!.root))
    let running = { index: from, words: "" }
    const fault = (words: string, at = running) => {
      report.faults.push({ ...at, fault: words })
      options.onFault?.({ ...at, fault: words })
    }
    yield* Effect.forkScoped(
      Effect.repeat(
        Effect.sync(() => noteMemory(report, fault)),
        Schedule.spaced(lookMs)
      )
    )
    const one = (index: number) =>
      Effect.gen(function* () {
        const { bytes, name, words } = makeMutant(originals, seed, index, options.largest)
        const path = join(folder, name)
        writeFileSync(path, bytes)
        running = { index, words }
        const start = performance.now()
        const outcomes = yield* readAll(path, folder)
        report.slowestMilliseconds = Math.max(report.slowestMilliseconds, performance.now() - start)
        for (const { fault: what, outcome } of outcomes) {
          report.outcomes.set(outcome, (report.outcomes.get(outcome) ?? 0) + 1)
          if (what !== "") fault(what, { index, words })
        }
        if (outcomes.some(({ isOfWorker }) => isOfWorker) || index % 50 === 49) {
          const next = yield* readAll(song, folder)
          const refused = next.filter(({ outcome }) => !outcome.endsWith(": done"))
          if (refused.length > 0)
            fault(`the next file is not read: ${refused.map(({ outcome }) => outcome).join(", ")}`, { index, words })
        }
        if (keepIn === undefined) rmSync(path)
        onEnded?.(index)
      })
    const indices = Array.from({ length: count }, (_, n) => from + n)
    yield* Effect.forEach(indices, one, { concurrency: 2, discard: true })
  })

interface MutableReport {
  readonly outcomes: Map<string, number>
  readonly faults: Array<MutantFault>
  slowestMilliseconds: number
  residentMiB: number
}

const noteMemory = (report: MutableReport, fault: (words: string) => void) => {
  for (const { bytes, worker } of workerMemory()) {
    const mebibytes = bytes / 2 ** 20
    const isNew = mebibytes > report.residentMiB
    report.residentMiB = Math.max(report.residentMiB, mebibytes)
    if (isNew && bytes > bounds[worker]!) fault(`${worker} has grown to ${mebibytes.toFixed(0)} MiB`)
  }
}

export const runStructured = async (options: StructuredRunOptions): Promise<MutantReport> => {
  const folder = options.keepIn ?? mkdtempSync(join(tmpdir(), "lathe-structured-"))
  mkdirSync(join(folder, "originals"), { recursive: true })
  const report: MutableReport = { outcomes: new Map(), faults: [], slowestMilliseconds: 0, residentMiB: 0 }
  const workers = Layer.merge(
    TrackFileReaderProcess.layer({
      workerCommand: options.probeWorker ?? ["--max-old-space-size=256", built("probeWorker")],
      ...(options.tagsDeadlineMs === undefined ? {} : { deadline: options.tagsDeadlineMs })
    }),
    TrackAnalyzerProcessPool.layer({
      workers: 2,
      workerCommand: ["--max-semi-space-size=1", "--max-old-space-size=48", built("analysisWorker")]
    })
  )
  try {
    await Effect.runPromise(Effect.scoped(run(options, folder, report)).pipe(Effect.provide(workers)))
    return report
  } finally {
    if (options.keepIn === undefined) rmSync(folder, { recursive: true, force: true })
  }
}
