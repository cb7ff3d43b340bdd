import { describe, it } from "@effect/vitest"
import { RpcSerialization } from "@effect/rpc"
import type { FromClientEncoded, FromServerEncoded } from "@effect/rpc/RpcMessage"
import { Effect, TestClock } from "effect"
import {
  defaultRpcLimits,
  makeRpcConnection,
  type RpcKind,
  type RpcLimits
} from "../../../src/layers/http/RpcConnection.ts"
import { assert } from "../../support/assert.ts"
import { makeMemoryPeer } from "../../support/memoryPeer.ts"
import { settle } from "../../support/scriptedStreams.ts"

const kinds = new Map<string, RpcKind>([
  ["Quick", "quick"],
  ["Slow", "slow"],
  ["Stream", "stream"]
])

const connect = (limits: Partial<RpcLimits> = {}) =>
  Effect.gen(function* () {
    const { decode, encode } = RpcSerialization.msgPack.unsafeMake()
    const told: Array<FromServerEncoded> = []
    const delivered: Array<FromClientEncoded> = []
    const peer = makeMemoryPeer(0, (data) => void told.push(...(decode(data) as ReadonlyArray<FromServerEncoded>)))
    const connection = yield* makeRpcConnection(peer, {
      limits: { ...defaultRpcLimits, ...limits },
      kinds,
      deliver: (message) => void delivered.push(message)
    })
    const pack = (...messages: ReadonlyArray<object>) =>
      Buffer.concat(messages.map((message) => encode(message) as Uint8Array))
    const say = (...messages: ReadonlyArray<object>) => connection.receive(pack(...messages))
    let lastId = 0
    const call = (tag: string, payload: unknown = {}) => {
      lastId += 1
      say({ _tag: "Request", id: String(lastId), tag, payload, headers: [] })
      return String(lastId)
    }
    const succeed = (requestId: string, value: unknown = null) =>
      connection.send({ _tag: "Exit", requestId, exit: { _tag: "Success", value } })
    /** Names of what went wrong, as it was told. */
    const faults = () =>
      told.flatMap((message) => {
        if (message._tag === "Defect") return [`defect ${(message.defect as Error).name}`]
        if (message._tag !== "Exit" || message.exit._tag === "Success") return []
        const { cause } = message.exit
        return [cause._tag === "Die" ? (cause.defect as Error).name : cause._tag]
      })
    const begun = () => delivered.flatMap((message) => (message._tag === "Request" ? [message.id] : []))
    return { ...connection, peer, told, delivered, begun, say, call, succeed, faults }
  })

/** Lets `seconds` pass in steps of one, with `each` after every one of them. */
const passing = (seconds: number, each: () => void = () => undefined) =>
  Effect.repeatN(Effect.zipRight(TestClock.adjust("1 second"), Effect.sync(each)), seconds - 1)

