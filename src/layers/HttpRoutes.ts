/** Plain HTTP: health and the web page. */
import { HttpLayerRouter, HttpServerResponse } from "@effect/platform"
import { Effect, Layer } from "effect"
import { readdirSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { FingerprintGenerator } from "../services/FingerprintGenerator.ts"

const webFolder = fileURLToPath(new URL("../../web/", import.meta.url))

/** Listed once, at start: nothing else of the disk can be asked for. */
const webFiles = () =>
  readdirSync(webFolder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name)

const make = Effect.gen(function* () {
  const router = yield* HttpLayerRouter.HttpRouter
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

  const page = (name: string) => Effect.orDie(HttpServerResponse.file(webFolder + name))
  yield* router.add("GET", "/", page("index.html"))
  yield* Effect.forEach(webFiles(), (name) => router.add("GET", `/${name}`, page(name)), { discard: true })
})

export const layer = Layer.effectDiscard(make)
