/**
 * A machine that has no time: the service's workers at the lowest priority beside four busy loops. What plays may come
 * late; no worker may be taken for hung, and no file for damaged.
 */
import { spawn } from "node:child_process"
import { mkdirSync, readdirSync, readFileSync } from "node:fs"
import { constants, setPriority } from "node:os"
import { join } from "node:path"
import { Effect, Schedule } from "effect"
import { temporaryFolder, writeAudioFile } from "../test/support/audioFiles.ts"
import { listen } from "../test/support/Listener.ts"
import { trackWith } from "../test/support/loudTrack.ts"
import { startService } from "../test/support/service.ts"
import { report } from "./support/measure.ts"

const busyLoops = 4
const sampleRate = 44_100
const trackSeconds = 30

/** Ids of all processes below one. */
const below = (pid: number): ReadonlyArray<number> => {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
    try {
      return readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number)
    } catch {
      return []
    }
  })
  return children.flatMap((child) => [child, ...below(child)])
}

const beBusy = Effect.acquireRelease(
  Effect.sync(() => spawn(process.execPath, ["--eval", "for (;;);"], { stdio: "ignore" })),
  (child) => Effect.sync(() => child.kill("SIGKILL"))
)

const starve = (pid: number) =>
  Effect.sync(() => {
    for (const child of below(pid)) {
      try {
        setPriority(child, constants.priority.PRIORITY_LOW)
      } catch {
        // It has ended in the meantime.
      }
    }
  }).pipe(Effect.repeat(Schedule.spaced("100 millis")))

const run = Effect.gen(function* () {
  const root = yield* temporaryFolder
  const music = join(root, "music")
  mkdirSync(music)
  const stereo = trackWith({ sampleRate, seconds: trackSeconds, lufs: -9, crestDb: 9 })
  const surround = [...stereo, ...stereo, ...stereo, ...stereo]
  writeAudioFile(music, "seven one", "flac24", surround, { sampleRate })
  writeAudioFile(music, "stereo", "flac24", stereo, { sampleRate })
  const { log, pid, url } = yield* startService(join(root, "data"), [music])
  const get = (path: string) => Effect.promise(async () => (await (await fetch(url + path)).json()) as never)
  yield* Effect.forkScoped(starve(pid))
  yield* Effect.replicateEffect(beBusy, busyLoops, { discard: true })
  const tracks: { readonly items: ReadonlyArray<{ readonly id: number; readonly title: string }> } =
    yield* get("/api/tracks")
  const listeners = yield* Effect.forEach(tracks.items, ({ id, title }) => listen({ url, name: title, trackId: id }))
  const reports = yield* Effect.all(
    listeners.map(({ end }) => end),
    { concurrency: "unbounded" }
  )
  const unreadable: { readonly total: number } = yield* get("/api/unreadable")
  const lost = log()
    .split("\n")
    .filter((line) => /was lost|was killed|goes on in another worker/.test(line))
  return reports.map(
    ({ end, faults, fingerprint, longestWaitMs, name, silenceMs }) =>
      `| ${name} | ${end} | ${(silenceMs / 1000).toFixed(1)} s | ${(longestWaitMs / 1000).toFixed(1)} s | ${faults.length} | ${fingerprint.at(-1)} | ${lost.length} | ${unreadable.total} |`
  )
})

const rows = await Effect.runPromise(Effect.scoped(run))
report(
  "starved",
  "Workers without processor time",
  [
    `Two tracks of ${trackSeconds} s, one of them 7.1, mastered while they are measured; all workers at the lowest priority beside ${busyLoops} busy loops.`,
    "",
    "| track | ends | silence | longest wait for a packet | samples lost or twice | fingerprint | workers lost | files blamed |",
    "|---|---|---|---|---|---|---|---|",
    ...rows
  ].join("\n")
)
process.exit(0)
