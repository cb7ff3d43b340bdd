/** The waveform of a track in as many points as were asked for. */
import { Schema } from "effect"

const mostPoints = 2000

export const WaveformPoints = Schema.Int.pipe(Schema.between(1, mostPoints))

export const Waveform = Schema.Struct({
  points: Schema.Int,
  /** Lowest sample of each point, over all channels, full scale = 1. */
  min: Schema.Array(Schema.Finite),
  max: Schema.Array(Schema.Finite)
}).annotations({ identifier: "Waveform" })
export type Waveform = typeof Waveform.Type
