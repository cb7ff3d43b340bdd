/** The fingerprint server in front of real worker processes, when things go wrong on either side. */
import { type ChildProcess, spawn } from "node:child_process"
import { existsSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { connect, createServer, type AddressInfo, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Code, ConnectError, createClient } from "@connectrpc/connect"
import { createGrpcTransport } from "@connectrpc/connect-node"
import { describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Schedule, Schema } from "effect"
import { FingerprintService } from "../../gen/lathe/fingerprint/v1/fingerprint_pb.js"
import {
  FingerprintServer,
  type FingerprintServerOptions,
  layer,
  ListeningLine
} from "../../src/layers/fingerprint/server/FingerprintServer.ts"
import * as TrackAnalyzerProcessPool from "../../src/layers/fingerprint/TrackAnalyzerProcessPool.ts"
import { assert } from "../support/assert.ts"
import { built } from "../support/built.ts"

const scriptedWorker = built("scriptedAnalysisWorker")
const root = fileURLToPath(new URL("../..", import.meta.url))

/** Starting processes takes as long as the machine is busy. */
const patience = 120_000

/** Long enough for a job to reach its worker. */
const deadlineMs = 3000

/** Files whose analysis follows their name: see scriptedAnalysisWorker.ts. */
const names = ["ok", "hang", "stuck", "silent"]

const musicFolder = Effect.acquireRelease(
  Effect.sync(() => {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), "lathe-robust-")))
    for (const name of names) writeFileSync(join(folder, `${name}.flac`), "audio")
    return folder
  }),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
)

type Options = TrackAnalyzerProcessPool.ProcessPoolOptions & Pick<FingerprintServerOptions, "defaultDeadline">

const setUp = (options: Options = {}) =>
  Effect.gen(function* () {
    const folder = yield* musicFolder
    const context = yield* layer({ port: 0, folders: [folder], ...options }).pipe(
      Layer.provide(TrackAnalyzerProcessPool.layer({ workers: 1, workerCommand: [scriptedWorker], ...options })),
      Layer.build
    )
    const { port } = Context.get(context, FingerprintServer).address
    const client = clientOf(port)
    const ask = (name: string, timeoutMs?: number) => askFor(client, join(folder, `${name}.flac`), timeoutMs)
    /** The process id of the one worker. */
    const worker = Effect.map(ask("ok", patience), ({ provenance }) => Number(provenance?.decoderVersion))
    return { folder, port, ask, worker, queueLength: queueLengthAt(port), hasBegun: hasBegun(folder) }
  })

const queueLengthAt = (port: number) =>
  Effect.promise(async () => {
    const health = (await (await fetch(`http://127.0.0.1:${port}/health`)).json()) as { queue_length: number }
    return health.queue_length
  })

const clientOf = (port: number) =>
  createClient(FingerprintService, createGrpcTransport({ baseUrl: `http://127.0.0.1:${port}` }))

const askFor = (client: ReturnType<typeof clientOf>, filepath: string, timeoutMs?: number) =>
  Effect.tryPromise({
    try: (signal) => client.computeFingerprint({ trackId: "7", filepath }, { signal, ...(timeoutMs && { timeoutMs }) }),
    catch: ConnectError.from
  })

const until = (condition: Effect.Effect<boolean>) =>
  condition.pipe(Effect.repeat({ until: (holds) => holds, schedule: Schedule.spaced("10 millis") }))

/** Done once a worker is at the file. */
const hasBegun = (folder: string) => (name: string) =>
  until(Effect.sync(() => existsSync(join(folder, `${name}.flac.runs`))))

const isRunning = (pid: number) => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

describe("a caller of the fingerprint server", { timeout: patience }, () => {
  it.scopedLive("is one of exactly as many as there are places, however many call at once", () =>
    Effect.gen(function* () {
      const { ask, hasBegun, queueLength, worker } = yield* setUp({ queueCapacity: 2 })
      yield* worker
      const calls = yield* Effect.forEach(Array.from({ length: 20 }), () => Effect.fork(Effect.flip(ask("hang"))))
      yield* hasBegun("hang")
      // One runs, two wait; the others have their answer while nothing has ended.
      yield* until(Effect.map(pollAll(calls), (ended) => ended.length === 17))
      assert.isTrue((yield* pollAll(calls)).every(({ code }) => code === Code.ResourceExhausted))
      assert.strictEqual(yield* queueLength, 2)
      yield* Fiber.interruptAll(calls)
      // Every place is free again: three more fit.
      yield* until(Effect.map(queueLength, (length) => length === 0))
      yield* Effect.all([ask("ok"), ask("ok"), ask("ok")], { concurrency: "unbounded" })
    })
  )

  it.scopedLive("that leaves while it waits gives its place back, and its file is never read", () =>
    Effect.gen(function* () {
      const { ask, folder, hasBegun, queueLength } = yield* setUp({ queueCapacity: 1 })
      const running = yield* Effect.fork(ask("hang"))
      yield* hasBegun("hang")
      const waiting = yield* Effect.fork(ask("silent"))
      yield* until(Effect.map(queueLength, (length) => length === 1))
      yield* Fiber.interrupt(waiting)
      yield* until(Effect.map(queueLength, (length) => length === 0))
      const next = yield* Effect.fork(ask("ok"))
      yield* until(Effect.map(queueLength, (length) => length === 1))
      yield* Fiber.interrupt(running)
      yield* Fiber.join(next)
      assert.isFalse(existsSync(join(folder, "silent.flac.runs")))
    })
  )

  it.scopedLive("whose connection breaks without a word ends its analysis, and the worker takes the next", () =>
    Effect.gen(function* () {
      const { ask, folder, hasBegun, port, worker } = yield* setUp()
      const pid = yield* worker
      const proxy = yield* makeProxy(port)
      const broken = yield* Effect.fork(Effect.flip(askFor(clientOf(proxy.port), join(folder, "hang.flac"))))
      yield* hasBegun("hang")
      proxy.cut()
      yield* Fiber.join(broken)
      const { provenance } = yield* ask("ok")
      assert.strictEqual(Number(provenance?.decoderVersion), pid)
    })
  )

  it.scopedLive("whose deadline passes while native code hangs is told so, and that worker is gone", () =>
    Effect.gen(function* () {
      const { ask, worker } = yield* setUp({ queueCapacity: 1 })
      const pid = yield* worker
      assert.strictEqual((yield* Effect.flip(ask("stuck", deadlineMs))).code, Code.DeadlineExceeded)
      // Its place is taken until then: the next call waits for the fresh worker.
      assert.notStrictEqual(yield* worker, pid)
      assert.isFalse(isRunning(pid))
    })
  )
})

