/** The endpoint `/ws`: sockets on one side, stream sessions on the other. See docs/protocol.md. */
import { HttpLayerRouter, HttpServerRequest, HttpServerResponse, Socket } from "@effect/platform"
import { Effect, Layer } from "effect"
import { endianness } from "node:os"
import type { ServerMessage } from "../domain/StreamMessages.ts"
import { TrackStreamer } from "../services/TrackStreamer.ts"
import { makeStreamSession, type SessionOutlet } from "./StreamSession.ts"

/** Bytes of a text frame: the longest message of the protocol needs a few hundred. */
const maximumMessageBytes = 64 * 1024

const policyViolation = 1008
const messageTooBig = 1009

type Write = (chunk: Uint8Array | string | Socket.CloseEvent) => Effect.Effect<void, Socket.SocketError>

const makeOutlet = (write: Write): SessionOutlet => {
  // A socket that is gone is noticed by its reader; what was still to be said is dropped.
  const text = (message: ServerMessage) => Effect.ignore(write(JSON.stringify(message)))
  return {
    send: text,
    sendFrame: (meta, samples) => Effect.zipRight(text(meta), Effect.ignore(write(toLittleEndian(samples))))
  }
}

const isBigEndian = endianness() === "BE"

const toLittleEndian = (samples: Float32Array<ArrayBuffer>): Uint8Array => {
  const bytes = Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength)
  return isBigEndian ? bytes.swap32() : bytes
}

const handle = Effect.gen(function* () {
  const request = yield* HttpServerRequest.HttpServerRequest
  const socket = yield* request.upgrade
  const write = yield* socket.writer
  const session = yield* makeStreamSession(makeOutlet(write))
  yield* socket
    .runRaw((frame): Effect.Effect<void, Socket.SocketError> => {
      if (typeof frame !== "string") return write(new Socket.CloseEvent(policyViolation, "Send text frames only."))
      if (Buffer.byteLength(frame) > maximumMessageBytes) {
        return write(new Socket.CloseEvent(messageTooBig, "A message has at most 64 KiB."))
      }
      return session.receive(frame)
        ? Effect.void
        : write(new Socket.CloseEvent(policyViolation, "Too many messages at once."))
    })
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
