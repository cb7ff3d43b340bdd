#!/usr/bin/env node
/** The command line, `npx lathe`: reads arguments, runs a command, turns failures into sentences. */
import { Command, ValidationError } from "@effect/cli"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect, Logger } from "effect"
import { readFileSync } from "node:fs"
import { optionsFirst } from "./commands/argumentOrder.ts"
import { fingerprint } from "./commands/fingerprint.ts"
import { fingerprintServer } from "./commands/fingerprintServer.ts"
import { master } from "./commands/master.ts"
import { scan } from "./commands/scan.ts"
import { serve } from "./commands/serve.ts"
import { status } from "./commands/status.ts"

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string }

const lathe = Command.make("lathe").pipe(
  Command.withDescription("Makes music sound better while it plays."),
  Command.withSubcommands([serve, scan, status, fingerprint, master, fingerprintServer])
)

// What a program may read goes to stdout; the log is for people and goes to stderr.
const log = Logger.replace(
  Logger.defaultLogger,
  process.stderr.isTTY ? Logger.prettyLogger({ stderr: true }) : Logger.withConsoleError(Logger.logfmtLogger)
)

const run = Command.run(lathe, { name: "lathe", version })

run(optionsFirst(process.argv)).pipe(
  // The usage has been printed with it.
  Effect.tapError((error) => (ValidationError.isValidationError(error) ? Effect.void : Console.error(error.message))),
  Effect.provide([NodeContext.layer, log]),
  NodeRuntime.runMain({ disableErrorReporting: true, disablePrettyLogger: true })
)
