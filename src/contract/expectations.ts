/** What a value may be, in words: for the sentence that whoever sent another one is answered with. */
import { JSONSchema, Schema } from "effect"

interface Description {
  readonly $ref?: string
  readonly allOf?: ReadonlyArray<Description>
  readonly type?: string
  readonly enum?: ReadonlyArray<string | number | boolean>
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly maxLength?: number
  readonly items?: Description
}

/** Characters of a wrong value that are told back. */
const longestEcho = 40

/**
 * The same schema, which says of a value that it does not take what it does: all of it, and nothing of how it is made.
 * For fields of one value, or of a list of them.
 */
export const expecting = <S extends Schema.Schema.Any>(schema: S): S => {
  let words: string | undefined
  const message = ({ actual }: { readonly actual: unknown }) => ({
    message: `Expected ${(words ??= wordsFor(schema))}, actual ${echo(actual)}`,
    override: true
  })
  return schema.annotations({ message }) as S
}

/** `at limit: Expected a whole number from 1 to 500, actual "0"`, of the first that is wrong. */
export const sentenceOfIssues = (
  issues: ReadonlyArray<{ readonly path: ReadonlyArray<PropertyKey>; readonly message: string }>
): string => {
  const [issue] = issues
  if (issue === undefined) return ""
  return `at ${issue.path.map(String).join(".") || "its root"}: ${issue.message}`
}

const wordsFor = (schema: Schema.Schema.Any): string => {
  const { $defs = {}, ...root } = JSONSchema.make(
    Schema.typeSchema(schema as Schema.Schema<unknown>)
  ) as Description & {
    readonly $defs?: Readonly<Record<string, Description>>
  }
  const whole = (node: Description): Description => {
    const { $ref, allOf = [], ...own } = node
    const referred = $ref === undefined ? {} : whole($defs[$ref.split("/").at(-1)!] ?? {})
    return Object.assign({}, referred, own, ...allOf.map(whole)) as Description
  }
  const inWords = (node: Description): string => {
    const { enum: values, items, maxLength, type } = whole(node)
    if (values !== undefined) return oneOf(values.map((value) => JSON.stringify(value)))
    if (type === "boolean") return "true or false"
    if (type === "array") return `a list of ${items === undefined ? "anything" : inWords(items)}`
    if (type === "string") return maxLength === undefined ? "a text" : `a text of at most ${maxLength} characters`
    return numberInWords(whole(node))
  }
  return inWords(root)
}

const numberInWords = ({ exclusiveMinimum, maximum, minimum, type }: Description): string => {
  const number = type === "integer" ? "a whole number" : "a number"
  if (exclusiveMinimum !== undefined) return `${number} above ${exclusiveMinimum}`
  if (minimum !== undefined && maximum !== undefined) return `${number} from ${minimum} to ${maximum}`
  return minimum === undefined ? number : `${number} of at least ${minimum}`
}

const oneOf = (values: ReadonlyArray<string>): string =>
  values.length < 2 ? values.join("") : `${values.slice(0, -1).join(", ")} or ${values.at(-1)}`

const echo = (actual: unknown): string => {
  const text = JSON.stringify(actual) ?? String(actual)
  return text.length <= longestEcho ? text : `${text.slice(0, longestEcho)}...`
}
