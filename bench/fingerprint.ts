/**
 * The whole fingerprint of four minutes of stereo FLAC (16 bits, 44.1 kHz), decoding included, beside ffmpeg's `ebur128=peak=true`, which
 * measures loudness and true peak alone. CPU time of one core.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { writeTestPiece } from "./support/pieces.ts"
import { inTurn, isInstalled, median, report, runProcess } from "./support/measure.ts"

const rounds = 5
const worker = fileURLToPath(new URL("./support/analyzeOnce.ts", import.meta.url))

if (!(await isInstalled("ffmpeg"))) throw new Error("This benchmark compares with ffmpeg: install it (Debian: ffmpeg).")

const folder = mkdtempSync(join(tmpdir(), "lathe-bench-"))
try {
  const file = join(folder, "piece.flac")
  const master = join(folder, "master.wav")
  await writeTestPiece(master, 240)
  // 16 bits, as on a CD.
  await runProcess("ffmpeg", ["-nostdin", "-v", "error", "-i", master, "-sample_fmt", "s16", file])
  const ffmpeg = async (filter: ReadonlyArray<string>) =>
    (await runProcess("ffmpeg", ["-nostdin", "-v", "error", "-threads", "1", "-i", file, ...filter, "-f", "null", "-"]))
      .cpuSeconds
  // The worker measures itself, the first analysis as warm-up: a server is warm.
  const lathe = async (what: string) => Number((await runProcess(process.execPath, [worker, what, file])).stdout)
  const results = await inTurn(rounds, {
    "lathe, whole fingerprint": () => lathe("fingerprint"),
    "lathe, decoding alone": () => lathe("decode"),
    "ffmpeg, ebur128=peak=true": () => ffmpeg(["-af", "ebur128=peak=true"]),
    "ffmpeg, decoding alone": () => ffmpeg([])
  })
  const reference = median(results["ffmpeg, ebur128=peak=true"])
  const rows = Object.entries(results).map(([name, seconds]) => {
    const middle = median(seconds)
    return `| ${name} | ${middle.toFixed(2)} | ${Math.min(...seconds).toFixed(2)}-${Math.max(...seconds).toFixed(2)} | ${(middle / reference).toFixed(2)} |`
  })
  report(
    "fingerprint",
    "Fingerprint of 240 s of stereo FLAC, 16 bits, at 44.1 kHz",
    [
      `| | CPU s, median of ${rounds} | range | x ebur128 |`,
      "|---|---|---|---|",
      ...rows,
      "",
      "ffmpeg: the whole process. lathe: the second analysis in a process, as in the warm server."
    ].join("\n")
  )
} finally {
  rmSync(folder, { recursive: true })
}
