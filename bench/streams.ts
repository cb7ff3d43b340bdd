/**
 * How many listeners one service has at once without a packet too late, each with a mastering of its own; and the time
 * from play to the first packet beside that of ffmpeg from its start to its first byte of the same file.
 * `npm run bench -- streams [SECONDS]`; the listeners run on the same machine, and their CPU time is told apart.
 */
import { spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Effect } from "effect"
import { WebSocket } from "ws"
import { startService } from "../test/support/service.ts"
import { isInstalled, median, report, runProcess } from "./support/measure.ts"
import { writeTestPiece } from "./support/pieces.ts"
import type { ClientsReport } from "./support/streamClients.ts"

const [seconds = 20] = process.argv.slice(3).map(Number)
const counts = { enhanced: [25, 50, 100, 150, 200], normal: [100, 200, 250] } as const
const trackCount = 4
const trackSeconds = 120
const firstPacketRounds = 30

const clients = fileURLToPath(new URL("./support/streamClients.ts", import.meta.url))

const processesBelow = (pid: number): ReadonlyArray<number> => {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean)
    return [pid, ...children.map(Number).flatMap(processesBelow)]
  } catch {
    return []
  }
}

/** CPU seconds and resident MB of a process and all below it (proc(5)). */
const usage = (pid: number) =>
  processesBelow(pid).reduce(
    (sum, id) => {
      const stat = readFileSync(`/proc/${id}/stat`, "utf8")
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
      const pageMb = 4096 / 1e6
      return {
        cpu: sum.cpu + (Number(fields[11]) + Number(fields[12])) / 100,
        mb: sum.mb + Number(fields[21]) * pageMb
      }
    },
    { cpu: 0, mb: 0 }
  )

const at = (sorted: ReadonlyArray<number>, share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN

const ms = (value: number) => value.toFixed(value < 10 ? 1 : 0)

/** From play on a connection that is open to the first binary frame. */
const firstPacketMs = (url: string, track: number, type: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(`${url.replace("http", "ws")}/ws`)
    let asked = 0
    socket.once("open", () => {
      asked = performance.now()
      socket.send(JSON.stringify({ type, data: { track_id: track, credits: 1 } }))
    })
    socket.on("message", (_: Buffer, isBinary: boolean) => {
      if (!isBinary) return
      resolve(performance.now() - asked)
      socket.close(1000)
    })
    socket.once("error", reject)
  })

/** From the spawn of ffmpeg to its first byte of PCM. */
const ffmpegFirstByteMs = (file: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const asked = performance.now()
    const child = spawn("ffmpeg", ["-nostdin", "-v", "error", "-i", file, "-f", "f32le", "-"], {
      stdio: ["ignore", "pipe", "inherit"]
    })
    child.once("error", reject)
    child.stdout.once("data", () => {
      resolve(performance.now() - asked)
      child.kill("SIGKILL")
    })
  })

const folder = mkdtempSync(join(tmpdir(), "lathe-bench-streams-"))
const music = join(folder, "music")
mkdirSync(music)
const fileOf = (track: number) => join(music, `${track}.flac`)
for (let track = 1; track <= trackCount; track++) await writeTestPiece(fileOf(track), trackSeconds)

const program = Effect.gen(function* () {
  const { pid, url } = yield* startService(
    join(folder, "data"),
    [music],
    ["--streams", "1000", "--requests-per-second", "10000"]
  )
  const promise = <A>(make: () => Promise<A>) => Effect.promise(make)

  const cold: Array<number> = []
  for (let track = 1; track <= trackCount; track++) {
    cold.push(yield* promise(() => firstPacketMs(url, track, "play_enhanced")))
  }
  yield* Effect.sleep("8 seconds")
  const cached: Array<number> = []
  const original: Array<number> = []
  const ffmpeg: Array<number> = []
  const hasFfmpeg = yield* promise(() => isInstalled("ffmpeg"))
  for (let round = 0; round < firstPacketRounds; round++) {
    const track = (round % trackCount) + 1
    cached.push(yield* promise(() => firstPacketMs(url, track, "play_enhanced")))
    original.push(yield* promise(() => firstPacketMs(url, track, "play_normal")))
    if (hasFfmpeg) ffmpeg.push(yield* promise(() => ffmpegFirstByteMs(fileOf(track))))
  }

  const rows: Array<string> = []
  for (const kind of ["enhanced", "normal"] as const) {
    for (const count of counts[kind]) {
      const before = usage(pid)
      const words = [clients, url, String(count), String(seconds), kind, String(trackCount)]
      const run = yield* promise(() => runProcess(process.execPath, words))
      const after = usage(pid)
      const seen = JSON.parse(run.stdout) as ClientsReport
      const cores = (cpu: number) => (cpu / run.wallSeconds).toFixed(2)
      rows.push(
        `| ${count} ${kind} | ${seen.late} of ${seen.packets} | ${seen.gaps} | ${ms(at(seen.answers, 0.5))} / ${ms(at(seen.answers, 0.99))} / ${ms(at(seen.answers, 1))} | ${ms(at(seen.firstPackets, 0.5))} / ${ms(at(seen.firstPackets, 0.99))} | ${ms(at(seen.pongs, 0.99))} / ${ms(at(seen.pongs, 1))} | ${cores(after.cpu - before.cpu)} | ${cores(seen.cpuSeconds)} | ${after.mb.toFixed(0)} |`
      )
      console.error(rows.at(-1))
      if (seen.late + seen.gaps + seen.unfinished > 0) break
    }
  }

  const line = (name: string, values: ReadonlyArray<number>) => {
    const sorted = [...values].sort((a, b) => a - b)
    return `| ${name} | ${ms(median(sorted))} | ${ms(at(sorted, 0.99))} | ${sorted.length} |`
  }
  return [
    `FLAC, stereo, 44.1 kHz; a player holds 2 s and asks for a packet of 250 ms whenever it has played one; ${seconds} s a row.`,
    "A packet is late when it comes after the moment at which it was to be heard. Times in ms; CPU in cores.",
    "",
    "| streams | late packets | gaps | credit to packet: p50 / p99 / most | play to first packet: p50 / p99 | ping to pong: p99 / most | CPU, service and workers | CPU, listeners | MB, all processes |",
    "|---|---|---|---|---|---|---|---|---|",
    ...rows,
    "",
    "One listener at a time:",
    "",
    "| from play to the first packet, ms | median | p99 | of |",
    "|---|---|---|---|",
    line("enhanced, first time (no fingerprint yet)", cold),
    line("enhanced, fingerprint in the database", cached),
    line("original", original),
    ...(hasFfmpeg ? [line("ffmpeg, from spawn to its first byte", ffmpeg)] : [])
  ].join("\n")
})

try {
  report("streams", "Streams at once, in real time", await Effect.runPromise(Effect.scoped(program)))
} finally {
  rmSync(folder, { recursive: true })
}
