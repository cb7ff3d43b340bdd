/**
 * The words of a command line, read against what the commands say of themselves: each option is one of the command's own,
 * is given once and has its value, wherever it stands; each other word is an argument. What comes out is in the one order
 * that @effect/cli takes without guessing: command, options, `--`, arguments.
 */
import { AutoCorrect, BuiltInOptions, CliConfig, CommandDescriptor, HelpDoc, Options, Usage } from "@effect/cli"
import { Either, HashMap, Option } from "effect"
import { UsageError, type UsageCode } from "./UsageError.ts"

export interface Reading {
  /** For @effect/cli, without `node` and script. */
  readonly words: ReadonlyArray<string>
  /** Of `--log-level`. */
  readonly logLevel: Option.Option<string>
}

/** An option or an argument, as the command describes it. */
interface Named {
  readonly names: ReadonlyArray<string>
  /** Placeholder or choices of its value; none where it takes no value. */
  readonly value: Option.Option<string>
  readonly isRepeated: boolean
  readonly isOptional: boolean
}

interface Syntax {
  /** As it is called: `lathe serve`. */
  readonly title: string
  readonly options: ReadonlyArray<Named>
  readonly arguments: ReadonlyArray<Named>
}

type Root = CommandDescriptor.Command<unknown>

const namedIn = (usage: Usage.Usage, isRepeated = false, isOptional = false): ReadonlyArray<Named> => {
  switch (usage._tag) {
    case "Empty":
    case "Mixed":
      return []
    case "Named":
      return [{ names: usage.names, value: usage.acceptedValues, isRepeated, isOptional }]
    case "Optional":
      return namedIn(usage.usage, isRepeated, true)
    case "Repeated":
      return namedIn(usage.usage, true, isOptional)
    case "Alternation":
    case "Concat":
      return [...namedIn(usage.left, isRepeated, isOptional), ...namedIn(usage.right, isRepeated, isOptional)]
  }
}

/** `--help` and its like, which @effect/cli adds to every command. */
const builtInsOf = (command: Root): ReadonlyArray<Named> =>
  namedIn(Options.getUsage(BuiltInOptions.builtInOptions(command, Usage.empty, HelpDoc.empty)))

const syntaxOf = (title: string, command: Root): Syntax => {
  const own = namedIn(CommandDescriptor.getUsage(command))
  const startingWith = (mark: string) => own.filter(({ names }) => names[0]?.startsWith(mark) === true)
  return { title, options: [...startingWith("-"), ...builtInsOf(command)], arguments: startingWith("<") }
}

const subcommandsOf = (root: Root): ReadonlyMap<string, Syntax> =>
  new Map(
    HashMap.toEntries(CommandDescriptor.getSubcommands(root))
      .toSorted(([a], [b]) => a.localeCompare(b))
      .map(([name, command]) => [name, syntaxOf(`lathe ${name}`, command)])
  )

const refuse = (code: UsageCode, message: string) => Either.left(new UsageError({ code, message }))

const longName = ({ names }: Named): string => names.find((name) => name.startsWith("--")) ?? names[0] ?? ""

const optionCalled = (syntax: Syntax, name: string) => syntax.options.find(({ names }) => names.includes(name))

const withoutDashes = (name: string) => name.replace(/^-+/, "").toLowerCase()

/** The one of `names` that is meant by a misspelt one: at most half of it is wrong. */
const nearest = (name: string, names: ReadonlyArray<string>): string | undefined => {
  const word = withoutDashes(name)
  const near = names
    .map((candidate) => ({
      candidate,
      distance: AutoCorrect.levensteinDistance(word, withoutDashes(candidate), CliConfig.defaultConfig)
    }))
    .filter(({ distance }) => distance <= Math.ceil(word.length / 2))
    .toSorted((a, b) => a.distance - b.distance)
  return near[0]?.candidate
}

const listOf = (titles: ReadonlyArray<string>): string => titles.map((title) => `\`${title}\``).join(", ")

