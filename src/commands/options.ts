/** Options and schemas that several commands share. */
import { Options } from "@effect/cli"
import { BypassableStage, Intensity, Preset } from "../domain/mastering/MasteringPlan.ts"

export const preset = Options.choice("preset", Preset.literals).pipe(
  Options.withDefault("adaptive" as const),
  Options.withDescription("What the sound is moved toward.")
)

export const intensity = Options.float("intensity").pipe(
  Options.withSchema(Intensity),
  Options.withDefault(1),
  Options.withDescription("0 leaves every sample as it is, 1 makes every move in full.")
)

export const bypass = Options.choice("bypass", BypassableStage.literals).pipe(
  Options.repeated,
  Options.withDescription("A stage to leave out; may be given several times. The peaks are held in any case.")
)
