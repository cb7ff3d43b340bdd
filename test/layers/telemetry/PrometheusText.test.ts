import { describe, it } from "@effect/vitest"
import { Effect, Metric, MetricBoundaries } from "effect"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import * as Metrics from "../../../src/domain/telemetry/Metrics.ts"
import * as ProcessMetrics from "../../../src/layers/telemetry/ProcessMetrics.ts"
import { toPrometheusText } from "../../../src/layers/telemetry/PrometheusText.ts"
import { assert } from "../../support/assert.ts"
import { parsePrometheus } from "../../support/prometheus.ts"

/** The families whose names begin so: the registry belongs to the process, and other tests write into it. */
const families = (prefix: string) =>
  Effect.map(Metric.snapshot, (pairs) =>
    parsePrometheus(toPrometheusText(pairs.filter(({ metricKey }) => metricKey.name.startsWith(prefix))))
  )

const textOf = (path: string) => readFileSync(fileURLToPath(new URL(`../../../${path}`, import.meta.url)), "utf8")

describe("docs/operations.md", () => {
  it("names exactly the metrics that there are", () => {
    const sources = textOf("src/domain/telemetry/Metrics.ts") + textOf("src/layers/supervision/supervisorMetrics.ts")
    const inCode = sources.match(/(?<=")(lathe|process)_[a-z0-9_]+(?=")/g)
    const inDocs = textOf("docs/operations.md").match(/(?<=`)(lathe|process)_[a-z0-9_]+(?=`)/g)
    assert.deepStrictEqual([...new Set(inDocs)].sort(), [...new Set(inCode)].sort())
  })
})

