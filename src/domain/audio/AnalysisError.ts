/**
 * Why a file cannot be decoded or fingerprinted. Each names the file (never its path), the stage, the reason and what
 * to do. None of them is worth a retry while the file stays what it is.
 */
import { Schema } from "effect"

export const UnreadableReason = Schema.Literal(
  "missing",
  "directory",
  "denied",
  "empty",
  "truncated",
  "not_audio",
  "encrypted",
  "unsupported",
  "corrupt",
  "not_finite",
  "too_demanding"
)
export type UnreadableReason = typeof UnreadableReason.Type

const adviceFor: Record<UnreadableReason, string> = {
  missing: "it does not exist; check the name, or scan the library again if it was moved",
  directory: "it is a directory; name a file in it",
  denied: "the system refuses to read it; check its permissions",
  empty: "it holds no bytes; copy it again",
  truncated: "it ends before its audio does; copy or download it again",
  not_audio: "it is not an audio file that the decoder knows; WAV, AIFF, FLAC, MP3, M4A, Ogg and Opus are",
  encrypted: "it is protected by DRM; lathe plays unprotected files only",
  unsupported: "its codec, sample rate or channel count is not supported; convert it, to FLAC at 44.1 kHz for example",
  corrupt: "its audio data is damaged; copy or download it again",
  not_finite: "its samples are not all finite numbers; export it again",
  too_demanding: "reading it takes more time or memory than any music needs; it is left alone until it changes"
}

/** The file cannot be read as audio. `position_seconds` says where decoding stopped, where that is known. */
export class TrackUnreadable extends Schema.TaggedError<TrackUnreadable>()("TrackUnreadable", {
  file: Schema.String,
  stage: Schema.Literal("open", "decode", "analyse"),
  reason: UnreadableReason,
  decoder: Schema.optional(Schema.String),
  position_seconds: Schema.optional(Schema.Finite),
  byte_offset: Schema.optional(Schema.Int)
}) {
  override get message(): string {
    const at = this.position_seconds === undefined ? "" : ` at ${this.position_seconds.toFixed(2)} s`
    return `${this.file} cannot be read (${this.stage}${at}): ${adviceFor[this.reason]}.`
  }
}

/** Too short to measure: integrated loudness needs at least one 400 ms block (ITU-R BS.1770-4). */
export class TrackTooShort extends Schema.TaggedError<TrackTooShort>()("TrackTooShort", {
  file: Schema.String,
  duration_seconds: Schema.Finite,
  minimum_seconds: Schema.Finite
}) {
  override get message(): string {
    return `${this.file} is too short to analyse: ${this.duration_seconds.toFixed(3)} s of at least ${this.minimum_seconds} s. It plays without a fingerprint.`
  }
}

/** Nothing in the file is louder than the absolute gate of -70 LUFS (ITU-R BS.1770-4). */
export class TrackSilent extends Schema.TaggedError<TrackSilent>()("TrackSilent", { file: Schema.String }) {
  override get message(): string {
    return `${this.file} is silent: nothing in it is above -70 LUFS. It plays without a fingerprint.`
  }
}

/** Longer than an analysis may be. */
export class TrackTooLarge extends Schema.TaggedError<TrackTooLarge>()("TrackTooLarge", {
  file: Schema.String,
  duration_seconds: Schema.Finite,
  maximum_seconds: Schema.Finite
}) {
  override get message(): string {
    const hours = (seconds: number) => (seconds / 3600).toFixed(1)
    return `${this.file} is too long to analyse: ${hours(this.duration_seconds)} h of at most ${hours(this.maximum_seconds)} h. Split it.`
  }
}

export const AnalysisError = Schema.Union(TrackUnreadable, TrackTooShort, TrackSilent, TrackTooLarge)
export type AnalysisError = typeof AnalysisError.Type
