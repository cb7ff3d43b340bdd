/** Keeps a fingerprint server running as a child process: watched, restarted when it dies or does not answer, and ended. */
import { type ChildProcess, spawn } from "node:child_process"
import { get } from "node:http"
import { createServer } from "node:net"
import { Data, Duration, Effect, Schema } from "effect"
import type { RestartBackoff } from "../../domain/supervision/RestartBackoff.ts"
import type { RestartPolicy } from "../../domain/supervision/SupervisorDecision.ts"
import { childEnvironment } from "../process/childEnvironment.ts"
import { entryPoint } from "../process/entryPoints.ts"
import { makeWatchdog, type MemoryBound, type Verdict } from "../process/Watchdog.ts"
import { SupervisorSnapshot } from "../../domain/supervision/SupervisorSnapshot.ts"
import type { Child } from "../supervision/Child.ts"
import * as Supervisor from "../supervision/Supervisor.ts"

export interface FingerprintServerProcessOptions {
  readonly port: number
  /** Absolute paths of the folders it may read. */
  readonly folders: ReadonlyArray<string>
  /** Whether links in them admit what they lead to. Default true. */
  readonly followLinks?: boolean
  /** Arguments of `node` that start it. Default: those of `lathe fingerprint-server`. */
  readonly command?: ReadonlyArray<string>
  readonly watch?: WatchPolicy
}

/** It never gives up: playback does without the server, and what keeps it from running may pass. */
const restartPolicy: RestartPolicy = { strategy: "one-for-one", intensity: Infinity, periodSeconds: 60 }

/** Between a death and the next start: 0.25 s, doubling up to 10 s; from the beginning again after a healthy minute. */
const restartBackoff: RestartBackoff = { firstMs: 250, mostMs: 10_000, healthyMs: 60_000 }

/** It passes things on; what measures is a process of its own. */
const memoryBound: MemoryBound = { soft: 384 * 2 ** 20, hard: 512 * 2 ** 20 }

/** From SIGTERM to SIGKILL. */
const shutdownDeadline = Duration.seconds(3)

export interface WatchPolicy {
  /** From a start to the first answer. Loading takes a second or two, and as many times longer as the machine is busy. */
  readonly startDeadline: Duration.DurationInput
  /** Between two questions. */
  readonly interval: Duration.DurationInput
  /** For one answer. The server's event loop only passes things on, so that it is free whatever it measures. */
  readonly deadline: Duration.DurationInput
  /** So many missing answers in a row, of a server that had a processor for them, and it is killed. */
  readonly failures: number
}

/** A stopped server (SIGSTOP) or one that hangs is noticed after 3.5 to 4.5 s. */
const watchPolicy: WatchPolicy = {
  startDeadline: "1 minute",
  interval: "500 millis",
  deadline: "1 second",
  failures: 3
}

/** Why a life of the server ended. Stays inside supervision: who needs the server hears of it by its absence. */
class ServerLost extends Data.TaggedError("ServerLost")<{ readonly detail: string }> {
  override get message() {
    return `The fingerprint server ${this.detail}.`
  }
}

/** The server under a supervisor of its own, since it is the only one to be borne with for ever. Always starts. */
export const supervised = (options: FingerprintServerProcessOptions): Child =>
  Supervisor.child({
    id: "fingerprinting",
    policy: restartPolicy,
    backoff: restartBackoff,
    children: [serverProcess(options)]
  })

const serverProcess = (options: FingerprintServerProcessOptions): Child => {
  let latest: ChildProcess | undefined
  return {
    id: "fingerprint-server",
    type: "worker",
    restart: "permanent",
    shutdown: Duration.toMillis(shutdownDeadline),
    start: Effect.gen(function* () {
      const server = yield* Effect.acquireRelease(
        Effect.sync(() => spawnServer(options)),
        terminate
      )
      latest = server
      return {
        ended: Effect.raceFirst(
          death(server),
          Effect.flatMap(unwellness(server, options), (verdict) => killed(server, verdict))
        ),
        children: Effect.map(treeOf(options.port), (tree) => [tree]).pipe(Effect.orElseSucceed(() => []))
      }
    }),
    kill: Effect.sync(() => latest?.kill("SIGKILL"))
  }
}

const spawnServer = ({ command, folders, followLinks = true, port }: FingerprintServerProcessOptions): ChildProcess => {
  const roots = folders.flatMap((folder) => ["--root", folder])
  const links = ["--follow-links", followLinks ? "on" : "off"]
  const words = command ?? [entryPoint("cli"), "fingerprint-server", "--port", String(port), ...links, ...roots]
  // The channel of `ipc` carries nothing: its end tells the child that this process is gone, however it went.
  const server = spawn(process.execPath, words, {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
    env: childEnvironment()
  })
  // It tells who waits for the death, if somebody does; without a listener it would end this process.
  return server.on("error", () => {})
}

