/** How a child ended, read from its result. */
import { Cause, Data, Exit, Option } from "effect"
import type { ExitReason } from "./ChildSpec.ts"

/** A child fails with this where it ended in good order because it had to, as a supervisor does that escalates. */
export class ChildShutdown extends Data.TaggedError("ChildShutdown")<{
  /** A sentence. */
  readonly detail: string
}> {
  override get message() {
    return this.detail
  }
}

/** Nobody interrupts a child but its supervisor, which does not ask for the reason: another interruption is abnormal. */
export const exitReasonOf = (exit: Exit.Exit<unknown, unknown>): ExitReason => {
  if (Exit.isSuccess(exit)) return "normal"
  const failure = Cause.failureOption(exit.cause)
  const isInOrder = Option.isSome(failure) && failure.value instanceof ChildShutdown
  return isInOrder && Option.isNone(Cause.dieOption(exit.cause)) ? "shutdown" : "abnormal"
}

const longestSentence = 200

/** What went wrong, for a person who is shown neither stacks nor paths. */
export const failureSentence = (cause: Cause.Cause<unknown>): string => {
  const failure = Cause.failureOption(cause)
  if (Option.isSome(failure)) return sentence(failure.value, "It failed.")
  const defect = Cause.dieOption(cause)
  return Option.isSome(defect) ? sentence(defect.value, "It broke.") : "It was interrupted."
}

const sentence = (error: unknown, otherwise: string): string => {
  const message = error instanceof Error ? error.message : typeof error === "string" ? error : ""
  const text = withoutPaths(message.split("\n", 1)[0]!).trim().slice(0, longestSentence)
  if (text === "") return otherwise
  const start = text[0]!.toUpperCase() + text.slice(1)
  return /[.!?…]$/.test(start) ? start : `${start}.`
}

/** Quoted ones first: those may hold spaces. Then everything from the first word with a slash to the last one. */
const withoutPaths = (text: string): string =>
  text.replace(/(['"`])[^'"`]*[\\/][^'"`]*\1/g, "…").replace(/\S*[\\/](?:.*[\\/])?\S*/g, "…")
