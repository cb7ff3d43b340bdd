/** The HTTP API on the router, with its description at /openapi.json and /docs. */
import { HttpApiBuilder, HttpApiSwagger, HttpLayerRouter, HttpServerResponse, OpenApi } from "@effect/platform"
import { Effect, Layer, Option } from "effect"
import type { TrackUnreadable } from "../../domain/audio/AnalysisError.ts"
import { planFor } from "../../domain/mastering/MasteringDecision.ts"
import type { TrackFile, TrackId, TrackNotFound } from "../../domain/library/Track.ts"
import { resample } from "../../dsp/Waveform.ts"
import { FingerprintGenerator } from "../../services/FingerprintGenerator.ts"
import { FingerprintRepo } from "../../services/FingerprintRepo.ts"
import { Gone, LatheApi, NotFound } from "../../contract/LatheApi.ts"
import { LibraryCatalog } from "../../services/LibraryCatalog.ts"
import { TrackLibrary } from "../../services/TrackLibrary.ts"
import { TrackMedia } from "../../services/TrackMedia.ts"
import { findTracks, orBadRequest, startScan, withRunning } from "./libraryAnswers.ts"
import { serviceStatus } from "./serviceStatus.ts"
import { version } from "../process/version.ts"

const api = LatheApi.annotate(OpenApi.Version, version)

const orProblem = <A, R>(effect: Effect.Effect<A, TrackNotFound | TrackUnreadable, R>) =>
  Effect.catchTags(effect, {
    TrackNotFound: ({ message }) => new NotFound({ code: "track_not_found", message }),
    TrackUnreadable: ({ message }) => new Gone({ code: "track_unreadable", message })
  })

const tracks = HttpApiBuilder.group(api, "tracks", (handlers) =>
  Effect.gen(function* () {
    const library = yield* TrackLibrary
    const catalog = yield* LibraryCatalog
    const generator = yield* FingerprintGenerator
    const fingerprints = yield* FingerprintRepo
    const media = yield* TrackMedia
    const resolve = (id: TrackId) => orProblem(library.resolve(id))

    return handlers
      .handle("list", ({ urlParams }) => findTracks(catalog, generator)(urlParams))
      .handle("one", ({ path: { id } }) =>
        Effect.gen(function* () {
          yield* resolve(id)
          const running = yield* generator.running
          return withRunning(running)(yield* orProblem(catalog.track(id)))
        })
      )
      .handle("art", ({ path: { id }, request }) =>
        Effect.gen(function* () {
          const file = yield* resolve(id)
          const etag = `"${file.version.size.toString(36)}-${file.version.mtime_ms.toString(36)}"`
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
          const file = yield* resolve(id)
          const analysis = yield* generator.getCached(file)
          return Option.isSome(analysis) ? analysis.value : yield* whyNone(file)
        })
      )
      .handle("plan", ({ path: { id }, urlParams: { preset, intensity } }) =>
        Effect.gen(function* () {
          const analysis = yield* Effect.flatMap(resolve(id), generator.getCached)
          return planFor(analysis, { preset, intensity })
        })
      )
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
  Effect.gen(function* () {
    const library = yield* TrackLibrary
    const catalog = yield* LibraryCatalog
    return handlers
      .handle("albums", ({ urlParams }) => orBadRequest(catalog.albums(urlParams)))
      .handle("artists", ({ urlParams }) => orBadRequest(catalog.artists(urlParams)))
      .handle("unreadable", ({ urlParams }) => orBadRequest(catalog.unreadable(urlParams)))
      .handle("spread", () => catalog.spread)
      .handle("scanStatus", () => library.scanStatus)
      .handle("scan", () => startScan(library))
  })
)

const service = HttpApiBuilder.group(api, "service", (handlers) =>
  Effect.map(Effect.context<LibraryCatalog | FingerprintGenerator>(), (context) =>
    handlers.handle("status", () => Effect.provide(serviceStatus, context))
  )
)

export const layer = Layer.merge(
  HttpLayerRouter.addHttpApi(api, { openapiPath: "/openapi.json" }).pipe(Layer.provide([tracks, library, service])),
  HttpApiSwagger.layerHttpLayerRouter({ api, path: "/docs" })
)
