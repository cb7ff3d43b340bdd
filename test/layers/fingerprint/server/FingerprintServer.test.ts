import { spawn } from "node:child_process"
import { request as httpRequest } from "node:http"
import { connect, type Socket } from "node:net"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect"
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node"
import { describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Queue, Schema, Scope } from "effect"
import { HealthCheckResponse_ServingStatus as ServingStatus, Health } from "../../../../gen/grpc/health/v1/health_pb.js"
import { AnalysisFailureSchema, FingerprintService } from "../../../../gen/lathe/fingerprint/v1/fingerprint_pb.js"
import { ListeningLine } from "../../../../src/layers/fingerprint/server/FingerprintServer.ts"
import { assert } from "../../../support/assert.ts"
import { makeServer, musicFolder, type ServerOptions, someTree } from "../../../support/fingerprintServers.ts"
import { someAnalysis } from "../../../support/analyses.ts"

const setUp = (options: ServerOptions = {}) =>
  Effect.gen(function* () {
    const folders = yield* musicFolder
    const server = yield* makeServer([folders.folder], options)
    return {
      ...folders,
      ...server,
      fingerprints: clientOf(grpc(server.baseUrl)),
      at: (name: string) => join(folders.folder, name)
    }
  })

const grpc = (baseUrl: string) => createGrpcTransport({ baseUrl })
const clientOf = (transport: Transport) => createClient(FingerprintService, transport)

const ask = (client: ReturnType<typeof clientOf>, filepath: string, timeoutMs?: number) =>
  Effect.tryPromise({
    try: (signal) => client.computeFingerprint({ trackId: "7", filepath }, { signal, ...(timeoutMs && { timeoutMs }) }),
    catch: ConnectError.from
  })

const collect = async <A>(messages: AsyncIterable<A>): Promise<ReadonlyArray<A>> => {
  const all: Array<A> = []
  for await (const message of messages) all.push(message)
  return all
}

const post = (baseUrl: string, body: unknown) =>
  Effect.promise(async (signal) => {
    const text = typeof body === "string" ? body : JSON.stringify(body)
    const response = await fetch(`${baseUrl}/fingerprint`, { method: "POST", body: text, signal })
    return { status: response.status, headers: response.headers, body: (await response.json()) as never }
  })

/** One HTTP/1.1 GET with headers that fetch would not send. */
const getWith = (port: number, path: string, headers: Record<string, string>) =>
  Effect.async<number>((resume) => {
    httpRequest({ host: "127.0.0.1", port, path, headers }, (response) => {
      response.resume()
      resume(Effect.succeed(response.statusCode ?? 0))
    }).end()
  })

const openSocket = (port: number) =>
  Effect.acquireRelease(
    Effect.async<Socket>((resume) => {
      const socket = connect(port, "127.0.0.1", () => resume(Effect.succeed(socket)))
      socket.on("error", () => {})
    }),
    (socket) => Effect.sync(() => socket.destroy())
  )

/** All that the server sends until it closes. */
const readAll = (socket: Socket) =>
  Effect.async<string>((resume) => {
    let text = ""
    socket.on("data", (bytes) => (text += bytes.toString("latin1")))
    socket.once("close", () => resume(Effect.succeed(text)))
  })

const spawnScript = (script: string) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, ["--input-type=module", "-e", script], {
        cwd: fileURLToPath(new URL("../../../..", import.meta.url)),
        stdio: ["ignore", "pipe", "inherit"]
      })
    ),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )

