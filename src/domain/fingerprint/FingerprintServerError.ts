/** What can go wrong between the service and a fingerprint server. `isRetryable` is what the retry schedule asks. */
import { Schema } from "effect"

/** Nobody answers: refused, reset, or gone in the middle of a call. */
export class ServerUnreachable extends Schema.TaggedError<ServerUnreachable>()("ServerUnreachable", {
  detail: Schema.String
}) {
  override get message(): string {
    return `The fingerprint server does not answer (${this.detail}). It is tried again.`
  }
}

/** The server's queue is full. */
export class ServerBusy extends Schema.TaggedError<ServerBusy>()("ServerBusy", {}) {
  override get message(): string {
    return "The fingerprint server has no free place in its queue. It is tried again."
  }
}

/** No answer within the deadline. */
export class ServerTimedOut extends Schema.TaggedError<ServerTimedOut>()("ServerTimedOut", {
  seconds: Schema.Finite
}) {
  override get message(): string {
    return `The fingerprint server gave no result within ${this.seconds} s. The track plays without a fingerprint.`
  }
}

/** The answer is no valid fingerprint. */
export class ServerAnswerInvalid extends Schema.TaggedError<ServerAnswerInvalid>()("ServerAnswerInvalid", {
  detail: Schema.String
}) {
  override get message(): string {
    return `The fingerprint server's answer is not a fingerprint: ${this.detail}.`
  }
}

/** The server looked at the file and says that it cannot have a fingerprint, or must not be read. Never retried. */
export class FileRefused extends Schema.TaggedError<FileRefused>()("FileRefused", {
  /** TrackTooShort, TrackSilent, TrackUnreadable, TrackTooLarge, OutsideFolders, InvalidRequest. */
  code: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return this.reason
  }
}

export const FingerprintServerError = Schema.Union(
  ServerUnreachable,
  ServerBusy,
  ServerTimedOut,
  ServerAnswerInvalid,
  FileRefused
)
export type FingerprintServerError = typeof FingerprintServerError.Type

/** Worth another attempt: a server that restarts, a queue that drains, an answer cut in half. */
export const isRetryable = (error: FingerprintServerError): boolean =>
  error._tag === "ServerUnreachable" || error._tag === "ServerBusy" || error._tag === "ServerAnswerInvalid"
