/** Numbers as they travel: an address has them as text, everything else as numbers. The bounds are the same. */
import { Schema } from "effect"
import { expecting } from "./expectations.ts"

/** How one way of travelling writes a number that `schema` describes. */
export type NumberAs<Encoded> = <A>(schema: Schema.Schema<A, number>) => Schema.Schema<A, Encoded>

/** In the path or the query of an address. */
export const asText: NumberAs<string> = (schema) => expecting(Schema.compose(Schema.NumberFromString, schema))

/** In JSON and msgpack. */
export const asNumber: NumberAs<number> = (schema) => expecting(schema)

export const Id = Schema.Int.pipe(Schema.positive())

/** Seconds from the start of a track. */
export const Seconds = Schema.Finite.pipe(Schema.nonNegative())
