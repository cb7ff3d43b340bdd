/**
 * The HTTP/2 connection of a gRPC client: opened when used, kept as long as it answers, opened anew after that. (The one
 * of connect-node leaves sessions without an error listener, and then a peer that talks nonsense or stops answering
 * ends the process.)
 */
import { Code, ConnectError } from "@connectrpc/connect"
import type { GrpcTransportOptions } from "@connectrpc/connect-node"
import { type ClientHttp2Session, connect, constants } from "node:http2"

export interface Session extends NonNullable<GrpcTransportOptions["sessionManager"]> {
  /** Ends the connection and the calls on it. The next request would open another. */
  readonly close: () => void
}

/**
 * `pingIntervalMs`: how often the server is asked for a sign of life, and how long it has for it. A stopped or unplugged
 * server keeps its connection; without pings, calls on it would wait for their deadlines.
 */
export const make = (baseUrl: string, pingIntervalMs: number): Session => {
  const authority = new URL(baseUrl).origin
  let current: ClientHttp2Session | undefined

  const open = (): ClientHttp2Session => {
    const session = connect(authority)
    const forget = () => {
      if (current === session) current = undefined
    }
    const pings = keepAsking(session, pingIntervalMs)
    // Each call on it hears of its end by its own stream.
    session.on("error", forget)
    session.once("goaway", forget)
    session.once("close", () => {
      forget()
      clearInterval(pings)
    })
    return session
  }

  return {
    authority,
    request: async (method, path, headers, options) => {
      if (current === undefined || current.closed || current.destroyed) current = open()
      return current.request({ ...headers, ":method": method, ":path": path }, options)
    },
    notifyResponseByteRead: () => {},
    close: () => current?.destroy(undefined, constants.NGHTTP2_CANCEL)
  }
}

const keepAsking = (session: ClientHttp2Session, intervalMs: number) => {
  let isWaiting = false
  return setInterval(() => {
    if (session.destroyed) return
    if (isWaiting) {
      session.destroy(new ConnectError("it does not answer", Code.Unavailable), constants.NGHTTP2_CANCEL)
      return
    }
    isWaiting = true
    session.ping(() => {
      isWaiting = false
    })
  }, intervalMs)
}
