/** `node analyzeOnce.ts fingerprint|decode FILE`: prints the CPU seconds of the second run in this process. */
import { Effect, Layer } from "effect"
import * as AudioDecoderNodeAv from "../../src/layers/AudioDecoderNodeAv.ts"
import * as TrackAnalyzerLocal from "../../src/layers/TrackAnalyzerLocal.ts"
import { AudioDecoder } from "../../src/services/AudioDecoder.ts"
import { TrackAnalyzer } from "../../src/services/TrackAnalyzer.ts"

const [what = "", file = ""] = process.argv.slice(2)

/** As the analyzer reads. */
const blockFrames = 32_768

const once = Effect.gen(function* () {
  if (what === "fingerprint")
    return yield* Effect.asVoid(Effect.flatMap(TrackAnalyzer, (analyzer) => analyzer.analyze(file)))
  const decoder = yield* AudioDecoder
  const { info, readInto } = yield* decoder.open(file)
  const target = Array.from({ length: info.channels }, () => new Float32Array(blockFrames))
  while ((yield* readInto(target, blockFrames)) > 0);
}).pipe(Effect.scoped)

const program = Effect.gen(function* () {
  yield* once
  const before = process.cpuUsage()
  yield* once
  const { user, system } = process.cpuUsage(before)
  console.log((user + system) / 1e6)
})

const layer = Layer.provideMerge(TrackAnalyzerLocal.layer, AudioDecoderNodeAv.layer)
await Effect.runPromise(Effect.provide(program, layer))
