/** A worker's own side of WorkerProcess: orders from stdin, messages to descriptor 3, signs of life, and its end. */
import { Socket } from "node:net"
import { exitWithParent } from "./exitWithParent.ts"
import { keepCompiled } from "./keepCompiled.ts"
import { makeLineSplitter } from "./lineSplitter.ts"
import { encodeMessage, reportDescriptor } from "./messages.ts"
import { alive, aliveIntervalMs, ready } from "./workerSigns.ts"

/** Of an order: a path of at most 4096 bytes, escaped, and a plan. */
const longestOrderBytes = 256 * 1024

export interface WorkerSide {
  readonly send: (text: string, payload?: Uint8Array) => void
  /** `onSent` is called when the payload's memory is free again. */
  readonly sendPayload: (text: string, payload: Uint8Array, onSent: () => void) => void
  /** It shows that it lives between the two, which may nest. */
  readonly beginWork: () => void
  readonly endWork: () => void
}

/**
 * Takes orders until stdin ends or the process does. `onOrder` gets each line; what it throws ends the process. Says
 * that it is ready at once: what takes long to load has to be there before.
 */
export const serveParent = (onOrder: (line: string, side: WorkerSide) => void): void => {
  const reports = new Socket({ fd: reportDescriptor, readable: false, writable: true })
  const leave = () => process.exit(0)
  let works = 0
  let heartbeat: NodeJS.Timeout | undefined

  const sendPayload: WorkerSide["sendPayload"] = (text, payload, onSent) => {
    reports.cork()
    for (const part of encodeMessage(text, payload)) reports.write(part, part === payload ? onSent : undefined)
    reports.uncork()
  }
  const side: WorkerSide = {
    send: (text, payload) => {
      if (payload !== undefined) return sendPayload(text, payload, () => {})
      for (const part of encodeMessage(text, undefined)) reports.write(part)
    },
    sendPayload,
    beginWork: () => {
      works += 1
      if (works === 1) heartbeat = setInterval(() => side.send(alive), aliveIntervalMs)
    },
    endWork: () => {
      works -= 1
      if (works === 0) clearInterval(heartbeat)
    }
  }

  reports.on("error", leave)
  exitWithParent()
  keepCompiled()
  // Ctrl-C reaches the whole group of a terminal; the parent decides when its workers end.
  process.on("SIGINT", () => {})
  const split = makeLineSplitter(longestOrderBytes, (line) => onOrder(line, side))
  process.stdin.on("data", split).once("end", leave).once("error", leave)
  side.send(ready)
}
