/** The RPC over WebSocket, with msgpack: RpcServer's protocol, on connections that are bounded. */
import { HttpLayerRouter } from "@effect/platform"
import { type Rpc, type RpcGroup, RpcSchema, RpcServer } from "@effect/rpc"
import { Effect, FiberSet, Layer, Mailbox } from "effect"
import { type Peer, WebSockets } from "../../services/WebSockets.ts"
import {
  defaultRpcLimits,
  makeRpcConnection,
  type RpcConnection,
  type RpcKind,
  type RpcLimits
} from "./RpcConnection.ts"

export interface RpcWebSocketOptions<Rpcs extends Rpc.Any> {
  readonly group: RpcGroup.RpcGroup<Rpcs>
  /** Calls that wait for a measurement. */
  readonly slow: ReadonlySet<string>
  readonly path: `/${string}`
  readonly limits?: Partial<RpcLimits>
}

/** Beyond the limit a message is still answered, then the connection ends; larger ones are not even read. */
const answeredExcess = 16

const kindsOf = <Rpcs extends Rpc.Any>({ group, slow }: RpcWebSocketOptions<Rpcs>): ReadonlyMap<string, RpcKind> => {
  const kindOf = (tag: string, rpc: Rpc.AnyWithProps): RpcKind => {
    if (RpcSchema.isStreamSchema(rpc.successSchema)) return "stream"
    return slow.has(tag) ? "slow" : "quick"
  }
  return new Map(
    [...group.requests].map(([tag, rpc]) => [tag, kindOf(tag, rpc as unknown as Rpc.AnyWithProps)] as const)
  )
}

const makeProtocol = <Rpcs extends Rpc.Any>(options: RpcWebSocketOptions<Rpcs>) =>
  RpcServer.Protocol.make((writeRequest) =>
    Effect.gen(function* () {
      const router = yield* HttpLayerRouter.HttpRouter
      const webSockets = yield* WebSockets
      const disconnects = yield* Mailbox.make<number>()
      const clients = new Map<number, RpcConnection>()
      const kinds = kindsOf(options)
      const limits = { ...defaultRpcLimits, ...options.limits }
      let lastId = 0

      const open = (peer: Peer) =>
        Effect.gen(function* () {
          const id = ++lastId
          const run = yield* FiberSet.makeRuntime()
          yield* Effect.addFinalizer(() => {
            clients.delete(id)
            return disconnects.offer(id)
          })
          const connection = yield* makeRpcConnection(peer, {
            limits,
            kinds,
            deliver: (message) => void run(writeRequest(id, message))
          })
          clients.set(id, connection)
          return connection
        })

      yield* router.add(
        "GET",
        options.path,
        webSockets.accept({ maximumReadBytes: answeredExcess * limits.maximumMessageBytes, open })
      )
      return {
        disconnects,
        send: (clientId, response) => clients.get(clientId)?.send(response) ?? Effect.void,
        end: () => Effect.void,
        clientIds: Effect.sync(() => new Set(clients.keys())),
        initialMessage: Effect.succeedNone,
        supportsAck: true,
        supportsTransferables: false,
        supportsSpanPropagation: true
      }
    })
  )

export const layer = <Rpcs extends Rpc.Any>(options: RpcWebSocketOptions<Rpcs>) =>
  RpcServer.layer(options.group, { disableFatalDefects: true }).pipe(
    Layer.provide(Layer.scoped(RpcServer.Protocol, makeProtocol(options)))
  )
