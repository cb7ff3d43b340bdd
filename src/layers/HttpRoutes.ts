/** Plain HTTP: health, metrics, the list of tracks, and the web page. */
import { HttpLayerRouter, HttpServerResponse } from "@effect/platform"
import { Effect, Layer, Metric, Schema } from "effect"
import { readdirSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { TrackId } from "../domain/Track.ts"
import { FingerprintGenerator } from "../services/FingerprintGenerator.ts"
import { isReady, Readiness } from "../services/Readiness.ts"
import { TrackLibrary } from "../services/TrackLibrary.ts"
import * as ProcessMetrics from "./ProcessMetrics.ts"
import { contentType, toPrometheusText } from "./PrometheusText.ts"

const TrackPath = Schema.Struct({ id: Schema.compose(Schema.NumberFromString, TrackId) })

const refusal = (status: number, code: string, message: string) =>
  HttpServerResponse.unsafeJson({ error: { code, message } }, { status })

const webFolder = fileURLToPath(new URL("../../web/", import.meta.url))

/** Listed once, at start: nothing else of the disk can be asked for. */
const webFiles = () =>
  readdirSync(webFolder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name)

const make = Effect.gen(function* () {
  const router = yield* HttpLayerRouter.HttpRouter
  const library = yield* TrackLibrary
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

  yield* router.add(
    "GET",
    "/api/tracks",
    Effect.map(library.list, (tracks) => HttpServerResponse.unsafeJson(tracks))
  )

  yield* router.add(
    "GET",
    "/api/tracks/:id",
    HttpLayerRouter.schemaPathParams(TrackPath).pipe(
      Effect.flatMap(({ id }) => library.resolve(id)),
      Effect.map((file) => HttpServerResponse.unsafeJson(file.track)),
      Effect.catchTags({
        ParseError: () => Effect.succeed(refusal(400, "invalid_id", "A track's id is a positive whole number.")),
        TrackNotFound: ({ message }) => Effect.succeed(refusal(404, "track_not_found", message)),
        TrackUnreadable: ({ message }) => Effect.succeed(refusal(410, "track_unreadable", message))
      })
    )
  )

  const page = (name: string) => Effect.orDie(HttpServerResponse.file(webFolder + name))
  yield* router.add("GET", "/", page("index.html"))
  yield* Effect.forEach(webFiles(), (name) => router.add("GET", `/${name}`, page(name)), { discard: true })
})

export const layer = Layer.scopedDiscard(make)
