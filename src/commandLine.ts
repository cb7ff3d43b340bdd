/** The command line, `npx lathe`: reads arguments, runs a command, turns failures into sentences. */
import { Command, ValidationError } from "@effect/cli"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Cause, Console, Duration, Effect, Exit, Logger, Option } from "effect"
import { optionsFirst } from "./commands/argumentOrder.ts"
import { compare } from "./commands/compare.ts"
import { doctor } from "./commands/doctor.ts"
import { fingerprint } from "./commands/fingerprint.ts"
import { fingerprintServer } from "./commands/fingerprintServer.ts"
import { master } from "./commands/master.ts"
import { scan } from "./commands/scan.ts"
import { serve } from "./commands/serve.ts"
import { logLevels, readSetting } from "./commands/settings.ts"
import { status } from "./commands/status.ts"
import { InvalidSetting } from "./commands/InvalidSetting.ts"
import { withFormat } from "./layers/telemetry/Logging.ts"
import { version } from "./layers/process/version.ts"

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
const exitCodes = { failure: 1, invalidSetting: 2, interrupted: 130 }

const exitCodeOf = (exit: Exit.Exit<unknown, unknown>): number => {
  if (Exit.isSuccess(exit)) return 0
  if (Cause.isInterruptedOnly(exit.cause)) return signal === "SIGINT" ? exitCodes.interrupted : 0
  const failure = Option.getOrUndefined(Cause.failureOption(exit.cause))
  return failure instanceof InvalidSetting ? exitCodes.invalidSetting : exitCodes.failure
}

const run = Command.run(lathe, { name: "lathe", version })

Effect.gen(function* () {
  const format = yield* readSetting("logFormat")
  const level = yield* readSetting("logLevel")
  return yield* run(optionsFirst(process.argv)).pipe(
    Effect.tapDefect((cause) => Effect.logFatal("lathe broke", cause)),
    withFormat(format),
    Logger.withMinimumLogLevel(logLevels[level])
  )
}).pipe(
  // The usage has been printed with it.
  Effect.tapError((error) => (ValidationError.isValidationError(error) ? Effect.void : Console.error(error.message))),
  Effect.provide(NodeContext.layer),
  NodeRuntime.runMain({
    disableErrorReporting: true,
    disablePrettyLogger: true,
    teardown: (exit, end) => end(exitCodeOf(exit))
  })
)
