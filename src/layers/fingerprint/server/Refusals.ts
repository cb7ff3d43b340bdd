/** What a caller of the fingerprint server is told when there is no result: the one place where errors get codes. */
import { Code, ConnectError } from "@connectrpc/connect"
import { Cause, Option } from "effect"
import { AnalysisFailureSchema } from "../../../../gen/lathe/fingerprint/v1/fingerprint_pb.js"
import type { AnalysisError } from "../../../domain/audio/AnalysisError.ts"
import type { FileRefused, ServerBusy, ServerTimedOut } from "../../../domain/fingerprint/FingerprintServerError.ts"

export type ComputeError = AnalysisError | FileRefused | ServerBusy | ServerTimedOut

export interface Refusal {
  /** gRPC status. */
  readonly grpc: Code
  /** HTTP status. */
  readonly http: number
  /** For programs: the error's name. */
  readonly code: string
  /** For people. Holds no path and no stack. */
  readonly message: string
  /** Whether it is about the file or the request, and so the same again however often it is asked. */
  readonly isFinal: boolean
}

export const refusalOf = (cause: Cause.Cause<ComputeError>): Refusal =>
  Option.match(Cause.failureOption(cause), { onNone: () => unexpected, onSome: refusalOfError })

export const toConnectError = ({ grpc, code, message, isFinal }: Refusal): ConnectError =>
  new ConnectError(
    message,
    grpc,
    undefined,
    isFinal ? [{ desc: AnalysisFailureSchema, value: { code, message } }] : undefined
  )

/** What every call in progress ends with when the server stops. */
export const shuttingDown: Refusal = {
  grpc: Code.Unavailable,
  http: 503,
  code: "ShuttingDown",
  message: "The fingerprint server is stopping. Try again in a moment.",
  isFinal: false
}

const unexpected: Refusal = {
  grpc: Code.Internal,
  http: 500,
  code: "Internal",
  message: "The fingerprint server failed. Its log says why.",
  isFinal: false
}

const refusalOfError = (error: ComputeError): Refusal => {
  const { _tag, message } = error
  switch (_tag) {
    case "TrackTooShort":
    case "TrackSilent":
    case "TrackTooLarge":
      return { grpc: Code.FailedPrecondition, http: 422, code: _tag, message, isFinal: true }
    case "TrackUnreadable":
      return {
        grpc: Code.FailedPrecondition,
        http: error.reason === "missing" ? 404 : 422,
        code: _tag,
        message,
        isFinal: true
      }
    case "FileRefused":
      return error.code === "InvalidRequest"
        ? { grpc: Code.InvalidArgument, http: 400, code: error.code, message, isFinal: true }
        : { grpc: Code.PermissionDenied, http: 403, code: error.code, message, isFinal: true }
    case "ServerBusy":
      return {
        grpc: Code.ResourceExhausted,
        http: 429,
        code: _tag,
        message: "The queue is full. Try again in a moment.",
        isFinal: false
      }
    case "ServerTimedOut":
      return {
        grpc: Code.DeadlineExceeded,
        http: 504,
        code: _tag,
        message: `The analysis took longer than ${error.seconds} s and was ended.`,
        isFinal: false
      }
  }
}
