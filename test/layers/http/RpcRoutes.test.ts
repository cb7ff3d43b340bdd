/** What callers are told of faults of the service: nothing of where its files are. */
import { HttpLayerRouter, HttpServer } from "@effect/platform"
import { describe, it } from "@effect/vitest"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import { RpcClient, RpcSerialization } from "@effect/rpc"
import { Cause, Context, Effect, Exit, Layer, Logger, LogLevel, Stream } from "effect"
import { createServer } from "node:http"
import type { Socket } from "node:net"
import { WebSocket } from "ws"
import { TrackId } from "../../../src/domain/library/Track.ts"
import * as RpcRoutes from "../../../src/layers/http/RpcRoutes.ts"
import * as WebSocketsBounded from "../../../src/layers/http/WebSocketsBounded.ts"
import { FingerprintGenerator } from "../../../src/services/FingerprintGenerator.ts"
import { LatheRpcs } from "../../../src/contract/LatheRpcs.ts"
import { LibraryCatalog } from "../../../src/services/LibraryCatalog.ts"
import { TrackLibrary } from "../../../src/services/TrackLibrary.ts"
import { TrackStreamer } from "../../../src/services/TrackStreamer.ts"
import { assert } from "../../support/assert.ts"

const broken = Effect.die(new Error("SQLITE_CORRUPT: /home/someone/lathe.db is malformed"))

const services = Layer.mergeAll(
  Layer.succeed(TrackLibrary, { folders: [], list: broken, scan: broken, scanStatus: broken, resolve: () => broken }),
  Layer.succeed(FingerprintGenerator, {
    events: () => Stream.fromEffect(broken),
    getOrGenerate: () => broken,
    getCached: () => broken,
    isServerAvailable: broken,
    owed: broken,
    running: broken
  }),
  Layer.succeed(LibraryCatalog, {
    tracks: () => broken,
    track: () => broken,
    albums: () => broken,
    artists: () => broken,
    unreadable: () => broken,
    spread: broken,
    fingerprints: broken,
    count: broken
  } as never),
  Layer.succeed(TrackStreamer, { stream: () => Stream.fromEffect(broken) })
)

const handler = Effect.acquireRelease(
  Effect.sync(() =>
    HttpLayerRouter.toWebHandler(
      RpcRoutes.layer.pipe(
        Layer.provide([services, WebSocketsBounded.layer]),
        Layer.provideMerge(HttpServer.layerContext),
        Layer.provide(Logger.minimumLogLevel(LogLevel.None))
      ),
      { disableLogger: true }
    )
  ),
  ({ dispose }) => Effect.promise(() => dispose())
)

