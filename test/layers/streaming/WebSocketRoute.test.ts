/** The endpoint over real sockets on loopback; what is timed is timed short. */
import { describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { WebSocket } from "ws"
import { assert } from "../../support/assert.ts"
import { whiteNoise } from "../../support/signals.ts"
import { startStreamServer, type StreamServerOptions } from "../../support/streamServer.ts"
import { temporaryFolder } from "../../support/audioFiles.ts"
import { connect, type StreamClient } from "../../support/StreamClient.ts"

const run = promisify(execFile)
const example = fileURLToPath(new URL("../../../examples/websocket-client.ts", import.meta.url))

const sampleRate = 44_100
const trackId = 7
const noise = (seconds: number) => [whiteNoise(sampleRate, seconds, -20, 1), whiteNoise(sampleRate, seconds, -26, 2)]

/** A client of the library `ws`, whose socket can be paused and cut. */
const rawClient = (url: string): Effect.Effect<WebSocket, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<WebSocket>((resume) => {
      const socket = new WebSocket(`${url.replace("http", "ws")}/ws`)
      socket.once("open", () => resume(Effect.succeed(socket)))
      socket.once("error", (error) => resume(Effect.die(error)))
    }),
    (socket) => Effect.sync(() => socket.terminate())
  )

const start = (options: Omit<StreamServerOptions, "dataFolder">) =>
  Effect.flatMap(temporaryFolder, (dataFolder) => startStreamServer({ ...options, dataFolder }))

const closeCode = (socket: WebSocket) =>
  Effect.async<number>((resume) => void socket.once("close", (code) => resume(Effect.succeed(code))))

const sendMessage = (socket: WebSocket, type: string, data?: object) => socket.send(JSON.stringify({ type, data }))