const unknownOption = (name: string, syntax: Syntax, commands: ReadonlyMap<string, Syntax>) => {
  const owners = [...commands.values()].filter((other) => optionCalled(other, name) !== undefined)
  if (owners.length > 0 && !commands.has(syntax.title.replace("lathe ", "")))
    return refuse("unknown_option", `${name} goes behind its command, ${listOf(owners.map(({ title }) => title))}.`)
  if (owners.length > 0)
    return refuse(
      "unknown_option",
      `${name} is no option of \`${syntax.title}\`, but of ${listOf(owners.map(({ title }) => title))}.`
    )
  const meant = nearest(name, syntax.options.map(longName))
  const advice =
    meant === undefined
      ? `\`${syntax.title} --help\` lists them. A file or folder of that name goes behind --.`
      : `did you mean ${meant}?`
  return refuse("unknown_option", `${name} is no option of \`${syntax.title}\`; ${advice}`)
}

const unknownCommand = (word: string, commands: ReadonlyMap<string, Syntax>) => {
  const names = [...commands.keys()]
  if (commands.has(word)) return refuse("unknown_command", `-- goes behind its command, ${word}.`)
  const meant = nearest(word, names)
  return refuse(
    "unknown_command",
    `"${word}" is no command of lathe; ${meant === undefined ? `there are ${names.join(", ")}.` : `did you mean \`lathe ${meant}\`?`}`
  )
}

/** What is no value: another option, but for a negative number. */
const looksLikeOption = (word: string) => word.startsWith("-") && !/^-\.?\d/.test(word)

const choicesOf = ({ value }: Named): ReadonlyArray<string> =>
  Option.match(value, { onNone: () => [], onSome: (text) => (text.includes(" | ") ? text.split(" | ") : []) })

/** The value of an option, which stands behind its `=` or is the next word. */
const valueOf = (
  option: Named,
  inline: string | undefined,
  next: string | undefined
): Either.Either<Option.Option<string>, UsageError> => {
  const name = longName(option)
  if (Option.isNone(option.value))
    return inline === undefined
      ? Either.right(Option.none())
      : refuse("unexpected_value", `${name} takes no value; leave "=${inline}" out.`)
  const choices = choicesOf(option)
  const allowed = choices.length === 0 ? "" : `: one of ${choices.join(", ")}`
  if (inline === undefined && next !== undefined && looksLikeOption(next))
    return refuse(
      "missing_value",
      `${name} needs a value${allowed}, and ${next} is none; if it is meant, write ${name}=${next}.`
    )
  const value = inline ?? next
  if (value === undefined || value === "")
    return refuse("missing_value", `${name} needs a value${allowed || " behind it"}.`)
  if (choices.length > 0 && !choices.includes(value))
    return refuse("invalid_value", `${name} is ${JSON.stringify(value)}; it must be one of ${choices.join(", ")}.`)
  return Either.right(Option.some(value))
}

interface GivenOption {
  readonly option: Named
  readonly value: Option.Option<string>
}

/** What the words are, in their order; no command where there is none. */
interface Parts {
  command: string | undefined
  readonly options: Array<GivenOption>
  readonly values: Array<string>
}

const partsOf = (words: ReadonlyArray<string>, root: Syntax, commands: ReadonlyMap<string, Syntax>) =>
  Either.gen(function* () {
    const parts: Parts = { command: undefined, options: [], values: [] }
    let syntax = root
    for (let n = 0; n < words.length; n++) {
      const word = words[n]!
      if (word === "--") {
        parts.values.push(...words.slice(n + 1))
        break
      }
      if (word.startsWith("-")) {
        const [name = word] = word.split("=", 1)
        const option = optionCalled(syntax, name)
        if (option === undefined) return yield* unknownOption(name, syntax, commands)
        if (!option.isRepeated && parts.options.some((other) => longName(other.option) === longName(option)))
          return yield* refuse("repeated_option", `${longName(option)} is given twice; give it once.`)
        const inline = name === word ? undefined : word.slice(name.length + 1)
        const value = yield* valueOf(option, inline, words[n + 1])
        if (Option.isSome(value) && inline === undefined) n++
        parts.options.push({ option, value })
      } else if (parts.command !== undefined) parts.values.push(word)
      else {
        syntax = commands.get(word) ?? (yield* unknownCommand(word, commands))
        parts.command = word
      }
    }
    const [stray] = parts.values
    if (parts.command === undefined && stray !== undefined) return yield* unknownCommand(stray, commands)
    return { ...parts, syntax }
  })

const nameOfArgument = ({ isRepeated, names: [name = ""] }: Named): string =>
  `${name.slice(1, -1)}${isRepeated ? "..." : ""}`

/** Too few, too many, or none at all in a word. */
const checkArguments = (syntax: Syntax, values: ReadonlyArray<string>): Either.Either<void, UsageError> => {
  const call = [syntax.title, ...syntax.arguments.map(nameOfArgument)].join(" ")
  const required = syntax.arguments.filter(({ isOptional, isRepeated }) => !isOptional && !isRepeated)
  const missing = required.slice(values.length)
  if (missing.length > 0)
    return refuse("missing_argument", `${missing.map(nameOfArgument).join(" and ")} missing: \`${call}\`.`)
  const isUnbounded = syntax.arguments.some(({ isRepeated }) => isRepeated)
  const extra = values[syntax.arguments.length]
  if (!isUnbounded && extra !== undefined)
    return refuse("unexpected_argument", `"${extra}" is one word too many: \`${call}\`.`)
  if (values.includes("")) return refuse("missing_argument", `One of the words is empty: \`${call}\`.`)
  return Either.void
}

