/** Keeps a fingerprint server running as a child process: started with its scope, restarted when it dies, ended with it. */
import { type ChildProcess, spawn } from "node:child_process"
import { createServer } from "node:net"
import { fileURLToPath } from "node:url"
import { Duration, Effect, Fiber, Layer, Schedule } from "effect"

export interface FingerprintServerProcessOptions {
  readonly port: number
  /** Absolute paths of the folders it may read. */
  readonly folders: ReadonlyArray<string>
}

/** Between a death and the next start: 0.25 s, doubling up to 10 s; from the beginning again after a healthy minute. */
export const restartPolicy = Schedule.exponential("250 millis").pipe(
  Schedule.union(Schedule.spaced("10 seconds")),
  Schedule.jittered,
  Schedule.resetAfter("1 minute")
)

/** From SIGTERM to SIGKILL. */
const shutdownDeadline = Duration.seconds(3)

const entry = fileURLToPath(new URL("../cli.ts", import.meta.url))

/** One life of the server: from its start to its death, which is its result. Interruption ends the process first. */
const live = ({ port, folders }: FingerprintServerProcessOptions): Effect.Effect<string> =>
  Effect.async<string>((resume) => {
    const roots = folders.flatMap((folder) => ["--root", folder])
    // The channel of `ipc` carries nothing: its end tells the child that this process is gone, however it went.
    const child = spawn(process.execPath, [entry, "fingerprint-server", "--port", String(port), ...roots], {
      stdio: ["ignore", "ignore", "inherit", "ipc"]
    })
    child.once("error", (error) => resume(Effect.succeed(error.message)))
    child.once("exit", (code, signal) => resume(Effect.succeed(signal ?? `exit code ${code}`)))
    return terminate(child)
  })

const terminate = (child: ChildProcess): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return resume(Effect.void)
    const kill = setTimeout(() => child.kill("SIGKILL"), Duration.toMillis(shutdownDeadline))
    child.once("exit", () => {
      clearTimeout(kill)
      resume(Effect.void)
    })
    child.kill("SIGTERM")
  })

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

/** Never fails: a server that cannot start is a log line and another attempt; who needs it goes without until then. */
export const layer = (options: FingerprintServerProcessOptions): Layer.Layer<never> =>
  Layer.scopedDiscard(
    live(options).pipe(
      Effect.tap((death) => Effect.logWarning(`The fingerprint server ended (${death}); it is started again`)),
      Effect.repeat(restartPolicy),
      Effect.forkDaemon,
      Effect.flatMap((fiber) => Effect.addFinalizer(() => Fiber.interrupt(fiber)))
    )
  )