describe("The WebSocket endpoint", () => {
  it.scopedLive("glides to the original while it plays, and passes it bit for bit from there on", () =>
    Effect.gen(function* () {
      const signal = noise(12)
      const { url } = yield* start({ signal })
      const client = yield* connect(url, () => false)
      client.send("play_enhanced", { track_id: trackId, preset: "bright", credits: 4 })
      yield* client.until(() => client.packets.length === 4)
      client.send("set_enhancement", { enabled: false })
      yield* client.until(() => client.ofType("mastering_plan").some(({ data }) => !data.enabled))
      client.send("credit", { frames: 16 })
      yield* client.until(() => client.packets.length === 20)
      client.send("set_enhancement", { enabled: true })
      yield* client.until(() => client.ofType("mastering_plan").at(-1)!.data.enabled)
      client.send("credit", { frames: 256 })
      yield* client.until(() => client.ofType("audio_stream_end").length === 1)

      const isOriginal = client.packets.map(({ meta, samples }) =>
        samples.every((value, n) => value === signal[n % 2]![meta.sample_offset + (n >> 1)])
      )
      const from = isOriginal.indexOf(true)
      const to = isOriginal.lastIndexOf(true)
      // Two packets were rendered already at each change, and the glide takes two.
      assert.isAtLeast(from, 4)
      assert.isAtMost(from, 4 + 2 + 3)
      assert.isAtLeast(to, 19)
      assert.isAtMost(to, 19 + 2)
      assert.isTrue(isOriginal.slice(from, to + 1).every(Boolean))
      assert.lengthOf(client.ofType("audio_stream_start"), 1)
    })
  )

  it.scopedLive("holds less than 1 MB for a client that stops reading, and drops it", () =>
    Effect.gen(function* () {
      const { sockets, url } = yield* start({
        signal: noise(70),
        webSocket: { pingInterval: "200 millis", stallTimeout: "2 seconds" }
      })
      const stalled = yield* rawClient(url)
      stalled.pause()
      sendMessage(stalled, "play_normal", { track_id: trackId, credits: 256 })
      const [socket] = sockets
      let largest = 0
      const measured = Effect.async<void>((resume) => {
        const timer = setInterval(() => (largest = Math.max(largest, socket!.writableLength)), 5)
        socket!.once("close", () => resume(Effect.sync(() => clearInterval(timer))))
      })
      yield* measured
      assert.isAtLeast(largest, 192 * 1024)
      assert.isBelow(largest, 1024 * 1024)
    })
  )

  it.scopedLive("keeps a client that answers pings by its library alone", () =>
    Effect.gen(function* () {
      const { url } = yield* start({
        signal: noise(3),
        webSocket: { pingInterval: "20 millis", stallTimeout: "500 millis", idleTimeout: "500 millis" }
      })
      const client = yield* rawClient(url)
      let pings = 0
      yield* Effect.async<void>((resume) => {
        client.on("ping", () => {
          pings += 1
          if (pings === 60) resume(Effect.void)
        })
      })
      assert.strictEqual(client.readyState, client.OPEN)
    })
  )

  it.scopedLive("answers a message of more than 64 KiB, and does not even read one of more than 1 MiB", () =>
    Effect.gen(function* () {
      const { url } = yield* start({ signal: noise(1) })
      const client = yield* connect(url)
      client.send("ping", { padding: "x".repeat(100_000) })
      yield* client.until(() => client.ofType("error").length === 1)
      assert.strictEqual(client.ofType("error")[0]!.data.code, "message_too_large")
      client.send("ping")
      yield* client.until(() => client.ofType("pong").length === 1)

      const large = yield* rawClient(url)
      sendMessage(large, "ping", { padding: "x".repeat(2_000_000) })
      assert.strictEqual(yield* closeCode(large), 1009)
    })
  )

  it.scopedLive("refuses more connections than it may have, and takes the next when one has ended", () =>
    Effect.gen(function* () {
      const { url } = yield* start({ signal: noise(1), webSockets: { maximumConnections: 1 } })
      const refused = Effect.async<string>((resume) => {
        const socket = new WebSocket(`${url.replace("http", "ws")}/ws`)
        socket.once("error", (error) => resume(Effect.succeed(error.message)))
        socket.once("open", () => {
          socket.terminate()
          resume(Effect.succeed("open"))
        })
      })
      const first = yield* rawClient(url)
      assert.match(yield* refused, /503/)
      first.close(1000)
      yield* closeCode(first)
      let last = ""
      while (last !== "open") last = yield* refused
    })
  )

  it.scopedLive("refuses more streams than it may play, until a connection that plays is cut", () =>
    Effect.gen(function* () {
      const { url } = yield* start({ signal: noise(3), streamer: { maximumStreams: 1 } })
      const playing = yield* rawClient(url)
      sendMessage(playing, "play_normal", { track_id: trackId, credits: 1 })
      yield* Effect.async<void>((resume) => {
        playing.on("message", (_, isBinary) => {
          if (isBinary) resume(Effect.void)
        })
      })
      const client = yield* connect(url)
      client.send("play_normal", { track_id: trackId })
      yield* client.until(() => client.ofType("error").length === 1)
      assert.strictEqual(client.ofType("error")[0]!.data.code, "too_many_streams")
      playing.terminate()
      const playAgain = Effect.suspend(() => {
        const answers = client.ofType("error").length
        client.send("play_normal", { track_id: trackId })
        return client.until(
          () => client.ofType("error").length > answers || client.ofType("audio_stream_end").length > 0
        )
      })
      while (client.ofType("audio_stream_end").length === 0) {
        yield* playAgain
        yield* Effect.sleep("60 millis")
      }
      assert.strictEqual(client.ofType("audio_stream_end")[0]!.data.reason, "completed")
    })
  )

  it.scopedLive("goes on at the very sample by the token: after a cut, on another connection, by another start", () =>
    Effect.gen(function* () {
      const signal = noise(8)
      const dataFolder = yield* temporaryFolder
      const played = (client: StreamClient) => {
        const last = client.packets.at(-1)!.meta
        return last.sample_offset + last.sample_count
      }
      const tokenOf = (client: StreamClient) => client.ofType("audio_stream_start")[0]!.data.resume_token
      const resume = (client: StreamClient, from: StreamClient, packets: number) =>
        Effect.suspend(() => {
          client.send("resume_stream", { resume_token: tokenOf(from), sample_offset: played(from), credits: packets })
          return client.until(() => client.packets.length === packets)
        })

      const parts: Array<StreamClient> = []
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { sockets, url } = yield* startStreamServer({ signal, dataFolder })
          const first = yield* connect(url, () => false)
          first.send("play_normal", { track_id: trackId, start_position: 0.1, credits: 5 })
          yield* first.until(() => first.packets.length === 5)
          sockets[0]!.destroy()

          const second = yield* connect(url, () => false)
          yield* resume(second, first, 4)
          // Still running when it goes on elsewhere.
          const third = yield* connect(url, () => false)
          yield* resume(third, second, 3)
          yield* second.until(() => second.ofType("audio_stream_end").length === 1)
          assert.strictEqual(second.ofType("audio_stream_end")[0]!.data.reason, "stopped")
          parts.push(first, second, third)
        })
      )
      const { url } = yield* startStreamServer({ signal, dataFolder })
      const fourth = yield* connect(url, () => false)
      yield* resume(fourth, parts[2]!, 2)
      parts.push(fourth)

      let position = Math.round(0.1 * sampleRate)
      for (const [n, { packets }] of parts.entries()) {
        for (const { meta, samples } of packets) {
          assert.strictEqual(meta.stream_epoch, n + 1)
          assert.strictEqual(meta.sample_offset, position)
          assert.isTrue(samples.every((value, k) => value === signal[k % 2]![position + (k >> 1)]))
          position += meta.sample_count
        }
      }
    })
  )

  it.scopedLive("lets the example client go on where it was cut off", () =>
    Effect.gen(function* () {
      const signal = noise(20)
      const { sockets, url } = yield* start({ signal })
      const running = Effect.promise(() => run(process.execPath, [example, String(trackId), url]))
      const cut = Effect.gen(function* () {
        while ((sockets[0]?.bytesWritten ?? 0) < 1_000_000) yield* Effect.sleep("1 millis")
        sockets[0]!.destroy()
      })
      const [{ stdout }] = yield* Effect.all([running, cut], { concurrency: "unbounded" })
      assert.isAtLeast(sockets.length, 2)
      const samples = signal[0]!.length
      assert.includes(stdout, `completed: ${samples} samples per channel, ${8 * samples} bytes`)
    })
  )
})
