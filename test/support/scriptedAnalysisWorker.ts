/**
 * A worker of the process pool whose analyses follow the file's name: `ok`, `hang`, `stuck`, `crash` (while its content
 * is "deadly"), `meet-a` and `meet-b`, `silent`, `broken`; and `crash-once`, `stuck-once`, `garbage-once`, `invalid-once`,
 * which are `ok` the second time. Each run of a file adds a line to `<file>.runs`.
 * A result's decoder_version is the worker's process id. With an argument, the process fails to start until the file
 * of that name has three lines.
 */
import { appendFileSync, existsSync, readFileSync, writeSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { Effect, Layer, Schedule } from "effect"
import { TrackSilent } from "../../src/domain/audio/AnalysisError.ts"
import { TrackAnalyzer } from "../../src/services/TrackAnalyzer.ts"
import { serve } from "../../src/layers/fingerprint/TrackAnalyzerProcessWorker.ts"
import { encodeMessage, reportDescriptor } from "../../src/layers/process/messages.ts"
import { someAnalysis } from "./analyses.ts"

const addLine = (file: string): number => {
  appendFileSync(file, "+\n")
  return readFileSync(file, "utf8").length / 2
}

const [startsFile] = process.argv.slice(2)
if (startsFile !== undefined && addLine(startsFile) < 3) process.exit(3)

const analysis = someAnalysis()
const ok = { ...analysis, provenance: { ...analysis.provenance, decoder_version: String(process.pid) } }

const write = (...parts: ReadonlyArray<Uint8Array>) =>
  Effect.sync(() => parts.forEach((part) => writeSync(reportDescriptor, part)))

const waitFor = (file: string) =>
  Effect.suspend(() => (existsSync(file) ? Effect.void : Effect.fail("not yet"))).pipe(
    Effect.retry(Schedule.spaced("10 millis")),
    Effect.orDie
  )

serve(
  Layer.succeed(TrackAnalyzer, {
    analyze: (path, onProgress = () => Effect.void) =>
      Effect.gen(function* () {
        const runs = addLine(`${path}.runs`)
        yield* onProgress({ stage: "decoding", percent: 50 })
        const name = basename(path, ".flac")
        if (name.endsWith("-once") && runs > 1) return ok
        switch (name) {
          case "hang":
            return yield* Effect.never
          case "stuck":
          case "stuck-once":
            // As a native call that does not return: the event loop stands still.
            Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
            break
          case "crash-once":
            process.exit(7)
            break
          case "crash":
            if (readFileSync(path, "utf8") === "deadly") process.exit(7)
            break
          case "meet-a":
            yield* waitFor(join(dirname(path), "meet-b.flac.runs"))
            break
          case "meet-b":
            yield* waitFor(join(dirname(path), "meet-a.flac.runs"))
            break
          case "garbage-once":
            yield* write(Buffer.from("\u0000\u00ff not json {"))
            return yield* Effect.never
          case "invalid-once": {
            const fingerprint = { ...ok.fingerprint, mid_pct: 99 }
            const report = { _tag: "Done", job: 1, result: { ...ok, fingerprint } }
            yield* write(...encodeMessage(JSON.stringify(report), undefined))
            return yield* Effect.never
          }
          case "silent":
            return yield* new TrackSilent({ file: basename(path) })
          case "broken":
            return yield* Effect.dieMessage("a defect of the analysis")
        }
        return ok
      })
  })
)
