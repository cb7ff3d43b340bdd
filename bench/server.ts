/**
 * The fingerprint server with two workers, called by gRPC as the service does: whether two tracks at once take longer
 * than one, and one long track longer than its parts. Wall time, as a caller sees it.
 */
import { spawn } from "node:child_process"
import { mkdtempSync, realpathSync, rmSync } from "node:fs"
import { availableParallelism, loadavg, tmpdir } from "node:os"
import { join } from "node:path"
import { createClient } from "@connectrpc/connect"
import { createGrpcTransport } from "@connectrpc/connect-node"
import { Schema } from "effect"
import { FingerprintService } from "../gen/lathe/fingerprint/v1/fingerprint_pb.js"
import { ListeningLine } from "../src/layers/fingerprint/server/FingerprintServer.ts"
import { built } from "../test/support/built.ts"
import { inTurn, median, report, runProcess } from "./support/measure.ts"
import { writeTestPiece } from "./support/pieces.ts"

const rounds = 7
const seconds = 120
const parts = 4
/** Two tracks on two workers may take this much longer than one. */
const mostOverhead = 1.15

const startServer = (folder: string) => {
  const child = spawn(process.execPath, [built("cli"), "fingerprint-server", "--port", "0", "--root", folder], {
    stdio: ["ignore", "pipe", "inherit"]
  })
  const end = () =>
    new Promise<void>((resolve) => {
      child.once("exit", () => resolve())
      child.kill("SIGTERM")
    })
  return new Promise<{ readonly port: number; readonly end: () => Promise<void> }>((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`The server ended with ${code}`)))
    child.stdout.once("data", (line: Buffer) => {
      const { port } = Schema.decodeSync(ListeningLine)(line.toString())
      resolve({ port, end })
    })
  })
}

/** Two processes that only compute show what the machine itself has left for a second one. */
const loop = `
  require("node:os").setPriority(require("node:os").constants.priority.PRIORITY_BELOW_NORMAL)
  let x = 1
  for (let n = 0; n < 4e8; n++) x = (x * 1664525 + 1013904223) | 0
  process.exitCode = x === 0 ? 1 : 0
`
const compute = () => runProcess(process.execPath, ["-e", loop])

const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const start = performance.now()
  await work()
  return (performance.now() - start) / 1000
}

const folder = realpathSync(mkdtempSync(join(tmpdir(), "lathe-bench-server-")))
try {
  const at = (name: string) => join(folder, `${name}.flac`)
  await writeTestPiece(at("one"), seconds)
  await writeTestPiece(at("other"), seconds)
  await writeTestPiece(at("long"), seconds * parts)
  const server = await startServer(folder)
  try {
    const transport = createGrpcTransport({ baseUrl: `http://127.0.0.1:${server.port}` })
    const client = createClient(FingerprintService, transport)
    const analyze = (name: string) => client.computeFingerprint({ trackId: name, filepath: at(name) })
    const both = () => Promise.all([analyze("one"), analyze("other")])
    const oneByOne = async () => {
      for (let part = 0; part < parts; part++) await analyze("one")
    }
    // Both workers start, compile and warm up.
    for (let n = 0; n < 3; n++) await both()
    const load = loadavg()[0]!
    const results = await inTurn(rounds, {
      one: () => timed(() => analyze("one")),
      two: () => timed(both),
      long: () => timed(() => analyze("long")),
      parts: () => timed(oneByOne),
      loop: () => timed(compute),
      loops: () => timed(() => Promise.all([compute(), compute()]))
    })
    const [one, two, long, sum, alone] = [
      median(results.one),
      median(results.two),
      median(results.long),
      median(results.parts),
      median(results.loop)
    ]
    const row = (what: string, values: ReadonlyArray<number>, reference: number) =>
      `| ${what} | ${median(values).toFixed(2)} | ${Math.min(...values).toFixed(2)}-${Math.max(...values).toFixed(2)} | ${(median(values) / reference).toFixed(2)} |`
    report(
      "server",
      "Fingerprint server with two workers, by gRPC",
      [
        `| | wall s, median of ${rounds} | range | ratio |`,
        "|---|---|---|---|",
        row(`one track of ${seconds} s`, results.one, one),
        row("two such tracks at once", results.two, one),
        row("a process that only computes", results.loop, alone),
        row("two such processes at once", results.loops, alone),
        row(`${parts} such tracks one after the other`, results.parts, sum),
        row(`one track of ${seconds * parts} s`, results.long, sum),
        "",
        `Two tracks at once: ${(two / one).toFixed(2)} x one. The target is at most ${mostOverhead} where two cores are idle; two processes that share nothing take ${(median(results.loops) / alone).toFixed(2)} x one here.`,
        `One long track: ${(long / sum).toFixed(2)} x its parts.`,
        `This machine runs ${availableParallelism()} threads at once; its load before the measurement was ${load.toFixed(1)}.`
      ].join("\n")
    )
  } finally {
    await server.end()
  }
} finally {
  rmSync(folder, { recursive: true })
}
