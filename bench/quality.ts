/**
 * How well lathe masters real music, beside ffmpeg's `loudnorm`, `dynaudnorm` and `alimiter`: loudness reached against what
 * was asked, true peak against the ceiling, crest, the seam of a rendering in two halves, and how far the balance moved.
 * Each excerpt as it is, made loud, and made quiet.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Layer, Stream } from "effect"
import { minimumBandShare } from "../src/domain/mastering/BalanceDecision.ts"
import { decide } from "../src/domain/mastering/MasteringDecision.ts"
import { ceilingDbtp } from "../src/domain/mastering/PeakSafetyDecision.ts"
import { bands, type TrackAnalysis } from "../src/domain/fingerprint/Fingerprint.ts"
import * as AudioDecoderNodeAv from "../src/layers/audio/AudioDecoderNodeAv.ts"
import * as AudioEncoderNodeAv from "../src/layers/audio/AudioEncoderNodeAv.ts"
import * as ChunkMasteringRenderer from "../src/layers/mastering/ChunkMasteringRenderer.ts"
import * as TrackAnalyzerLocal from "../src/layers/fingerprint/TrackAnalyzerLocal.ts"
import { AudioDecoder } from "../src/services/AudioDecoder.ts"
import { AudioEncoder, encodingFor } from "../src/services/AudioEncoder.ts"
import { ChunkMastering } from "../src/services/ChunkMastering.ts"
import { TrackAnalyzer } from "../src/services/TrackAnalyzer.ts"
import { isInstalled, median, report, runProcess } from "./support/measure.ts"
import { realMusic } from "./support/music.ts"

const pieceCount = 5
const fromSeconds = 20
const lengthSeconds = 60
const halfSeconds = lengthSeconds / 2
const sampleRate = 44_100
const loudnormLufs = -14
const loudnorm = `loudnorm=I=${loudnormLufs}:TP=${ceilingDbtp}:LRA=11`
const limiter = "alimiter=limit=0.891:level=disabled"

const variants = { "as is": "anull", loud: `volume=9dB,${limiter}`, quiet: "volume=-10dB" } as const

const layer = Layer.mergeAll(
  Layer.provideMerge(Layer.mergeAll(ChunkMasteringRenderer.layer, TrackAnalyzerLocal.layer), AudioDecoderNodeAv.layer),
  AudioEncoderNodeAv.layer
)
type Services = AudioDecoder | AudioEncoder | ChunkMastering | TrackAnalyzer
const run = <A, E>(effect: Effect.Effect<A, E, Services>) => Effect.runPromise(Effect.provide(effect, layer))

const analyze = (path: string) => run(Effect.flatMap(TrackAnalyzer, (analyzer) => analyzer.analyze(path)))

const read = (path: string, startFrame: number, frames: number) =>
  run(
    Effect.flatMap(AudioDecoder, (decoder) =>
      decoder.decode(path, { startFrame, blockFrames: frames }).pipe(
        Stream.take(1),
        Stream.runCollect,
        Effect.map((blocks) => Array.from(blocks).flatMap((block) => block.channels))
      )
    )
  )

const ffmpeg = (input: string, filter: string, output: string, options: ReadonlyArray<string> = []) =>
  runProcess("ffmpeg", [
    "-nostdin",
    "-v",
    "error",
    "-y",
    ...options,
    "-i",
    input,
    "-af",
    filter,
    "-ar",
    String(sampleRate),
    "-c:a",
    "pcm_f32le",
    output
  ])

/** By ffmpeg's `ebur128`, 0.2 s of silence at both ends: its resampler rings where a signal starts at full level. */
const meter = async (path: string) => {
  const filter = "adelay=200:all=1,apad=pad_dur=0.2,ebur128=peak=true:metadata=1,ametadata=print:file=-"
  const { stdout } = await runProcess("ffmpeg", [
    "-nostdin",
    "-v",
    "error",
    "-i",
    path,
    "-af",
    filter,
    "-f",
    "null",
    "-"
  ])
  const values = (key: string) => [...stdout.matchAll(new RegExp(`${key}=(-?[\\d.]+)`, "g"))].map((m) => Number(m[1]))
  return {
    lufs: values("lavfi\\.r128\\.I").at(-1) ?? -Infinity,
    truePeakDbtp: 20 * Math.log10(values("true_peaks_ch\\d+").reduce((a, b) => Math.max(a, b), 0))
  }
}

