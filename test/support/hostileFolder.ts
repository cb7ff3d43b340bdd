/** The service over a folder with hostile files beside its music: how long it takes to start, and what listeners notice. */
import { copyFileSync, mkdirSync, statSync, utimesSync } from "node:fs"
import { join } from "node:path"
import { Effect, Schedule, type Scope } from "effect"
import { temporaryFolder, writeAudioFile } from "./audioFiles.ts"
import { makeHostileFiles } from "./hostileFiles.ts"
import { listen, type ListenerReport } from "./Listener.ts"
import { trackWith } from "./loudTrack.ts"
import { startService } from "./service.ts"

export interface HostileFolderReport {
  /** From the start of the process to its address, ms. */
  readonly startMs: number
  readonly listeners: ReadonlyArray<ListenerReport>
  /** Names of files that are neither listed nor among the unreadable ones once everything has been read. */
  readonly missing: ReadonlyArray<string>
  /** Why those cannot be read that cannot, by name. */
  readonly unreadable: Readonly<Record<string, string>>
  /** Samples per channel of each track. */
  readonly trackSamples: number
}

const sampleRate = 44_100
const trackSeconds = 30
const songs = ["zz first", "zz second", "zz third"]

interface Page<Item> {
  readonly items: ReadonlyArray<Item>
}
interface Listed {
  readonly id: number
  readonly title: string
}

/** `isHostile` false: the same, without the files that it is about. */
export const runHostileFolder = (
  isHostile: boolean,
  withLarge = false
): Effect.Effect<HostileFolderReport, never, Scope.Scope> =>
  Effect.gen(function* () {
    const root = yield* temporaryFolder
    const [music, data] = [join(root, "music"), join(root, "data")]
    mkdirSync(music)
    const signal = trackWith({ sampleRate, seconds: trackSeconds, lufs: -9, crestDb: 9 })
    for (const name of songs) writeAudioFile(music, name, "flac24", signal, { sampleRate })
    const hostile = isHostile ? yield* makeHostileFiles(music, withLarge) : []

    const { startMs, url } = yield* startService(data, [music], ["--background", "on"])
    // A connection that has been idle may be closed by the service at the very moment it is used again.
    const get = <A>(path: string) =>
      Effect.orDie(
        Effect.retry(
          Effect.tryPromise(async () => (await (await fetch(`${url}${path}`)).json()) as A),
          { times: 2 }
        )
      )
    const listed = get<Page<Listed>>("/api/tracks?limit=500")
    const unreadable = get<Page<{ readonly file: string; readonly message: string }>>("/api/unreadable?limit=500")

    const tracks = yield* listed.pipe(
      Effect.map(({ items }) => items.filter(({ title }) => songs.includes(title))),
      Effect.repeat({ until: (items) => items.length === songs.length, schedule: Schedule.spaced("100 millis") }),
      Effect.zipRight(Effect.map(listed, ({ items }) => items.filter(({ title }) => songs.includes(title))))
    )
    const listeners = yield* Effect.forEach(tracks, ({ id, title }, n) =>
      listen({ url, name: title, trackId: id, type: n === 0 ? "play_normal" : "play_enhanced" })
    )
    yield* Effect.forEach(listeners, ({ heard }) => heard(4), { concurrency: "unbounded" })
    // They are watched, and drawn, while the listeners play.
    const isSmall = (name: string) => statSync(join(music, name)).size < 2 ** 30
    for (const name of hostile.filter(isSmall).slice(0, 4)) {
      const copy = join(music, `copy of ${name}`)
      copyFileSync(join(music, name), copy)
      utimesSync(copy, 1_700_000_000, 1_700_000_000)
    }
    const draw = listed.pipe(
      Effect.flatMap(({ items }) =>
        Effect.forEach(
          items.filter(({ title }) => !songs.includes(title)),
          ({ id }) =>
            Effect.promise(() =>
              fetch(`${url}/api/tracks/${id}/waveform`, { signal: AbortSignal.timeout(2000) }).catch(() => undefined)
            ),
          { discard: true }
        )
      ),
      Effect.repeat(Schedule.spaced("500 millis"))
    )
    const reports = yield* Effect.raceFirst(
      Effect.all(
        listeners.map(({ end }) => end),
        { concurrency: "unbounded" }
      ),
      Effect.zipRight(draw, Effect.never)
    )

    // All have been read when the scan has ended.
    yield* get<{ readonly running: boolean; readonly finished_at: string | null }>("/api/scan").pipe(
      Effect.repeat({
        until: ({ finished_at, running }) => !running && finished_at !== null,
        schedule: Schedule.spaced("500 millis")
      })
    )
    const refused = Object.fromEntries((yield* unreadable).items.map(({ file, message }) => [file, message]))
    const titles = (yield* listed).items.map(({ title }) => title)
    const missing = hostile.filter((name) => {
      const isListed = titles.includes(name.replace(/\.[^.]+$/, ""))
      return !isListed && !(name in refused)
    })
    return { startMs, listeners: reports, missing, unreadable: refused, trackSamples: trackSeconds * sampleRate }
  })
