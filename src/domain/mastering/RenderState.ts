/** Where a rendering's gains are on their way: what one that is begun anew goes on from, so that no level jumps. */
import { Schema } from "effect"
import { RenderSettings } from "./MasteringPlan.ts"

const Count = Schema.Int.pipe(Schema.nonNegative())

/** A glide from one plan's settings to another's, linear in dB. */
export const GlideState = Schema.Struct({
  /** The chain's control values where it began, in the chain's own order; null: no limiter. */
  from: Schema.Array(Schema.NullOr(Schema.Finite)).pipe(Schema.itemsCount(15)),
  /** Its length, and how much of it is behind, in blocks of the chain's grid. */
  blocks: Count,
  done: Count
})
export type GlideState = typeof GlideState.Type

/** What following the loudness has come to. Energies as mean squares, weighted as in ITU-R BS.1770. */
export const FollowState = Schema.Struct({
  gain_db: Schema.Finite,
  wanted_db: Schema.Finite,
  /** Of what was heard in about the last half minute, and how much of that time has been. */
  long_term: Schema.Finite,
  long_term_weight: Schema.Finite
})
export type FollowState = typeof FollowState.Type

export const RenderState = Schema.Struct({
  /** Sample of the file, per channel, at which it holds; null: where the new rendering starts. */
  position: Schema.NullOr(Schema.Int),
  /** What it glides to, or has reached. */
  settings: RenderSettings,
  /** null: at rest. */
  glide: Schema.NullOr(GlideState),
  /** null: nothing is followed. */
  follow: Schema.NullOr(FollowState)
})
export type RenderState = typeof RenderState.Type
