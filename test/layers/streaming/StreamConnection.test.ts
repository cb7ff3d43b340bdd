import { describe, it } from "@effect/vitest"
import { Effect, Layer, TestClock } from "effect"
import {
  type ConnectionLimits,
  defaultLimits,
  makeStreamConnection
} from "../../../src/layers/streaming/StreamConnection.ts"
import { layerKey } from "../../../src/layers/streaming/ResumeTokensHmac.ts"
import { TrackStreamer } from "../../../src/services/TrackStreamer.ts"
import { assert } from "../../support/assert.ts"
import { makeMemoryPeer } from "../../support/memoryPeer.ts"
import { playsThrough, settle } from "../../support/scriptedStreams.ts"

const connect = (limits: Partial<ConnectionLimits> = {}, wireBytes = 0) =>
  Effect.gen(function* () {
    const peer = makeMemoryPeer(wireBytes)
    const connection = yield* makeStreamConnection(peer, { ...defaultLimits, ...limits }, new Map()).pipe(
      Effect.provide([Layer.succeed(TrackStreamer, { stream: playsThrough }), layerKey(new Uint8Array(32))])
    )
    const say = (type: string, data?: unknown) => connection.receive(JSON.stringify({ type, data }))
    const codes = () => peer.ofType("error").map(({ data }) => data.code)
    return { peer, say, codes, ...connection }
  })

/** Lets `seconds` pass in steps, with `each` after every one of them. */
const passing = (seconds: number, each: () => void = () => undefined, stepSeconds = 1) =>
  Effect.repeatN(
    Effect.zipRight(TestClock.adjust(`${stepSeconds} seconds`), Effect.sync(each)),
    seconds / stepSeconds - 1
  )

