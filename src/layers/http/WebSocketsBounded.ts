/** WebSockets of the library ws, on the service's own listener. */
import { HttpServerRequest, HttpServerResponse } from "@effect/platform"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import { Context, Effect, Exit, Layer, Option, Scope } from "effect"
import { randomUUID } from "node:crypto"
import type { Duplex } from "node:stream"
import type { WebSocket } from "ws"
import { GracefulShutdown } from "../../services/GracefulShutdown.ts"
import { type AcceptOptions, type Peer, type WebSocketReceiver, WebSockets } from "../../services/WebSockets.ts"
import { problem } from "./problems.ts"
import { limitMessages, webSocketOf } from "./webSocketOf.ts"

export interface WebSocketsOptions {
  /** Connections at a time, of all endpoints together; more are refused with status 503. */
  readonly maximumConnections: number
}

const defaults: WebSocketsOptions = { maximumConnections: 256 }

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

const noUpgrade = problem(426, "upgrade_required", "This is a WebSocket endpoint: connect with ws://.", {
  connection: "Upgrade",
  upgrade: "websocket"
})

const full = problem(503, "too_many_connections", "The service has as many connections as it may. Try again later.", {
  "retry-after": "5"
})

/**
 * ws answers a handshake that it cannot use by itself, and tells nobody: the upgrade would be waited for without end. Only
 * the stream says so, by closing.
 */
const closedUnless = (stream: Duplex, isOpen: () => boolean) =>
  Effect.async<void>((resume) => {
    const end = () => {
      if (!isOpen()) resume(Effect.void)
    }
    if (stream.destroyed) return end()
    stream.once("close", end)
    return Effect.sync(() => void stream.off("close", end))
  })

const serve = <R>({ maximumReadBytes, open }: AcceptOptions<R>, shutdown: Option.Option<GracefulShutdown["Type"]>) =>
  Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    const { socket: stream } = NodeHttpServerRequest.toIncomingMessage(request)
    const socket = yield* request.upgrade
    // Ends before the socket does when the service stops: the end of a stream can still be told then.
    const life = yield* Effect.acquireRelease(Scope.make(), Scope.close)
    if (Option.isSome(shutdown)) yield* shutdown.value.onStop(Scope.close(life, Exit.void))
    const context = Context.add(yield* Effect.context<R>(), Scope.Scope, life)
    // Received before the receiver is there to take it.
    const early: Array<string | Uint8Array> = []
    let receiver: WebSocketReceiver | undefined

    const onOpen = Effect.gen(function* () {
      const webSocket = webSocketOf(stream)
      limitMessages(webSocket, maximumReadBytes)
      const made = yield* open(peerOf(webSocket, stream))
      webSocket.on("pong", made.pong)
      for (const received of early) made.receive(received)
      receiver = made
    }).pipe(Effect.provide(context), Effect.annotateLogs({ connection_id: randomUUID().slice(0, 8) }))

    yield* socket
      .runRaw((received) => (receiver === undefined ? void early.push(received) : receiver.receive(received)), {
        onOpen
      })
      .pipe(
        Effect.catchTag("SocketError", (error) => Effect.logDebug("A WebSocket ended", error.message)),
        Effect.disconnect,
        Effect.raceFirst(closedUnless(stream, () => receiver !== undefined))
      )
    return HttpServerResponse.empty()
  }).pipe(
    Effect.scoped,
    Effect.catchTag("RequestError", () => Effect.succeed(noUpgrade))
  )

const make = ({ maximumConnections }: WebSocketsOptions) =>
  Effect.gen(function* () {
    // Without it, as in tests, streams end with their sockets.
    const shutdown = yield* Effect.serviceOption(GracefulShutdown)
    let connections = 0
    return WebSockets.of({
      accept: (options) =>
        Effect.suspend(() => {
          if (connections >= maximumConnections) return Effect.succeed(full)
          return Effect.acquireUseRelease(
            Effect.sync(() => void (connections += 1)),
            () => serve(options, shutdown),
            () => Effect.sync(() => void (connections -= 1))
          )
        })
    })
  })

export const layerWith = (options: Partial<WebSocketsOptions>): Layer.Layer<WebSockets> =>
  Layer.effect(WebSockets, make({ ...defaults, ...options }))

export const layer = layerWith({})