/** A repeated option is known to @effect/cli as two words only; any other may have a value that looks like an option. */
const wordsOf = ({ option, value }: GivenOption): ReadonlyArray<string> => {
  if (Option.isNone(value)) return [longName(option)]
  return option.isRepeated ? [longName(option), value.value] : [`${longName(option)}=${value.value}`]
}

/** With the flag in both places the usage shows the whole call. */
const helpOn = (words: ReadonlyArray<string>, commands: ReadonlyMap<string, Syntax>): ReadonlyArray<string> => {
  const command = words.find((word) => !word.startsWith("-"))
  return command !== undefined && commands.has(command) ? ["--help", command, "--help"] : ["--help"]
}

const beforeDashes = (words: ReadonlyArray<string>) =>
  words.includes("--") ? words.slice(0, words.indexOf("--")) : words

/** Whether a program reads what is answered, even where the words are wrong. */
export const asksForJson = (words: ReadonlyArray<string>): boolean => beforeDashes(words).includes("--json")

/** `words` are those behind `node` and script. */
export const readArguments = (root: Root, words: ReadonlyArray<string>): Either.Either<Reading, UsageError> =>
  Either.gen(function* () {
    const commands = subcommandsOf(root)
    if (beforeDashes(words).some((word) => word === "--help" || word === "-h"))
      return { words: helpOn(words, commands), logLevel: Option.none() }
    const { command, options, syntax, values } = yield* partsOf(words, syntaxOf("lathe", root), commands)
    const isLogLevel = ({ option }: GivenOption) => longName(option) === "--log-level"
    const builtIns = builtInsOf(root).map(longName)
    const others = options.filter((given) => !isLogLevel(given))
    // `--version` and its like are answered without any argument.
    if (command !== undefined && !others.some(({ option }) => builtIns.includes(longName(option))))
      yield* checkArguments(syntax, values)
    return {
      words: [
        ...(command === undefined ? [] : [command]),
        ...others.flatMap(wordsOf),
        ...(values.length === 0 ? [] : ["--", ...values])
      ],
      logLevel: Option.flatMap(Option.fromNullable(options.find(isLogLevel)), ({ value }) => value)
    }
  })
