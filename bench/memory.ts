/**
 * What an analysis worker takes of memory: on files from minutes to many hours, and on short files in a row.
 * `npm run bench -- memory [HOURS] [FILES]`; default: 10 hours at most, 1000 files.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { startAnalysisWorker } from "./support/analysisWorkers.ts"
import { writeNoiseAndSilence } from "./support/longTracks.ts"
import { report } from "./support/measure.ts"

const [hours = 10, files = 1000] = process.argv.slice(3).map(Number)
const longLengths = [hours / 100, hours / 10, hours]
const formats = [
  { sampleRate: 8000, channels: 1 },
  { sampleRate: 44_100, channels: 2 }
]
const shortSeconds = 3
const warmUpFiles = Math.min(100, Math.ceil(files / 2))

const folder = mkdtempSync(join(tmpdir(), "lathe-bench-"))
try {
  const rows: Array<string> = []
  for (const format of formats) {
    for (const length of longLengths) {
      const path = join(folder, "long.flac")
      await writeNoiseAndSilence(path, length * 3600, format)
      const worker = await startAnalysisWorker()
      const before = worker.residentMb()
      await worker.analyze(path)
      const name = `${format.sampleRate} Hz, ${format.channels === 1 ? "mono" : "stereo"}, ${length} h`
      const numbers = [before, worker.peakResidentMb(), worker.residentMb()].map((mb) => mb.toFixed(0))
      rows.push(`| ${name} | ${numbers.join(" | ")} | ${worker.cpuSeconds().toFixed(1)} |`)
      await worker.end()
    }
  }

  const short = join(folder, "short.flac")
  await writeNoiseAndSilence(short, shortSeconds, { sampleRate: 44_100, channels: 2 })
  const worker = await startAnalysisWorker()
  const marks = [warmUpFiles, Math.round((warmUpFiles + files) / 2), files]
  const residents: Array<string> = []
  for (let n = 1; n <= files; n++) {
    await worker.analyze(short)
    if (marks.includes(n))
      residents.push(`| ${n} | ${worker.residentMb().toFixed(0)} | ${worker.peakResidentMb().toFixed(0)} |`)
  }
  await worker.end()

  report(
    "memory",
    "Memory of an analysis worker",
    [
      "| FLAC | MB at start | MB at most | MB at the end | CPU s |",
      "|---|---|---|---|---|",
      ...rows,
      "",
      `One worker, the same file of ${shortSeconds} s over and over:`,
      "",
      "| files | MB | MB at most |",
      "|---|---|---|",
      ...residents,
      "",
      `Called with ${hours} hours and ${files} files. Resident set of the process, Node and FFmpeg included. Each long file has a worker of its own.`
    ].join("\n")
  )
} finally {
  rmSync(folder, { recursive: true })
}
