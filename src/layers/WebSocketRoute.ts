/** The endpoint `/ws`: sockets on one side, stream sessions on the other. See docs/protocol.md. */
import { HttpLayerRouter, HttpServerRequest, HttpServerResponse, Socket } from "@effect/platform"
import { Effect, Layer, Option } from "effect"
import type { ServerMessage } from "../domain/StreamMessages.ts"
import { TrackStreamer } from "../services/TrackStreamer.ts"
import { littleEndianBytes } from "./littleEndian.ts"
import { makeStreamSession, type SessionOutlet, type StreamSession } from "./StreamSession.ts"

/** Bytes of a text frame: the longest message of the protocol needs a few hundred. */
const maximumMessageBytes = 64 * 1024

// RFC 6455, 7.4.1
const unsupportedData = 1003
const policyViolation = 1008
const messageTooBig = 1009

type Peer = globalThis.WebSocket

/**
 * A session speaks only when it is spoken to, so its peer is known by then. What is still to be said when the peer is
 * gone is dropped: Effect's own writer would wait for ever, and with it the end of the stream that says it.
 */
const makeOutlet = (peer: () => Peer | undefined): SessionOutlet => {
  const transmit = (data: string | Uint8Array<ArrayBuffer>) => {
    const socket = peer()
    if (socket?.readyState === WebSocket.OPEN) socket.send(data)
  }
  const sendText = (message: ServerMessage) => transmit(JSON.stringify(message))
  return {
    send: (message) => Effect.sync(() => sendText(message)),
    sendFrame: (meta, samples) =>
      Effect.sync(() => {
        sendText(meta)
        transmit(littleEndianBytes(samples))
      })
  }
}

const receive = (session: StreamSession, peer: Peer, frame: string | Uint8Array): void => {
  if (typeof frame !== "string") return peer.close(unsupportedData, "Send text frames only.")
  if (Buffer.byteLength(frame) > maximumMessageBytes) return peer.close(messageTooBig, "A message has at most 64 KiB.")
  if (!session.receive(frame)) return peer.close(policyViolation, "Too many messages at once.")
}

const handle = Effect.gen(function* () {
  const request = yield* HttpServerRequest.HttpServerRequest
  const socket = yield* request.upgrade
  let peer: Peer | undefined
  const session = yield* makeStreamSession(makeOutlet(() => peer))
  yield* socket
    .runRaw((frame) =>
      // Provided to this handler by the socket, though not by its type.
      Effect.map(Effect.serviceOption(Socket.WebSocket), (webSocket) => {
        peer = Option.getOrThrow(webSocket)
        receive(session, peer, frame)
      })
    )
    .pipe(Effect.catchTag("SocketError", (error) => Effect.logDebug("A WebSocket ended", error.message)))
  return HttpServerResponse.empty()
}).pipe(
  Effect.scoped,
  Effect.catchTag("RequestError", () =>
    HttpServerResponse.text("This is a WebSocket endpoint: connect with ws://.", { status: 426 })
  )
)

export const layer: Layer.Layer<never, never, HttpLayerRouter.HttpRouter | TrackStreamer> = Layer.effectDiscard(
  Effect.gen(function* () {
    const router = yield* HttpLayerRouter.HttpRouter
    const streamer = yield* TrackStreamer
    yield* router.add("GET", "/ws", Effect.provideService(handle, TrackStreamer, streamer))
  })
)
