/** Plain HTTP: health, metrics, and the web page. */
import { HttpLayerRouter, HttpServerResponse } from "@effect/platform"
import { Effect, Layer, Metric } from "effect"
import { readdirSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { FingerprintGenerator } from "../services/FingerprintGenerator.ts"
import { isReady, Readiness } from "../services/Readiness.ts"
import * as ProcessMetrics from "./ProcessMetrics.ts"
import { contentType, toPrometheusText } from "./PrometheusText.ts"

const webFolder = fileURLToPath(new URL("../../web/", import.meta.url))

/** Listed once, at start: nothing else of the disk can be asked for. */
const webFiles = () =>
  readdirSync(webFolder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name)

const make = Effect.gen(function* () {
  const router = yield* HttpLayerRouter.HttpRouter
  const generator = yield* FingerprintGenerator
  const readiness = yield* Readiness
  const measureProcess = yield* ProcessMetrics.make

  yield* router.add(
    "GET",
    "/health",
    Effect.map(generator.isServerAvailable, (isAvailable) =>
      HttpServerResponse.unsafeJson({
        status: "ok",
        fingerprint_server: isAvailable ? "available" : "unavailable"
      })
    )
  )

  // That this is answered is all that it says: who asks starts the process again when it is not.
  yield* router.add("GET", "/health/live", HttpServerResponse.unsafeJson({ status: "live" }))

  yield* router.add(
    "GET",
    "/health/ready",
    Effect.map(readiness.report, (report) =>
      HttpServerResponse.unsafeJson(
        {
          status: isReady(report) ? "ready" : "not_ready",
          database: report.database ? "answers" : "silent",
          library: report.library ? "loaded" : "loading",
          rendering: report.rendering ? "possible" : "impossible",
          fingerprint_server: report.fingerprintServer ? "available" : "unavailable"
        },
        { status: isReady(report) ? 200 : 503 }
      )
    )
  )

  yield* router.add(
    "GET",
    "/metrics",
    Effect.zipRight(measureProcess, Metric.snapshot).pipe(
      Effect.map((pairs) => HttpServerResponse.text(toPrometheusText(pairs), { contentType }))
    )
  )

  const page = (name: string) => Effect.orDie(HttpServerResponse.file(webFolder + name))
  yield* router.add("GET", "/", page("index.html"))
  yield* Effect.forEach(webFiles(), (name) => router.add("GET", `/${name}`, page(name)), { discard: true })
})

export const layer = Layer.scopedDiscard(make)
