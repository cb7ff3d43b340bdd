/** The fingerprint server: gRPC, gRPC-Web, Connect and plain HTTP on one port, in front of a TrackAnalyzer. */
import { ConnectError } from "@connectrpc/connect"
import { Console, Context, Duration, Effect, identity, Layer, Schema } from "effect"
import { ServerTimedOut } from "../../../domain/fingerprint/FingerprintServerError.ts"
import type { PortUnavailable } from "../../../domain/http/PortUnavailable.ts"
import { SupervisionTree } from "../../../services/SupervisionTree.ts"
import { TrackAnalyzer } from "../../../services/TrackAnalyzer.ts"
import { type Compute, make as makeGrpc } from "./Grpc.ts"
import { isFromElsewhere, make as makeHttp, refuseElsewhere } from "./Http.ts"
import { listen } from "./Port.ts"
import { FingerprintServerQueue } from "./FingerprintServerQueue.ts"
import { version } from "../../process/version.ts"
import { shuttingDown } from "./Refusals.ts"
import { resolveBelow } from "./Roots.ts"
import * as TrackAnalyzerProcessPool from "../TrackAnalyzerProcessPool.ts"

export interface FingerprintServerOptions {
  /** 0: one that is free. */
  readonly port: number
  /** Default 127.0.0.1. */
  readonly host?: string
  /** Absolute paths. Only files below these are read; with none, none. */
  readonly folders: ReadonlyArray<string>
  /** Whether links in them admit what they lead to. Default false. */
  readonly followLinks?: boolean
  /** Bound on an analysis where the caller sets no deadline. Default 10 minutes. */
  readonly defaultDeadline?: Duration.DurationInput
}

/** The running fingerprint server. */
export class FingerprintServer extends Context.Tag("lathe/FingerprintServer")<
  FingerprintServer,
  {
    /** Where it listens. */
    readonly address: { readonly host: string; readonly port: number }
  }
>() {}

export const defaultDeadline = Duration.minutes(10)

/** What `launch` prints on stdout, as one line of JSON, once the server can be called. */
export const ListeningLine = Schema.parseJson(
  Schema.Struct({
    event: Schema.Literal("listening"),
    message: Schema.String,
    host: Schema.String,
    port: Schema.Int
  })
)

const make = (options: FingerprintServerOptions) =>
  Effect.gen(function* () {
    const analyzer = yield* TrackAnalyzer
    const queue = yield* FingerprintServerQueue
    const { snapshot: supervision } = yield* SupervisionTree
    const runtime = yield* Effect.runtime()
    const { folders, host = "127.0.0.1", port } = options
    const deadline = Duration.decode(options.defaultDeadline ?? defaultDeadline)
    if (folders.length === 0)
      yield* Effect.logWarning("The fingerprint server has no folders and will refuse every file")

    const compute: Compute = (request, { onProgress, onWaveform, hasDeadline } = {}) =>
      resolveBelow(folders, request.path, options.followLinks).pipe(
        Effect.flatMap((path) => queue.admit(analyzer.analyze(path, onProgress, onWaveform))),
        hasDeadline === true
          ? identity
          : Effect.timeoutFail({
              duration: deadline,
              onTimeout: () => new ServerTimedOut({ seconds: Duration.toSeconds(deadline) })
            }),
        Effect.tapError((error) => Effect.logInfo("No fingerprint", error.message)),
        Effect.tapDefect((cause) => Effect.logError("An analysis broke", cause)),
        Effect.annotateLogs({ track_id: request.trackId, path: request.path }),
        Effect.withSpan("FingerprintServer.compute")
      )

    const stop = new AbortController()
    const shutdown = stop.signal
    const http = makeHttp({
      compute,
      runtime,
      shutdown,
      version,
      workers: queue.workers,
      queueLength: queue.length,
      supervision
    })
    const grpc = makeGrpc({ compute, runtime, shutdown, fallback: http })
    const bound = yield* listen({
      host,
      port,
      handler: (request, response) =>
        isFromElsewhere(request, host) ? refuseElsewhere(request, response) : grpc(request, response),
      onStop: Effect.sync(() => stop.abort(new ConnectError(shuttingDown.message, shuttingDown.grpc)))
    })
    return FingerprintServer.of({ address: { host, port: bound.port } })
  })

/** Needs what measures the files and what admits the jobs. Stops within a second or two of its scope's end. */
export const layer = (
  options: FingerprintServerOptions
): Layer.Layer<FingerprintServer, PortUnavailable, TrackAnalyzer | SupervisionTree | FingerprintServerQueue> =>
  Layer.scoped(FingerprintServer, make(options))

/**
 * The process: the server on a pool of worker processes, announced on stdout by one ListeningLine, until interrupted.
 * A caller that reads the line sends its log elsewhere.
 */
export const launch = (
  options: FingerprintServerOptions & TrackAnalyzerProcessPool.ProcessPoolOptions
): Effect.Effect<never, PortUnavailable> =>
  Layer.launch(
    Layer.effectDiscard(announce).pipe(
      Layer.provide(layer(options)),
      Layer.provide(TrackAnalyzerProcessPool.layer(options))
    )
  )

const announce = Effect.gen(function* () {
  const { host, port } = (yield* FingerprintServer).address
  const message = `lathe-fingerprint-server listening on ${host}:${port}`
  yield* Console.log(yield* Effect.orDie(Schema.encode(ListeningLine)({ event: "listening", message, host, port })))
})
