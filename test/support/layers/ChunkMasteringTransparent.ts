/**
 * ChunkMastering that changes nothing: the file's own samples in the same packets, whatever the plan. It records the
 * plans it is given, so that what drives it can be watched without listening.
 */
import { Context, Effect, Layer, type Scope } from "effect"
import type { TrackUnreadable } from "../../../src/domain/audio/AnalysisError.ts"
import type { MasteringPlan } from "../../../src/domain/mastering/MasteringPlan.ts"
import type { AudioDecoder } from "../../../src/services/AudioDecoder.ts"
import { ChunkMastering, type Rendering, type RenderRequest } from "../../../src/services/ChunkMastering.ts"
import * as ChunkMasteringRenderer from "../../../src/layers/mastering/ChunkMasteringRenderer.ts"

/** One call: an `open` (with the plan it named) or a `setPlan`. */
export type RecordedPlan =
  | { readonly call: "open"; readonly request: RenderRequest }
  | { readonly call: "setPlan"; readonly plan: MasteringPlan; readonly glideSeconds: number }

/** The calls so far, oldest first. */
export class RecordedPlans extends Context.Tag("lathe/RecordedPlans")<RecordedPlans, Array<RecordedPlan>>() {}

const transparent = Layer.effectContext(
  Effect.gen(function* () {
    const renderer = yield* ChunkMastering
    const recorded: Array<RecordedPlan> = []
    const open = (request: RenderRequest): Effect.Effect<Rendering, TrackUnreadable, Scope.Scope> => {
      recorded.push({ call: "open", request })
      return Effect.map(renderer.open({ ...request, plan: null }), (rendering) => ({
        ...rendering,
        setPlan: (plan: MasteringPlan, glideSeconds: number) =>
          Effect.sync(() => {
            recorded.push({ call: "setPlan", plan, glideSeconds })
          })
      }))
    }
    return Context.make(ChunkMastering, ChunkMastering.of({ open })).pipe(Context.add(RecordedPlans, recorded))
  })
)

export const layer: Layer.Layer<ChunkMastering | RecordedPlans, never, AudioDecoder> = transparent.pipe(
  Layer.provide(ChunkMasteringRenderer.layer)
)
