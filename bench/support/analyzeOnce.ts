/** `node analyzeOnce.ts fingerprint|decode FILE`: prints the CPU seconds of the second run in this process. */
import { Effect, Layer, Stream } from "effect"
import * as AudioDecoderNodeAv from "../../src/layers/AudioDecoderNodeAv.ts"
import * as TrackAnalyzerLocal from "../../src/layers/TrackAnalyzerLocal.ts"
import { AudioDecoder } from "../../src/services/AudioDecoder.ts"
import { TrackAnalyzer } from "../../src/services/TrackAnalyzer.ts"

const [what = "", file = ""] = process.argv.slice(2)

const once = Effect.gen(function* () {
  if (what === "fingerprint")
    return yield* Effect.asVoid(Effect.flatMap(TrackAnalyzer, (analyzer) => analyzer.analyze(file)))
  const decoder = yield* AudioDecoder
  yield* Stream.runDrain(decoder.decode(file))
})

const program = Effect.gen(function* () {
  yield* once
  const before = process.cpuUsage()
  yield* once
  const { user, system } = process.cpuUsage(before)
  console.log((user + system) / 1e6)
})

const layer = Layer.provideMerge(TrackAnalyzerLocal.layer, AudioDecoderNodeAv.layer)
await Effect.runPromise(Effect.provide(program, layer))
