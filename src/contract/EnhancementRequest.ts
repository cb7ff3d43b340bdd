/** What a caller wants done to a track: the same fields, bounds and defaults for HTTP, RPC and WebSocket. */
import { Schema } from "effect"
import { BypassableStage, Intensity, Preset } from "../domain/mastering/MasteringPlan.ts"
import { expecting } from "./expectations.ts"
import { asNumber, asText, type NumberAs } from "./Numbers.ts"

/** Stages to leave out. */
export const Bypass = expecting(Schema.Array(BypassableStage).pipe(Schema.maxItems(BypassableStage.literals.length)))

const presetAndIntensity = <Encoded>(as: NumberAs<Encoded>) => ({
  preset: Schema.optionalWith(expecting(Preset), { default: () => "adaptive" }),
  intensity: Schema.optionalWith(as(Intensity), { default: () => 1 })
})

export const enhancement = {
  ...presetAndIntensity(asNumber),
  bypass: Schema.optionalWith(Bypass, { default: () => [] })
}

const BypassText = expecting(Schema.compose(Schema.split(","), Bypass)).annotations({
  description: `Stages to leave out, with commas between them: ${BypassableStage.literals.join(", ")}.`
})

/** In the query of an address. */
export const enhancementQuery = {
  ...presetAndIntensity(asText),
  bypass: Schema.optionalWith(BypassText, { default: () => [] })
}
