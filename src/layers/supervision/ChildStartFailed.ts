import { Data } from "effect"

/** A child did not start where it has to: with its supervisor, or when it was added. */
export class ChildStartFailed extends Data.TaggedError("ChildStartFailed")<{
  readonly child: string
  /** A sentence. */
  readonly detail: string
}> {
  override get message() {
    return `${this.child} does not start. ${this.detail}`
  }
}
