/** A strict reader of the text format of Prometheus, 0.0.4: throws at whatever a scraper could stumble over. */

export interface ParsedSample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface ParsedFamily {
  readonly type: string
  readonly help: string | undefined
  readonly samples: ReadonlyArray<ParsedSample>
}

const suffixes: Record<string, ReadonlyArray<string>> = {
  counter: [""],
  gauge: [""],
  histogram: ["_bucket", "_sum", "_count"],
  summary: ["", "_sum", "_count"]
}

const refuse = (line: string, reason: string): never => {
  throw new Error(`${reason}: ${JSON.stringify(line)}`)
}

const unescape = (text: string, allowed: string): string =>
  text.replaceAll(/\\(.?)/g, (whole, escaped: string) => {
    if (!allowed.includes(escaped) || escaped === "") return refuse(text, `unknown escape ${whole}`)
    return escaped === "n" ? "\n" : escaped
  })

const parseNumber = (text: string): number => {
  if (text === "+Inf") return Number.POSITIVE_INFINITY
  if (text === "-Inf") return Number.NEGATIVE_INFINITY
  if (text === "NaN") return Number.NaN
  if (!/^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/.test(text)) return refuse(text, "no number")
  return Number(text)
}

const parseSample = (line: string): ParsedSample => {
  const match = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/.exec(line)
  if (match === null) return refuse(line, "no sample")
  const [, name = "", list = "", value = ""] = match
  const labels: Record<string, string> = {}
  let rest = list
  while (rest !== "") {
    const [whole, label = "", text = "", comma] = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"(,|$)/.exec(rest) ?? []
    if (whole === undefined) return refuse(line, "no label")
    if (label in labels) return refuse(line, "a label twice")
    labels[label] = unescape(text, 'n\\"')
    rest = rest.slice(whole.length)
    if (comma === "," && rest === "") return refuse(line, "a comma too many")
  }
  return { name, labels, value: parseNumber(value) }
}

const checkHistogram = (name: string, samples: ReadonlyArray<ParsedSample>): void => {
  const series = new Map<string, Array<ParsedSample>>()
  for (const sample of samples) {
    const { le: _, ...labels } = sample.labels
    const key = JSON.stringify(labels)
    series.set(key, [...(series.get(key) ?? []), sample])
  }
  for (const [key, of] of series) {
    const buckets = of.filter((sample) => sample.name === `${name}_bucket`)
    const bounds = buckets.map(({ labels }) => parseNumber(labels["le"] ?? refuse(key, "a bucket without le")))
    for (let n = 1; n < buckets.length; n++) {
      if (!(bounds[n]! > bounds[n - 1]!)) refuse(key, "bounds that do not rise")
      if (buckets[n]!.value < buckets[n - 1]!.value) refuse(key, "buckets that are not cumulative")
    }
    if (bounds.at(-1) !== Number.POSITIVE_INFINITY) refuse(key, "no bucket +Inf")
    const count = of.find((sample) => sample.name === `${name}_count`)
    if (count?.value !== buckets.at(-1)?.value) refuse(key, "a count that is not that of +Inf")
    if (!of.some((sample) => sample.name === `${name}_sum`)) refuse(key, "no sum")
  }
}

export const parsePrometheus = (text: string): ReadonlyMap<string, ParsedFamily> => {
  if (text !== "" && !text.endsWith("\n")) refuse(text.slice(-40), "no line feed at the end")
  const families = new Map<string, { type: string; help: string | undefined; samples: Array<ParsedSample> }>()
  let help: readonly [name: string, text: string] | undefined
  let current: string | undefined
  for (const line of text.split("\n").slice(0, -1)) {
    const [, helpOf, helpText] = /^# HELP (\S+) (.*)$/.exec(line) ?? []
    const [, typeOf, type = ""] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? []
    if (helpOf !== undefined) {
      if (help !== undefined) refuse(line, "two HELP in a row")
      help = [helpOf, unescape(helpText!, "n\\")]
    } else if (typeOf !== undefined) {
      if (families.has(typeOf)) refuse(line, "a TYPE twice")
      if (!(type in suffixes)) refuse(line, "an unknown type")
      if (help !== undefined && help[0] !== typeOf) refuse(line, "a HELP of another name")
      families.set(typeOf, { type, help: help?.[1], samples: [] })
      help = undefined
      current = typeOf
    } else {
      const sample = parseSample(line)
      const family = families.get(current ?? "") ?? refuse(line, "a sample before its TYPE")
      if (!suffixes[family.type]!.some((suffix) => sample.name === `${current}${suffix}`))
        refuse(line, `no sample of ${current}`)
      const isThere = (other: ParsedSample) =>
        other.name === sample.name && JSON.stringify(other.labels) === JSON.stringify(sample.labels)
      if (family.samples.some(isThere)) refuse(line, "a sample twice")
      if (family.type === "counter" && !(sample.value >= 0)) refuse(line, "a counter below 0")
      family.samples.push(sample)
    }
  }
  for (const [name, { type, samples }] of families) if (type === "histogram") checkHistogram(name, samples)
  return families
}
