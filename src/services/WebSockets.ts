import type { HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { Context, type Effect, type Scope } from "effect"

/** The client's end of a WebSocket. None of its calls waits or fails; after the connection has ended they do nothing. */
export interface Peer {
  /** `onFlushed` once the data has left this process, or never will. */
  readonly send: (data: string | Uint8Array, onFlushed: () => void) => void
  /** What is sent meanwhile leaves as one write. */
  readonly together: (sends: () => void) => void
  /** A ping frame of the WebSocket protocol, which the client's library answers by itself. */
  readonly ping: () => void
  readonly close: (code: number, reason: string) => void
  /** Ends the connection without waiting for the client. */
  readonly terminate: () => void
  /** Bytes that have been sent and have not left this process. */
  readonly queuedBytes: () => number
}

export interface WebSocketReceiver {
  /** What the client sent. Never throws. */
  readonly receive: (received: string | Uint8Array) => void
  /** The client has answered a ping frame. */
  readonly pong: () => void
}

export interface AcceptOptions<R> {
  /** Messages beyond this end the connection with code 1009 before they are in memory. */
  readonly maximumReadBytes: number
  /** The scope ends with the connection, and before it when the service stops: something can still be said then. */
  readonly open: (peer: Peer) => Effect.Effect<WebSocketReceiver, never, R>
}

/** Turns requests into WebSockets, no more of them at a time than the service may have, whatever is spoken on them. */
export class WebSockets extends Context.Tag("lathe/WebSockets")<
  WebSockets,
  {
    /**
     * Upgrades the request at hand, and ends with the connection. Answers 426 where the request asks for none, 503 where
     * there are as many as there may be.
     */
    readonly accept: <R>(
      options: AcceptOptions<R>
    ) => Effect.Effect<
      HttpServerResponse.HttpServerResponse,
      never,
      HttpServerRequest.HttpServerRequest | Exclude<R, Scope.Scope>
    >
  }
>() {}
