/**
 * TrackAnalyzer on worker processes, one analysis each at a time: a native decoder that hangs or crashes takes its
 * process with it, and nothing else. Comes with the queue that bounds what waits for them.
 */
import { availableParallelism } from "node:os"
import { Clock, Context, Duration, Effect, Layer } from "effect"
import type { AnalysisProgress } from "../../domain/fingerprint/Fingerprint.ts"
import { fromBytes, isWaveform, type Peaks } from "../../dsp/Waveform.ts"
import { SupervisionTree } from "../../services/SupervisionTree.ts"
import { TrackAnalyzer } from "../../services/TrackAnalyzer.ts"
import { entryPoint } from "../process/entryPoints.ts"
import { makeJobPool, restartBackoff, restartPolicy } from "../process/JobPool.ts"
import type { MemoryBound } from "../process/Watchdog.ts"
import * as Supervisor from "../supervision/Supervisor.ts"
import * as FingerprintServerQueue from "./server/FingerprintServerQueue.ts"
import { analysisProtocol } from "./TrackAnalyzerProcessProtocol.ts"

export interface ProcessPoolOptions {
  /** Default: as many as the machine runs at the same time. */
  readonly workers?: number
  /** Jobs that may wait for a worker. Default 64. */
  readonly queueCapacity?: number
  /** Arguments of `node`. Default: the analysis worker. */
  readonly workerCommand?: ReadonlyArray<string>
  /** A worker that shows no sign of life for this long during a job is killed. Default 30 s. */
  readonly stallTimeout?: Duration.DurationInput
  /** Of one worker. Ten hours of audio take some 180 MB. */
  readonly memory?: MemoryBound
  /** A worker without work ends after this time. Default 30 s. */
  readonly idleTimeout?: Duration.DurationInput
}

const supervisorId = "analysis"

const defaultQueueCapacity = 64
const defaultStallTimeout = Duration.seconds(30)
const defaultMemory: MemoryBound = { soft: 384 * 2 ** 20, hard: 1024 * 2 ** 20 }

/**
 * Arguments of `node` that start the analysis worker. An analysis makes hardly any garbage: on ten hours of audio a
 * young generation of 1 MB instead of 16 took 231 MB instead of 292, and an old one of at most 48 MB, of which it uses
 * some 25, took 179 MB instead of 211, in the same time; and on 1000 short files 143 MB instead of 161.
 */
export const analysisWorkerCommand: ReadonlyArray<string> = [
  "--max-semi-space-size=1",
  "--max-old-space-size=48",
  entryPoint("analysisWorker")
]

/**
 * One heap of glibc for all threads instead of one each: 10 MB less, and only one of them does any work. And blocks of
 * 128 KiB and more (glibc's own first threshold, which it raises as such blocks are freed) stay apart from that heap, so
 * that they go back when they are freed: at the end of ten hours of audio 191 MB instead of 217.
 */
export const analysisWorkerEnvironment = { MALLOC_ARENA_MAX: "1", MALLOC_MMAP_THRESHOLD_: "131072" }

const make = (options: ProcessPoolOptions & { readonly workers: number }) =>
  Effect.gen(function* () {
    const pool = yield* makeJobPool({
      protocol: analysisProtocol,
      name: "An analysis worker",
      slotName: "analysis-worker",
      workers: options.workers,
      command: options.workerCommand ?? analysisWorkerCommand,
      environment: analysisWorkerEnvironment,
      stallTimeout: options.stallTimeout ?? defaultStallTimeout,
      memory: options.memory ?? defaultMemory,
      idleTimeout: options.idleTimeout
    })
    const supervisor = yield* Supervisor.make({
      id: supervisorId,
      policy: restartPolicy,
      backoff: restartBackoff,
      children: pool.children
    })
    const since = yield* Clock.currentTimeMillis

    const analyze = Effect.fn("TrackAnalyzer.analyze")(function* (
      path: string,
      onProgress: (progress: AnalysisProgress) => Effect.Effect<void> = () => Effect.void,
      onWaveform?: (peaks: Peaks) => void
    ) {
      if (pool.isFull()) yield* onProgress({ stage: "queued", percent: 0 })
      const request = { path, wantsWaveform: onWaveform !== undefined }
      const { payload, result } = yield* pool.run(path, request, { onProgress })
      if (isWaveform(payload)) onWaveform?.(fromBytes(payload))
      return result
    })

    const tree: SupervisionTree["Type"] = {
      snapshot: Effect.map(supervisor.children, (children) => ({
        id: supervisorId,
        type: "supervisor",
        status: "running",
        restarts: 0,
        last_failure: null,
        since,
        children
      }))
    }
    return Context.make(TrackAnalyzer, { analyze }).pipe(Context.add(SupervisionTree, tree))
  })

/** Brings the queue whose length is that of the pool, and the tree of its workers. */
export const layer = (
  options: ProcessPoolOptions = {}
): Layer.Layer<TrackAnalyzer | SupervisionTree | FingerprintServerQueue.FingerprintServerQueue> => {
  const workers = options.workers ?? availableParallelism()
  return Layer.merge(
    Layer.orDie(Layer.scopedContext(make({ ...options, workers }))),
    FingerprintServerQueue.layer({ workers, capacity: options.queueCapacity ?? defaultQueueCapacity })
  )
}