describe("A connection of the RPC", () => {
  it.scoped("closes on who sends a message of more than 64 KiB, and says why", () =>
    Effect.gen(function* () {
      const { begun, call, faults, peer } = yield* connect()
      call("Quick", { padding: "x".repeat(63 * 1024) })
      assert.deepStrictEqual(begun(), ["1"])
      call("Quick", { padding: "x".repeat(65 * 1024) })
      assert.deepStrictEqual(faults(), ["defect message_too_large"])
      assert.strictEqual(peer.closedWith(), 1009)
      assert.deepStrictEqual(begun(), ["1"])
    })
  )

  it.scoped("answers what is no message of the RPC, and lives on", () =>
    Effect.gen(function* () {
      const { begun, call, delivered, faults, peer, receive, say } = yield* connect()
      receive("text")
      receive(Uint8Array.of(0xc1))
      receive(Uint8Array.of(0xdd, 0xff, 0xff, 0xff, 0xff))
      for (const garbage of [
        [],
        { _tag: "Dance" },
        { _tag: "Request", tag: "Quick" },
        { _tag: "Request", id: 7, tag: "Quick" },
        { _tag: "Request", id: "x", tag: "Quick" },
        { _tag: "Request", id: "1".repeat(30), tag: "Quick" },
        { _tag: "Request", id: "01", tag: "Quick" },
        { _tag: "Ack", requestId: null },
        { _tag: "Interrupt", requestId: { toString: 1 } }
      ]) {
        say(garbage)
      }
      assert.deepStrictEqual(faults(), Array<string>(12).fill("defect invalid_message"))
      assert.deepStrictEqual(delivered, [])
      call("Quick")
      assert.deepStrictEqual(begun(), ["1"])
      assert.isUndefined(peer.closedWith())
    })
  )

  it.scoped("takes 64 messages at once, and none of more", () =>
    Effect.gen(function* () {
      const { faults, say, told } = yield* connect()
      const pings = Array.from({ length: 65 }, () => ({ _tag: "Ping" }))
      say(...pings.slice(1))
      assert.lengthOf(told, 64)
      say(...pings)
      assert.lengthOf(told, 65)
      assert.deepStrictEqual(faults(), ["defect invalid_message"])
    })
  )

  it.scoped("does nothing of what comes behind the message that it has closed on", () =>
    Effect.gen(function* () {
      const { delivered, peer, receive, say } = yield* connect({
        calls: { capacity: 1, perSecond: 1 },
        refusals: { capacity: 1, perSecond: 1 }
      })
      const request = (id: string) => ({ _tag: "Request", id, tag: "Slow", payload: {}, headers: [] })
      say(request("1"), request("2"), request("3"), { _tag: "Interrupt", requestId: "1" })
      assert.strictEqual(peer.closedWith(), 1008)
      say({ _tag: "Interrupt", requestId: "1" })
      receive(Uint8Array.of(0xc1))
      assert.deepStrictEqual(
        delivered.map(({ _tag }) => _tag),
        ["Request"]
      )
    })
  )

  it.scoped("names the calls that there are to who calls another one, in an answer to that call", () =>
    Effect.gen(function* () {
      const { call, faults, told } = yield* connect()
      call("constructor")
      assert.deepStrictEqual(faults(), ["unknown_call"])
      assert.includes(JSON.stringify(told), "There are: Quick, Slow, Stream.")
    })
  )

  it.scoped("takes 100 calls a second and answers each one beyond, then closes on who goes on", () =>
    Effect.gen(function* () {
      const { begun, call, faults, peer, succeed } = yield* connect({ refusals: { capacity: 50, perSecond: 1 } })
      const callAndAnswer = () => {
        const [before, id] = [begun().length, call("Slow")]
        return begun().length > before ? succeed(id) : Effect.void
      }
      for (let n = 0; n < 230; n++) yield* callAndAnswer()
      assert.lengthOf(begun(), 200)
      assert.deepStrictEqual(faults(), Array<string>(30).fill("too_many_calls"))
      yield* TestClock.adjust("1 second")
      for (let n = 0; n < 110; n++) yield* callAndAnswer()
      assert.lengthOf(begun(), 300)
      assert.isUndefined(peer.closedWith())
      for (let n = 0; n < 20; n++) call("Slow")
      assert.strictEqual(peer.closedWith(), 1008)
    })
  )

  it.scoped("counts acknowledgements and pings apart", () =>
    Effect.gen(function* () {
      const { begun, call, faults, say, told } = yield* connect({ flowMessages: { capacity: 100, perSecond: 1 } })
      for (let n = 0; n < 60; n++) say({ _tag: "Ping" }, { _tag: "Ack", requestId: "1" })
      assert.lengthOf(
        told.filter(({ _tag }) => _tag === "Pong"),
        50
      )
      assert.deepStrictEqual(faults(), Array<string>(20).fill("defect too_many_messages"))
      call("Quick")
      assert.deepStrictEqual(begun(), ["1"])
    })
  )

  it.scoped("has 64 calls open at most, 16 streams among them", () =>
    Effect.gen(function* () {
      const { begun, call, faults, succeed } = yield* connect()
      for (let n = 0; n < 17; n++) call("Stream")
      assert.deepStrictEqual(faults(), ["too_many_streams"])
      for (let n = 0; n < 49; n++) call("Slow")
      assert.deepStrictEqual(faults(), ["too_many_streams", "too_many_calls"])
      yield* succeed("1")
      yield* succeed("20")
      call("Stream")
      call("Slow")
      assert.lengthOf(begun(), 66)
      assert.lengthOf(faults(), 2)
    })
  )

  it.scoped("holds a call open until its answer has been read", () =>
    Effect.gen(function* () {
      const { call, faults, peer, succeed } = yield* connect({ callsAtOnce: 2 })
      peer.setReading(false)
      yield* succeed(call("Slow"))
      yield* succeed(call("Slow"))
      call("Slow")
      assert.deepStrictEqual(faults(), ["too_many_calls"])
      peer.setReading(true)
      call("Slow")
      assert.lengthOf(faults(), 1)
    })
  )

  it.scoped("begins one quick call after the other, and none while the client does not read", () =>
    Effect.gen(function* () {
      const { begun, call, peer, succeed } = yield* connect()
      for (let n = 0; n < 3; n++) call("Quick")
      assert.deepStrictEqual(begun(), ["1"])
      call("Slow")
      assert.deepStrictEqual(begun(), ["1", "4"])
      peer.setReading(false)
      yield* succeed("1", "x".repeat(300 * 1024))
      assert.deepStrictEqual(begun(), ["1", "4"])
      peer.setReading(true)
      assert.deepStrictEqual(begun(), ["1", "4", "2"])
      yield* succeed("2")
      assert.deepStrictEqual(begun(), ["1", "4", "2", "3"])
    })
  )

  it.scoped("forgets a waiting call that is interrupted, and hands on the interruption of one that has begun", () =>
    Effect.gen(function* () {
      const { begun, call, delivered, faults, say, succeed } = yield* connect()
      for (let n = 0; n < 2; n++) call("Quick")
      say(
        { _tag: "Interrupt", requestId: "2" },
        { _tag: "Interrupt", requestId: "1" },
        { _tag: "Interrupt", requestId: "9" }
      )
      assert.deepStrictEqual(faults(), ["Interrupt"])
      assert.deepStrictEqual(delivered.at(-1), { _tag: "Interrupt", requestId: "1" })
      yield* succeed("1")
      assert.deepStrictEqual(begun(), ["1"])
    })
  )

  it.scoped("sends no part of a stream while the client has too much to read, however much it acknowledges", () =>
    Effect.gen(function* () {
      const { call, peer, say, send } = yield* connect()
      for (let n = 0; n < 16; n++) call("Stream")
      peer.setReading(false)
      const pcm = new Uint8Array(90_000)
      for (let n = 0; n < 160; n++) {
        const requestId = String(1 + (n % 16))
        yield* Effect.fork(send({ _tag: "Chunk", requestId, values: [pcm] }))
        say({ _tag: "Ack", requestId })
      }
      yield* settle
      assert.isBelow(peer.largestQueue(), 192 * 1024 + 100_000)
      const before = peer.packetCount()
      peer.setReading(true)
      yield* settle
      assert.strictEqual(peer.packetCount() - before, 160 - before)
    })
  )

  it.scoped("drops a client that asks and asks without reading", () =>
    Effect.gen(function* () {
      const refusalBytes = 20_000
      const { peer, say } = yield* connect({ flowMessages: { capacity: 1e6, perSecond: 1 }, refusalBytes })
      peer.setReading(false)
      for (let n = 0; n < 10_000 && !peer.isTerminated(); n++) say({ _tag: "Ping" })
      assert.isTrue(peer.isTerminated())
      assert.isBelow(peer.largestQueue(), refusalBytes + 1000)
    })
  )

  it.scoped("drops a client that is silent for 30 s with calls open, for 2 minutes without", () =>
    Effect.gen(function* () {
      const silent = yield* connect()
      yield* passing(119)
      assert.isFalse(silent.peer.isTerminated())
      yield* passing(2)
      assert.isTrue(silent.peer.isTerminated())

      const busy = yield* connect()
      busy.call("Slow")
      yield* passing(29)
      assert.isFalse(busy.peer.isTerminated())
      yield* passing(2)
      assert.isTrue(busy.peer.isTerminated())

      const alive = yield* connect()
      alive.call("Slow")
      yield* passing(300, alive.pong)
      assert.isFalse(alive.peer.isTerminated())
    })
  )
})
