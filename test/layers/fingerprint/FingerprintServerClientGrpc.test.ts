import { type ChildProcess, spawn } from "node:child_process"
import { createServer as createHttp2Server } from "node:http2"
import { type AddressInfo, createServer, type Server } from "node:net"
import { join } from "node:path"
import { describe, it } from "@effect/vitest"
import { Chunk, Context, Deferred, type Duration, Effect, Fiber, Layer, Queue, Schedule, Stream } from "effect"
import { layer } from "../../../src/layers/fingerprint/FingerprintServerClientGrpc.ts"
import { FingerprintServerClient } from "../../../src/services/FingerprintServerClient.ts"
import { assert } from "../../support/assert.ts"
import { someAnalysis } from "../../support/analyses.ts"
import { built } from "../../support/built.ts"
import { makeServer, musicFolder, type ServerOptions } from "../../support/fingerprintServers.ts"

const makeClient = (port: number, deadline?: Duration.DurationInput) =>
  Effect.map(
    Layer.build(layer({ baseUrl: `http://127.0.0.1:${port}`, ...(deadline !== undefined && { deadline }) })),
    Context.get(FingerprintServerClient)
  )

const setUp = (options: ServerOptions = {}) =>
  Effect.gen(function* () {
    const { folder } = yield* musicFolder
    const server = yield* makeServer([folder], options)
    return { ...server, client: yield* makeClient(server.port), at: (name: string) => join(folder, name) }
  })

type Client = FingerprintServerClient["Type"]

const compute = (client: Client, path: string) => Stream.runCollect(client.compute({ trackId: "7", path }))

const failureOf = (client: Client, path: string) => Effect.flip(compute(client, path))

const closed = (server: Server) => Effect.async<void>((resume) => void server.close(() => resume(Effect.void)))

const portOf = (server: Server) => (server.address() as AddressInfo).port

/** A server of another kind on an own port. */
const listening = <S extends Server>(server: S) =>
  Effect.acquireRelease(
    Effect.async<S>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))),
    closed
  )

const startProcess = (port: number, folder: string) =>
  Effect.acquireRelease(
    Effect.async<{ readonly child: ChildProcess; readonly port: number }>((resume) => {
      const child = spawn(process.execPath, [serverProcess, String(port), folder], { stdio: ["ignore", "pipe", 2] })
      child.stdout?.once("data", (line) => resume(Effect.succeed({ child, port: Number(line) })))
    }),
    ({ child }) => kill(child)
  )

const kill = (child: ChildProcess) =>
  Effect.async<void>((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
    child.once("close", () => resume(Effect.void))
    child.kill("SIGKILL")
  })

const serverProcess = built("fingerprintServerProcess")

