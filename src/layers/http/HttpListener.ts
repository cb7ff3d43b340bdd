/**
 * The socket of the service: bounded while it runs; when the service stops it is closed first, and what clients do not
 * let go of is cut, so that nothing behind it waits for them.
 */
import { HttpServer } from "@effect/platform"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Context, Duration, Effect, Layer } from "effect"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { Socket } from "node:net"
import { type ConnectionBounds, type ConnectionTable, makeConnectionTable } from "../../domain/http/ConnectionTable.ts"
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
    /** Somebody at this address has shown the token: it has a share in the reserve of sockets. */
    readonly trust: (address: string) => void
  }
>() {}

/** Sockets: pages keep up to six each. A request of ours is one packet, so that few of an address wait for the rest of it. */
const bounds: ConnectionBounds = {
  maximum: 512,
  reserve: 128,
  perAddress: 192,
  waitingPerAddress: 64,
  waitingGraceMillis: 100,
  trustMillis: Duration.toMillis(Duration.hours(1)),
  trustedAddresses: 1024
}

/** From the connection, or the answer before, to the last byte of the headers. */
const headersTimeout = Duration.seconds(10)

/** From the first byte of a request to its last. */
const requestTimeout = Duration.seconds(20)

/** How often Node looks for those that are late. */
const checkingInterval = Duration.seconds(1)

/** An answer of which nothing leaves for so long is for nobody. */
const unreadTimeout = Duration.seconds(60)

/** From `close` to cutting what is left: enough for a goodbye on a slow line, and a third of the whole deadline. */
const grace = Duration.seconds(3)

const makeNodeServer = () => {
  const sockets = new Set<Socket>()
  const server = createServer({
    headersTimeout: Duration.toMillis(headersTimeout),
    requestTimeout: Duration.toMillis(requestTimeout),
    connectionsCheckingInterval: Duration.toMillis(checkingInterval)
  })
  const table = makeConnectionTable<Socket>(bounds)
  server.on("connection", (socket) => {
    sockets.add(socket)
    socket.once("close", () => {
      sockets.delete(socket)
      table.close(socket)
    })
    const address = socket.remoteAddress ?? ""
    const destroy = (leaving: Socket) => void leaving.destroy()
    table.open(socket, address, Date.now()).forEach(destroy)
    // A timer may fire up to 1 ms early by the wall clock.
    setTimeout(() => table.settle(address, Date.now()).forEach(destroy), bounds.waitingGraceMillis + 1).unref()
  })
  server.setTimeout(Duration.toMillis(unreadTimeout), (socket: Socket) => {
    if (socket.writableLength > 0) socket.destroy()
  })
  const follow = followRequests(table)
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
    follow(request, response)
    if (server.listenerCount("request") === 1) early.push(() => server.emit("request", request, response))
  })
  server.on("upgrade", (request, socket, head) => {
    // From here on Node no longer handles the socket's errors: one that nobody handles would end the process.
    socket.on("error", () => socket.destroy())
    table.busy(request.socket)
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
  return { server, close, untilAllAreGone, trust: (address: string) => table.trust(address, Date.now()) }
}

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0

/** Tells the table when the requests of a connection are here, and when all of them have been answered. */
const followRequests = (table: ConnectionTable<Socket>) => {
  const open = new WeakMap<Socket, number>()
  return (request: IncomingMessage, response: ServerResponse): void => {
    const { socket } = request
    open.set(socket, (open.get(socket) ?? 0) + 1)
    const isHere = () => table.busy(socket)
    if (hasBody(request)) request.once("end", isHere)
    else isHere()
    response.once("close", () => {
      request.off("end", isHere)
      const left = open.get(socket)! - 1
      open.set(socket, left)
      if (left === 0) table.waiting(socket, Date.now())
    })
  }
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
      const { server, close, trust, untilAllAreGone } = makeNodeServer()
      yield* Effect.addFinalizer(() => Effect.zipRight(close, untilAllAreGone))
      const listening = NodeHttpServer.layer(() => server, { port, host }).pipe(
        Layer.mapError(({ cause }) => {
          const detail = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause)
          return new PortUnavailable({ server: "The service", host, port, detail })
        })
      )
      return Layer.merge(listening, Layer.succeed(HttpListener, { close, trust }))
    })
  )

/** `http://HOST:PORT/`, with the port that it really has. */
export const addressOf = Effect.map(HttpServer.HttpServer, ({ address }) =>
  address._tag === "TcpAddress"
    ? `http://${address.hostname.includes(":") ? `[${address.hostname}]` : address.hostname}:${address.port}/`
    : address.path
)
