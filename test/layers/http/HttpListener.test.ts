import { HttpServer, HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { connect as connectTcp, type Socket } from "node:net"
import { Worker } from "node:worker_threads"
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

/** Connections that begin a request and never end it, as the given text. */
const halfSent = (port: number, count: number, text: string) =>
  Effect.acquireRelease(
    Effect.async<ReadonlyArray<Socket>>((resume) => {
      const sockets: Array<Socket> = []
      let sent = 0
      const done = () => {
        sent += 1
        if (sent === count) resume(Effect.succeed(sockets))
      }
      for (let n = 0; n < count; n++) {
        const socket = connectTcp(port, "127.0.0.1")
        let isDone = false
        const once = () => {
          if (!isDone) done()
          isDone = true
        }
        socket.on("connect", () => socket.write(text, once))
        socket.on("error", once)
        socket.on("close", once)
        sockets.push(socket)
      }
    }),
    (sockets) => Effect.sync(() => sockets.forEach((socket) => socket.destroy()))
  )

const readsBody = Effect.gen(function* () {
  const request = yield* HttpServerRequest.HttpServerRequest
  if (request.method === "POST") yield* request.text
  return yield* app
})

/** A thread that is told to send 200 requests, tells when it has (both by `sent`), and then how each answer begins. */
const burstClient = `
const { parentPort, workerData: { port, sent } } = require("node:worker_threads")
const answers = []
let written = 0
Atomics.wait(sent, 1, 0)
for (let n = 0; n < 200; n++) {
  let answer = ""
  const socket = require("node:net").connect(port, "127.0.0.1")
  socket.write("GET / HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n", () => {
    written += 1
    if (written === 200) {
      Atomics.store(sent, 0, 1)
      Atomics.notify(sent, 0)
    }
  })
  socket.on("data", (data) => (answer += data))
  socket.on("error", () => undefined)
  socket.on("close", () => {
    answers.push(answer.split("\\r\\n", 1)[0])
    if (answers.length === 200) parentPort.postMessage(answers)
  })
}`

describe("The listener", () => {
  for (const [what, text] of [
    ["headers", "GET / HTTP/1.1\r\nHost: localhost\r\n"],
    ["bodies", "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"]
  ] as const) {
    it.scopedLive(`answers others while 600 requests wait for the rest of their ${what}`, () =>
      Effect.gen(function* () {
        const context = yield* Layer.build(HttpListener.layer({ host: "127.0.0.1", port: 0 }))
        const url = yield* Effect.provide(HttpListener.addressOf, context)
        yield* HttpServer.serveEffect(readsBody).pipe(Effect.provide(context))
        const kept = new WebSocket(url.replace("http", "ws"))
        yield* Effect.async<void>((resume) => void kept.once("message", () => resume(Effect.void)))
        yield* halfSent(Number(new URL(url).port), 600, text)
        const answers = yield* Effect.promise(() =>
          Promise.all(Array.from({ length: 10 }, () => fetch(url, { headers: { connection: "close" } })))
        )
        for (const { status } of answers) assert.strictEqual(status, 200)
        assert.strictEqual(kept.readyState, kept.OPEN)
        kept.terminate()
      })
    )
  }

  it.scopedLive("answers 200 whole requests that come at once from one address", () =>
    Effect.gen(function* () {
      const context = yield* Layer.build(HttpListener.layer({ host: "127.0.0.1", port: 0 }))
      const url = yield* Effect.provide(HttpListener.addressOf, context)
      yield* HttpServer.serveEffect(app).pipe(Effect.provide(context))
      const sent = new Int32Array(new SharedArrayBuffer(8))
      const client = yield* Effect.acquireRelease(
        Effect.sync(
          () => new Worker(burstClient, { eval: true, workerData: { port: Number(new URL(url).port), sent } })
        ),
        (worker) => Effect.promise(() => worker.terminate())
      )
      const answered = new Promise<ReadonlyArray<string>>((resolve) => client.once("message", resolve))
      // All of them are there before the first is accepted.
      yield* Effect.promise(() => new Promise((resolve) => client.once("online", resolve)))
      Atomics.store(sent, 1, 1)
      Atomics.notify(sent, 1)
      Atomics.wait(sent, 0, 0, 30_000)
      const answers = yield* Effect.promise(() => answered)
      assert.deepStrictEqual(answers, Array<string>(200).fill("HTTP/1.1 200 OK"))
    })
  )

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
