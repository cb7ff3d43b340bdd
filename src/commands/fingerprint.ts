/** `lathe fingerprint`: measures files, here and now, without any server. */
import { Args, Command, Options } from "@effect/cli"
import { Console, Effect, Either } from "effect"
import { basename, resolve } from "node:path"
import type { AnalysisError } from "../domain/audio/AnalysisError.ts"
import { dimensionNames, type TrackAnalysis } from "../domain/fingerprint/Fingerprint.ts"
import { TrackAnalyzer } from "../services/TrackAnalyzer.ts"
import { engine } from "./engine.ts"
import { someFailed } from "./SomeFailed.ts"
import { withProgress } from "./terminal.ts"
import { UsageError } from "./UsageError.ts"

const files = Args.text({ name: "FILE" }).pipe(Args.withDescription("An audio file."), Args.repeated)

const json = Options.boolean("json").pipe(Options.withDescription("One JSON object a file, on a line of its own."))

const toJson = (file: string, result: Either.Either<TrackAnalysis, AnalysisError>): string =>
  JSON.stringify(
    Either.match(result, {
      onLeft: (error) => ({ file, error: { code: error._tag, message: error.message } }),
      onRight: (analysis) => ({ file, ...analysis })
    })
  )

const toText = (file: string, { fingerprint, measurements }: TrackAnalysis): string => {
  const entries = [...dimensionNames.map((name) => [name, fingerprint[name]] as const), ...Object.entries(measurements)]
  return [file, ...entries.map(([name, value]) => `  ${name.padEnd(24)}${Number(value.toFixed(4))}`)].join("\n")
}

export const fingerprint = Command.make("fingerprint", { files, json }, ({ files, json }) =>
  Effect.gen(function* () {
    if (files.length === 0)
      return yield* new UsageError({
        code: "missing_argument",
        message: "FILE... missing: `lathe fingerprint FILE...`."
      })
    const analyzer = yield* TrackAnalyzer
    let count = 0
    for (const [n, file] of files.entries()) {
      const result = yield* withProgress(({ show }) =>
        Effect.either(
          analyzer.analyze(resolve(file), ({ percent }) =>
            show((n + percent / 100) / files.length, `${n} of ${files.length} files, ${basename(file)}`)
          )
        )
      )
      if (Either.isLeft(result)) count += 1
      if (json) yield* Console.log(toJson(file, result))
      else if (Either.isRight(result)) yield* Console.log(toText(file, result.right))
      else yield* Console.error(result.left.message)
    }
    if (count > 0) return yield* someFailed(count, "file could not be measured", "files could not be measured")
  }).pipe(Effect.provide(engine))
).pipe(Command.withDescription("Measure audio files: 25 dimensions each, with measurements and provenance."))