describe("The RPC API", () => {
  for (const [tag, payload] of [
    ["ListTracks", undefined],
    ["GetTrack", { track_id: 1 }],
    ["GetFingerprint", { track_id: 1 }],
    ["GetOrGenerateFingerprint", { track_id: 1 }],
    ["GetMasteringPlan", { track_id: 1, preset: "adaptive", intensity: 1 }],
    ["FindTracks", {}],
    ["FindAlbums", { search: "a" }],
    ["FindArtists", {}],
    ["ListUnreadable", { limit: 5 }],
    ["GetLibrarySpread", undefined],
    ["GetScanStatus", undefined],
    ["GetStatus", undefined]
  ] as const) {
    it.scopedLive(`says of a defect in ${tag} that there was one, and no more`, () =>
      Effect.gen(function* () {
        const { handler: answer } = yield* handler
        const text = yield* Effect.promise(async () => {
          const body = JSON.stringify({ _tag: "Request", id: "1", tag, payload: payload ?? {}, headers: [] })
          const headers = { "content-type": "application/json" }
          return (await answer(new Request("http://localhost/rpc", { method: "POST", headers, body }))).text()
        })
        assert.includes(text, "The service could not do this")
        assert.excludes(text, "/home")
        assert.excludes(text, "SQLITE")
      })
    )
  }

  it.scopedLive("says no more of one in a stream over WebSocket", () =>
    Effect.gen(function* () {
      const { url } = yield* listening
      const protocol = RpcClient.layerProtocolSocket().pipe(
        Layer.provide([NodeSocket.layerWebSocket(url), RpcSerialization.layerMsgPack])
      )
      for (const tag of ["StreamMastered", "GenerateFingerprint"] as const) {
        const exit = yield* Effect.flatMap(RpcClient.make(LatheRpcs), (lathe) =>
          Effect.exit(Stream.runDrain<unknown, unknown, never>(lathe[tag]({ track_id: TrackId.make(1) })))
        ).pipe(Effect.scoped, Effect.provide(protocol))
        const told = Exit.match(exit, { onSuccess: () => "success", onFailure: Cause.pretty })
        assert.includes(told, "The service could not do this", tag)
        assert.doesNotMatch(told, /home|SQLITE/, tag)
      }
    }).pipe(Logger.withMinimumLogLevel(LogLevel.None))
  )

  it.scopedLive("does not even read a message of 2 MB, and answers others as before", () =>
    Effect.gen(function* () {
      const { url } = yield* listening
      const client = yield* connected(url)
      client.send(call("1", "GetStatus", "x".repeat(2_000_000)))
      assert.strictEqual(yield* closeCode(client), 1009)
      const other = yield* connected(url)
      other.send(call("1", "GetStatus"))
      assert.includes(yield* firstAnswer(other), "The service could not do this")
    }).pipe(Logger.withMinimumLogLevel(LogLevel.None))
  )

  it.scopedLive("holds little for who calls 20 000 times and reads no answer", () =>
    Effect.gen(function* () {
      const { sockets, url } = yield* listening
      const client = yield* connected(url)
      client.pause()
      let sent = 0
      for (let n = 1; n <= 20_000; n++) {
        const message = call(String(n), "GetStatus")
        sent += message.length
        client.send(message)
      }
      const [socket] = sockets
      let largest = 0
      while (socket!.bytesRead < sent && !socket!.destroyed) {
        largest = Math.max(largest, socket!.writableLength)
        yield* Effect.sleep("5 millis")
      }
      assert.isBelow(Math.max(largest, socket!.writableLength), 1024 * 1024)
      const other = yield* connected(url)
      other.send(call("1", "GetStatus"))
      assert.includes(yield* firstAnswer(other), "The service could not do this")
      client.resume()
      assert.strictEqual(yield* closeCode(client), 1008)
    }).pipe(Logger.withMinimumLogLevel(LogLevel.None))
  )
})

/** On a socket of loopback, until the scope closes. */
const listening = Effect.gen(function* () {
  const sockets: Array<Socket> = []
  const makeServer = () => createServer().on("connection", (socket) => void sockets.push(socket))
  const server = HttpLayerRouter.serve(RpcRoutes.layer.pipe(Layer.provide([services, WebSocketsBounded.layer])), {
    disableLogger: true,
    disableListenLog: true
  }).pipe(Layer.provideMerge(NodeHttpServer.layer(makeServer, { port: 0, host: "127.0.0.1" })))
  const { address } = Context.get(yield* Layer.build(server), HttpServer.HttpServer)
  return { url: `ws://127.0.0.1:${address._tag === "TcpAddress" ? address.port : 0}/rpc`, sockets }
})

const { decode, encode } = RpcSerialization.msgPack.unsafeMake()

const call = (id: string, tag: string, payload: unknown = {}): Uint8Array =>
  encode({ _tag: "Request", id, tag, payload, headers: [] }) as Uint8Array

const connected = (url: string) =>
  Effect.acquireRelease(
    Effect.async<WebSocket>((resume) => {
      const socket = new WebSocket(url)
      socket.once("open", () => resume(Effect.succeed(socket)))
      socket.once("error", (error) => resume(Effect.die(error)))
    }),
    (socket) => Effect.sync(() => socket.terminate())
  )

const closeCode = (socket: WebSocket) =>
  Effect.async<number>((resume) => void socket.once("close", (code) => resume(Effect.succeed(code))))

const firstAnswer = (socket: WebSocket) =>
  Effect.async<string>((resume) => {
    socket.once("message", (data: Buffer) => resume(Effect.succeed(JSON.stringify(decode(data)))))
  })
