import { HttpServer, HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { WebSocket } from "ws"
import * as HttpListener from "../../../src/layers/http/HttpListener.ts"
import { assert } from "../../support/assert.ts"

const app = Effect.gen(function* () {
  const request = yield* HttpServerRequest.HttpServerRequest
  if (request.headers["upgrade"] === undefined) return HttpServerResponse.text("here")
  const socket = yield* request.upgrade
  const write = yield* socket.writer
  yield* Effect.scoped(socket.runRaw(() => Effect.void, { onOpen: Effect.orDie(write("here")) }))
  return HttpServerResponse.empty()
}).pipe(Effect.scoped)

describe("The listener", () => {
  it.scopedLive("answers who came before there was anybody to answer", () =>
    Effect.gen(function* () {
      const context = yield* Layer.build(HttpListener.layer({ host: "127.0.0.1", port: 0 }))
      const url = yield* Effect.provide(HttpListener.addressOf, context)
      const answer = fetch(url).then((response) => response.text())
      const socket = new WebSocket(url.replace("http", "ws"))
      const said = new Promise((resolve, reject) =>
        socket.once("message", (data) => resolve(String(data))).once("error", reject)
      )
      // Another one's connection, accepted behind these two, shows that both are there.
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 200)))
      yield* HttpServer.serveEffect(app).pipe(Effect.provide(context))
      assert.strictEqual(yield* Effect.promise(() => answer), "here")
      assert.strictEqual(yield* Effect.promise(() => said), "here")
      socket.terminate()
    })
  )
})
