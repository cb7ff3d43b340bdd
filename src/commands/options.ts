/** Options and schemas that several commands share. */
import { Options } from "@effect/cli"
import { Intensity, Preset } from "../domain/MasteringPlan.ts"

export const preset = Options.choice("preset", Preset.literals).pipe(
  Options.withDefault("adaptive" as const),
  Options.withDescription("What the sound is moved toward.")
)

export const intensity = Options.float("intensity").pipe(
  Options.withSchema(Intensity),
  Options.withDefault(1),
  Options.withDescription("0 leaves every sample as it is, 1 makes every move in full.")
)
