/**
 * `lathe master IN OUT --preset warm` as people write it, in the order that @effect/cli parses: options before
 * arguments. Everything after `--` is an argument, whatever it looks like.
 */

/** Options that take no value; every other one takes the word that follows it. */
const switches: ReadonlySet<string> = new Set(["--json", "--help", "-h", "--version", "--wizard"])

/** `argv` is node, script, then the words; the first word, the command, stays first. */
export const optionsFirst = (argv: ReadonlyArray<string>): Array<string> => {
  const [node = "", script = "", command, ...words] = argv
  if (command === undefined || command.startsWith("-")) return [...argv]
  const options: Array<string> = []
  const values: Array<string> = []
  for (let n = 0; n < words.length; n++) {
    const word = words[n]!
    if (word === "--") {
      values.push(...words.slice(n + 1))
      break
    }
    if (!word.startsWith("-") || word === "-") values.push(word)
    else if (switches.has(word) || word.includes("=") || n + 1 === words.length) options.push(word)
    else options.push(word, words[++n]!)
  }
  const isAmbiguous = values.some((value) => value.startsWith("-"))
  return [node, script, command, ...options, ...(isAmbiguous ? ["--"] : []), ...values]
}
