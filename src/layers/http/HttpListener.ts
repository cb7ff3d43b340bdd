/**
 * The socket of the service: bounded while it runs; when the service stops it is closed first, and what clients do not
 * let go of is cut, so that nothing behind it waits for them.
 */
import { HttpServer } from "@effect/platform"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Context, Duration, Effect, Layer } from "effect"
import { createServer } from "node:http"
import type { Socket } from "node:net"
import { PortUnavailable } from "../../domain/http/PortUnavailable.ts"

export interface ListenOptions {
  readonly host: string
  /** 0: one that is free. */
  readonly port: number
}

export class HttpListener extends Context.Tag("lathe/HttpListener")<
  HttpListener,
  {
    /** Accepts no one any more, and lets go of who only waits. Clients in the middle of something have the grace. */
    readonly close: Effect.Effect<void>
  }
>() {}

/** Sockets at once: pages keep up to six each. Beyond it a connection is closed as it comes. */
const maximumConnections = 512

/** From the first byte of a request to its last. */
const requestTimeout = Duration.seconds(30)

/** From `close` to cutting what is left: enough for a goodbye on a slow line, and a third of the whole deadline. */
const grace = Duration.seconds(3)

const makeNodeServer = () => {
  const sockets = new Set<Socket>()
  const server = createServer({ requestTimeout: Duration.toMillis(requestTimeout) })
  server.maxConnections = maximumConnections
  server.on("connection", (socket) => {
    sockets.add(socket)
    socket.once("close", () => sockets.delete(socket))
  })
  // The port is open before there is anybody to answer at it: who comes that early, as players do that wait for a service
  // to start again, would never be answered.
  const early: Array<() => void> = []
  const answerEarly = () => {
    for (const answer of early.splice(0)) answer()
  }
  server.on("newListener", (event) => {
    if (event === "request" || event === "upgrade") setImmediate(answerEarly)
  })
  server.on("request", (request, response) => {
    if (server.listenerCount("request") === 1) early.push(() => server.emit("request", request, response))
  })
  server.on("upgrade", (request, socket, head) => {
    // From here on Node no longer handles the socket's errors: one that nobody handles would end the process.
    socket.on("error", () => socket.destroy())
    if (server.listenerCount("upgrade") === 1) early.push(() => server.emit("upgrade", request, socket, head))
  })
  const close = Effect.sync(() => {
    if (!server.listening) return
    server.close()
    server.closeIdleConnections()
    setTimeout(() => {
      for (const socket of sockets) socket.destroy()
    }, Duration.toMillis(grace)).unref()
  })
  const untilAllAreGone = Effect.async<void>((resume) => {
    const check = () => {
      if (sockets.size === 0) resume(Effect.void)
      else sockets.values().next().value!.once("close", check)
    }
    check()
  })
  return { server, close, untilAllAreGone }
}

/** Listens once it is built; fails where the port is taken. Its end waits for the clients, no longer than the grace. */
export const layer = ({
  host,
  port
}: ListenOptions): Layer.Layer<
  HttpListener | Layer.Layer.Success<ReturnType<typeof NodeHttpServer.layer>>,
  PortUnavailable
> =>
  Layer.unwrapScoped(
    Effect.gen(function* () {
      const { server, close, untilAllAreGone } = makeNodeServer()
      yield* Effect.addFinalizer(() => Effect.zipRight(close, untilAllAreGone))
      const listening = NodeHttpServer.layer(() => server, { port, host }).pipe(
        Layer.mapError(({ cause }) => {
          const detail = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause)
          return new PortUnavailable({ server: "The service", host, port, detail })
        })
      )
      return Layer.merge(listening, Layer.succeed(HttpListener, { close }))
    })
  )

/** `http://HOST:PORT/`, with the port that it really has. */
export const addressOf = Effect.map(HttpServer.HttpServer, ({ address }) =>
  address._tag === "TcpAddress"
    ? `http://${address.hostname.includes(":") ? `[${address.hostname}]` : address.hostname}:${address.port}/`
    : address.path
)
