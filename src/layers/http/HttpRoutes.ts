/** Plain HTTP: health, metrics, and the web page. */
import { HttpLayerRouter, HttpServerResponse } from "@effect/platform"
import { Effect, Layer, Metric } from "effect"
import { existsSync, readdirSync } from "node:fs"
import { join, relative, sep } from "node:path"
import { FingerprintGenerator } from "../../services/FingerprintGenerator.ts"
import { isReady, Readiness } from "../../services/Readiness.ts"
import { SupervisionTree } from "../../services/SupervisionTree.ts"
import { generated } from "../process/entryPoints.ts"
import * as ProcessMetrics from "../telemetry/ProcessMetrics.ts"
import { contentType, toPrometheusText } from "../telemetry/PrometheusText.ts"

/** Built by `npm run build:web`. */
const webFolder = generated("web/")

/** Paths below the folder, listed once, at start: nothing else of the disk can be asked for. */
const webFiles = (): ReadonlyArray<string> =>
  existsSync(webFolder)
    ? readdirSync(webFolder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => relative(webFolder, join(entry.parentPath, entry.name)).replaceAll(sep, "/"))
    : []

/** The page runs what came with it and nothing else, and talks to this service only. `blob:` is silence for media keys. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "media-src 'self' blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'"
].join("; ")

const webFile = (name: string) =>
  HttpServerResponse.file(webFolder + name, {
    headers: {
      "content-security-policy": contentSecurityPolicy,
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      // Files below assets/ carry a hash of their content in their name.
      "cache-control": name.startsWith("assets/") ? "max-age=31536000, immutable" : "no-cache"
    }
  }).pipe(Effect.orDie)

const notBuilt = HttpServerResponse.text("The player has not been built: npm run build:web", { status: 503 })

const make = Effect.gen(function* () {
  const router = yield* HttpLayerRouter.HttpRouter
  const generator = yield* FingerprintGenerator
  const readiness = yield* Readiness
  const supervision = yield* SupervisionTree
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
    "/api/supervision",
    Effect.map(supervision.snapshot, (tree) => HttpServerResponse.unsafeJson(tree))
  )

  yield* router.add(
    "GET",
    "/metrics",
    Effect.zipRight(measureProcess, Metric.snapshot).pipe(
      Effect.map((pairs) => HttpServerResponse.text(toPrometheusText(pairs), { contentType }))
    )
  )

  const files = webFiles()
  yield* router.add("GET", "/", files.includes("index.html") ? webFile("index.html") : notBuilt)
  yield* Effect.forEach(files, (name) => router.add("GET", `/${name}`, webFile(name)), { discard: true })
})

export const layer = Layer.scopedDiscard(make)
