/** The HTTP API on the router, with its description at /openapi.json and /docs. */
import { HttpApiBuilder, HttpApiSwagger, HttpLayerRouter, HttpServerResponse, OpenApi } from "@effect/platform"
import { Duration, Effect, Layer, Option } from "effect"
import { createHash } from "node:crypto"
import type { TrackUnreadable } from "../../domain/audio/AnalysisError.ts"
import { type TrackFile, type TrackId, type TrackNotFound, versionText } from "../../domain/library/Track.ts"
import { resample } from "../../dsp/Waveform.ts"
import { FingerprintRepo } from "../../services/FingerprintRepo.ts"
import { LatheApi } from "../../contract/LatheApi.ts"
import { Gone, NotFound } from "../../contract/Problems.ts"
import { TrackLibrary } from "../../services/TrackLibrary.ts"
import { TrackMedia } from "../../services/TrackMedia.ts"
import { libraryAnswers } from "./libraryAnswers.ts"
import { version } from "../process/version.ts"
import { describeInvalidParameter, nameParameter } from "./invalidParameter.ts"

const api = LatheApi.annotate(OpenApi.Version, version).annotate(OpenApi.Transform, describeInvalidParameter)

/** How long `plan` waits for a fingerprint that is not there yet: most tracks are measured by then. */
const planPatience = Duration.seconds(2)

const orProblem = <A, R>(effect: Effect.Effect<A, TrackNotFound | TrackUnreadable, R>) =>
  Effect.catchTags(effect, {
    TrackNotFound: ({ message }) => new NotFound({ code: "track_not_found", message }),
    TrackUnreadable: ({ message }) => new Gone({ code: "track_unreadable", message })
  })

const tracks = HttpApiBuilder.group(api, "tracks", (handlers) =>
  Effect.gen(function* () {
    const library = yield* TrackLibrary
    const answers = yield* libraryAnswers
    const fingerprints = yield* FingerprintRepo
    const media = yield* TrackMedia
    const resolve = (id: TrackId) => orProblem(library.resolve(id))

    return handlers
      .handle("list", ({ urlParams }) => answers.tracks(urlParams))
      .handle("one", ({ path: { id } }) => orProblem(answers.track(id)))
      .handle("art", ({ path: { id }, request }) =>
        Effect.gen(function* () {
          const file = yield* resolve(id)
          const etag = `"${versionText(file.version)}"`
          const caching = { etag, "cache-control": "private, max-age=60, must-revalidate" }
          const known = (request.headers["if-none-match"] ?? "").split(",").map((tag) => tag.trim().replace(/^W\//, ""))
          if (file.track.has_art && known.includes(etag)) {
            return HttpServerResponse.empty({ status: 304, headers: caching })
          }
          const art = yield* media.art(file)
          if (Option.isNone(art)) {
            return yield* new NotFound({ code: "no_art", message: "No picture comes with this track." })
          }
          return HttpServerResponse.uint8Array(art.value.bytes, {
            contentType: art.value.mediaType,
            headers: { ...caching, "x-content-type-options": "nosniff" }
          })
        })
      )
      .handle("fingerprint", ({ path: { id } }) =>
        Effect.gen(function* () {
          const analysis = yield* orProblem(answers.storedFingerprint(id))
          return Option.isSome(analysis) ? analysis.value : yield* Effect.flatMap(resolve(id), whyNone)
        })
      )
      .handle("plan", ({ path: { id }, urlParams }) => orProblem(answers.plan(id, urlParams, planPatience)))
      .handle("waveform", ({ path: { id }, urlParams: { points } }) =>
        Effect.gen(function* () {
          const peaks = yield* Effect.flatMap(resolve(id), (file) => orProblem(media.waveform(file)))
          return { points, ...resample(peaks, points) }
        })
      )

    function whyNone({ track, version }: TrackFile) {
      return fingerprints.findFailure({ trackId: track.id, version }).pipe(
        Effect.flatMap(
          Option.match({
            onNone: () =>
              new NotFound({
                code: "not_analysed",
                message: "The track is not measured yet. It is as soon as it is played, or its turn has come."
              }),
            onSome: ({ code, message }) => new NotFound({ code, message })
          })
        )
      )
    }
  })
)

const library = HttpApiBuilder.group(api, "library", (handlers) =>
  Effect.map(libraryAnswers, (answers) =>
    handlers
      .handle("albums", ({ urlParams }) => answers.albums(urlParams))
      .handle("artists", ({ urlParams }) => answers.artists(urlParams))
      .handle("unreadable", ({ urlParams }) => answers.unreadable(urlParams))
      .handle("spread", () => answers.spread)
      .handle("scanStatus", () => answers.scanStatus)
      .handle("scan", () => answers.startScan)
  )
)

const service = HttpApiBuilder.group(api, "service", (handlers) =>
  Effect.map(libraryAnswers, ({ status }) => handlers.handle("status", () => status))
)

/** The page runs the script that came with it, known by its hash, and asks this service only. */
const docsPolicy = (html: string): string => {
  const hashes = [...html.matchAll(/<script>([\s\S]*?)<\/script>/g)].map(
    ([, script]) => `'sha256-${createHash("sha256").update(script!).digest("base64")}'`
  )
  return [
    "default-src 'none'",
    `script-src ${hashes.join(" ")}`,
    "style-src 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'"
  ].join("; ")
}

const withDocsPolicy = (response: HttpServerResponse.HttpServerResponse): HttpServerResponse.HttpServerResponse => {
  const { body } = response
  if (body._tag !== "Uint8Array") return response
  return HttpServerResponse.setHeader(
    response,
    "content-security-policy",
    docsPolicy(new TextDecoder().decode(body.body))
  )
}

// One page for all who ask: its hash is taken once.
const docsResponses = new WeakMap<HttpServerResponse.HttpServerResponse, HttpServerResponse.HttpServerResponse>()
const docsAreBounded = HttpLayerRouter.middleware((route) =>
  Effect.map(route, (response) => {
    const known = docsResponses.get(response) ?? withDocsPolicy(response)
    docsResponses.set(response, known)
    return known
  })
).layer

/** A parameter that cannot be used is told as every other problem: with a code, and a sentence that names it. */
const parametersAreNamed = HttpLayerRouter.middleware((route) => Effect.map(route, nameParameter)).layer

export const layer = Layer.merge(
  HttpLayerRouter.addHttpApi(api, { openapiPath: "/openapi.json" }).pipe(
    Layer.provide([tracks, library, service]),
    Layer.provide(parametersAreNamed)
  ),
  HttpApiSwagger.layerHttpLayerRouter({ api, path: "/docs" }).pipe(Layer.provide(docsAreBounded))
)