describe("A stream connection", () => {
  it.scoped("answers what is binary or too large with an error, and lives on", () =>
    Effect.gen(function* () {
      const { codes, peer, receive, say } = yield* connect()
      receive(new Uint8Array(8))
      receive(JSON.stringify({ type: "ping", data: { padding: "ü".repeat(32 * 1024) } }))
      receive(JSON.stringify({ type: "ping", data: { padding: "u".repeat(63 * 1024) } }))
      yield* settle
      assert.deepStrictEqual(codes(), ["binary_message", "message_too_large"])
      assert.lengthOf(peer.ofType("pong"), 1)
      say("ping")
      yield* settle
      assert.lengthOf(peer.ofType("pong"), 2)
      assert.isUndefined(peer.closedWith())
    })
  )

  it.scoped("takes 20 messages of control a second and answers each one beyond", () =>
    Effect.gen(function* () {
      const { codes, peer, receive, say } = yield* connect()
      for (let n = 0; n < 15; n++) say("stop")
      for (let n = 0; n < 15; n++) receive("garbage")
      yield* settle
      assert.lengthOf(peer.ofType("playback_stopped"), 15)
      assert.deepStrictEqual(codes().sort(), [
        ...Array<string>(5).fill("invalid_json"),
        ...Array<string>(10).fill("too_many_messages")
      ])
      yield* TestClock.adjust("500 millis")
      for (let n = 0; n < 15; n++) say("stop")
      yield* settle
      assert.lengthOf(peer.ofType("playback_stopped"), 25)
    })
  )

  it.scoped("takes pings and credits beside them, bounded by themselves", () =>
    Effect.gen(function* () {
      const { codes, peer, say } = yield* connect({ flowMessages: { capacity: 100, perSecond: 100 } })
      for (let n = 0; n < 20; n++) say("stop")
      for (let n = 0; n < 60; n++) say("ping")
      for (let n = 0; n < 60; n++) say("credit", { frames: 1 })
      yield* settle
      assert.lengthOf(peer.ofType("pong"), 60)
      assert.deepStrictEqual(codes(), Array<string>(20).fill("too_many_messages"))
    })
  )

  it.scoped("loses no credit of a client that grants them one by one, as fast as it may", () =>
    Effect.gen(function* () {
      const { codes, peer, say } = yield* connect()
      say("play_normal", { track_id: 7, credits: 1 })
      for (let n = 0; n < 89; n++) say("credit", { frames: 1 })
      yield* settle
      yield* settle
      assert.strictEqual(peer.packetCount(), 90)
      assert.isEmpty(codes())
    })
  )

  it.scoped("closes on who goes on and on", () =>
    Effect.gen(function* () {
      const { codes, peer, say } = yield* connect({ refusals: { capacity: 50, perSecond: 1 } })
      for (let n = 0; n < 100; n++) say("stop")
      assert.strictEqual(peer.closedWith(), 1008)
      assert.lengthOf(codes(), 50)
    })
  )

  it.scoped("keeps a client that answers pings, however long it plays nothing", () =>
    Effect.gen(function* () {
      const { peer, pong } = yield* connect()
      let seen = 0
      const answer = () => {
        if (peer.pings() > seen) pong()
        seen = peer.pings()
      }
      yield* passing(600, answer, 10)
      assert.isFalse(peer.isTerminated())
      assert.strictEqual(peer.pings(), 60)
    })
  )

  it.scoped("keeps a paused client that answers pings", () =>
    Effect.gen(function* () {
      const { peer, pong, say } = yield* connect()
      say("play_normal", { track_id: 7, credits: 4 })
      say("pause")
      yield* passing(300, pong, 10)
      assert.isFalse(peer.isTerminated())
      say("resume")
      yield* settle
      assert.strictEqual(peer.packetCount(), 4)
    })
  )

  it.scoped("drops an idle client that neither speaks nor answers, and keeps one that speaks", () =>
    Effect.gen(function* () {
      const silent = yield* connect()
      const speaking = yield* connect()
      yield* passing(115, () => speaking.say("ping"), 5)
      assert.isFalse(silent.peer.isTerminated())
      yield* passing(15, () => speaking.say("ping"), 5)
      assert.isTrue(silent.peer.isTerminated())
      assert.isFalse(speaking.peer.isTerminated())
    })
  )

  it.scoped("drops a client that stops reading within 40 s, however much it says, and ends its stream", () =>
    Effect.gen(function* () {
      const { peer, say } = yield* connect()
      yield* passing(60, () => say("ping"), 10)
      say("play_normal", { track_id: 7, credits: 256 })
      peer.setReading(false)
      yield* passing(25, () => say("credit", { frames: 1 }), 5)
      assert.isFalse(peer.isTerminated())
      yield* passing(15, () => say("credit", { frames: 1 }), 5)
      assert.isTrue(peer.isTerminated())
      say("set_enhancement", {})
      yield* settle
      // 192 KB, and the packet of 44 KB that exceeds it.
      assert.isAtMost(peer.largestQueue(), (192 + 45) * 1024)
      assert.isAtLeast(peer.largestQueue(), 192 * 1024)
    })
  )

  it.scoped("keeps a client that reads slowly, without a pong, and goes on at the next sample each time", () =>
    Effect.gen(function* () {
      const { peer, say } = yield* connect({}, 50 * 1024)
      say("play_normal", { track_id: 7, credits: 256 })
      peer.setReading(false)
      // One packet of 44 KB fits the wire at a time.
      yield* passing(85, () => peer.setReading(false))
      assert.isFalse(peer.isTerminated())
      const offsets = peer.ofType("audio_chunk_meta").map(({ data }) => data.sample_offset)
      assert.isAtLeast(offsets.length, 80)
      assert.deepStrictEqual(
        offsets,
        offsets.map((_, n) => n * offsets[1]!)
      )
    })
  )

  it.scoped("drops a client that asks and asks and does not read the answers", () =>
    Effect.gen(function* () {
      const { peer, say } = yield* connect({ queueBytes: 16 * 1024 })
      peer.setReading(false)
      for (let n = 0; n < 1024; n++) say("ping")
      yield* Effect.repeatN(settle, 20)
      assert.isTrue(peer.isTerminated())
      assert.isAtMost(peer.largestQueue(), 17 * 1024)
    })
  )

  it.scoped("is not brought down by what cannot be encoded or is nested beyond measure", () =>
    Effect.gen(function* () {
      const { codes, peer, receive, say } = yield* connect()
      receive("[".repeat(60_000))
      receive(`{"type":"seek","data":${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}}`)
      receive('{"type":"__proto__","data":{"__proto__":{"position":1}}}')
      receive('{"type":"\\ud800"}')
      receive("")
      say("ping")
      yield* settle
      assert.lengthOf(codes(), 5)
      assert.lengthOf(peer.ofType("pong"), 1)
    })
  )
})
