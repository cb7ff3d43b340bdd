import { Schema } from "effect"

/** The service plays as many streams as it may. Nothing has started; to be tried again later. */
export class TooManyStreams extends Schema.TaggedError<TooManyStreams>()("TooManyStreams", {
  maximum: Schema.Int
}) {
  override get message(): string {
    return `The service plays ${this.maximum} streams already, as many as it may. Try again when one has ended.`
  }
}
