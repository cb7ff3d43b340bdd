/** FingerprintServerClient over gRPC on cleartext HTTP/2. */
import { Code, ConnectError, createClient } from "@connectrpc/connect"
import { createGrpcTransport } from "@connectrpc/connect-node"
import { Duration, Effect, Layer, Stream } from "effect"
import { HealthCheckResponse_ServingStatus as ServingStatus, Health } from "../../../gen/grpc/health/v1/health_pb.js"
import { AnalysisFailureSchema, FingerprintService } from "../../../gen/lathe/fingerprint/v1/fingerprint_pb.js"
import {
  FileRefused,
  type FingerprintServerError,
  ServerAnswerInvalid,
  ServerBusy,
  ServerTimedOut,
  ServerUnreachable
} from "../../domain/fingerprint/FingerprintServerError.ts"
import { FingerprintServerClient } from "../../services/FingerprintServerClient.ts"
import * as Session from "./server/ClientSession.ts"
import { fromEvent } from "./server/Wire.ts"

export interface GrpcClientOptions {
  /** Of the server, e.g. `http://127.0.0.1:50051`. */
  readonly baseUrl: string
  /** Bound on one call, which the server is told. Default 6 hours: who waits gives up where nothing moves, and sooner. */
  readonly deadline?: Duration.DurationInput
}

const defaultDeadline = Duration.hours(6)
const healthTimeout = Duration.seconds(2)
/** A server that is stopped or unplugged is noticed after one to two of these. */
const pingInterval = Duration.seconds(1)
/** Of one message. A result has about 400 bytes, its waveform some 16 000. */
const largestAnswerBytes = 64 * 1024

const make = (options: GrpcClientOptions) =>
  Effect.gen(function* () {
    const deadline = Duration.decode(options.deadline ?? defaultDeadline)
    const sessionManager = yield* Effect.acquireRelease(
      Effect.sync(() => Session.make(options.baseUrl, Duration.toMillis(pingInterval))),
      (session) => Effect.sync(session.close)
    )
    const transport = createGrpcTransport({
      baseUrl: options.baseUrl,
      sessionManager,
      acceptCompression: [],
      readMaxBytes: largestAnswerBytes
    })
    const fingerprints = createClient(FingerprintService, transport)
    const health = createClient(Health, transport)
    const toError = toServerError(Duration.toSeconds(deadline))

    const compute: (typeof FingerprintServerClient.Service)["compute"] = ({ trackId, path }) =>
      Stream.unwrapScoped(
        Effect.gen(function* () {
          // The call ends with this signal only: an async iterator that is merely left alone goes on at the server.
          const { signal } = yield* Effect.acquireRelease(
            Effect.sync(() => new AbortController()),
            (controller) => Effect.sync(() => controller.abort())
          )
          const request = { trackId, filepath: path, withWaveform: true }
          const call = { signal, timeoutMs: Duration.toMillis(deadline) }
          const messages = fingerprints.computeFingerprintWithProgress(request, call)[Symbol.asyncIterator]()
          const next = Effect.tryPromise({ try: () => messages.next(), catch: toError }).pipe(
            Effect.flatMap((message) =>
              message.done === true
                ? new ServerAnswerInvalid({ detail: "it ended without a result" })
                : fromEvent(trackId, message.value)
            )
          )
          return Stream.repeatEffect(next).pipe(Stream.takeUntil(({ _tag }) => _tag === "Result"))
        })
      )

    const isServerAvailable = Effect.tryPromise((signal) =>
      health.check({ service: FingerprintService.typeName }, { signal, timeoutMs: Duration.toMillis(healthTimeout) })
    ).pipe(
      Effect.map(({ status }) => status === ServingStatus.SERVING),
      Effect.timeout(healthTimeout),
      Effect.orElseSucceed(() => false)
    )

    return FingerprintServerClient.of({ compute, isServerAvailable })
  })

/** Connects when first used, and again by itself after the server was away. */
export const layer = (options: GrpcClientOptions): Layer.Layer<FingerprintServerClient> =>
  Layer.scoped(FingerprintServerClient, make(options))

const toServerError =
  (seconds: number) =>
  (reason: unknown): FingerprintServerError => {
    const error = ConnectError.from(reason)
    const [failure] = error.findDetails(AnalysisFailureSchema)
    if (failure !== undefined) return new FileRefused({ code: failure.code, reason: failure.message })
    switch (error.code) {
      case Code.DeadlineExceeded:
        return new ServerTimedOut({ seconds })
      case Code.ResourceExhausted:
        return new ServerBusy()
      case Code.FailedPrecondition:
        return new FileRefused({ code: "Refused", reason: "The fingerprint server refuses the file." })
      case Code.PermissionDenied:
        return new FileRefused({ code: "OutsideFolders", reason: "The fingerprint server may not read the file." })
      case Code.Unavailable:
      case Code.Aborted:
      case Code.Canceled:
        return new ServerUnreachable({ detail: error.rawMessage })
      // Half an answer, another protocol on the port, a fault inside the server.
      default:
        return new ServerAnswerInvalid({ detail: error.rawMessage })
    }
  }
