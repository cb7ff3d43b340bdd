/** The fingerprint server's RPCs over gRPC, gRPC-Web and Connect: FingerprintService and the standard health service. */
import { type ConnectRouter, ConnectError, Code, createConnectRouter, type HandlerContext } from "@connectrpc/connect"
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from "@connectrpc/connect-node"
import { Effect, Exit, Runtime } from "effect"
import type { RequestListener } from "node:http"
import { HealthCheckResponse_ServingStatus as ServingStatus, Health } from "../../../../gen/grpc/health/v1/health_pb.js"
import {
  type ComputeFingerprintRequest,
  FingerprintService
} from "../../../../gen/lathe/fingerprint/v1/fingerprint_pb.js"
import type { AnalysisProgress, TrackAnalysis } from "../../../domain/fingerprint/Fingerprint.ts"
import type { FingerprintRequest } from "../../../services/FingerprintServerClient.ts"
import { type Peaks, toBytes } from "../../../dsp/Waveform.ts"
import { type ComputeError, refusalOf, toConnectError } from "./Refusals.ts"
import { toResponse } from "./Wire.ts"

/** A path and an id are far smaller. */
export const largestRequestBytes = 64 * 1024

export interface ComputeOptions {
  readonly onProgress?: (progress: AnalysisProgress) => Effect.Effect<void>
  /** Called with the outline of the samples, before the end. */
  readonly onWaveform?: ((peaks: Peaks) => void) | undefined
  /** Whether the caller ends it in time; if not, the server's default deadline does. */
  readonly hasDeadline?: boolean
}

/** One analysis as the server does it: checked, admitted, bounded in time. */
export type Compute = (
  request: FingerprintRequest,
  options?: ComputeOptions
) => Effect.Effect<TrackAnalysis, ComputeError>

export interface GrpcOptions {
  readonly compute: Compute
  readonly runtime: Runtime.Runtime<never>
  /** Aborted when the server stops; its reason is what the calls end with. */
  readonly shutdown: AbortSignal
  /** What is no RPC. */
  readonly fallback: RequestListener
}

export const make = (options: GrpcOptions): RequestListener => {
  const router = createConnectRouter({
    // The messages are small; compressing them costs more than sending them.
    acceptCompression: [],
    readMaxBytes: largestRequestBytes,
    shutdownSignal: options.shutdown
  })
  addRoutes(router, options)
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]))
  return (request, response) => {
    const handler = handlers.get(request.url?.split("?", 1)[0] ?? "")
    if (handler === undefined) return options.fallback(request, response)
    Promise.resolve()
      .then(() => handler(universalRequestFromNodeRequest(request, response, undefined, undefined)))
      .then((answer) => universalResponseToNodeResponse(answer, response))
      // The peer is gone, or its request was no request: there is nobody to tell.
      .catch((reason: unknown) => {
        response.destroy()
        Runtime.runFork(options.runtime)(Effect.logDebug("A call broke off", ConnectError.from(reason).message))
      })
  }
}

const addRoutes = (router: ConnectRouter, { compute, runtime }: GrpcOptions) => {
  const run = async (
    { trackId, filepath, withWaveform }: ComputeFingerprintRequest,
    signal: AbortSignal,
    options: ComputeOptions
  ) => {
    let waveform: Uint8Array<ArrayBuffer> | undefined
    const onWaveform = withWaveform ? (peaks: Peaks) => void (waveform = toBytes(peaks)) : undefined
    const job = compute({ trackId, path: filepath }, { ...options, onWaveform })
    const exit = await Runtime.runPromiseExit(runtime)(job, { signal })
    if (Exit.isSuccess(exit)) return toResponse(trackId, exit.value, waveform)
    throw signal.aborted ? ConnectError.from(signal.reason, Code.Canceled) : toConnectError(refusalOf(exit.cause))
  }

  router.service(FingerprintService, {
    computeFingerprint: (request, context) => run(request, context.signal, { hasDeadline: hasDeadline(context) }),

    async *computeFingerprintWithProgress(request, context) {
      // A caller that reads slowly gets the latest progress, not all of it.
      let latest: AnalysisProgress | undefined
      let wake = () => {}
      const ended = new AbortController()
      const result = run(request, AbortSignal.any([context.signal, ended.signal]), {
        hasDeadline: hasDeadline(context),
        onProgress: (progress) =>
          Effect.sync(() => {
            latest = progress
            wake()
          })
      })
      let isRunning = true
      const settled = result.then(
        () => (isRunning = false),
        () => (isRunning = false)
      )
      try {
        for (;;) {
          const changed = new Promise<void>((resolve) => (wake = resolve))
          const progress = latest
          latest = undefined
          if (progress !== undefined) yield { event: { case: "progress" as const, value: progress } }
          else if (isRunning) await Promise.race([changed, settled])
          else break
        }
        yield { event: { case: "result" as const, value: await result } }
      } finally {
        ended.abort()
      }
    }
  })

  router.service(Health, {
    check: ({ service }) => {
      if (!isServed(service)) throw new ConnectError("There is no such service here.", Code.NotFound)
      return { status: ServingStatus.SERVING }
    },
    async *watch({ service }, context) {
      yield { status: isServed(service) ? ServingStatus.SERVING : ServingStatus.SERVICE_UNKNOWN }
      await aborted(context)
      throw ConnectError.from(context.signal.reason, Code.Canceled)
    }
  })
}

const hasDeadline = (context: HandlerContext) => context.timeoutMs() !== undefined

/** The empty name asks for the server as a whole. */
const isServed = (service: string) => service === "" || service === FingerprintService.typeName

const aborted = ({ signal }: HandlerContext) =>
  signal.aborted
    ? Promise.resolve()
    : new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }))
