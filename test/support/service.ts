/** The service as a user starts it: `lathe serve` as a process of its own, on free ports, ended with the scope. */
import { Effect, Schedule, Schema, type Scope } from "effect"
import { type ChildProcess, spawn, type StdioOptions } from "node:child_process"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { ListeningLine } from "../../src/layers/FingerprintServer.ts"

export interface RunningService {
  readonly pid: number
  /** `http://127.0.0.1:<port>` */
  readonly url: string
  /** Exit status and signal, once it has ended. */
  readonly exit: Effect.Effect<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>
  /** What it has logged so far. */
  readonly log: () => string
  /** Process id of the fingerprint server that it runs now; waits for one that is being started. */
  readonly fingerprintServer: Effect.Effect<number>
}

const cli = fileURLToPath(new URL("../../src/cli.ts", import.meta.url))

const untilExit = (child: ChildProcess) =>
  new Promise<void>((resolve) =>
    child.exitCode !== null || child.signalCode !== null ? resolve() : child.once("exit", () => resolve())
  )

/** A process of the command line, ended with the scope. */
const startCli = (words: ReadonlyArray<string>, stdio: StdioOptions) =>
  Effect.acquireRelease(
    Effect.sync(() => spawn(process.execPath, [cli, ...words], { stdio })),
    (child) =>
      Effect.promise(() => {
        child.kill("SIGTERM")
        return untilExit(child)
      })
  )

const childrenOf = (pid: number): ReadonlyArray<number> =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number)

/** Empty for a process that has ended in the meantime. */
const commandOf = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8")
  } catch {
    return ""
  }
}

/** `folders` empty: the demo library. `dataFolder` keeps database and demo. Measures what is played, and no more. */
export const startService = (
  dataFolder: string,
  folders: ReadonlyArray<string>,
  background: "on" | "off" = "off",
  more: ReadonlyArray<string> = []
): Effect.Effect<RunningService, never, Scope.Scope> =>
  Effect.gen(function* () {
    let log = ""
    const options = ["--port", "0", "--fingerprint-port", "0", "--data", dataFolder, "--background", background]
    const child = yield* startCli(["serve", ...folders, ...options, ...more], ["ignore", "inherit", "pipe"])
    const url = yield* Effect.async<string>((resume) => {
      child.stderr?.on("data", (chunk: Buffer) => {
        log += chunk.toString()
        const [, found] = /lathe serves .* at (http:\/\/127\.0\.0\.1:\d+)\//.exec(log) ?? []
        if (found !== undefined) resume(Effect.succeed(found))
      })
      child.once("exit", () => resume(Effect.dieMessage(`the service ended: ${log}`)))
    })
    const fingerprintServer = Effect.suspend(() => {
      const found = childrenOf(child.pid!).find((pid) => commandOf(pid).includes("fingerprint-server"))
      return found === undefined ? Effect.fail("not yet") : Effect.succeed(found)
    }).pipe(Effect.retry(Schedule.spaced("50 millis")), Effect.orDie)
    const exit = Effect.map(
      Effect.promise(() => untilExit(child)),
      () => ({ code: child.exitCode, signal: child.signalCode })
    )
    return { pid: child.pid!, exit, url, log: () => log, fingerprintServer }
  })

/** The fingerprint server alone, reading below `folder`. */
export const startFingerprintServer = (folder: string) =>
  Effect.gen(function* () {
    const words = ["fingerprint-server", "--port", "0", "--root", folder]
    const child = yield* startCli(words, ["ignore", "pipe", "ignore"])
    return yield* Effect.async<typeof ListeningLine.Type>((resume) => {
      child.stdout?.once("data", (line: Buffer) => resume(Effect.orDie(Schema.decode(ListeningLine)(line.toString()))))
      child.once("exit", () => resume(Effect.dieMessage("the fingerprint server ended")))
    })
  })
