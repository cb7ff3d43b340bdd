/**
 * TrackFileReader on worker processes: what a file holds, however it is made, is read in one that has a deadline and a
 * bound on its memory, and takes nobody with it.
 */
import { Duration, Effect, Either, Layer, Option } from "effect"
import type { TrackUnreadable } from "../../domain/audio/AnalysisError.ts"
import type { TrackAnalysis } from "../../domain/fingerprint/Fingerprint.ts"
import { fromBytes, isWaveform } from "../../dsp/Waveform.ts"
import { type TrackArt, TrackFileReader } from "../../services/TrackFileReader.ts"
import { entryPoint } from "../process/entryPoints.ts"
import { type JobDone, makeJobPool, restartBackoff, restartPolicy, type RunOptions } from "../process/JobPool.ts"
import type { MemoryBound } from "../process/Watchdog.ts"
import type * as Child from "../supervision/Child.ts"
import * as Supervisor from "../supervision/Supervisor.ts"
import { probeProtocol, type ProbeRequest, type ProbeResult } from "./TrackFileReaderProcessProtocol.ts"

export interface TrackFileReaderProcessOptions {
  /** Files that are read at the same time. Default 2. */
  readonly workers?: number
  /** Arguments of `node`. Default: the probe worker. */
  readonly workerCommand?: ReadonlyArray<string>
  /**
   * For one file, as far as the worker ran or slept. Default 10 s: what real music takes is some milliseconds, and a
   * second or two on a disk that has to spin up.
   */
  readonly deadline?: Duration.DurationInput
  /** For one that others wait behind. Default 1 s. */
  readonly firstDeadline?: Duration.DurationInput
}

const defaultDeadline = Duration.seconds(10)
const defaultFirstDeadline = Duration.seconds(1)
const stallTimeout = Duration.seconds(10)
/** A worker has some 90 MB by itself; the largest picture is held twice. */
const memory: MemoryBound = { soft: 256 * 2 ** 20, hard: 512 * 2 ** 20 }

const probeWorkerCommand: ReadonlyArray<string> = ["--max-old-space-size=256", entryPoint("probeWorker")]

type Run = (request: ProbeRequest, options?: RunOptions<void>) => Effect.Effect<JobDone<ProbeResult>, TrackUnreadable>

/** The reader, and its workers, which are started by whoever supervises them. */
export const make = (
  options: TrackFileReaderProcessOptions = {}
): Effect.Effect<{ readonly reader: TrackFileReader["Type"]; readonly supervised: Child.Child }> =>
  Effect.gen(function* () {
    const common = {
      protocol: probeProtocol,
      command: options.workerCommand ?? probeWorkerCommand,
      environment: { MALLOC_ARENA_MAX: "1" },
      stallTimeout,
      memory
    }
    const probes = yield* makeJobPool({
      ...common,
      name: "A probe worker",
      slotName: "probe-worker",
      workers: options.workers ?? 2,
      deadline: options.deadline ?? defaultDeadline
    })
    // Apart from the others: it decodes whole files.
    const drawings = yield* makeJobPool({
      ...common,
      name: "A waveform worker",
      slotName: "waveform-worker",
      workers: 1
    })
    const reader = readerOf(
      options.firstDeadline ?? defaultFirstDeadline,
      (request, runOptions) => probes.run(request.path, request, { kind: request._tag, ...runOptions }),
      (request) => drawings.run(request.path, request)
    )
    const supervised = Supervisor.child({
      id: "probing",
      policy: restartPolicy,
      backoff: restartBackoff,
      children: [...probes.children, ...drawings.children]
    })
    return { reader, supervised }
  })

const readerOf = (firstDeadline: Duration.DurationInput, probe: Run, draw: Run): TrackFileReader["Type"] => ({
  tags: Effect.fn("TrackFileReader.tags")((path: string, { isFirstTry = false } = {}) =>
    probe({ _tag: "Tags", path }, { firstDeadline: isFirstTry ? firstDeadline : undefined }).pipe(
      Effect.catchIf(
        // What the decoder says of a file holds. What was too much for the worker may have been its tags.
        ({ decoder, reason }) => !isFirstTry && decoder === undefined && isOfWorker(reason),
        () => probe({ _tag: "TagsByName", path })
      ),
      Effect.flatMap(({ result }) => (result._tag === "Tags" ? Effect.succeed(result.tags) : unexpected(result)))
    )
  ),
  art: Effect.fn("TrackFileReader.art")((path: string) =>
    probe({ _tag: "Art", path }).pipe(
      Effect.map(({ payload, result }) =>
        result._tag === "Art" && result.mediaType !== null
          ? Option.some<TrackArt>({ mediaType: result.mediaType, bytes: payload })
          : Option.none()
      ),
      Effect.catchAll((error) => Effect.as(Effect.logWarning("A picture cannot be read", error.message), Option.none()))
    )
  ),
  waveform: Effect.fn("TrackFileReader.waveform")((path: string) =>
    Effect.flatMap(draw({ _tag: "Waveform", path }), ({ payload, result }) =>
      isWaveform(payload) ? Effect.succeed(fromBytes(payload)) : unexpected(result)
    )
  ),
  sidecar: Effect.fn("TrackFileReader.sidecar")((path: string) =>
    probe({ _tag: "Sidecar", path }).pipe(
      Effect.orDie,
      Effect.flatMap(({ result }): Effect.Effect<Either.Either<TrackAnalysis, string>> => {
        if (result._tag === "Sidecar") return Effect.succeed(Either.right(result.analysis))
        return result._tag === "NoSidecar" ? Effect.succeed(Either.left(result.reason)) : unexpected(result)
      })
    )
  )
})

const isOfWorker = (reason: TrackUnreadable["reason"]) => reason === "too_demanding" || reason === "corrupt"

const unexpected = ({ _tag }: ProbeResult) => Effect.dieMessage(`A probe worker answered with ${_tag}`)

/** The reader alone, under a supervisor of its own. */
export const layer = (options: TrackFileReaderProcessOptions = {}): Layer.Layer<TrackFileReader> =>
  Layer.scoped(
    TrackFileReader,
    Effect.gen(function* () {
      const { reader, supervised } = yield* make(options)
      yield* Effect.orDie(supervised.start)
      return reader
    })
  )
