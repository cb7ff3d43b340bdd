/** The service as a user starts it: `lathe serve` as a process of its own, on free ports, ended with the scope. */
import { Effect, Schedule, Schema, type Scope } from "effect"
import { type ChildProcess, spawn, type StdioOptions } from "node:child_process"
import { readFileSync } from "node:fs"
import { ListeningLine } from "../../src/layers/fingerprint/server/FingerprintServer.ts"
import type { ServiceOptions } from "../../src/service.ts"
import { built } from "./built.ts"

export interface RunningService {
  readonly pid: number
  /** `http://127.0.0.1:<port>` */
  readonly url: string
  /** From the start of the process to its address, ms. */
  readonly startMs: number
  /** Exit status and signal, once it has ended. */
  readonly exit: Effect.Effect<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>
  /** What it has logged so far. */
  readonly log: () => string
  /** Process id of the fingerprint server that it runs now; waits for one that is being started. */
  readonly fingerprintServer: Effect.Effect<number>
  /** Process ids of the render workers that are there now. */
  readonly renderWorkers: () => ReadonlyArray<number>
}

const cli = built("cli")

const untilExit = (child: ChildProcess) =>
  new Promise<void>((resolve) =>
    child.exitCode !== null || child.signalCode !== null ? resolve() : child.once("exit", () => resolve())
  )

/** A process of Node, ended with the scope. */
const startNode = (words: ReadonlyArray<string>, stdio: StdioOptions) =>
  Effect.acquireRelease(
    Effect.sync(() => spawn(process.execPath, words, { stdio })),
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

/** Seconds for what may never come: a test may have taken the fingerprint server away. */
const patience = "10 seconds"

/** The first scan has ended, and the fingerprint server answers: what a test begins with. */
const untilFilled = (url: string) =>
  Effect.promise(async () => {
    const [scan, health] = await Promise.all(
      ["/api/scan", "/health"].map(async (path) => (await fetch(url + path)).json() as Promise<Record<string, unknown>>)
    )
    return scan?.["finished_at"] !== null && health?.["fingerprint_server"] === "available"
  }).pipe(
    Effect.repeat({ until: (isFilled) => isFilled, schedule: Schedule.spaced("50 millis") }),
    Effect.timeoutOption(patience)
  )

/** Once it tells its address, and has read its folders. */
const running = (words: ReadonlyArray<string>): Effect.Effect<RunningService, never, Scope.Scope> =>
  Effect.gen(function* () {
    let log = ""
    const begun = performance.now()
    const child = yield* startNode(words, ["ignore", "inherit", "pipe"])
    const url = yield* Effect.async<string>((resume) => {
      child.stderr?.on("data", (chunk: Buffer) => {
        log += chunk.toString()
        const [, found] = /lathe serves .* at (http:\/\/127\.0\.0\.1:\d+)\//.exec(log) ?? []
        if (found !== undefined) resume(Effect.succeed(found))
      })
      child.once("exit", () => resume(Effect.dieMessage(`the service ended: ${log}`)))
    })
    const startMs = performance.now() - begun
    yield* untilFilled(url)
    const fingerprintServer = Effect.suspend(() => {
      const found = childrenOf(child.pid!).find((pid) => commandOf(pid).includes("fingerprint-server"))
      return found === undefined ? Effect.fail("not yet") : Effect.succeed(found)
    }).pipe(Effect.retry(Schedule.spaced("50 millis")), Effect.orDie)
    const renderWorkers = () => childrenOf(child.pid!).filter((pid) => commandOf(pid).includes("enderWorker"))
    const exit = Effect.map(
      Effect.promise(() => untilExit(child)),
      () => ({ code: child.exitCode, signal: child.signalCode })
    )
    return { pid: child.pid!, exit, url, startMs, log: () => log, fingerprintServer, renderWorkers }
  })

/** `folders` empty: the demo pieces, which `npm run prepare` makes. Measures what is played, and no more. */
export const startService = (
  dataFolder: string,
  folders: ReadonlyArray<string>,
  options: ReadonlyArray<string> = []
): Effect.Effect<RunningService, never, Scope.Scope> => {
  const unless = (option: string, value: string) => (options.includes(option) ? [] : [option, value])
  const ports = [...unless("--port", "0"), "--fingerprint-port", "0"]
  return running([
    cli,
    "serve",
    ...folders,
    ...ports,
    "--data",
    dataFolder,
    ...unless("--background", "off"),
    ...options
  ])
}

/** The service over one folder, with processes that are not its own: see `faultyService.ts`. */
export const startFaultyService = (dataFolder: string, folder: string, commands: ServiceOptions["commands"]) =>
  running([built("faultyService"), JSON.stringify({ dataFolder, folder, commands })])

/** The fingerprint server alone, reading below `folder`. */
export const startFingerprintServer = (folder: string) =>
  Effect.gen(function* () {
    const words = ["fingerprint-server", "--port", "0", "--root", folder]
    const child = yield* startNode([cli, ...words], ["ignore", "pipe", "ignore"])
    return yield* Effect.async<typeof ListeningLine.Type>((resume) => {
      child.stdout?.once("data", (line: Buffer) => resume(Effect.orDie(Schema.decode(ListeningLine)(line.toString()))))
      child.once("exit", () => resume(Effect.dieMessage("the fingerprint server ended")))
    })
  })
