/** The command line, `npx lathe`: reads arguments, runs a command, turns failures into sentences. */
import { Command, HelpDoc, ValidationError } from "@effect/cli"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Cause, Console, Duration, Effect, Exit, Logger, Option } from "effect"
import { stripVTControlCharacters } from "node:util"
import { compare } from "./commands/compare.ts"
import { doctor } from "./commands/doctor.ts"
import { fingerprint } from "./commands/fingerprint.ts"
import { fingerprintServer } from "./commands/fingerprintServer.ts"
import { InvalidSetting } from "./commands/InvalidSetting.ts"
import { master } from "./commands/master.ts"
import { asksForJson, readArguments } from "./commands/readArguments.ts"
import { scan } from "./commands/scan.ts"
import { serve } from "./commands/serve.ts"
import { givenBy, logLevels, readSetting } from "./commands/settings.ts"
import { SomeFailed } from "./commands/SomeFailed.ts"
import { status } from "./commands/status.ts"
import { untilOutputFails, withPlainText } from "./commands/terminal.ts"
import { UsageError } from "./commands/UsageError.ts"
import { version } from "./layers/process/version.ts"
import { withFormat } from "./layers/telemetry/Logging.ts"

const lathe = Command.make("lathe").pipe(
  Command.withDescription("Makes music sound better while it plays."),
  Command.withSubcommands([serve, scan, status, fingerprint, master, compare, doctor, fingerprintServer])
)

/** The process ends by itself when the signal has been obeyed; this is for when something does not let it. */
const shutdownDeadline = Duration.seconds(10)

let signal: NodeJS.Signals | undefined

for (const name of ["SIGINT", "SIGTERM"] as const)
  process.once(name, () => {
    signal ??= name
    setTimeout(() => {
      process.stderr.write(`lathe did not end within ${Duration.toSeconds(shutdownDeadline)} s and is ended now.\n`)
      process.exit(exitCodes.failure)
    }, Duration.toMillis(shutdownDeadline)).unref()
  })

/** 130 is what a shell expects of a program that Ctrl-C has ended. */
const exitCodes = { failure: 1, usage: 2, interrupted: 130 }

const isUsage = (error: unknown): boolean =>
  error instanceof InvalidSetting || error instanceof UsageError || ValidationError.isValidationError(error)

const exitCodeOf = (exit: Exit.Exit<unknown, unknown>): number => {
  if (Exit.isSuccess(exit)) return 0
  if (Cause.isInterruptedOnly(exit.cause)) return signal === "SIGINT" ? exitCodes.interrupted : 0
  const isOfUsage = Option.exists(Cause.failureOption(exit.cause), isUsage)
  return isOfUsage ? exitCodes.usage : exitCodes.failure
}

type Failure = ValidationError.ValidationError | { readonly _tag: string; readonly message: string }

const snakeCase = (name: string) => name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, "_").toLowerCase()

/** As the answers of /api have it. */
const problemOf = (failure: Failure) => {
  if (ValidationError.isValidationError(failure)) {
    const message = stripVTControlCharacters(HelpDoc.toAnsiText(failure.error)).trim()
    return { _tag: "UsageError", code: "invalid_usage", message }
  }
  const { _tag, message } = failure
  return { _tag, code: failure instanceof UsageError ? failure.code : snakeCase(_tag), message }
}

const words = process.argv.slice(2)

/** A sentence for the person; where a program asked for JSON, an object for it, unless its answer is out already. */
const tell = (failure: Failure) =>
  Effect.gen(function* () {
    const problem = problemOf(failure)
    // @effect/cli has printed its own.
    if (!ValidationError.isValidationError(failure)) yield* Console.error(problem.message)
    if (asksForJson(words) && !(failure instanceof SomeFailed)) yield* Console.log(JSON.stringify(problem))
  })

/** What broke is for the log alone. */
const tellOfFault = Effect.suspend(() =>
  asksForJson(words)
    ? Console.log(JSON.stringify({ _tag: "Fault", code: "internal", message: "lathe broke; its log says how." }))
    : Effect.void
)

const run = Command.run(lathe, { name: "lathe", version })

Effect.gen(function* () {
  const reading = yield* readArguments(lathe.descriptor, words)
  const format = yield* readSetting("logFormat")
  const level = yield* readSetting("logLevel", givenBy({ logLevel: reading.logLevel }))
  return yield* run([...process.argv.slice(0, 2), ...reading.words]).pipe(
    Effect.tapDefect((cause) => Effect.zipRight(Effect.logFatal("lathe broke", cause), tellOfFault)),
    withFormat(format),
    Logger.withMinimumLogLevel(logLevels[level])
  )
}).pipe(
  Effect.tapError(tell),
  withPlainText,
  untilOutputFails,
  Effect.provide(NodeContext.layer),
  NodeRuntime.runMain({
    disableErrorReporting: true,
    disablePrettyLogger: true,
    teardown: (exit, end) => end(exitCodeOf(exit))
  })
)
