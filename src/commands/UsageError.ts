import { Data } from "effect"

export type UsageCode =
  | "unknown_command"
  | "unknown_option"
  | "repeated_option"
  | "missing_value"
  | "unexpected_value"
  | "invalid_value"
  | "missing_argument"
  | "unexpected_argument"
  | "invalid_folder"
  | "invalid_output"
  | "invalid_usage"

/** Words of a command line that cannot be obeyed. Nothing has been begun. */
export class UsageError extends Data.TaggedError("UsageError")<{
  readonly code: UsageCode
  /** One sentence, which names the word and says what to do. */
  readonly message: string
}> {}