describe("the fingerprint server", { timeout: patience }, () => {
  it.scopedLive("ends a worker that hangs in native code at its own deadline", () =>
    Effect.gen(function* () {
      const { ask, worker } = yield* setUp({ defaultDeadline: deadlineMs })
      const pid = yield* worker
      assert.strictEqual((yield* Effect.flip(ask("stuck"))).code, Code.DeadlineExceeded)
      yield* until(Effect.sync(() => !isRunning(pid)))
    })
  )

  it.scopedLive("that is told to end does so, with a worker that hangs, one call running and one waiting", () =>
    Effect.gen(function* () {
      const folder = yield* musicFolder
      const { child, port } = yield* startProcess(folder)
      const client = clientOf(port)
      const ok = yield* askFor(client, join(folder, "ok.flac"))
      const worker = Number(ok.provenance?.decoderVersion)
      const stuck = yield* Effect.fork(Effect.flip(askFor(client, join(folder, "stuck.flac"))))
      yield* hasBegun(folder)("stuck")
      const waiting = yield* Effect.fork(Effect.flip(askFor(client, join(folder, "ok.flac"))))
      yield* until(Effect.map(queueLengthAt(port), (length) => length === 1))
      const ended = yield* Effect.fork(exitOf(child))
      child.kill("SIGTERM")
      yield* Fiber.join(stuck)
      assert.strictEqual((yield* Fiber.join(waiting)).code, Code.Unavailable)
      // By itself, after it has cleaned up: no signal ended it.
      assert.isNull((yield* Fiber.join(ended)).signal)
      assert.isFalse(isRunning(worker))
    })
  )
})

/** The failures of those that have ended. */
const pollAll = <E>(fibers: ReadonlyArray<Fiber.RuntimeFiber<E, unknown>>) =>
  Effect.map(Effect.forEach(fibers, Fiber.poll), (polled) =>
    polled.flatMap((exit) => (exit._tag === "Some" && exit.value._tag === "Success" ? [exit.value.value] : []))
  )

/** Passes bytes on to `port`, until it cuts all connections on both sides. */
const makeProxy = (port: number) =>
  Effect.acquireRelease(
    Effect.async<{ readonly port: number; readonly cut: () => void }>((resume) => {
      const sockets: Array<Socket> = []
      const server = createServer((near) => {
        const far = connect(port, "127.0.0.1")
        for (const socket of [near, far]) sockets.push(socket.on("error", () => {}))
        near.pipe(far)
        far.pipe(near)
      })
      const cut = () => {
        server.close()
        for (const socket of sockets) socket.resetAndDestroy()
      }
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed({ port: (server.address() as AddressInfo).port, cut })))
    }),
    ({ cut }) => Effect.sync(cut)
  )

const program = (folder: string) => `
  import { NodeRuntime } from "@effect/platform-node"
  import { launch } from "./src/layers/fingerprint/server/FingerprintServer.ts"
  const workerCommand = [${JSON.stringify(scriptedWorker)}]
  NodeRuntime.runMain(launch({ port: 0, workers: 1, folders: [${JSON.stringify(folder)}], workerCommand }))
`

const startProcess = (folder: string) =>
  Effect.gen(function* () {
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(process.execPath, ["--input-type=module", "-e", program(folder)], {
          cwd: root,
          stdio: ["ignore", "pipe", "ignore"]
        })
      ),
      (child) => Effect.sync(() => child.kill("SIGKILL"))
    )
    const line = yield* Effect.async<string>(
      (resume) => void child.stdout.once("data", (bytes) => resume(Effect.succeed(String(bytes))))
    )
    const { port } = yield* Schema.decode(ListeningLine)(line)
    return { child, port }
  })

const exitOf = (child: ChildProcess) =>
  Effect.async<{ readonly code: number | null; readonly signal: string | null }>(
    (resume) => void child.once("exit", (code, signal) => resume(Effect.succeed({ code, signal })))
  )
