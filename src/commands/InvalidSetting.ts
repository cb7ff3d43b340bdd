import { Data } from "effect"

/** A setting that the program cannot start with. The value is left out where it is a secret. */
export class InvalidSetting extends Data.TaggedError("InvalidSetting")<{
  /** As the user gave it: `LATHE_PORT` or `--port`. */
  readonly name: string
  /** What is wrong and what to do, as the rest of a sentence. */
  readonly complaint: string
}> {
  override get message(): string {
    return `${this.name} ${this.complaint}`
  }
}
