/** Plain HTTP: health, the list of tracks, and the web page. */
import { HttpLayerRouter, HttpServerResponse } from "@effect/platform"
import { Effect, Layer, Schema } from "effect"
import { existsSync, readdirSync } from "node:fs"
import { join, relative, sep } from "node:path"
import { fileURLToPath } from "node:url"
import { TrackId } from "../domain/Track.ts"
import { FingerprintGenerator } from "../services/FingerprintGenerator.ts"
import { TrackLibrary } from "../services/TrackLibrary.ts"

const TrackPath = Schema.Struct({ id: Schema.compose(Schema.NumberFromString, TrackId) })

const refusal = (status: number, code: string, message: string) =>
  HttpServerResponse.unsafeJson({ error: { code, message } }, { status })

/** Built by `npm run build:web`. */
const webFolder = fileURLToPath(new URL("../../gen/web/", import.meta.url))

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
  const library = yield* TrackLibrary
  const generator = yield* FingerprintGenerator

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

  const files = webFiles()
  yield* router.add("GET", "/", files.includes("index.html") ? webFile("index.html") : notBuilt)
  yield* Effect.forEach(files, (name) => router.add("GET", `/${name}`, webFile(name)), { discard: true })
})

export const layer = Layer.effectDiscard(make)
