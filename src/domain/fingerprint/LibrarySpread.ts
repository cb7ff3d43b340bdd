/** How the dimensions of a library's tracks spread. */
import { Schema } from "effect"
import { type DimensionName, dimensionNames } from "./Fingerprint.ts"

const Percentiles = Schema.Struct({
  p10: Schema.Finite,
  p50: Schema.Finite,
  p90: Schema.Finite,
  min: Schema.Finite,
  max: Schema.Finite
})
export type Percentiles = typeof Percentiles.Type

/** How the measured tracks of the library spread over each dimension. No dimensions where nothing is measured yet. */
export const LibrarySpread = Schema.Struct({
  tracks: Schema.Int.pipe(Schema.nonNegative()),
  dimensions: Schema.partial(
    Schema.Struct(
      Object.fromEntries(dimensionNames.map((name) => [name, Percentiles])) as Record<DimensionName, typeof Percentiles>
    )
  )
}).annotations({ identifier: "LibrarySpread" })
export type LibrarySpread = typeof LibrarySpread.Type

/** Percentiles by linear interpolation between the closest ranks. Sorts `values`, of which there is at least one. */
export const percentilesOf = (values: Float64Array): Percentiles => {
  values.sort()
  const at = (share: number): number => {
    const position = share * (values.length - 1)
    const below = Math.floor(position)
    const lower = values[below]!
    return lower + (position - below) * (values[Math.min(below + 1, values.length - 1)]! - lower)
  }
  return { p10: at(0.1), p50: at(0.5), p90: at(0.9), min: at(0), max: at(1) }
}
