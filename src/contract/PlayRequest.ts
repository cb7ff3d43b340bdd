/** What is to be played, from where and at which rate: the same fields, bounds and defaults for RPC and WebSocket. */
import { Schema } from "effect"
import { DeliveredSampleRate } from "../domain/audio/SampleRate.ts"
import { TrackId } from "../domain/library/Track.ts"
import { expecting } from "./expectations.ts"
import { Seconds } from "./Numbers.ts"

export const playRequest = {
  track_id: expecting(TrackId),
  start_position: Schema.optionalWith(expecting(Seconds), { default: () => 0 }),
  /** Hz of what is delivered, and what its samples count at; left out: the file's own. */
  sample_rate: Schema.optionalWith(expecting(DeliveredSampleRate), { exact: true })
}
