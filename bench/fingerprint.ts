/**
 * The whole fingerprint of four minutes of stereo FLAC (16 bits, 44.1 kHz), decoding included, beside ffmpeg's `ebur128=peak=true`, which
 * measures loudness and true peak alone. CPU time of one core. And where lathe's time goes.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { analysisWorkerCommand, analysisWorkerEnvironment } from "../src/layers/fingerprint/TrackAnalyzerProcessPool.ts"
import { writeTestPiece } from "./support/pieces.ts"
import { inTurn, isInstalled, median, report, runProcess } from "./support/measure.ts"

const rounds = 5
const worker = fileURLToPath(new URL("./support/analyzeOnce.ts", import.meta.url))
/** As the pool starts its workers. */
const workerFlags = analysisWorkerCommand.filter((word) => word.startsWith("--"))

/** What the functions of a profile are for: the first part whose pattern fits. */
const parts: ReadonlyArray<readonly [string, RegExp]> = [
  ["FFT, of all that needs one", /assembly\/fft/],
  ["K-weighting", /kWeighted/],
  ["true peak", /truePeak|TruePeak/],
  ["harmonic and percussive: medians and masks", /harmonicPercussive|HarmonicPercussive/],
  ["levels, width, correlation, mid", /blockSums|BlockSums|Dynamics|StereoField/],
  ["decimation of the mid by 4", /decimator|Decimator/],
  ["power spectrum, centroid, roll-off, flatness", /stereoPower|spectralShape|SpectralShape|StereoSpectrum|BandShares/],
  ["pitch (YIN)", /yin|Yin/],
  ["chroma", /chroma|Chroma/],
  [
    "onset flux, onsets, tempo, beats",
    /onsetFlux|OnsetFlux|Onsets|Tempo|beatTracker|BeatTracker|Autocorrelation|Series/
  ],
  ["cutting blocks and segments", /Segmenter|BlockClock|SampleQueue|FingerprintAnalyzer|Loudness/],
  ["SHA-256 of the file", /^update$|^hash /],
  ["garbage collection", /garbage collector/],
  ["waiting", /\(idle\)/],
  // Native functions have a name only, and not always their own.
  [
    "FFmpeg: reading, decoding, to planar float",
    /^\w*$|FrameSource|AudioReader|codec-|packet\.js|frame\.js|-context\.js/
  ]
]
const otherPart = "the rest: Effect, Node"

const whereTimeGoes = (milliseconds: Readonly<Record<string, number>>): ReadonlyArray<string> => {
  const sums = new Map<string, number>()
  let total = 0
  for (const [name, spent] of Object.entries(milliseconds)) {
    const [part] = parts.find(([, pattern]) => pattern.test(name)) ?? [otherPart]
    if (part === "waiting" || name.includes("inspector")) continue
    sums.set(part, (sums.get(part) ?? 0) + spent)
    total += spent
  }
  return [...sums]
    .sort(([, a], [, b]) => b - a)
    .map(([part, spent]) => `| ${part} | ${spent.toFixed(0)} | ${((100 * spent) / total).toFixed(0)} % |`)
}

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
  // The worker measures itself, after a warm-up: a server is warm.
  const lathe = async (what: string) => {
    const words = [...workerFlags, worker, what, file]
    return (await runProcess(process.execPath, words, analysisWorkerEnvironment)).stdout
  }
  const results = await inTurn(rounds, {
    "lathe, whole fingerprint": async () => Number(await lathe("fingerprint")),
    "lathe, decoding alone": async () => Number(await lathe("decode")),
    "ffmpeg, ebur128=peak=true": () => ffmpeg(["-af", "ebur128=peak=true"]),
    "ffmpeg, decoding alone": () => ffmpeg([])
  })
  const reference = median(results["ffmpeg, ebur128=peak=true"])
  const rows = Object.entries(results).map(([name, seconds]) => {
    const middle = median(seconds)
    return `| ${name} | ${middle.toFixed(2)} | ${Math.min(...seconds).toFixed(2)}-${Math.max(...seconds).toFixed(2)} | ${(middle / reference).toFixed(2)} |`
  })
  const profile = whereTimeGoes(JSON.parse(await lathe("profile")) as Record<string, number>)
  report(
    "fingerprint",
    "Fingerprint of 240 s of stereo FLAC, 16 bits, at 44.1 kHz",
    [
      `| | CPU s, median of ${rounds} | range | x ebur128 |`,
      "|---|---|---|---|",
      ...rows,
      "",
      "ffmpeg: the whole process. lathe: all threads of an analysis worker, mean of its third to fifth analysis, as in the",
      "warm server.",
      "",
      "| where the time of the main thread goes, by sampling | ms | |",
      "|---|---|---|",
      ...profile
    ].join("\n")
  )
} finally {
  rmSync(folder, { recursive: true })
}
