/** One cleartext port for HTTP/1.1 and HTTP/2: the first bytes of a connection say which it speaks. */
import { createServer as createHttp1Server, type RequestListener } from "node:http"
import { createServer as createHttp2Server, type ServerHttp2Session } from "node:http2"
import { type AddressInfo, createServer, type Socket } from "node:net"
import { Effect, type Scope } from "effect"
import { PortUnavailable } from "../../../domain/http/PortUnavailable.ts"

export interface PortOptions {
  readonly host: string
  /** 0: one that is free. */
  readonly port: number
  /** Serves both protocols: for HTTP/2 by Node's compatibility interface. */
  readonly handler: RequestListener
  /** What makes the calls in progress end; runs before their connections are closed. */
  readonly onStop: Effect.Effect<void>
}

/** A connection that says nothing for this long is closed. */
const firstByteTimeoutMs = 10_000
/** HTTP/1.1: a whole request within this; bodies are 64 KB at most. */
const requestTimeoutMs = 30_000
/** The service needs one connection, people at a terminal a few. */
const mostConnections = 256
/** How long the last answers may take to leave when the server stops. */
const drainTimeout = "500 millis"

/** Of `PRI * HTTP/2.0`, the HTTP/2 connection preface (RFC 9113, 3.4). No HTTP/1.1 method starts so. */
const prefaceStart = Buffer.from("PRI")

/** Listens until the scope closes; then every connection is closed, idle or not. */
export const listen = (options: PortOptions): Effect.Effect<AddressInfo, PortUnavailable, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(open(options), (port) => port.close),
    (port) => port.address
  )

const open = ({ host, port, handler, onStop }: PortOptions) =>
  Effect.async<{ readonly address: AddressInfo; readonly close: Effect.Effect<void> }, PortUnavailable>((resume) => {
    const sockets = new Set<Socket>()
    const sessions = new Set<ServerHttp2Session>()
    const http1 = createHttp1Server({ requestTimeout: requestTimeoutMs, headersTimeout: requestTimeoutMs }, handler)
    // It does not listen itself; the event starts the checks of the two timeouts.
    http1.emit("listening")
    const http2 = createHttp2Server({ settings: { maxConcurrentStreams: 100 } }, handler as never)
    http2.on("session", (session) => {
      sessions.add(session)
      session.on("error", () => session.destroy())
      session.once("close", () => sessions.delete(session))
    })
    // As both servers have it: a peer that has sent its request may close its side and wait for the answer.
    const front = createServer({ allowHalfOpen: true }, (socket) => {
      sockets.add(socket)
      socket.once("close", () => sockets.delete(socket))
      socket.on("error", () => socket.destroy())
      tellProtocol(socket, (protocol) => (protocol === "HTTP/2" ? http2 : http1).emit("connection", socket))
    })
    front.maxConnections = mostConnections

    const stopListening = Effect.sync(() => {
      front.close()
      http1.close()
      for (const session of sessions) session.close()
      http1.closeIdleConnections()
    })
    const drained = Effect.async<void>((done) => {
      const check = () => {
        if (sockets.size === 0) done(Effect.void)
      }
      for (const socket of sockets) socket.once("close", () => setImmediate(check))
      check()
    })
    const destroyAll = Effect.sync(() => {
      for (const session of sessions) session.destroy()
      for (const socket of sockets) socket.destroy()
    })
    const close = stopListening.pipe(
      Effect.zipRight(onStop),
      Effect.zipRight(drained.pipe(Effect.interruptible, Effect.timeoutOption(drainTimeout))),
      Effect.zipRight(destroyAll)
    )

    const onError = (error: NodeJS.ErrnoException) =>
      resume(new PortUnavailable({ server: "The fingerprint server", host, port, detail: error.code ?? error.message }))
    front.once("error", onError)
    front.listen(port, host, () => {
      front.off("error", onError)
      front.on("error", () => {})
      resume(Effect.succeed({ address: front.address() as AddressInfo, close }))
    })
  })

/** Reads as few bytes as decide it and puts them back. A peer that stays silent or leaves is dropped. */
const tellProtocol = (socket: Socket, decide: (protocol: "HTTP/1.1" | "HTTP/2") => void) => {
  let seen = Buffer.alloc(0)
  const leave = () => socket.destroy()
  const silence = setTimeout(leave, firstByteTimeoutMs)
  const finish = () => {
    clearTimeout(silence)
    socket.off("readable", onReadable).off("end", leave).off("close", finish)
  }
  const onReadable = () => {
    for (let bytes = socket.read() as Buffer | null; bytes !== null; bytes = socket.read() as Buffer | null) {
      seen = Buffer.concat([seen, bytes])
    }
    const compared = Math.min(seen.length, prefaceStart.length)
    const isPrefix = seen.subarray(0, compared).equals(prefaceStart.subarray(0, compared))
    if (isPrefix && compared < prefaceStart.length) return
    finish()
    socket.unshift(seen)
    decide(isPrefix ? "HTTP/2" : "HTTP/1.1")
  }
  socket.on("readable", onReadable).on("end", leave).on("close", finish)
}
