/**
 * The WebSocket of an upgraded connection. Effect's Socket hides it until the first message; pings, pongs, and what is
 * queued can only be had from it, and a client that never speaks has to be watched too.
 */
import type { WebSocket } from "ws"
import type { Duplex } from "node:stream"

/** ws keeps its WebSocket on the stream under a symbol of this description, so that its own listeners find it. */
const description = "websocket"

/** Dies where this version of ws keeps it elsewhere. */
export const webSocketOf = (stream: Duplex): WebSocket => {
  const symbol = Object.getOwnPropertySymbols(stream).find((symbol) => symbol.description === description)
  const found = symbol === undefined ? undefined : Reflect.get(stream, symbol)
  if (found === undefined) throw new Error("this version of ws does not keep its WebSocket on the stream")
  return found
}

/** Messages beyond this end the connection with code 1009 before they are in memory. The default of ws is 100 MiB. */
export const limitMessages = (webSocket: WebSocket, maximumBytes: number): void => {
  const receiver: unknown = Reflect.get(webSocket, "_receiver")
  if (typeof receiver !== "object" || receiver === null || !("_maxPayload" in receiver)) {
    throw new Error("this version of ws does not keep its limit in the receiver")
  }
  receiver._maxPayload = maximumBytes
}
