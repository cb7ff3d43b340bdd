/**
 * `node analyzeOnce.ts fingerprint|decode|profile FILE`: prints the mean CPU seconds of the last of several runs in this
 * process, or the milliseconds of each function as JSON.
 */
import { Session } from "node:inspector/promises"
import { Effect, Layer } from "effect"
import type { AnalysisError } from "../../src/domain/audio/AnalysisError.ts"
import * as AudioDecoderNodeAv from "../../src/layers/audio/AudioDecoderNodeAv.ts"
import * as TrackAnalyzerLocal from "../../src/layers/fingerprint/TrackAnalyzerLocal.ts"
import { AudioDecoder } from "../../src/services/AudioDecoder.ts"
import { TrackAnalyzer } from "../../src/services/TrackAnalyzer.ts"

const [what = "", file = ""] = process.argv.slice(2)

/** As the analyzer reads. */
const blockFrames = 32_768

/** After so many, V8 has compiled what is hot. */
const warmUpRuns = 2
const measuredRuns = 3

const fingerprintOnce = Effect.asVoid(Effect.flatMap(TrackAnalyzer, (analyzer) => analyzer.analyze(file)))

const decodeOnce = Effect.gen(function* () {
  const decoder = yield* AudioDecoder
  const { info, readInto } = yield* decoder.open(file)
  const target = Array.from({ length: info.channels }, () => new Float32Array(blockFrames))
  while ((yield* readInto(target, blockFrames)) > 0);
}).pipe(Effect.scoped)

const once: Effect.Effect<void, AnalysisError, TrackAnalyzer | AudioDecoder> =
  what === "decode" ? decodeOnce : fingerprintOnce

const cpuSeconds = Effect.gen(function* () {
  const before = process.cpuUsage()
  yield* Effect.repeatN(once, measuredRuns - 1)
  const { system, user } = process.cpuUsage(before)
  return (user + system) / 1e6 / measuredRuns
})

/** Milliseconds a run of the main thread, by function: `name` of the compiled kernels, `file name` of the others. */
const profile = Effect.gen(function* () {
  const session = new Session()
  session.connect()
  yield* Effect.promise(() => session.post("Profiler.enable"))
  yield* Effect.promise(() => session.post("Profiler.setSamplingInterval", { interval: 200 }))
  yield* Effect.promise(() => session.post("Profiler.start"))
  yield* Effect.repeatN(once, measuredRuns - 1)
  const { profile } = yield* Effect.promise(() => session.post("Profiler.stop"))
  const frames = new Map(profile.nodes.map(({ callFrame, id }) => [id, callFrame]))
  const milliseconds: Record<string, number> = {}
  profile.samples?.forEach((id, i) => {
    const { functionName = "", url = "" } = frames.get(id) ?? {}
    const name = url.startsWith("wasm") ? functionName : `${url.split("/").at(-1)} ${functionName}`.trim()
    milliseconds[name] = (milliseconds[name] ?? 0) + (profile.timeDeltas?.[i] ?? 0) / 1000 / measuredRuns
  })
  return JSON.stringify(milliseconds)
})

const program = Effect.gen(function* () {
  yield* Effect.repeatN(once, warmUpRuns - 1)
  console.log(what === "profile" ? yield* profile : yield* cpuSeconds)
})

const layer = Layer.provideMerge(TrackAnalyzerLocal.layer, AudioDecoderNodeAv.layer)
await Effect.runPromise(Effect.provide(program, layer))
