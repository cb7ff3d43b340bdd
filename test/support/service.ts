/** The service as a user starts it: `lathe serve` as a process of its own, on free ports, ended with the scope. */
import { Effect, type Scope } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

export interface RunningService {
  /** `http://127.0.0.1:<port>` */
  readonly url: string
  /** What it has logged so far. */
  readonly log: () => string
  /** The fingerprint server that it runs now. */
  readonly fingerprintServerPid: () => number
}

const cli = fileURLToPath(new URL("../../src/cli.ts", import.meta.url))

const untilExit = (child: ChildProcess) =>
  new Promise<void>((resolve) =>
    child.exitCode !== null || child.signalCode !== null ? resolve() : child.once("exit", () => resolve())
  )

const childrenOf = (pid: number): ReadonlyArray<number> =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number)

/** `folders` empty: the demo library. `dataFolder` keeps database and demo. */
export const startService = (
  dataFolder: string,
  folders: ReadonlyArray<string>
): Effect.Effect<RunningService, never, Scope.Scope> =>
  Effect.gen(function* () {
    let log = ""
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(
          process.execPath,
          [cli, "serve", ...folders, "--port", "0", "--fingerprint-port", "0", "--data", dataFolder],
          {
            stdio: ["ignore", "inherit", "pipe"]
          }
        )
      ),
      (child) =>
        Effect.promise(() => {
          child.kill("SIGTERM")
          return untilExit(child)
        })
    )
    const url = yield* Effect.async<string>((resume) => {
      child.stderr.on("data", (chunk: Buffer) => {
        log += chunk.toString()
        const [, found] = /lathe serves .* at (http:\/\/127\.0\.0\.1:\d+)\//.exec(log) ?? []
        if (found !== undefined) resume(Effect.succeed(found))
      })
      child.once("exit", () => resume(Effect.dieMessage(`the service ended: ${log}`)))
    })
    const fingerprintServerPid = () => {
      const found = childrenOf(child.pid!).find((pid) =>
        readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("fingerprint-server")
      )
      if (found === undefined) throw new Error("no fingerprint server runs")
      return found
    }
    return { url, log: () => log, fingerprintServerPid }
  })
