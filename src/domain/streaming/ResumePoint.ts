/** All that a stream needs to go on elsewhere, but for the position, which only the client knows: the content of a token. */
import { Schema } from "effect"
import { RenderState } from "../mastering/RenderState.ts"
import { Enhancement } from "../mastering/Enhancement.ts"
import { DeliveredSampleRate } from "../audio/SampleRate.ts"
import { TrackId } from "../library/Track.ts"

export const ResumePoint = Schema.Struct({
  /** Id of the listener's stream, on whichever connection it is, with epochs that rise. */
  line: Schema.String,
  stream_epoch: Schema.Int,
  track_id: TrackId,
  /** null: the file's own samples. */
  enhancement: Schema.NullOr(Enhancement),
  /** Hz that the client asked for; null: the file's own rate. */
  asked_sample_rate: Schema.NullOr(DeliveredSampleRate),
  /** Hz: what sample offsets count at. */
  sample_rate: Schema.Int.pipe(Schema.positive()),
  /** Where its gains are on their way; null: at rest. */
  state: Schema.optionalWith(Schema.NullOr(RenderState), { default: () => null })
})
export type ResumePoint = typeof ResumePoint.Type

/** Not issued by this service, changed since, or too old. One answer for all: it tells nothing to who is guessing. */
export class InvalidResumeToken extends Schema.TaggedError<InvalidResumeToken>()("InvalidResumeToken", {}) {
  override get message(): string {
    return "This resume_token is not valid, or no longer. Start again with play_enhanced or play_normal."
  }
}
