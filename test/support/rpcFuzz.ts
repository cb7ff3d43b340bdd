/**
 * One client that says anything at all to a connection of the RPC: calls, flow messages, garbled bytes, at any time, read or
 * not. Behind it a server that answers what it gets, late and in any order. The same seed says the same.
 */
import { RpcSerialization } from "@effect/rpc"
import type { FromClientEncoded, FromServerEncoded } from "@effect/rpc/RpcMessage"
import { Effect, Exit, Scope } from "effect"
import { defaultRpcLimits, makeRpcConnection, type RpcKind } from "../../src/layers/http/RpcConnection.ts"
import { makeMemoryPeer } from "./memoryPeer.ts"
import { makeRandom } from "./signals.ts"

export interface RpcFuzzReport {
  readonly faults: ReadonlyArray<string>
  readonly calls: number
  readonly answers: number
  readonly refusals: number
}

const kinds = new Map<string, RpcKind>([
  ["Quick", "quick"],
  ["Slow", "slow"],
  ["Stream", "stream"]
])

/** The rates are set aside: every message is to be handled. */
const limits = {
  ...defaultRpcLimits,
  calls: { capacity: Infinity, perSecond: 1 },
  flowMessages: { capacity: Infinity, perSecond: 1 },
  refusalBytes: Infinity,
  pingInterval: "1 days"
} as const

/** Bytes of one answer at most. */
const largestAnswer = 30_000

export const fuzzRpc = ({ count, seed }: { readonly seed: number; readonly count: number }) =>
  Effect.gen(function* () {
    const random = makeRandom(seed)
    const integer = (below: number) => Math.floor(random() * below)
    const choice = <A>(among: ReadonlyArray<A>): A => among[integer(among.length)]!
    const { decode, encode } = RpcSerialization.msgPack.unsafeMake()
    const faults: Array<string> = []
    /** Called and not yet answered, by id; those that the server has. */
    const asked = new Map<string, number>()
    const atServer = new Map<string, string>()
    const counts = { calls: 0, answers: 0, refusals: 0 }

    const onTold = (message: FromServerEncoded) => {
      if (message._tag === "Defect") counts.refusals += 1
      if (message._tag !== "Exit") return
      const left = (asked.get(message.requestId) ?? 0) - 1
      if (left < 0) faults.push(`call ${message.requestId} was answered more often than asked`)
      asked.set(message.requestId, left)
      counts.answers += 1
    }
    const peer = makeMemoryPeer(0, (data) => (decode(data) as ReadonlyArray<FromServerEncoded>).forEach(onTold))
    const deliver = (message: FromClientEncoded) => {
      if (message._tag !== "Request") return
      if (atServer.has(message.id)) faults.push(`call ${message.id} was begun twice`)
      atServer.set(message.id, message.tag)
      const streams = [...atServer.values()].filter((tag) => tag === "Stream").length
      if (atServer.size > limits.callsAtOnce || streams > limits.streamsAtOnce) faults.push("too many calls at once")
      if ([...atServer.values()].filter((tag) => tag === "Quick").length > 1) faults.push("two quick calls at once")
    }
    const scope = yield* Scope.make()
    const connection = yield* makeRpcConnection(peer, { limits, kinds, deliver }).pipe(Scope.extend(scope))

    let lastId = 0
    const call = () => {
      const id = String((lastId += 1))
      counts.calls += 1
      asked.set(id, 1)
      const payload = choice<unknown>([{}, null, undefined, [1, { a: "ü" }], { track_id: integer(10) }])
      return { _tag: "Request", id, tag: choice(["Quick", "Quick", "Slow", "Stream", "Dance"]), payload, headers: [] }
    }
    const flow = () => {
      const requestId = String(integer(lastId + 2))
      return choice<object>([
        { _tag: "Ack", requestId },
        { _tag: "Interrupt", requestId },
        { _tag: "Ping" },
        { _tag: "Eof" }
      ])
    }
    const bytes = (message: object) => Uint8Array.from(encode(message) as Uint8Array)
    const garbled = () => {
      const message = bytes(flow())
      const at = integer(message.length)
      if (random() < 0.5) return message.slice(0, at)
      // No byte of a Request is touched: what it would then ask is not known here.
      message[at] = integer(256)
      return message
    }
    const answer = (requestId: string) => {
      atServer.delete(requestId)
      const value = "x".repeat(integer(largestAnswer))
      return connection.send({ _tag: "Exit", requestId, exit: { _tag: "Success", value } })
    }

    for (let n = 1; n <= count; n++) {
      const kind = integer(20)
      if (kind < 8) connection.receive(bytes(call()))
      else if (kind < 14) connection.receive(bytes(flow()))
      else if (kind < 16) connection.receive(garbled())
      else if (kind === 16) connection.receive("text")
      else if (kind === 17) connection.receive(Uint8Array.from({ length: integer(40) }, () => integer(256)))
      if (random() < 0.05) peer.setReading(random() < 0.7)
      for (const id of [...atServer.keys()].filter(() => random() < 0.3)) yield* answer(id)
    }
    peer.setReading(true)
    while (atServer.size > 0) for (const id of atServer.keys()) yield* answer(id)
    const open = [...asked.values()].filter((left) => left > 0).length
    if (open > 0) faults.push(`${open} calls were never answered`)
    if (peer.closedWith() !== undefined) faults.push(`closed with ${peer.closedWith()}`)
    yield* Scope.close(scope, Exit.void)
    return { faults, ...counts } satisfies RpcFuzzReport
  })
