/** Options and schemas that several commands share. */
import { HelpDoc, Options, ValidationError } from "@effect/cli"
import { Effect, Option, Schema } from "effect"
import { BypassableStage, Intensity, Preset } from "../domain/mastering/MasteringPlan.ts"

export interface NumberOption {
  readonly name: string
  /** What the help shows in its place. */
  readonly placeholder: string
  readonly schema: Schema.Schema<number>
  /** Completes "it must be ...". */
  readonly expects: string
  readonly byDefault: number
  readonly meaning: string
}

/** A number whose complaint names the option, and what it may be. */
export const number = ({ byDefault, expects, meaning, name, placeholder, schema }: NumberOption) => {
  const decode = Schema.decodeOption(Schema.compose(Schema.NumberFromString, schema))
  return Options.text(name).pipe(
    Options.withPseudoName(placeholder),
    Options.mapEffect((text) =>
      Option.match(decode(text), {
        onSome: Effect.succeed,
        onNone: () =>
          Effect.fail(
            ValidationError.invalidValue(HelpDoc.p(`--${name} is ${JSON.stringify(text)}; it must be ${expects}.`))
          )
      })
    ),
    Options.withDescription(`${meaning} Default: ${byDefault}.`),
    Options.withDefault(byDefault)
  )
}

export const preset = Options.choice("preset", Preset.literals).pipe(
  Options.withDescription("What the sound is moved toward. Default: adaptive."),
  Options.withDefault("adaptive" as const)
)

export const intensity = number({
  name: "intensity",
  placeholder: "NUMBER",
  schema: Intensity,
  expects: "a number from 0 to 1",
  byDefault: 1,
  meaning: "0 leaves every sample as it is, 1 makes every move in full."
})

export const bypass = Options.choice("bypass", BypassableStage.literals).pipe(
  Options.repeated,
  Options.withDescription("A stage to leave out; may be given several times. The peaks are held in any case.")
)

export const force = Options.boolean("force").pipe(Options.withDescription("Replaces files that are there already."))