describe("Metrics as text", () => {
  it.effect("are counters, gauges and frequencies with their help and labels", () =>
    Effect.gen(function* () {
      const counter = Metric.counter("kinds_total", { description: "What it counts", incremental: true })
      yield* Effect.tagMetrics(Metric.incrementBy(counter, 2), { b: "2", a: "1" })
      yield* Effect.tagMetrics(Metric.increment(counter), { a: "2" })
      yield* Metric.incrementBy(Metric.counter("kinds_up_and_down"), -3)
      yield* Metric.incrementBy(Metric.counter("kinds_big_total", { bigint: true, incremental: true }), 2n ** 64n)
      yield* Metric.set(Metric.gauge("kinds_level_bytes"), 1.5e21)
      yield* Metric.update(Metric.frequency("kinds_words"), "x")
      const found = yield* families("kinds")
      assert.deepStrictEqual(found.get("kinds_total"), {
        type: "counter",
        help: "What it counts",
        samples: [
          { name: "kinds_total", labels: { a: "1", b: "2" }, value: 2 },
          { name: "kinds_total", labels: { a: "2" }, value: 1 }
        ]
      })
      assert.strictEqual(found.get("kinds_up_and_down")?.type, "gauge")
      assert.strictEqual(found.get("kinds_up_and_down")?.samples[0]?.value, -3)
      assert.strictEqual(found.get("kinds_big_total")?.samples[0]?.value, 2 ** 64)
      assert.strictEqual(found.get("kinds_level_bytes")?.samples[0]?.value, 1.5e21)
      assert.deepStrictEqual(found.get("kinds_words")?.samples, [
        { name: "kinds_words", labels: { value: "x" }, value: 1 }
      ])
    })
  )

  it.effect("are histograms with cumulative buckets, their sum and count, and summaries with their quantiles", () =>
    Effect.gen(function* () {
      const histogram = Metric.histogram("shapes_seconds", MetricBoundaries.fromIterable([0.1, 1, 10]))
      for (const value of [0.05, 0.5, 0.5, 100]) yield* Metric.update(histogram, value)
      const summary = Metric.summary({
        name: "shapes_summary_seconds",
        maxAge: "1 day",
        maxSize: 10,
        error: 0.01,
        quantiles: [0.5, 0.99]
      })
      yield* Metric.update(summary, 3)
      const found = yield* families("shapes")
      const byBound = found
        .get("shapes_seconds")
        ?.samples.filter(({ name }) => name.endsWith("_bucket"))
        .map(({ labels, value }) => [labels["le"], value])
      assert.deepStrictEqual(byBound, [
        ["0.1", 1],
        ["1", 3],
        ["10", 3],
        ["+Inf", 4]
      ])
      assert.hasFields(found.get("shapes_seconds")!.samples, {
        name: "shapes_seconds_sum",
        labels: {},
        value: 101.05
      })
      assert.strictEqual(found.get("shapes_summary_seconds")?.type, "summary")
      assert.hasFields(found.get("shapes_summary_seconds")!.samples, {
        name: "shapes_summary_seconds",
        labels: { quantile: "0.5" },
        value: 3
      })
    })
  )

  it.effect("stay readable with names, labels, help and numbers that are not what they should be", () =>
    Effect.gen(function* () {
      const help = 'a "quoted" back\\slash\nand a second line'
      yield* Metric.set(Metric.gauge("odd-name.of things", { description: help }), Number.NaN)
      yield* Metric.set(Metric.gauge("odd_infinite"), Number.NEGATIVE_INFINITY)
      const gauge = Metric.gauge("odd_labels")
      const value = '"}\n\\ \\n,le="'
      yield* Effect.tagMetrics(Metric.set(gauge, 1), { "1 bad-name": value })
      const histogram = Metric.histogram("odd_histogram", MetricBoundaries.fromIterable([1]))
      yield* Effect.tagMetrics(Metric.update(histogram, 1), { le: "mine" })
      // Two names that become one, of two types.
      yield* Metric.set(Metric.gauge("odd.clash"), 1)
      yield* Metric.increment(Metric.counter("odd-clash", { incremental: true }))
      const found = yield* families("odd")
      assert.strictEqual(found.get("odd_name_of_things")?.help, help)
      assert.deepStrictEqual(found.get("odd_name_of_things")?.samples[0]?.value, Number.NaN)
      assert.strictEqual(found.get("odd_infinite")?.samples[0]?.value, Number.NEGATIVE_INFINITY)
      assert.deepStrictEqual(found.get("odd_labels")?.samples[0]?.labels, { _1_bad_name: value })
      assert.strictEqual(found.get("odd_histogram")?.samples[0]?.labels["exported_le"], "mine")
      assert.lengthOf(found.get("odd_clash")!.samples, 1)
    })
  )

  it.effect("are nothing where nothing was measured", () =>
    Effect.sync(() => assert.strictEqual(toPrometheusText([]), ""))
  )

  it.effect(
    "are well-formed in all of the process, with a help for each of lathe's own, and its unit in the name",
    () =>
      Effect.gen(function* () {
        yield* Effect.scoped(Effect.flatten(ProcessMetrics.make))
        yield* Metric.increment(Metrics.httpRequests)
        yield* Metric.update(Metrics.fingerprintGenerationSeconds, 1)
        const all = parsePrometheus(toPrometheusText(yield* Metric.snapshot))
        assert.isAbove(all.get("process_resident_memory_bytes")!.samples[0]!.value, 1e6)
        assert.isAbove(all.get("process_cpu_seconds_total")!.samples[0]!.value, 0)
        assert.isAtLeast(all.get("lathe_event_loop_delay_max_seconds")!.samples[0]!.value, 0)
        assert.match(all.get("lathe_build_info")!.samples[0]!.labels["version"]!, /^\d+\.\d+\.\d+/)
        for (const [name, { help, type }] of all) {
          if (!/^(lathe|process)_/.test(name)) continue
          assert.isNotEmpty(help!, name)
          assert.strictEqual(name.endsWith("_total"), type === "counter", name)
          if (type === "histogram") assert.match(name, /_(seconds|bytes)$/)
        }
      })
  )
})
