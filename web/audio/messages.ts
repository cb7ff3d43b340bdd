/** What the page and its audio thread say to each other. Positions and lengths are samples per channel. */
import type { LoudnessBlock } from "./LoudnessBlocks.ts"
import type { MixerState, Source } from "./PlayoutMixer.ts"

export interface ProcessorOptions {
  readonly channels: number
  readonly capacity: number
  readonly prebuffer: number
  readonly crossfade: number
  /** Report every sample that is played, for tests. */
  readonly inspect: boolean
}

export type ToProcessor =
  | { readonly type: "begin"; readonly generation: number }
  | {
      readonly type: "samples"
      readonly generation: number
      readonly source: Source
      readonly position: number
      readonly channels: ReadonlyArray<Float32Array>
    }
  | { readonly type: "end"; readonly generation: number; readonly position: number | undefined }
  | { readonly type: "truncate"; readonly generation: number; readonly position: number }
  | { readonly type: "select"; readonly source: Source }
  | { readonly type: "gain"; readonly source: Source; readonly linear: number }

export type FromProcessor =
  | {
      readonly type: "position"
      readonly generation: number
      readonly position: number
      readonly state: MixerState
      readonly active: Source
    }
  | {
      readonly type: "loudness"
      readonly generation: number
      readonly position: number
      readonly source: Source
      readonly block: LoudnessBlock
    }
  | {
      readonly type: "inspection"
      readonly generation: number
      readonly position: number
      readonly heard: ReadonlyArray<Float32Array>
      readonly enhanced: ReadonlyArray<Float32Array>
      readonly original: ReadonlyArray<Float32Array>
      readonly held: Readonly<Record<Source, number>>
    }
