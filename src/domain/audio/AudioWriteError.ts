/** Why an audio file cannot be written. Names the file, never its path. */
import { Schema } from "effect"

export const AudioWriteReason = Schema.Literal(
  "unsupported_ending",
  "unsupported_format",
  "folder_missing",
  "directory",
  "denied",
  "disk_full",
  "failed"
)
export type AudioWriteReason = typeof AudioWriteReason.Type

const adviceFor: Record<AudioWriteReason, string> = {
  unsupported_ending: "lathe writes .wav and .flac; give it one of these endings",
  unsupported_format: "its container holds no audio of this rate and channel count; write .wav instead",
  folder_missing: "its folder does not exist; create it first",
  directory: "it is a directory; name a file in it",
  denied: "the system refuses to write there; check the permissions",
  disk_full: "there is no space left; free some, or write elsewhere",
  failed: "the system reported a fault; try again, or write elsewhere"
}

/** Nothing is left behind at the target, and what was there before is untouched. */
export class AudioWriteError extends Schema.TaggedError<AudioWriteError>()("AudioWriteError", {
  file: Schema.String,
  reason: AudioWriteReason,
  /** The system's or the codec's own word for it, such as `ENOSPC`. */
  detail: Schema.optional(Schema.String)
}) {
  override get message(): string {
    const detail = this.detail === undefined ? "" : ` (${this.detail})`
    return `${this.file} cannot be written: ${adviceFor[this.reason]}${detail}.`
  }
}
