/** WebSockets on a real listener, two endpoints that say nothing. */
import { HttpLayerRouter } from "@effect/platform"
import { describe, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { connect as connectTcp } from "node:net"
import { WebSocket } from "ws"
import * as HttpListener from "../../../src/layers/http/HttpListener.ts"
import * as WebSocketsBounded from "../../../src/layers/http/WebSocketsBounded.ts"
import { WebSockets } from "../../../src/services/WebSockets.ts"
import { assert } from "../../support/assert.ts"

class Address extends Context.Tag("Address")<Address, string>() {}

const routes = Layer.effectDiscard(
  Effect.gen(function* () {
    const router = yield* HttpLayerRouter.HttpRouter
    const webSockets = yield* WebSockets
    const quiet = webSockets.accept({
      maximumReadBytes: 1000,
      open: () => Effect.succeed({ receive: () => undefined, pong: () => undefined })
    })
    yield* router.add("GET", "/one", quiet)
    yield* router.add("GET", "/other", quiet)
  })
)

const listening = (maximumConnections: number) =>
  Effect.map(
    Layer.build(
      Layer.effect(Address, HttpListener.addressOf).pipe(
        Layer.provideMerge(HttpLayerRouter.serve(routes, { disableLogger: true, disableListenLog: true })),
        Layer.provide(WebSocketsBounded.layerWith({ maximumConnections })),
        Layer.provide(HttpListener.layer({ host: "127.0.0.1", port: 0 }))
      )
    ),
    Context.get(Address)
  )

/** 101, or the status of the refusal. */
const open = (url: string) =>
  Effect.async<{ readonly status: number; readonly socket: WebSocket }>((resume) => {
    const socket = new WebSocket(url.replace("http", "ws"))
    socket.on("open", () => resume(Effect.succeed({ status: 101, socket })))
    socket.on("unexpected-response", (_request, response) => {
      resume(Effect.succeed({ status: response.statusCode ?? 0, socket }))
      response.resume()
    })
    socket.on("error", () => undefined)
  })

/** Asks in the words given, and waits until the connection ends. */
const askRaw = (url: string, lines: ReadonlyArray<string>) =>
  Effect.async<string>((resume) => {
    const { port } = new URL(url)
    let answer = ""
    const socket = connectTcp(Number(port), "127.0.0.1", () => socket.write(`${lines.join("\r\n")}\r\n\r\n`))
    socket.on("data", (data: Buffer) => (answer += data.toString()))
    socket.on("close", () => resume(Effect.succeed(answer)))
    socket.on("error", () => undefined)
  })

describe("WebSockets", () => {
  it.scopedLive("ask who comes without an upgrade for one, in words and with 426", () =>
    Effect.gen(function* () {
      const url = yield* listening(1)
      const response = yield* Effect.promise(() => fetch(`${url}one`))
      assert.strictEqual(response.status, 426)
      assert.strictEqual(response.headers.get("upgrade"), "websocket")
      const { _tag, code, message } = (yield* Effect.promise(() => response.json())) as Record<string, unknown>
      assert.deepStrictEqual([_tag, code, typeof message], ["UpgradeRequired", "upgrade_required", "string"])
    })
  )

  it.scopedLive("are bounded over all endpoints together", () =>
    Effect.gen(function* () {
      const url = yield* listening(2)
      const first = yield* open(`${url}one`)
      const second = yield* open(`${url}other`)
      assert.deepStrictEqual([first.status, second.status], [101, 101])
      assert.strictEqual((yield* open(`${url}one`)).status, 503)
      assert.strictEqual((yield* open(`${url}other`)).status, 503)
      first.socket.terminate()
      let last = yield* open(`${url}other`)
      while (last.status !== 101) last = yield* open(`${url}other`)
      for (const { socket } of [second, last]) socket.terminate()
    })
  )

  it.scopedLive("count no handshake that came to nothing", () =>
    Effect.gen(function* () {
      const url = yield* listening(2)
      for (let n = 0; n < 4; n++) {
        const answer = yield* askRaw(url, [
          "GET /one HTTP/1.1",
          "Host: localhost",
          "Connection: Upgrade",
          "Upgrade: websocket",
          "Sec-WebSocket-Version: 1",
          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
        ])
        assert.match(answer, /^HTTP\/1.1 4\d\d /)
      }
      const { socket, status } = yield* open(`${url}one`)
      assert.strictEqual(status, 101)
      socket.terminate()
    })
  )
})
