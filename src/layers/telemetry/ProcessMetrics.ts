/** What the process says about itself, measured when somebody asks. */
import { Effect, Metric, type Scope } from "effect"
import { monitorEventLoopDelay } from "node:perf_hooks"
import * as Metrics from "../../domain/telemetry/Metrics.ts"
import { version } from "../process/version.ts"

/** Node's timer fires this often, and counts its own period as delay: it is taken off again. Milliseconds. */
const resolutionMs = 10

/** CPU seconds that the counter already has: it belongs to the process, however many services run in it. */
let countedCpuSeconds = 0

/** Sets the metrics of the process. The delays are those since the last time, and 0 where nothing was measured. */
export const make: Effect.Effect<Effect.Effect<void>, never, Scope.Scope> = Effect.gen(function* () {
  const delays = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const histogram = monitorEventLoopDelay({ resolution: resolutionMs })
      histogram.enable()
      return histogram
    }),
    (histogram) => Effect.sync(() => histogram.disable())
  )
  const delaySeconds = (nanoseconds: number) => Math.max(0, nanoseconds / 1e9 - resolutionMs / 1e3) || 0
  yield* Metric.set(Metrics.buildInfo, 1).pipe(Effect.tagMetrics({ version, node: process.version }))
  yield* Metric.set(Metrics.startTime, Math.round(Date.now() / 1000 - process.uptime()))
  return Effect.gen(function* () {
    const { user, system } = process.cpuUsage()
    const cpuSeconds = (user + system) / 1e6
    yield* Metric.incrementBy(Metrics.cpuSeconds, cpuSeconds - countedCpuSeconds)
    countedCpuSeconds = cpuSeconds
    yield* Metric.set(Metrics.residentMemory, process.memoryUsage.rss())
    const isMeasured = delays.count > 0
    yield* Metric.set(Metrics.eventLoopDelayP50, isMeasured ? delaySeconds(delays.percentile(50)) : 0)
    yield* Metric.set(Metrics.eventLoopDelayP99, isMeasured ? delaySeconds(delays.percentile(99)) : 0)
    yield* Metric.set(Metrics.eventLoopDelayMax, isMeasured ? delaySeconds(delays.max) : 0)
    delays.reset()
  })
})
