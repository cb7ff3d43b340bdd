/**
 * Parts of the fingerprint beside libraries and programs that measure the same, on the same samples: tempo and onsets,
 * the shape of the spectrum, loudness. CPU time. The JavaScript peers are installed into a temporary folder for the run:
 * essentia.js is under the AGPL and no part of this product.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { inTurn, isInstalled, median, report, runProcess } from "./support/measure.ts"
import { writeTestPiece } from "./support/pieces.ts"

const rounds = 5
const seconds = 60
const packages = ["meyda@5.6.3", "essentia.js@0.1.3"]
const worker = fileURLToPath(new URL("./support/peerOnce.ts", import.meta.url))

interface Contender {
  readonly name: string
  readonly cpuSeconds: () => Promise<number>
  /** What makes the comparison uneven, to either side. */
  readonly remark?: string
}

const folder = mkdtempSync(join(tmpdir(), "lathe-peers-"))
const file = join(folder, "piece.wav")
const startFile = join(folder, "start.wav")

const notes: Array<string> = []

const inWorker = (name: string, remark?: string): Contender => ({
  name,
  cpuSeconds: async () => Number((await runProcess(process.execPath, [worker, name, file, folder])).stdout),
  ...(remark === undefined ? {} : { remark })
})

/** The whole process less the same on one second: without its start. */
const program = (name: string, command: string, words: (path: string) => ReadonlyArray<string>): Contender => ({
  name,
  cpuSeconds: async () =>
    (await runProcess(command, words(file))).cpuSeconds - (await runProcess(command, words(startFile))).cpuSeconds,
  remark: "a process, less its start"
})

const ebur128 = (path: string) => ["-nostdin", "-v", "error", "-i", path, "-af", "ebur128", "-f", "null", "-"]

/** First in each part: lathe. */
const contenders = async (): Promise<Readonly<Record<string, ReadonlyArray<Contender>>>> => {
  const has = async (command: string, contenders: ReadonlyArray<Contender>) => {
    if (await isInstalled(command)) return contenders
    notes.push(`${command} is not installed and was left out.`)
    return []
  }
  const npm = ["install", "--prefix", folder, "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", ...packages]
  const arePeersInstalled = await runProcess("npm", npm).then(
    () => true,
    (error: Error) => {
      notes.push(`${packages.join(" and ")} could not be installed and were left out: ${error.message.split("\n")[0]}.`)
      return false
    }
  )
  const library = (name: string, remark?: string) => (arePeersInstalled ? [inWorker(name, remark)] : [])
  return {
    "Tempo and onsets": [
      inWorker("lathe tempo+onsets", "onset flux, onsets, tempo, beats"),
      ...(await has("aubio", [
        program("aubio tempo", "aubio", (path) => ["tempo", path]),
        program("aubio onset", "aubio", (path) => ["onset", path])
      ])),
      ...library("essentia beats (degara)", "tempo and beats alone"),
      ...library("essentia tempo (percival)", "tempo alone"),
      ...library("essentia onsets", "onsets alone")
    ],
    "Spectral shape": [
      inWorker("lathe spectral", "left and right; centroid, roll-off, flatness"),
      ...library("meyda spectral", "mid alone; the same three"),
      ...library("essentia spectral", "mid alone; the same three")
    ],
    Loudness: [
      inWorker("lathe loudness", "integrated, range, variation"),
      ...library("essentia loudness", "momentary and short-term series, integrated, range"),
      ...(await has("loudgain", [program("loudgain", "loudgain", (path) => ["-q", path])])),
      ...(await has("ffmpeg", [program("ffmpeg ebur128", "ffmpeg", ebur128)]))
    ]
  }
}

const tableOf = async (part: string, [own, ...others]: ReadonlyArray<Contender>): Promise<string> => {
  const all = [own!, ...others]
  const results = await inTurn(rounds, Object.fromEntries(all.map(({ cpuSeconds, name }) => [name, cpuSeconds])))
  const reference = median(results[own!.name]!)
  const rows = all.map(({ name, remark = "" }) => {
    const values = results[name]!
    const range = `${Math.min(...values).toFixed(3)}-${Math.max(...values).toFixed(3)}`
    return `| ${name} | ${median(values).toFixed(3)} | ${range} | ${(median(values) / reference).toFixed(1)} | ${remark} |`
  })
  console.error(part)
  return [
    `## ${part}`,
    "",
    `| | CPU s, median of ${rounds} | range | x lathe | |`,
    "|---|---|---|---|---|",
    ...rows
  ].join("\n")
}

try {
  await writeTestPiece(file, seconds)
  await writeTestPiece(startFile, 1)
  const tables: Array<string> = []
  for (const [part, of] of Object.entries(await contenders())) tables.push(await tableOf(part, of))
  report(
    "peers",
    `Parts of the fingerprint beside their peers, ${seconds} s of stereo at 44.1 kHz`,
    [
      `Libraries run in a process of their own on samples in memory, after a warm-up of five seconds of them: ${packages.join(", ")}. Programs also read the WAV, and loudgain measures true peak as well.`,
      ...notes,
      "",
      tables.join("\n\n")
    ].join("\n")
  )
} finally {
  rmSync(folder, { recursive: true })
}