describe("FingerprintServerClientGrpc", () => {
  it.scopedLive("gives progress, then exactly one result as the last event", () =>
    Effect.gen(function* () {
      const { client, at } = yield* setUp()
      const events = Chunk.toReadonlyArray(yield* compute(client, at("ok.flac")))
      assert.deepStrictEqual(events.at(-1), { _tag: "Result", analysis: someAnalysis() })
      assert.isTrue(events.slice(0, -1).every(({ _tag }) => _tag === "Progress"))
    })
  )

  it.scopedLive("cancels the analysis at the server when it is interrupted, or when its stream is left early", () =>
    Effect.gen(function* () {
      const { client, at, begun, ended } = yield* setUp()
      const fiber = yield* Effect.fork(compute(client, at("hang.flac")))
      yield* Queue.take(begun)
      yield* Fiber.interrupt(fiber)
      yield* Queue.take(ended)
      yield* Stream.runHead(client.compute({ trackId: "7", path: at("hang.flac") }))
      yield* Queue.take(ended)
    })
  )

  it.scopedLive("tells refusals from faults", () =>
    Effect.gen(function* () {
      const { client, at } = yield* setUp()
      const codes = yield* Effect.forEach(["silent.flac", "album/missing.flac", "../secret.flac"], (name) =>
        Effect.map(failureOf(client, at(name)), (error) => (error._tag === "FileRefused" ? error.code : error._tag))
      )
      assert.deepStrictEqual(codes, ["TrackSilent", "TrackUnreadable", "OutsideFolders"])
      assert.includes((yield* failureOf(client, at("silent.flac"))).message, "silent.flac is silent")
      assert.hasFields(yield* failureOf(client, ""), { _tag: "FileRefused", code: "InvalidRequest" })
      assert.strictEqual((yield* failureOf(client, at("defect.flac")))._tag, "ServerAnswerInvalid")
    })
  )

  it.scopedLive("takes no answer that is no fingerprint", () =>
    Effect.gen(function* () {
      const { client, at } = yield* setUp()
      const error = yield* failureOf(client, at("nan.flac"))
      assert.strictEqual(error._tag, "ServerAnswerInvalid")
      assert.includes(error.message, "fingerprint.lufs")
    })
  )

  it.scopedLive("says busy when the queue is full", () =>
    Effect.gen(function* () {
      const { client, at, begun } = yield* setUp({ workers: 1 })
      yield* Effect.forkScoped(Effect.ignore(compute(client, at("hang.flac"))))
      yield* Queue.take(begun)
      assert.strictEqual((yield* failureOf(client, at("ok.flac")))._tag, "ServerBusy")
    })
  )

  it.scopedLive("gives up at its deadline, and the server with it", () =>
    Effect.gen(function* () {
      const { port, at, ended } = yield* setUp()
      const client = yield* makeClient(port, "100 millis")
      const error = yield* failureOf(client, at("hang.flac"))
      assert.hasFields(error, { _tag: "ServerTimedOut", seconds: 0.1 })
      yield* Queue.take(ended)
    })
  )

  it.scopedLive("says unreachable where nobody listens, and is not available", () =>
    Effect.gen(function* () {
      const server = yield* Effect.scoped(Effect.map(listening(createServer()), portOf))
      const client = yield* makeClient(server)
      assert.strictEqual((yield* failureOf(client, "/music/ok.flac"))._tag, "ServerUnreachable")
      assert.isFalse(yield* client.isServerAvailable)
    })
  )

  it.scopedLive("fails in a typed way when the peer speaks no gRPC or hangs up, and is not available", () =>
    Effect.gen(function* () {
      const peers: ReadonlyArray<Server> = [
        createServer((socket) =>
          socket
            .on("error", () => {})
            .resume()
            .end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        ),
        createServer((socket) => socket.on("error", () => {}).once("data", () => socket.destroy())),
        createHttp2Server((_, response) => response.end("<html>")),
        createHttp2Server((_, response) => response.writeHead(404).end()),
        createHttp2Server((_, response) => {
          response.writeHead(200, { "content-type": "application/grpc+proto" })
          response.end(Buffer.from([0, 0, 0, 0, 200, 1, 2, 3]))
        }),
        createHttp2Server((_, response) => {
          response.writeHead(200, { "content-type": "application/grpc+proto" })
          response.end(Buffer.from([0, 0, 0, 0, 4, 0xff, 0xff, 0xff, 0xff]))
        })
      ]
      for (const [index, peer] of peers.entries()) {
        yield* Effect.scoped(
          Effect.gen(function* () {
            const client = yield* makeClient(portOf(yield* listening(peer)))
            const { _tag } = yield* failureOf(client, "/music/ok.flac")
            assert.includes(["ServerUnreachable", "ServerAnswerInvalid"], _tag, `peer ${index}`)
            assert.isFalse(yield* client.isServerAvailable, `peer ${index}`)
          })
        )
      }
    })
  )

  it.scopedLive("is connected again by itself after its server was killed and came back on the same port", () =>
    Effect.gen(function* () {
      const { folder } = yield* musicFolder
      const first = yield* startProcess(0, folder)
      const client = yield* makeClient(first.port)
      assert.isTrue(yield* client.isServerAvailable)
      const begun = yield* Deferred.make<void>()
      const call = yield* client.compute({ trackId: "7", path: join(folder, "hang.flac") }).pipe(
        Stream.tap(() => Deferred.succeed(begun, undefined)),
        Stream.runDrain,
        Effect.flip,
        Effect.fork
      )
      yield* Deferred.await(begun)
      yield* kill(first.child)
      assert.strictEqual((yield* Fiber.join(call))._tag, "ServerUnreachable")
      assert.isFalse(yield* client.isServerAvailable)
      yield* startProcess(first.port, folder)
      assert.isTrue(yield* client.isServerAvailable)
      yield* compute(client, join(folder, "ok.flac"))
    })
  )

  it.scopedLive("notices a server that is stopped, and uses it again when it goes on", () =>
    Effect.gen(function* () {
      const { folder } = yield* musicFolder
      const { child, port } = yield* startProcess(0, folder)
      const client = yield* makeClient(port)
      const begun = yield* Deferred.make<void>()
      const call = yield* client.compute({ trackId: "7", path: join(folder, "hang.flac") }).pipe(
        Stream.tap(() => Deferred.succeed(begun, undefined)),
        Stream.runDrain,
        Effect.flip,
        Effect.fork
      )
      yield* Deferred.await(begun)
      child.kill("SIGSTOP")
      assert.isFalse(yield* client.isServerAvailable)
      assert.strictEqual((yield* Fiber.join(call))._tag, "ServerUnreachable")
      child.kill("SIGCONT")
      yield* client.isServerAvailable.pipe(
        Effect.repeat({ until: (isAvailable) => isAvailable, schedule: Schedule.spaced("50 millis") })
      )
      yield* compute(client, join(folder, "ok.flac"))
    })
  )
})