const death = (server: ChildProcess): Effect.Effect<never, ServerLost> =>
  Effect.async((resume) => {
    const end = (detail: string) => resume(new ServerLost({ detail }))
    const exited = (code: number | null, signal: string | null) => end(`ended (${signal ?? `exit code ${code}`})`)
    const failed = (error: Error) => end(`cannot be started (${error.message})`)
    if (hasExited(server)) return exited(server.exitCode, server.signalCode)
    server.once("exit", exited)
    // Where it cannot be started there is no exit.
    server.once("error", failed)
    return Effect.sync(() => server.off("exit", exited).off("error", failed))
  })

const killed = (server: ChildProcess, { cause, detail }: Verdict) =>
  Effect.suspend(() => {
    // Also a process that is stopped.
    server.kill("SIGKILL")
    return new ServerLost({
      detail: cause === "memory" ? `was replaced: ${detail}` : "did not answer and was killed"
    })
  })

/** SIGTERM; done when it is gone. What makes it go in the end is `kill`. */
const terminate = (server: ChildProcess): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    if (hasExited(server)) return resume(Effect.void)
    server.once("exit", () => resume(Effect.void))
    server.kill("SIGTERM")
  })

const hasExited = ({ exitCode, pid, signalCode }: ChildProcess) =>
  exitCode !== null || signalCode !== null || pid === undefined

/** Done once the server answers no more although it could, or holds too much memory; or has not begun to answer. */
const unwellness = (
  { pid }: ChildProcess,
  { port, watch = watchPolicy }: FingerprintServerProcessOptions
): Effect.Effect<Verdict> =>
  Effect.suspend(() => {
    const [intervalMs, deadlineMs, startMs] = [watch.interval, watch.deadline, watch.startDeadline].map(
      Duration.toMillis
    ) as [number, number, number]
    const roundMs = intervalMs + deadlineMs
    const watchdog = makeWatchdog({ pid, memory: memoryBound, intervalMs: roundMs })
    let hasBegun = false
    return answerOf(port, watch.deadline).pipe(
      Effect.map((answer) => {
        if (answer === "well") {
          hasBegun = true
          watchdog.sign()
        }
        // Before it has begun nobody listens; who listens and says nothing is stopped, or hangs, at any time.
        return watchdog.look(hasBegun || answer === "silent" ? watch.failures * roundMs : startMs)
      }),
      Effect.delay(watch.interval),
      Effect.repeat({ until: (verdict): verdict is Verdict => verdict !== undefined })
    )
  })

/** silent: nothing within the deadline, where somebody listens. */
type Answer = "well" | "unwell" | "silent"

const answerOf = (port: number, deadline: Duration.DurationInput): Effect.Effect<Answer> =>
  Effect.async<Answer>((resume) => {
    // A connection of its own each time: one that is kept tells of the last server.
    const request = get({ host: "127.0.0.1", port, path: "/health", agent: false }, (response) => {
      response.resume()
      resume(Effect.succeed(response.statusCode === 200 ? "well" : "unwell"))
    })
    request.on("error", () => resume(Effect.succeed("unwell")))
    return Effect.sync(() => request.destroy())
  }).pipe(Effect.timeoutTo({ duration: deadline, onTimeout: (): Answer => "silent", onSuccess: (answer) => answer }))

/** For the answer of a process that may be stopped; who looks at the tree does not wait for long. */
const treePatience = Duration.millis(250)

/** What the server itself supervises. */
const treeOf = (port: number) =>
  Effect.tryPromise(async (signal) => (await fetch(`http://127.0.0.1:${port}/supervision`, { signal })).json()).pipe(
    Effect.timeout(treePatience),
    Effect.flatMap(Schema.decodeUnknown(SupervisorSnapshot))
  )

/** `port` where it is free on loopback, else another one that is. */
export const findFreePort = (port: number): Effect.Effect<number> =>
  Effect.async<number>((resume) => {
    const probe = createServer()
    probe.once("error", () => resume(port === 0 ? Effect.dieMessage("there is no free port") : findFreePort(0)))
    probe.listen(port, "127.0.0.1", () => {
      const address = probe.address()
      const found = typeof address === "object" && address !== null ? address.port : port
      probe.close(() => resume(Effect.succeed(found)))
    })
  })
