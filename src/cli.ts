#!/usr/bin/env node
/** The command line, `npx lathe`: reads arguments, provides what runs in this process, turns failures into sentences. */
import { Command, ValidationError } from "@effect/cli"
import { NodeContext, NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer, Logger } from "effect"
import { readFileSync } from "node:fs"
import { optionsFirst } from "./commands/argumentOrder.ts"
import { fingerprint } from "./commands/fingerprint.ts"
import { fingerprintServer } from "./commands/fingerprintServer.ts"
import { master } from "./commands/master.ts"
import { serve } from "./commands/serve.ts"
import * as AudioDecoderNodeAv from "./layers/AudioDecoderNodeAv.ts"
import * as AudioEncoderNodeAv from "./layers/AudioEncoderNodeAv.ts"
import * as ChunkMasteringRenderer from "./layers/ChunkMasteringRenderer.ts"
import * as TrackAnalyzerLocal from "./layers/TrackAnalyzerLocal.ts"

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string }

const lathe = Command.make("lathe").pipe(
  Command.withDescription("Makes music sound better while it plays."),
  Command.withSubcommands([serve, fingerprint, master, fingerprintServer])
)

const local = Layer.mergeAll(TrackAnalyzerLocal.layer, ChunkMasteringRenderer.layer, AudioEncoderNodeAv.layer).pipe(
  Layer.provideMerge(AudioDecoderNodeAv.layer)
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
  Effect.provide([local, NodeContext.layer, log]),
  NodeRuntime.runMain({ disableErrorReporting: true, disablePrettyLogger: true })
)