/** A way to master: the file from `startSeconds` on, to `output`; says which loudness was to be reached, if any. */
type Master = (
  input: { readonly path: string; readonly analysis: TrackAnalysis },
  startSeconds: number,
  output: string
) => Promise<number | null>

const lathe: Master = ({ analysis, path }, startSeconds, output) => {
  const plan = decide({ analysis, preset: "adaptive", intensity: 1 })
  const render = Effect.gen(function* () {
    const mastering = yield* ChunkMastering
    const encoder = yield* AudioEncoder
    const rendering = yield* mastering.open({ path, startFrame: startSeconds * sampleRate, plan })
    const encoding = yield* encodingFor(output)
    const format = { sampleRate, channels: rendering.channels, encoding }
    yield* encoder.write(
      output,
      format,
      Stream.map(rendering.packets, (packet) => packet.samples)
    )
    return plan.predicted!.lufs
  })
  return run(Effect.scoped(render))
}

const filtered =
  (filter: string, asked: number | null): Master =>
  async ({ path }, startSeconds, output) => {
    await ffmpeg(path, filter, output, ["-ss", String(startSeconds)])
    return asked
  }

const twoPass: Master = async ({ path }, startSeconds, output) => {
  const command = `ffmpeg -nostdin -hide_banner -ss ${startSeconds} -i "$0" -af ${loudnorm}:print_format=json -f null - 2>&1`
  const { stdout } = await runProcess("sh", ["-c", command, path])
  const measured = JSON.parse(stdout.slice(stdout.lastIndexOf("{"), stdout.lastIndexOf("}") + 1)) as Record<
    string,
    string
  >
  const known = ["i", "tp", "lra", "thresh"].map((key) => `measured_${key}=${measured[`input_${key}`]}`)
  const filter = [loudnorm, ...known, `offset=${measured["target_offset"]}`, "linear=true"].join(":")
  await ffmpeg(path, filter, output, ["-ss", String(startSeconds)])
  return loudnormLufs
}

const masters: Readonly<Record<string, Master>> = {
  lathe,
  "loudnorm, one pass": filtered(loudnorm, loudnormLufs),
  "loudnorm, two passes": twoPass,
  dynaudnorm: filtered("dynaudnorm", null),
  alimiter: filtered(limiter, null)
}

/** The largest change of a band's share, dB; bands with hardly any power left out. */
const balanceMovedDb = (before: TrackAnalysis, after: TrackAnalysis): number =>
  bands.reduce((largest, { name }) => {
    const [from, to] = [before.fingerprint[name], after.fingerprint[name]]
    if (from < 100 * minimumBandShare || to === 0) return largest
    return Math.max(largest, Math.abs(10 * Math.log10(to / from)))
  }, 0)

/** Largest difference in the second behind the middle, dBFS, between the whole and a second half of its own. */
const seamDbfs = async (whole: string, half: string): Promise<number> => {
  const [a, b] = [await read(whole, halfSeconds * sampleRate, sampleRate), await read(half, 0, sampleRate)]
  let largest = 0
  for (const [c, channel] of a.entries()) {
    for (const [n, x] of channel.entries()) largest = Math.max(largest, Math.abs(x - (b[c]?.[n] ?? 0)))
  }
  return 20 * Math.log10(largest)
}

interface Outcome {
  readonly master: string
  readonly variant: string
  readonly piece: string
  readonly asked: number | null
  readonly lufsBefore: number
  readonly lufs: number
  readonly truePeakDbtp: number
  readonly crestBefore: number
  readonly crest: number
  readonly seam: number
  readonly balance: number
}

