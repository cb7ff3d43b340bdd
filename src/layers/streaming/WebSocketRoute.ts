/** The endpoint `/ws`: sockets on one side, stream sessions on the other. See docs/protocol.md. */
import { HttpLayerRouter, HttpServerRequest, HttpServerResponse } from "@effect/platform"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import { Context, Effect, Exit, Layer, Option, Scope } from "effect"
import { randomUUID } from "node:crypto"
import type { Duplex } from "node:stream"
import type { WebSocket } from "ws"
import { GracefulShutdown } from "../../services/GracefulShutdown.ts"
import type { ResumeTokens } from "../../services/ResumeTokens.ts"
import type { TrackStreamer } from "../../services/TrackStreamer.ts"
import {
  type ConnectionLimits,
  defaultLimits,
  makeStreamConnection,
  type Peer,
  type StreamConnection
} from "./StreamConnection.ts"
import type { StreamOwners } from "./StreamTransport.ts"
import { limitMessages, webSocketOf } from "./webSocketOf.ts"

export interface WebSocketOptions extends ConnectionLimits {
  /** Connections at a time; more are refused with status 503. */
  readonly maximumConnections: number
}

const defaults: WebSocketOptions = { ...defaultLimits, maximumConnections: 256 }

/** Messages up to this many times the limit are answered, and the connection lives on; larger ones are not even read. */
const answeredExcess = 16

/** What is still to be said when the client is gone is dropped: Effect's own writer would wait for ever. */
const peerOf = (webSocket: WebSocket, stream: Duplex): Peer => {
  const ifOpen = (call: () => void) => {
    if (webSocket.readyState === webSocket.OPEN) call()
  }
  return {
    send: (data, onFlushed) => ifOpen(() => webSocket.send(data, onFlushed)),
    together: (sends) => {
      stream.cork()
      sends()
      stream.uncork()
    },
    ping: () => ifOpen(() => webSocket.ping()),
    close: (code, reason) => webSocket.close(code, reason),
    terminate: () => webSocket.terminate(),
    queuedBytes: () => webSocket.bufferedAmount
  }
}

const handle = (options: WebSocketOptions, owners: StreamOwners, shutdown: Option.Option<GracefulShutdown["Type"]>) =>
  Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    const { socket: stream } = NodeHttpServerRequest.toIncomingMessage(request)
    const socket = yield* request.upgrade
    // Ends before the socket does when the service stops: the end of a stream can still be told then.
    const life = yield* Effect.acquireRelease(Scope.make(), Scope.close)
    if (Option.isSome(shutdown)) yield* shutdown.value.onStop(Scope.close(life, Exit.void))
    const context = Context.add(yield* Effect.context<TrackStreamer | ResumeTokens>(), Scope.Scope, life)
    // Received before the connection is there to take it.
    const early: Array<string | Uint8Array> = []
    let connection: StreamConnection | undefined

    const onOpen = Effect.gen(function* () {
      const webSocket = webSocketOf(stream)
      limitMessages(webSocket, answeredExcess * options.maximumMessageBytes)
      const made = yield* makeStreamConnection(peerOf(webSocket, stream), options, owners)
      webSocket.on("pong", made.pong)
      for (const received of early) made.receive(received)
      connection = made
    }).pipe(Effect.provide(context), Effect.annotateLogs({ connection_id: randomUUID().slice(0, 8) }))

    yield* socket
      .runRaw((received) => (connection === undefined ? void early.push(received) : connection.receive(received)), {
        onOpen
      })
      .pipe(Effect.catchTag("SocketError", (error) => Effect.logDebug("A WebSocket ended", error.message)))
    return HttpServerResponse.empty()
  }).pipe(
    Effect.scoped,
    Effect.catchTag("RequestError", () =>
      HttpServerResponse.text("This is a WebSocket endpoint: connect with ws://.", { status: 426 })
    )
  )

const full = HttpServerResponse.unsafeJson(
  {
    error: { code: "too_many_connections", message: "The service has as many connections as it may. Try again later." }
  },
  { status: 503, headers: { "retry-after": "5" } }
)

const make = (options: WebSocketOptions) =>
  Effect.gen(function* () {
    const router = yield* HttpLayerRouter.HttpRouter
    const services = yield* Effect.context<TrackStreamer | ResumeTokens>()
    const owners: StreamOwners = new Map()
    // Without it, as in tests, streams end with their sockets.
    const shutdown = yield* Effect.serviceOption(GracefulShutdown)
    const serve = Effect.provide(handle(options, owners, shutdown), services)
    let connections = 0
    const counted = Effect.acquireUseRelease(
      Effect.sync(() => void (connections += 1)),
      () => serve,
      () => Effect.sync(() => void (connections -= 1))
    )
    yield* router.add(
      "GET",
      "/ws",
      Effect.suspend(() => (connections < options.maximumConnections ? counted : Effect.succeed(full)))
    )
  })

export const layerWith = (
  options: Partial<WebSocketOptions>
): Layer.Layer<never, never, HttpLayerRouter.HttpRouter | TrackStreamer | ResumeTokens> =>
  Layer.effectDiscard(make({ ...defaults, ...options }))

export const layer = layerWith({})
