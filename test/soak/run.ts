/**
 * `npm run soak -- [--minutes 30] [--streams 10] [--seed 1]`: the service with streams that come and go, seek, change and
 * stop, while its fingerprint server and its render workers are killed and stopped again and again. Every sample of every
 * stream is counted. Prints the resident memory over time; ends with 1 where a sample was lost, a stream had no end, or
 * the store is not valid.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { Effect } from "effect"
import { makeRandom } from "../../demo/Random.ts"
import { writeAudioFile } from "../support/audioFiles.ts"
import { buildForTests } from "../support/built.ts"
import { storeProblemsOf } from "../support/faultScenarios.ts"
import { trackWith } from "../support/loudTrack.ts"
import { type RunningService, startService } from "../support/service.ts"
import { connect } from "../support/StreamClient.ts"

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "30" },
    streams: { type: "string", default: "10" },
    seed: { type: "string", default: "1" }
  }
})
const [minutes, streams, seed] = [values.minutes, values.streams, values.seed].map(Number) as [number, number, number]

const random = makeRandom(seed)
const pick = <A>(choices: ReadonlyArray<A>): A => choices[Math.floor(random() * choices.length)]!
const sampleRate = 44_100
const trackSeconds = 20
const trackSamples = sampleRate * trackSeconds
const trackCount = 8
/** Between two faults, seconds. */
const faultSeconds = 20
/** Between two looks at what has come, ms: every packet is answered by a credit, so that tracks pass faster than played. */
const paceMs = 100

const totals = { streams: 0, completed: 0, stopped: 0, packets: 0, seeks: 0, changes: 0, faults: 0 }
const problems: Array<string> = []
const note = (problem: string) => {
  problems.push(problem)
  console.error(problem)
}

/** One listener's stay: plays a track, does this and that, and checks that no sample is missing or comes twice. */
const stay = (url: string) =>
  Effect.gen(function* () {
    const client = yield* connect(url, () => false)
    const track_id = 1 + Math.floor(random() * trackCount)
    const isEnhanced = random() < 0.8
    const start = random() < 0.5 ? 0 : random() * (trackSeconds - 5)
    client.send(isEnhanced ? "play_enhanced" : "play_normal", { track_id, start_position: start, credits: 8 })
    totals.streams++
    const leavesAfter = random() < 0.4 ? Math.floor(random() * 60) : Infinity
    let checked = 0
    let epoch = 0
    let position = 0
    for (;;) {
      yield* Effect.sleep(paceMs)
      for (; checked < client.packets.length; checked++) {
        const { meta, samples } = client.packets[checked]!
        if (meta.stream_epoch !== epoch) {
          epoch = meta.stream_epoch
          const started = client.ofType("audio_stream_start").find(({ data }) => data.stream_epoch === epoch)
          position = Math.round((started?.data.seek_position ?? Number.NaN) * sampleRate)
        }
        if (meta.sample_offset !== position) note(`sample ${meta.sample_offset} instead of ${position}`)
        if (!samples.every(Number.isFinite)) note(`a packet at ${position} is not finite`)
        position += meta.sample_count
        totals.packets++
        client.send("credit", { frames: 1 })
      }
      for (const { data } of client.ofType("audio_stream_error")) note(`${data.code}: ${data.error}`)
      const ends = client.ofType("audio_stream_end")
      for (const { data } of client.ofType("error")) {
        // What was asked of a stream that ended at the same moment.
        if (data.code !== "nothing_plays" || ends.length === 0) note(`${data.code}: ${data.message}`)
      }
      const completed = ends.some(({ data }) => data.reason === "completed" && data.stream_epoch === epoch)
      if (completed) {
        if (position !== trackSamples) note(`completed at ${position}`)
        totals.completed++
        return
      }
      if (checked >= leavesAfter) {
        totals.stopped++
        if (random() < 0.5) return
        client.send("stop")
        yield* client.until(() => client.ofType("playback_stopped").length > 0)
        return
      }
      if (random() < 0.01) {
        totals.seeks++
        client.send("seek", { position: random() * trackSeconds })
      } else if (isEnhanced && random() < 0.02) {
        totals.changes++
        client.send("set_enhancement", { preset: pick(["adaptive", "gentle", "warm", "bright", "punchy"]) })
      }
    }
  }).pipe(
    Effect.scoped,
    Effect.timeoutOption("2 minutes"),
    Effect.tap((end) => Effect.sync(() => void (end._tag === "None" && note("a stream had no end"))))
  )

