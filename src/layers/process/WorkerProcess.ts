/**
 * One worker process as its parent has it: started with a short environment, ready, working, and in the end lost or
 * ended. Orders go to its stdin, one JSON object a line; its messages come on descriptor 3. It ends when its stdin does:
 * its parent is gone. What the orders and messages say is the business of whoever starts it.
 */
import { spawn } from "node:child_process"
import type { Readable } from "node:stream"
import { Deferred, Duration, Effect, Exit, FiberId } from "effect"
import { childEnvironment } from "./childEnvironment.ts"
import { endProcess } from "./endProcess.ts"
import { makeMessageSplitter, reportDescriptor } from "./messages.ts"
import { alive, aliveIntervalMs, ready as readyText } from "./workerSigns.ts"
import { makeWatchdog, type MemoryBound } from "./Watchdog.ts"
import { type LossCause, lossOfExit, WorkerLost } from "./workerLost.ts"

export interface WorkerProcessOptions {
  /** In sentences and in the log: "A render worker". */
  readonly name: string
  /** Arguments of `node`. */
  readonly command: ReadonlyArray<string>
  /** Beside what every worker gets. */
  readonly environment?: Readonly<Record<string, string>>
  /** While it works, silence of this length, all of it with a processor or asleep, ends it. */
  readonly stallTimeout: Duration.DurationInput
  readonly memory?: MemoryBound
  /** A message, and the bytes behind it, which are the receiver's to keep. false: it is none, and the worker is lost. */
  readonly onMessage: (text: string, payload: Uint8Array<ArrayBuffer>) => boolean
  /** Gives the memory of payloads. */
  readonly allocate?: (bytes: number) => Uint8Array<ArrayBuffer>
  /** Called once, at the loss. */
  readonly onLost?: (loss: WorkerLost) => void
}

export interface WorkerProcess {
  readonly pid: number | undefined
  /** Done when it can be given orders; fails where it is lost before. */
  readonly ready: Effect.Effect<void, WorkerLost>
  /** Fails when it is lost; does not end otherwise. */
  readonly lost: Effect.Effect<never, WorkerLost>
  /** Whether it is ready, and not lost. */
  readonly isReady: () => boolean
  /** Whether it holds more memory than one that gets new work may. */
  readonly isSwollen: () => boolean
  readonly loss: () => WorkerLost | undefined
  /** One line of JSON. Nothing where it is lost. */
  readonly send: (order: string) => void
  /** It is watched between the two, which may nest: an idle worker need not show that it lives. */
  readonly beginWork: () => void
  readonly endWork: () => void
  /** Gives it up and kills it. */
  readonly lose: (cause: LossCause, detail: string) => void
  /** SIGTERM, SIGKILL after the grace time; done when it is gone. */
  readonly end: Effect.Effect<void>
}

/** From spawn to ready, of time in which it had a processor or slept. */
const startTimeout = Duration.seconds(30)
/** From SIGTERM to SIGKILL. */
const graceTimeout = Duration.seconds(1)

export const spawnWorker = (options: WorkerProcessOptions): WorkerProcess => {
  const { allocate, name, onLost = () => {}, onMessage } = options
  // Its stdout goes to stderr: the parent's own stdout belongs to the parent.
  const child = spawn(process.execPath, options.command, {
    stdio: ["pipe", 2, 2, "pipe"],
    env: childEnvironment(options.environment)
  })
  const ready = Deferred.unsafeMake<void, WorkerLost>(FiberId.none)
  const lost = Deferred.unsafeMake<never, WorkerLost>(FiberId.none)
  const watchdog = makeWatchdog({ pid: child.pid, memory: options.memory, intervalMs: aliveIntervalMs })
  const stallMs = Duration.toMillis(options.stallTimeout)
  let isReady = false
  let loss: WorkerLost | undefined
  let works = 0
  let watch: NodeJS.Timeout | undefined
  let lookedAt = 0

  const lose = (cause: LossCause, detail: string) => {
    if (loss !== undefined) return
    loss = new WorkerLost({ worker: name, cause, detail })
    clearInterval(watch)
    Deferred.unsafeDone(ready, loss)
    Deferred.unsafeDone(lost, loss)
    onLost(loss)
    child.kill("SIGKILL")
  }

  const look = () => {
    lookedAt = performance.now()
    const verdict = watchdog.look(isReady ? stallMs : Duration.toMillis(startTimeout))
    if (verdict !== undefined) lose(verdict.cause, isReady ? verdict.detail : `it did not start: ${verdict.detail}`)
  }

  const beginWork = () => {
    works += 1
    if (works > 1 || loss !== undefined) return
    watchdog.begin()
    watch = setInterval(look, aliveIntervalMs)
  }
  const endWork = () => {
    works -= 1
    if (works > 0) return
    clearInterval(watch)
    // What it holds when it has nothing to do is looked at once more: nobody watches it then.
    if (loss === undefined && performance.now() - lookedAt >= aliveIntervalMs) look()
  }

  const onText = (text: string, payload: Uint8Array<ArrayBuffer>) => {
    watchdog.sign()
    if (text === alive) return
    if (text !== readyText) return void (onMessage(text, payload) || lose("garbage", "it sent what is no report"))
    isReady = true
    endWork()
    Deferred.unsafeDone(ready, Exit.void)
  }

  // Starting is work.
  beginWork()
  child.once("error", (error) => lose("unstartable", error.message))
  // Not `exit`, which may come before the last message.
  child.once("close", (code, signal) => {
    const { cause, detail } = lossOfExit(code, signal)
    lose(cause, detail)
  })
  // A worker that is gone closes its pipes; `close` tells.
  child.stdin?.on("error", () => {})
  const split = makeMessageSplitter(onText, allocate)
  const reports = child.stdio[reportDescriptor] as Readable
  reports.on("error", () => {})
  reports.on("data", (bytes: Buffer) => void (split(bytes) || lose("garbage", "it sent what is no message")))

  return {
    pid: child.pid,
    ready: Deferred.await(ready),
    lost: Deferred.await(lost),
    isReady: () => isReady && loss === undefined,
    isSwollen: watchdog.isSwollen,
    loss: () => loss,
    send: (order) => {
      if (loss === undefined) child.stdin?.write(`${order}\n`)
    },
    beginWork,
    endWork,
    lose,
    end: Effect.suspend(() => {
      clearInterval(watch)
      loss ??= new WorkerLost({ worker: name, cause: "ended", detail: "it was told to end" })
      return endProcess(child, graceTimeout)
    })
  }
}
