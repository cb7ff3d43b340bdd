/**
 * Mastering 240 s of stereo at 44.1 kHz from file to file, beside ffmpeg: a chain of the same kind, `loudnorm`, and the
 * limiter alone; and resampling beside its two resamplers. CPU time of one core.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { inTurn, isInstalled, median, report, runProcess } from "./support/measure.ts"
import { type PlanName, settingsOf } from "./support/masteringPlans.ts"
import { writeTestPiece } from "./support/pieces.ts"

const rounds = 5
const seconds = 240
const worker = fileURLToPath(new URL("./support/masterOnce.ts", import.meta.url))
const stagesWorker = fileURLToPath(new URL("./support/masteringStages.ts", import.meta.url))
const heapWorker = fileURLToPath(new URL("../test/support/heapGrowth.ts", import.meta.url))

if (!(await isInstalled("ffmpeg"))) throw new Error("This benchmark compares with ffmpeg: install it (Debian: ffmpeg).")

/** Octaves from 31.5 Hz to 16 kHz, as of a ten-band graphic equaliser. */
const equalizers = Array.from(
  { length: 10 },
  (_, i) => `equalizer=f=${31.5 * 2 ** i}:t=o:w=1:g=${i % 2 === 0 ? 2 : -2}`
)
const limiter = "alimiter=limit=0.891:level=disabled"
const chain = [...equalizers, "acompressor", "volume=3dB", limiter].join(",")

