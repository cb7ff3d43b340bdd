import { Data } from "effect"

/** Some of what was asked for failed; what was wrong with each has been told, in JSON too. */
export class SomeFailed extends Data.TaggedError("SomeFailed")<{ readonly message: string }> {}

/** `what` of one and of many: "file cannot be read", "files cannot be read". */
export const someFailed = (count: number, one: string, many: string): SomeFailed =>
  new SomeFailed({ message: `${count} ${count === 1 ? one : many}.` })