const measureAll = async (folder: string, pieces: ReadonlyArray<{ readonly name: string; readonly path: string }>) => {
  const outcomes: Array<Outcome> = []
  const input = join(folder, "input.wav")
  const whole = join(folder, "whole.wav")
  const half = join(folder, "half.wav")
  for (const piece of pieces) {
    for (const [variant, filter] of Object.entries(variants)) {
      await ffmpeg(piece.path, filter, input, ["-ss", String(fromSeconds), "-t", String(lengthSeconds)])
      const analysis = await analyze(input)
      const before = await meter(input)
      for (const [name, master] of Object.entries(masters)) {
        const asked = await master({ path: input, analysis }, 0, whole)
        await master({ path: input, analysis }, halfSeconds, half)
        const reading = await meter(whole)
        const after = await analyze(whole)
        outcomes.push({
          master: name,
          variant,
          piece: piece.name,
          asked,
          lufsBefore: before.lufs,
          ...reading,
          crestBefore: analysis.fingerprint.crest_db,
          crest: after.fingerprint.crest_db,
          seam: await seamDbfs(whole, half),
          balance: balanceMovedDb(analysis, after)
        })
      }
    }
  }
  return outcomes
}

const atMost = (values: ReadonlyArray<number>) => values.reduce((a, b) => Math.max(a, b), -Infinity)
const signed = (value: number, digits = 1) => `${value >= 0 ? "+" : ""}${value.toFixed(digits)}`
const level = (dbfs: number) => (dbfs === -Infinity ? "none" : dbfs.toFixed(0))

const summary = (outcomes: ReadonlyArray<Outcome>): ReadonlyArray<string> => [
  "| | input | missed loudness, LU: median, worst | true peak, dBTP: highest | crest, dB: median change | seam, dBFS: worst | balance, dB: most moved |",
  "|---|---|---|---|---|---|---|",
  ...Object.keys(masters).flatMap((master) =>
    Object.keys(variants).map((variant) => {
      const those = outcomes.filter((outcome) => outcome.master === master && outcome.variant === variant)
      const missed = those.flatMap(({ asked, lufs }) => (asked === null ? [] : [Math.abs(lufs - asked)]))
      return [
        `| ${master} | ${variant}`,
        missed.length === 0 ? "nothing asked" : `${median(missed).toFixed(2)}, ${atMost(missed).toFixed(2)}`,
        signed(atMost(those.map(({ truePeakDbtp }) => truePeakDbtp)), 2),
        signed(median(those.map(({ crest, crestBefore }) => crest - crestBefore))),
        level(atMost(those.map(({ seam }) => seam))),
        `${atMost(those.map(({ balance }) => balance)).toFixed(1)} |`
      ].join(" | ")
    })
  )
]

const details = (outcomes: ReadonlyArray<Outcome>): ReadonlyArray<string> => [
  "| piece | input | by | LUFS before | asked | got | dBTP | crest before | after | seam | balance |",
  "|---|---|---|---|---|---|---|---|---|---|---|",
  ...outcomes.map((o) =>
    [
      `| ${o.piece} | ${o.variant} | ${o.master} | ${o.lufsBefore.toFixed(1)}`,
      o.asked === null ? "" : o.asked.toFixed(1),
      o.lufs.toFixed(1),
      o.truePeakDbtp.toFixed(2),
      o.crestBefore.toFixed(1),
      o.crest.toFixed(1),
      level(o.seam),
      `${o.balance.toFixed(1)} |`
    ].join(" | ")
  )
]

const music = realMusic()
if (typeof music === "string") console.log(music)
else if (!(await isInstalled("ffmpeg")))
  console.log("This benchmark compares with ffmpeg: install it (Debian: ffmpeg).")
else {
  const folder = mkdtempSync(join(tmpdir(), "lathe-bench-"))
  try {
    const outcomes = await measureAll(folder, music.slice(0, pieceCount))
    report(
      "quality",
      "Mastering real music",
      [
        `${pieceCount} pieces of Debian's wesnoth-1.16-music, ${lengthSeconds} s of each: as is, loud (9 dB into \`alimiter\`), quiet (-10 dB).`,
        `lathe: preset adaptive, intensity 1; asked is what its plan promised. \`loudnorm\`: asked for ${loudnormLufs} LUFS and ${ceilingDbtp} dBTP.`,
        "Loudness and true peak by ffmpeg's `ebur128`. Seam: the second half rendered on its own (lathe: started in the middle)",
        "against the whole, largest difference in the second behind the seam. Balance: largest change of a band's share.",
        "`alimiter` as it comes: without its option `latency=1` a start of its own is 5 ms late, which is its seam.",
        "",
        ...summary(outcomes),
        "",
        "## Each",
        "",
        ...details(outcomes)
      ].join("\n")
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
}