const folder = mkdtempSync(join(tmpdir(), "lathe-bench-"))
try {
  const wav = join(folder, "piece.wav")
  const flac = join(folder, "piece.flac")
  await writeTestPiece(flac, seconds)
  await runProcess("ffmpeg", ["-nostdin", "-v", "error", "-i", flac, "-c:a", "pcm_s16le", wav])
  const output = join(folder, "mastered.wav")
  const ffmpeg =
    (input: string, filter: string | null, rate = 44_100) =>
    async () => {
      const filters = filter === null ? [] : ["-af", filter, "-ar", String(rate)]
      const words = [
        "-nostdin",
        "-v",
        "error",
        "-y",
        "-threads",
        "1",
        "-i",
        input,
        ...filters,
        "-c:a",
        "pcm_f32le",
        output
      ]
      return (await runProcess("ffmpeg", words)).cpuSeconds
    }
  // The worker measures itself, the first rendering as warm-up: a server is warm.
  const lathe =
    (plan: PlanName, input: string, way: "direct" | "file" | "stream" = "direct", rate: ReadonlyArray<string> = []) =>
    async () =>
      Number((await runProcess(process.execPath, [worker, plan, way, input, output, ...rate])).stdout)
  const filtersOfFfmpeg = (await runProcess("ffmpeg", ["-hide_banner", "-buildconf"])).stdout
  const soxr: Readonly<Record<string, () => Promise<number>>> = filtersOfFfmpeg.includes("--enable-libsoxr")
    ? { "ffmpeg, to 48 kHz by soxr": ffmpeg(wav, "aresample=48000:resampler=soxr:precision=24", 48_000) }
    : {}

  const results = await inTurn(rounds, {
    "lathe, the whole chain": lathe("chain", wav),
    "lathe, the whole chain, from FLAC": lathe("chain", flac),
    "lathe, the whole chain, as `lathe master`": lathe("chain", wav, "file"),
    "lathe, the whole chain, as a stream": lathe("chain", wav, "stream"),
    "lathe, the whole chain, to 48 kHz": lathe("chain", wav, "file", ["48000"]),
    "lathe, to 48 kHz and nothing else": lathe("copy", wav, "file", ["48000"]),
    "lathe, 3 dB into the true-peak limiter": lathe("limiter", wav),
    "lathe, copying": lathe("copy", wav),
    "ffmpeg, ten equalizer, acompressor, alimiter": ffmpeg(wav, chain),
    "ffmpeg, the same from FLAC": ffmpeg(flac, chain),
    "ffmpeg, loudnorm": ffmpeg(wav, "loudnorm=I=-14:TP=-1"),
    "ffmpeg, loudnorm from FLAC": ffmpeg(flac, "loudnorm=I=-14:TP=-1"),
    "ffmpeg, 3 dB into alimiter": ffmpeg(wav, `volume=3dB,${limiter}`),
    "ffmpeg, to 48 kHz by swr, 160 taps": ffmpeg(wav, "aresample=48000:filter_size=160:phase_shift=10", 48_000),
    ...soxr,
    "ffmpeg, copying": ffmpeg(wav, null)
  })
  const middles = Object.fromEntries(Object.entries(results).map(([name, values]) => [name, median(values)]))
  const rows = Object.entries(results).map(
    ([name, values]) =>
      `| ${name} | ${median(values).toFixed(2)} | ${Math.min(...values).toFixed(2)}-${Math.max(...values).toFixed(2)} | ${(seconds / median(values)).toFixed(0)} |`
  )
  const ratio = (title: string, name: keyof typeof results, reference: keyof typeof results) =>
    `| ${title} | ${(middles[name]! / middles[reference]!).toFixed(2)} |`
  const measured = JSON.parse((await runProcess(process.execPath, [stagesWorker, wav])).stdout) as {
    readonly stages: ReadonlyArray<{ readonly name: string; readonly seconds: number }>
    readonly whole: number
  }
  const neutral = JSON.stringify(settingsOf("chain"))
  const growths = JSON.parse(
    (await runProcess(process.execPath, [heapWorker, neutral])).stdout
  ) as ReadonlyArray<number>
  const milliseconds = (value: number) => (1000 * value).toFixed(0)
  report(
    "mastering",
    `Mastering ${seconds} s of stereo at 44.1 kHz, file to file`,
    [
      `| 16-bit WAV in, 32-bit float WAV out | CPU s, median of ${rounds} | range | x realtime |`,
      "|---|---|---|---|",
      ...rows,
      "",
      "| lathe's CPU time as a share of ffmpeg's | |",
      "|---|---|",
      ratio(
        "the whole chain / ten equalizer, acompressor, alimiter",
        "lathe, the whole chain",
        "ffmpeg, ten equalizer, acompressor, alimiter"
      ),
      ratio("the same, both from FLAC", "lathe, the whole chain, from FLAC", "ffmpeg, the same from FLAC"),
      ratio("the whole chain / loudnorm", "lathe, the whole chain", "ffmpeg, loudnorm"),
      ratio("the same, both from FLAC", "lathe, the whole chain, from FLAC", "ffmpeg, loudnorm from FLAC"),
      ratio("the true-peak limiter / alimiter", "lathe, 3 dB into the true-peak limiter", "ffmpeg, 3 dB into alimiter"),
      "",
      "| lathe's chain, kernel by kernel, from memory to memory | CPU ms |",
      "|---|---|",
      ...measured.stages.map(({ name, seconds: cost }) => `| ${name} | ${milliseconds(cost)} |`),
      `| **the chain, as it runs** | **${milliseconds(measured.whole)}** |`,
      "",
      `Heap: ten minutes through the chain in blocks of 4096 let it grow by ${(median(growths) / 1e6).toFixed(1)} MB (median of ${growths.length}), and by nothing that stays.`,
      "",
      "The chain: seven-band balance, expander (armed), compressor, stereo width, 3 dB of gain, true-peak limiter at -1 dBTP.",
      "ffmpeg: the whole process. `alimiter` does not look between samples; lathe's limiter does. lathe: the second rendering",
      "in a process, as in the warm server, decoding and writing included, with buffers that are used again; as a stream: every",
      "quarter of a second in an array of its own, which is the receiver's. Resampling: lathe's filter has 176 taps a phase and",
      "120 dB of stop band; swr is given 160 (its default: 32), soxr a precision of 24 bits. The kernels: differences between",
      "runs with one more of them each; medians, so they need not add up exactly."
    ].join("\n")
  )
} finally {
  rmSync(folder, { recursive: true })
}