describe("FingerprintServer", () => {
  it.scopedLive("launched as a process, says on stdout where it listens, and serves with its own workers", () =>
    Effect.gen(function* () {
      const { folder } = yield* musicFolder
      const { stdout } = yield* spawnScript(`
        import { Effect } from "effect"
        import { launch } from "./src/layers/fingerprint/server/FingerprintServer.ts"
        Effect.runFork(launch({ port: 0, workers: 1, folders: [${JSON.stringify(folder)}] }))
      `)
      const line = yield* Effect.async<string>(
        (resume) => void stdout.once("data", (b) => resume(Effect.succeed(String(b))))
      )
      const { host, port, message } = yield* Schema.decode(ListeningLine)(line)
      assert.strictEqual(message, `lathe-fingerprint-server listening on ${host}:${port}`)
      // The folder's files hold the word "audio" and nothing else.
      const answer = yield* post(`http://${host}:${port}`, { track_id: 7, filepath: join(folder, "ok.flac") })
      assert.strictEqual(answer.status, 422)
      assert.strictEqual((answer.body as { error: { code: string } }).error.code, "TrackUnreadable")
    })
  )

  describe("RPC", () => {
    it.scopedLive("serves gRPC, gRPC-Web and Connect on its one port", () =>
      Effect.gen(function* () {
        const { baseUrl, at } = yield* setUp()
        const transports = [
          grpc(baseUrl),
          createConnectTransport({ baseUrl, httpVersion: "1.1" }),
          createConnectTransport({ baseUrl, httpVersion: "2" }),
          createGrpcWebTransport({ baseUrl, httpVersion: "1.1" })
        ]
        for (const transport of transports) {
          const answer = yield* ask(clientOf(transport), at("ok.flac"))
          assert.strictEqual(answer.trackId, "7")
          assert.strictEqual(answer.fingerprint?.lufs, someAnalysis().fingerprint.lufs)
          assert.strictEqual(answer.measurements?.truePeakDbtp, someAnalysis().measurements.true_peak_dbtp)
          assert.strictEqual(answer.provenance?.framesAnalysed, BigInt(someAnalysis().provenance.frames_analysed))
        }
      })
    )

    it.scopedLive("streams progress, then the result as the last message", () =>
      Effect.gen(function* () {
        const { fingerprints, at } = yield* setUp()
        const messages = yield* Effect.promise(() =>
          collect(fingerprints.computeFingerprintWithProgress({ trackId: "7", filepath: at("ok.flac") }))
        )
        const cases = messages.map(({ event }) => event.case)
        assert.strictEqual(cases.at(-1), "result")
        assert.isAbove(cases.length, 1)
        assert.isTrue(cases.slice(0, -1).every((name) => name === "progress"))
      })
    )

    it.scopedLive("ends the analysis when its caller cancels, unary and streaming", () =>
      Effect.gen(function* () {
        const { fingerprints, begun, ended, at } = yield* setUp()
        const unary = yield* Effect.fork(ask(fingerprints, at("hang.flac")))
        yield* Queue.take(begun)
        yield* Fiber.interrupt(unary)
        assert.strictEqual(yield* Queue.take(ended), at("hang.flac"))

        const streaming = yield* Effect.fork(
          Effect.tryPromise((signal) =>
            collect(
              fingerprints.computeFingerprintWithProgress({ trackId: "7", filepath: at("hang.flac") }, { signal })
            )
          )
        )
        yield* Queue.take(begun)
        yield* Fiber.interrupt(streaming)
        assert.strictEqual(yield* Queue.take(ended), at("hang.flac"))
      })
    )

    it.scopedLive("ends the analysis at the caller's deadline", () =>
      Effect.gen(function* () {
        const { fingerprints, ended, at } = yield* setUp()
        const error = yield* Effect.flip(ask(fingerprints, at("hang.flac"), 100))
        assert.strictEqual(error.code, Code.DeadlineExceeded)
        yield* Queue.take(ended)
      })
    )

    it.scopedLive("ends the analysis at its own deadline where the caller has none", () =>
      Effect.gen(function* () {
        const { fingerprints, baseUrl, ended, at } = yield* setUp({ defaultDeadline: "50 millis" })
        const error = yield* Effect.flip(ask(fingerprints, at("hang.flac")))
        assert.strictEqual(error.code, Code.DeadlineExceeded)
        yield* Queue.take(ended)
        const { status, body } = yield* post(baseUrl, { track_id: 7, filepath: at("hang.flac") })
        assert.strictEqual(status, 504)
        assert.strictEqual((body as { error: { code: string } }).error.code, "ServerTimedOut")
      })
    )

    it.scopedLive("answers the standard health check", () =>
      Effect.gen(function* () {
        const { baseUrl } = yield* setUp()
        const health = createClient(Health, grpc(baseUrl))
        for (const service of ["", FingerprintService.typeName]) {
          const { status } = yield* Effect.promise(() => health.check({ service }))
          assert.strictEqual(status, ServingStatus.SERVING)
        }
        const error = yield* Effect.flip(Effect.tryPromise(() => health.check({ service: "unknown.Service" })))
        assert.strictEqual(ConnectError.from(error.cause ?? error.error).code, Code.NotFound)
        const watch = health.watch({ service: "" })[Symbol.asyncIterator]()
        const first = yield* Effect.promise(() => watch.next())
        assert.strictEqual(first.value?.status, ServingStatus.SERVING)
      })
    )
  })

  describe("HTTP", () => {
    it.scopedLive(
      "answers POST /fingerprint with the 25 values under their names, and the track id as it was sent",
      () =>
        Effect.gen(function* () {
          const { baseUrl, at } = yield* setUp()
          for (const track_id of [7, "seven"]) {
            const { status, body } = yield* post(baseUrl, { track_id, filepath: at("ok.flac") })
            assert.strictEqual(status, 200)
            assert.deepStrictEqual(body, { track_id, ...someAnalysis() })
          }
        })
    )

    it.scopedLive("answers GET /health, also while all workers are busy", () =>
      Effect.gen(function* () {
        const { baseUrl, fingerprints, begun, at } = yield* setUp({ workers: 1, queueCapacity: 3 })
        yield* Effect.forkScoped(Effect.ignore(ask(fingerprints, at("hang.flac"))))
        yield* Queue.take(begun)
        yield* Effect.forkScoped(Effect.ignore(ask(fingerprints, at("hang.flac"))))
        yield* Queue.take(begun)
        const health = yield* Effect.promise(async () => (await fetch(`${baseUrl}/health`)).json())
        const { version, ...rest } = health as Record<string, unknown>
        assert.match(String(version), /^\d+\.\d+\.\d+/)
        assert.deepStrictEqual(rest, { status: "ok", algorithm_version: 1, queue_length: 1, workers: 1 })
      })
    )

    it.scopedLive("answers GET /supervision with the tree of what measures", () =>
      Effect.gen(function* () {
        const { baseUrl } = yield* setUp()
        const tree = yield* Effect.promise(async () => (await fetch(`${baseUrl}/supervision`)).json())
        assert.deepStrictEqual(tree, someTree)
      })
    )

    it.scopedLive("refuses what is no request for a fingerprint", () =>
      Effect.gen(function* () {
        const { baseUrl, at } = yield* setUp()
        const bodies = ["", "{", "[]", { track_id: 7 }, { track_id: null, filepath: at("ok.flac") }]
        for (const body of bodies) assert.strictEqual((yield* post(baseUrl, body)).status, 400)
        const statusOf = (path: string, method: string) =>
          Effect.promise(async () => (await fetch(baseUrl + path, { method })).status)
        assert.strictEqual(yield* statusOf("/fingerprint", "GET"), 405)
        assert.strictEqual(yield* statusOf("/", "GET"), 404)
      })
    )

    it.scopedLive("refuses a body over 64 KB, announced or not", () =>
      Effect.gen(function* () {
        const { baseUrl, port, at } = yield* setUp()
        const large = { track_id: "x".repeat(65 * 1024), filepath: at("ok.flac") }
        assert.strictEqual((yield* post(baseUrl, large)).status, 413)
        const socket = yield* openSocket(port)
        socket.write("POST /fingerprint HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        socket.write(`11000\r\n${" ".repeat(0x11000)}\r\n0\r\n\r\n`)
        assert.match(yield* readAll(socket), /^HTTP\/1.1 413 /)
        const error = yield* Effect.flip(ask(clientOf(grpc(baseUrl)), "/".repeat(65 * 1024)))
        assert.strictEqual(error.code, Code.ResourceExhausted)
      })
    )

    it.scopedLive("ends the analysis when the client hangs up", () =>
      Effect.gen(function* () {
        const { baseUrl, begun, ended, at } = yield* setUp()
        const call = yield* Effect.fork(post(baseUrl, { track_id: 7, filepath: at("hang.flac") }))
        yield* Queue.take(begun)
        yield* Fiber.interrupt(call)
        assert.strictEqual(yield* Queue.take(ended), at("hang.flac"))
      })
    )

    it.scopedLive("answers only requests that were sent to this machine by name, and by no other site's page", () =>
      Effect.gen(function* () {
        const { port } = yield* setUp()
        assert.strictEqual(yield* getWith(port, "/health", { host: `localhost:${port}` }), 200)
        assert.strictEqual(yield* getWith(port, "/health", { host: "[::1]" }), 200)
        assert.strictEqual(yield* getWith(port, "/health", { host: "rebound.example" }), 403)
        assert.strictEqual(yield* getWith(port, "/health", { host: "localhost", origin: "https://evil.example" }), 403)
        assert.strictEqual(yield* getWith(port, "/health", { host: "localhost", origin: "http://localhost:3000" }), 200)
      })
    )
  })

  describe("errors", () => {
    const expected: ReadonlyArray<readonly [file: string, grpc: Code, http: number, code: string]> = [
      ["short.flac", Code.FailedPrecondition, 422, "TrackTooShort"],
      ["silent.flac", Code.FailedPrecondition, 422, "TrackSilent"],
      ["long.flac", Code.FailedPrecondition, 422, "TrackTooLarge"],
      ["corrupt.flac", Code.FailedPrecondition, 422, "TrackUnreadable"],
      ["album/missing.flac", Code.FailedPrecondition, 404, "TrackUnreadable"],
      ["../secret.flac", Code.PermissionDenied, 403, "OutsideFolders"]
    ]
    for (const [file, grpcCode, httpStatus, code] of expected) {
      it.scopedLive(`says ${code} for ${file}, over gRPC and over HTTP, without its path`, () =>
        Effect.gen(function* () {
          const { fingerprints, baseUrl, folder } = yield* setUp()
          const filepath = `${folder}/${file}`
          const error = yield* Effect.flip(ask(fingerprints, filepath))
          assert.strictEqual(error.code, grpcCode)
          assert.strictEqual(error.findDetails(AnalysisFailureSchema)[0]?.code, code)
          const { status, body } = yield* post(baseUrl, { track_id: 7, filepath })
          assert.strictEqual(status, httpStatus)
          assert.deepStrictEqual(body, { error: { code, message: error.rawMessage } })
          assert.excludes(error.rawMessage, "/")
        })
      )
    }

    it.scopedLive("says no more than Internal about a defect", () =>
      Effect.gen(function* () {
        const { fingerprints, baseUrl, at } = yield* setUp()
        const error = yield* Effect.flip(ask(fingerprints, at("defect.flac")))
        assert.strictEqual(error.code, Code.Internal)
        assert.excludes(error.message, "secret")
        const { status, body } = yield* post(baseUrl, { track_id: 7, filepath: at("defect.flac") })
        assert.strictEqual(status, 500)
        assert.excludes(JSON.stringify(body), "secret")
      })
    )

    it.scopedLive("asks to come back when the queue is full", () =>
      Effect.gen(function* () {
        const { fingerprints, baseUrl, begun, at } = yield* setUp({ workers: 1 })
        yield* Effect.forkScoped(Effect.ignore(ask(fingerprints, at("hang.flac"))))
        yield* Queue.take(begun)
        assert.strictEqual((yield* Effect.flip(ask(fingerprints, at("ok.flac")))).code, Code.ResourceExhausted)
        const { status, headers } = yield* post(baseUrl, { track_id: 7, filepath: at("ok.flac") })
        assert.strictEqual(status, 429)
        assert.strictEqual(headers.get("retry-after"), "1")
      })
    )

    it.scopedLive("refuses a request without an absolute path", () =>
      Effect.gen(function* () {
        const { fingerprints } = yield* setUp()
        for (const path of ["", "ok.flac", "/music/\0.flac", `/${"a".repeat(5000)}`]) {
          assert.strictEqual((yield* Effect.flip(ask(fingerprints, path))).code, Code.InvalidArgument)
        }
      })
    )
  })

  describe("folders", () => {
    it.scopedLive(
      "tells nothing about files outside them: the same for existing and missing, by .. or by symlink",
      () =>
        Effect.gen(function* () {
          const { fingerprints, folder, around, begun } = yield* setUp()
          const paths = [
            `${around}/secret.flac`,
            `${around}/nothing.flac`,
            `${folder}/../secret.flac`,
            `${folder}/../nothing.flac`,
            `${folder}/escape.flac`,
            `${folder}/dangling.flac`,
            `${folder}/way-out/secret.flac`,
            `${folder}/way-out/nothing.flac`,
            `${folder}/missing/../../secret.flac`,
            `${folder}-beside/ok.flac`,
            folder,
            "/etc/passwd"
          ]
          const answers = yield* Effect.forEach(paths, (path) => Effect.flip(ask(fingerprints, path)))
          for (const [index, answer] of answers.entries())
            assert.strictEqual(answer.message, answers[0]?.message, paths[index])
          assert.strictEqual(answers[0]?.code, Code.PermissionDenied)
          assert.strictEqual(yield* Queue.size(begun), 0)
        })
    )

    it.scopedLive("may be named through a symlink, and a path may wander as long as it ends inside", () =>
      Effect.gen(function* () {
        const { around, folder } = yield* musicFolder
        const { baseUrl, begun } = yield* makeServer([`${folder}/way-out/music`, "/does/not/exist"])
        yield* ask(clientOf(grpc(baseUrl)), `${folder}/album/../way-out/music/ok.flac`)
        assert.strictEqual(yield* Queue.take(begun), `${around}/music/ok.flac`)
      })
    )

    it.scopedLive("are none by default: every file is refused", () =>
      Effect.gen(function* () {
        const { folder } = yield* musicFolder
        const { baseUrl } = yield* makeServer([])
        const error = yield* Effect.flip(ask(clientOf(grpc(baseUrl)), join(folder, "ok.flac")))
        assert.strictEqual(error.code, Code.PermissionDenied)
      })
    )
  })

  describe("port", () => {
    it.scopedLive("answers garbage as HTTP/1.1 does, drops a broken preface, and goes on", () =>
      Effect.gen(function* () {
        const { port, fingerprints, at } = yield* setUp()
        const garbage = yield* openSocket(port)
        garbage.write(Buffer.from([0x16, 0x03, 0x01, 0x00, 0xff, 0x00]))
        assert.match(yield* readAll(garbage), /^HTTP\/1.1 400 /)
        const broken = yield* openSocket(port)
        broken.write("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\nnot frames at all")
        yield* readAll(broken)
        const silent = yield* openSocket(port)
        silent.end()
        yield* readAll(silent)
        yield* ask(fingerprints, at("ok.flac"))
      })
    )

    it.scopedLive("waits for the rest when the first bytes come one by one", () =>
      Effect.gen(function* () {
        const { port } = yield* setUp()
        const socket = yield* openSocket(port)
        socket.setNoDelay(true)
        const answer = yield* Effect.fork(readAll(socket))
        for (const byte of "POST /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n") {
          yield* Effect.async<void>((resume) => void socket.write(byte, () => resume(Effect.void)))
          yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
        }
        assert.match(yield* Fiber.join(answer), /^HTTP\/1.1 405 /)
      })
    )

    it.scopedLive("says so when it is taken", () =>
      Effect.gen(function* () {
        const { port } = yield* setUp()
        const error = yield* Effect.flip(makeServer([], { port }))
        assert.strictEqual(error._tag, "PortUnavailable")
        assert.includes(error.message, "EADDRINUSE")
      })
    )

    it.scopedLive("is free again when the scope ends: calls end as unavailable and idle connections are closed", () =>
      Effect.gen(function* () {
        const { folder } = yield* musicFolder
        const scope = yield* Scope.make()
        const { port, baseUrl, begun, ended } = yield* Scope.extend(makeServer([folder]), scope)
        const idle = yield* openSocket(port)
        const client = clientOf(grpc(baseUrl))
        const call = yield* Effect.fork(Effect.flip(ask(client, join(folder, "hang.flac"))))
        yield* Queue.take(begun)
        const overHttp = yield* Effect.fork(post(baseUrl, { track_id: 7, filepath: join(folder, "hang.flac") }))
        yield* Queue.take(begun)
        yield* Scope.close(scope, Exit.void)
        assert.strictEqual((yield* Fiber.join(call)).code, Code.Unavailable)
        assert.strictEqual((yield* Fiber.join(overHttp)).status, 503)
        assert.strictEqual(yield* Queue.size(ended), 2)
        yield* readAll(idle)
        yield* makeServer([folder], { port })
      })
    )
  })
})