const harm = (service: RunningService, music: string) =>
  Effect.gen(function* () {
    yield* Effect.sleep(`${faultSeconds} seconds`)
    totals.faults++
    const signal = pick(["SIGKILL", "SIGSTOP"] as const)
    if (random() < 0.5) {
      // Something for the fingerprint server to be killed at.
      for (const name of readdirSync(music)) if (name.endsWith(".25d") && random() < 0.5) rmSync(join(music, name))
      process.kill(yield* service.fingerprintServer, signal)
    } else {
      const worker = pick(service.renderWorkers())
      if (worker !== undefined) process.kill(worker, signal)
    }
  }).pipe(Effect.catchAllCause(() => Effect.void))

const residentMb = (pid: number): number => {
  const [, kilobytes] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? []
  return Number(kilobytes) / 1000
}

await buildForTests()

const folder = mkdtempSync(join(tmpdir(), "lathe-soak-"))
const music = join(folder, "music")
mkdirSync(music)
const signal = trackWith({ sampleRate, seconds: trackSeconds, lufs: -9, crestDb: 9 })
for (let n = 1; n <= trackCount; n++) writeAudioFile(music, `track ${n}`, "flac24", signal, { sampleRate })

const program = Effect.gen(function* () {
  const data = join(folder, "data")
  const service = yield* startService(data, [music])
  const begun = performance.now()
  const isOver = () => performance.now() - begun > minutes * 60_000
  const rows: Array<readonly [number, number]> = []
  yield* Effect.forkScoped(Effect.forever(harm(service, music)))
  yield* Effect.forkScoped(
    Effect.forever(
      Effect.gen(function* () {
        const at = (performance.now() - begun) / 60_000
        rows.push([at, residentMb(service.pid)])
        console.error(`${at.toFixed(1)} min: ${rows.at(-1)![1].toFixed(0)} MB, ${JSON.stringify(totals)}`)
        yield* Effect.sleep("1 minute")
      })
    )
  )
  const listener = Effect.repeat(
    Effect.zipRight(Effect.sync(() => random() * 1000).pipe(Effect.flatMap(Effect.sleep)), stay(service.url)),
    {
      until: isOver
    }
  )
  yield* Effect.all(
    Array.from({ length: streams }, () => listener),
    { concurrency: "unbounded" }
  )
  // What the last fault ended is back, and what was asked for last is stored.
  yield* Effect.sleep("10 seconds")
  for (const problem of storeProblemsOf(data, music)) note(problem)
  const third = Math.ceil(rows.length / 3)
  const mean = (part: ReadonlyArray<readonly [number, number]>) =>
    part.reduce((sum, [, mb]) => sum + mb, 0) / part.length
  console.log(`| of ${minutes} minutes, ${streams} listeners, seed ${seed} | |\n|---|---|`)
  for (const [name, n] of Object.entries(totals)) console.log(`| ${name} | ${n} |`)
  console.log(`| samples lost or twice, streams without an end, other problems | ${problems.length} |`)
  console.log(
    `| resident memory of the service, MB: first, second, last third | ${[rows.slice(0, third), rows.slice(third, 2 * third), rows.slice(2 * third)].map((part) => mean(part).toFixed(0)).join(", ")} |`
  )
})

try {
  await Effect.runPromise(Effect.scoped(program))
} finally {
  rmSync(folder, { recursive: true, force: true })
}
process.exit(problems.length === 0 ? 0 : 1)
