/** Metrics in the text format of Prometheus, version 0.0.4. */
import { type MetricKey, MetricKeyType, type MetricPair, MetricState, Option } from "effect"

export const contentType = "text/plain; version=0.0.4; charset=utf-8"

type Labels = ReadonlyArray<readonly [name: string, value: string]>

interface Sample {
  /** Behind the name of the family: `_bucket`, `_sum`, or nothing. */
  readonly suffix: string
  readonly labels: Labels
  readonly value: number | bigint
}

interface Family {
  readonly type: "counter" | "gauge" | "histogram" | "summary"
  readonly help: string
  readonly samples: Array<Sample>
}

const nameOf = (name: string): string => name.replaceAll(/[^a-zA-Z0-9_:]/g, "_").replace(/^(?=\d)/, "_")

const labelNameOf = (name: string): string => name.replaceAll(/[^a-zA-Z0-9_]/g, "_").replace(/^(?=\d)/, "_")

const escapeHelp = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")

const escapeLabel = (text: string): string => escapeHelp(text).replaceAll('"', '\\"')

const toNumber = (value: number | bigint): string =>
  value === Number.POSITIVE_INFINITY ? "+Inf" : value === Number.NEGATIVE_INFINITY ? "-Inf" : String(value)

/** The labels of a metric, in alphabetic order; of two with one name the later, and none with a name that is taken. */
const labelsOf = (key: MetricKey.MetricKey.Untyped, taken: ReadonlyArray<string>): Labels => {
  const labels = new Map<string, string>()
  for (const { key: name, value } of key.tags) {
    const clean = labelNameOf(name)
    labels.set(taken.includes(clean) ? `exported_${clean}` : clean, value)
  }
  return [...labels].sort(([a], [b]) => (a < b ? -1 : 1))
}

const read = (pair: MetricPair.MetricPair.Untyped): Omit<Family, "help"> | undefined => {
  const { metricKey: key, metricState: state } = pair
  // A counter of Effect may fall, which one of Prometheus may not.
  if (MetricState.isCounterState(state))
    return {
      type: isIncremental(key) ? "counter" : "gauge",
      samples: [{ suffix: "", labels: labelsOf(key, []), value: state.count }]
    }
  if (MetricState.isGaugeState(state))
    return { type: "gauge", samples: [{ suffix: "", labels: labelsOf(key, []), value: state.value }] }
  if (MetricState.isFrequencyState(state)) {
    const labels = labelsOf(key, ["value"])
    const samples = [...state.occurrences].map(([value, count]): Sample => ({
      suffix: "",
      labels: [...labels, ["value", value]],
      value: count
    }))
    return { type: "counter", samples }
  }
  if (MetricState.isHistogramState(state)) {
    const labels = labelsOf(key, ["le"])
    const buckets = [...state.buckets].filter(([bound]) => bound !== Number.POSITIVE_INFINITY)
    const samples = [...buckets, [Number.POSITIVE_INFINITY, state.count] as const].map(([bound, count]): Sample => ({
      suffix: "_bucket",
      labels: [...labels, ["le", toNumber(bound)]],
      value: count
    }))
    return { type: "histogram", samples: [...samples, ...totals(labels, state)] }
  }
  if (MetricState.isSummaryState(state)) {
    const labels = labelsOf(key, ["quantile"])
    const samples = state.quantiles.map(([quantile, value]): Sample => ({
      suffix: "",
      labels: [...labels, ["quantile", String(quantile)]],
      value: Option.getOrElse(value, () => Number.NaN)
    }))
    return { type: "summary", samples: [...samples, ...totals(labels, state)] }
  }
  return undefined
}

const isIncremental = ({ keyType }: MetricKey.MetricKey.Untyped): boolean =>
  MetricKeyType.isCounterKey(keyType) && keyType.incremental

const totals = (labels: Labels, { sum, count }: { readonly sum: number; readonly count: number }) => [
  { suffix: "_sum", labels, value: sum },
  { suffix: "_count", labels, value: count }
]

const lineOf = (name: string, { suffix, labels, value }: Sample): string => {
  const list = labels.map(([label, text]) => `${label}="${escapeLabel(text)}"`).join(",")
  return `${name}${suffix}${list === "" ? "" : `{${list}}`} ${toNumber(value)}`
}

/**
 * One family a name, its HELP and TYPE once and before all its samples. A name that is used for two types keeps the
 * first; a second sample with the same labels is left out: a reader would refuse the whole text for either.
 */
export const toPrometheusText = (pairs: ReadonlyArray<MetricPair.MetricPair.Untyped>): string => {
  const families = new Map<string, Family>()
  for (const pair of pairs) {
    const found = read(pair)
    if (found === undefined) continue
    const name = nameOf(pair.metricKey.name)
    const help = Option.getOrElse(pair.metricKey.description, () => "")
    const family = families.get(name) ?? { type: found.type, help, samples: [] }
    if (family.type === found.type) family.samples.push(...found.samples)
    families.set(name, family)
  }
  const lines: Array<string> = []
  for (const [name, { type, help, samples }] of [...families].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (help !== "") lines.push(`# HELP ${name} ${escapeHelp(help)}`)
    lines.push(`# TYPE ${name} ${type}`)
    const seen = new Set<string>()
    for (const sample of samples) {
      const identity = lineOf(name, { ...sample, value: 0 })
      if (!seen.has(identity)) lines.push(lineOf(name, sample))
      seen.add(identity)
    }
  }
  return lines.map((line) => `${line}\n`).join("")
}
