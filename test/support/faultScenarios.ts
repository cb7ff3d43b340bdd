/**
 * Real faults on the real service, one scenario each: processes killed, stopped and looping, a locked database, a full
 * disk, servers that talk nonsense. A scenario does the harm while listeners play in real time, and tells what they heard,
 * how long what died was away, and what is wrong with the store afterwards.
 */
import { execFileSync } from "node:child_process"
import { closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { Effect, Either, Schedule, Schema, type Scope } from "effect"
import { TrackAnalysis } from "../../src/domain/fingerprint/Fingerprint.ts"
import { temporaryFolder, writeAudioFile } from "./audioFiles.ts"
import { built } from "./built.ts"
import { type Listener, listen, type ListenerReport } from "./Listener.ts"
import { trackWith } from "./loudTrack.ts"
import { type RunningService, startFaultyService, startService } from "./service.ts"

export interface FaultReport {
  readonly fault: string
  /** What the harm was done to, and what restarts it. */
  readonly mends: string
  /** From the harm to its end: the dead part is back, or what was locked or full is free. Null: nothing had to come back. */
  readonly backAfterMs: number | null
  readonly listeners: ReadonlyArray<ListenerReport>
  readonly storeProblems: ReadonlyArray<string>
  /** Samples per channel of each track. */
  readonly trackSamples: number
}

export interface Scenario {
  readonly fault: string
  /** Why it cannot run here; undefined where it can. */
  readonly obstacle: () => string | undefined
  readonly run: Effect.Effect<FaultReport, never, Scope.Scope>
}

const sampleRate = 44_100
const trackSeconds = 8
const trackSamples = sampleRate * trackSeconds
/** Packets heard before the harm is done: the buffers are full, and most of the track is still to come. */
const before = 4

const writeTracks = (folder: string, names: ReadonlyArray<string>) => {
  const signal = trackWith({ sampleRate, seconds: trackSeconds, lufs: -9, crestDb: 9 })
  for (const name of names) writeAudioFile(folder, name, "flac24", signal, { sampleRate })
}

const tracks = { first: 1, second: 2, third: 3, fourth: 4 }
const trackNames = ["a first", "b second", "c third", "d fourth"]

const makeFolders = (names: ReadonlyArray<string> = trackNames) =>
  Effect.gen(function* () {
    const root = yield* temporaryFolder
    const [music, data] = [join(root, "music"), join(root, "data")]
    mkdirSync(music)
    writeTracks(music, names)
    return { root, music, data }
  })

const decodeAnalysis = Schema.decodeUnknownEither(Schema.parseJson(TrackAnalysis))

/** The database as SQLite checks it, its fingerprints and those beside the files as their schemas do. */
export const storeProblemsOf = (data: string, music: string): ReadonlyArray<string> => {
  const problems: Array<string> = []
  const database = new DatabaseSync(join(data, "lathe.db"), { readOnly: true })
  try {
    for (const { integrity_check } of database.prepare("PRAGMA integrity_check").all()) {
      if (integrity_check !== "ok") problems.push(String(integrity_check))
    }
    for (const row of database.prepare("SELECT * FROM fingerprints").all()) {
      const { lufs, crest_db } = row
      const isMeasured = typeof lufs === "number" && Math.abs(lufs + 9) < 1 && Math.abs(Number(crest_db) - 9) < 1
      if (!isMeasured) problems.push(`track ${row["track_id"]} has LUFS ${lufs} and crest ${crest_db} stored`)
      for (const [name, value] of Object.entries(row)) {
        if (typeof value === "number" && !Number.isFinite(value)) problems.push(`${name} of a track is ${value}`)
      }
    }
    const { found } = database.prepare("SELECT count(*) AS found FROM tracks").get() ?? {}
    if (found !== readdirSync(music).filter((name) => name.endsWith(".flac")).length) {
      problems.push(`${found} tracks are in the database`)
    }
  } finally {
    database.close()
  }
  for (const name of readdirSync(music)) {
    if (name.endsWith(".25d") && Either.isLeft(decodeAnalysis(readFileSync(join(music, name), "utf8")))) {
      problems.push(`${name} is no fingerprint`)
    }
    if (name.endsWith(".tmp")) problems.push(`${name} was left behind`)
  }
  return problems
}

const msSince = (begun: number) => performance.now() - begun

const poll = <A>(look: () => Promise<A | undefined>): Effect.Effect<A> =>
  Effect.tryPromise(async () => {
    const found = await look()
    if (found === undefined) throw new Error("not yet")
    return found
  }).pipe(Effect.retry(Schedule.spaced("20 millis")), Effect.timeout("1 minute"), Effect.orDie)

interface Node {
  readonly id: string
  readonly status?: string
  readonly restarts?: number
  readonly children?: ReadonlyArray<Node>
}

const nodesOf = (node: Node): ReadonlyArray<Node> => [node, ...(node.children ?? []).flatMap(nodesOf)]

/** Until the supervisor says that so many children of this name have come back, and run. */
const isBack = ({ url }: RunningService, id: RegExp, restartsBefore: number) =>
  poll(async () => {
    const tree = (await (await fetch(`${url}/api/supervision`)).json()) as Node
    const children = nodesOf(tree).filter((node) => id.test(node.id))
    const restarts = children.reduce((sum, { restarts = 0 }) => sum + restarts, 0)
    return restarts > restartsBefore && children.every(({ status }) => status === "running") ? true : undefined
  })

/** Asked for its health at each look, where readiness is told as it was up to 5 s ago. */
const isMeasuring = ({ url }: RunningService) =>
  poll(async () => {
    const { fingerprint_server } = (await (await fetch(`${url}/api/status`)).json()) as Record<string, string>
    return fingerprint_server === "available" ? true : undefined
  })

/** Three listeners: two mastered streams, one of them of a track that nobody has measured, and one of the original. */
const threeListeners = (url: string) =>
  Effect.all([
    listen({ url, name: "enhanced", trackId: tracks.first }),
    listen({ url, name: "enhanced, another track", trackId: tracks.second }),
    listen({ url, name: "original", trackId: tracks.third, type: "play_normal" })
  ])

const allHeard = (listeners: ReadonlyArray<Listener>, packets: number) =>
  Effect.all(
    listeners.map(({ heard }) => heard(packets)),
    { concurrency: "unbounded", discard: true }
  )

const endsOf = (listeners: ReadonlyArray<Listener>) =>
  Effect.all(
    listeners.map(({ end }) => end),
    { concurrency: "unbounded" }
  )

interface Harm {
  readonly service: RunningService
  readonly data: string
  readonly music: string
}

const always = () => undefined

interface OnOneService {
  readonly fault: string
  readonly mends: string
  /** Does the harm; done when what it was done to is back. */
  readonly harm: (at: Harm) => Effect.Effect<void, never, Scope.Scope>
  readonly start?: (folders: {
    readonly data: string
    readonly music: string
  }) => Effect.Effect<RunningService, never, Scope.Scope>
  readonly obstacle?: () => string | undefined
}

/** Listeners play, the harm is done, another one presses play on a track that nobody has measured. */
const scenario = ({ fault, harm, mends, obstacle = always, start }: OnOneService): Scenario => ({
  fault,
  obstacle,
  run: Effect.gen(function* () {
    const { data, music } = yield* makeFolders()
    const service = yield* start?.({ data, music }) ?? startService(data, [music])
    const listeners = yield* threeListeners(service.url)
    yield* allHeard(listeners, before)
    const begun = performance.now()
    const away = yield* Effect.fork(Effect.map(harm({ service, data, music }), () => msSince(begun)))
    const late = yield* listen({ url: service.url, name: "enhanced, begun during the fault", trackId: tracks.fourth })
    const heard = yield* endsOf([...listeners, late])
    const backAfterMs = yield* away
    return { fault, mends, backAfterMs, listeners: heard, storeProblems: storeProblemsOf(data, music), trackSamples }
  })
})

const kill = (pid: number, signal: NodeJS.Signals) => Effect.sync(() => void process.kill(pid, signal))

const server = (signal: NodeJS.Signals) => ({
  mends: "the supervisor starts the fingerprint server again",
  harm: ({ service }: Harm) =>
    Effect.flatMap(service.fingerprintServer, (pid) => kill(pid, signal)).pipe(
      Effect.zipRight(isBack(service, /^fingerprint-server$/, 0)),
      Effect.zipRight(isMeasuring(service))
    )
})

const renderer = (signal: NodeJS.Signals) => ({
  mends: "its streams go on in another worker; the supervisor starts a new one",
  harm: ({ service }: Harm) =>
    Effect.suspend(() => kill(service.renderWorkers()[0]!, signal)).pipe(
      Effect.zipRight(isBack(service, /^render-worker/, 0))
    )
})

/** A server that is well by its health: nothing is restarted, and nothing is stored. */
const nonsense = (fault: string, behaviour: string) =>
  scenario({
    fault,
    mends: "nothing: after five failures in a row the server is left alone, then probed",
    start: ({ data, music }) =>
      startFaultyService(data, music, { fingerprintServer: [built("faultyFingerprintServer"), behaviour] }),
    harm: () => Effect.void
  })

const locked = scenario({
  fault: "the database is locked by another process for 3 s",
  mends: "nothing: what is not in memory is asked for again later",
  harm: ({ data }) =>
    Effect.acquireUseRelease(
      Effect.sync(() => {
        const database = new DatabaseSync(join(data, "lathe.db"), { timeout: 5000 })
        database.exec("BEGIN EXCLUSIVE")
        return database
      }),
      () => Effect.sleep("3 seconds"),
      (database) =>
        Effect.sync(() => {
          database.exec("ROLLBACK")
          database.close()
        })
    )
})

const megabytes = 24

const mountSmall = (folder: string) =>
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", folder], { stdio: "pipe" })

const unmount = (folder: string) => execFileSync("umount", ["-l", folder], { stdio: "pipe" })

const cannotMount = (): string | undefined => {
  const folder = mkdtempSync(join(tmpdir(), "lathe-mount-"))
  try {
    mountSmall(folder)
    unmount(folder)
    return undefined
  } catch {
    return "a small file system of its own, to be filled, cannot be mounted here"
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** A file system of its own, so small that it is full with one more file. */
const smallDisk = (folder: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      mkdirSync(folder, { recursive: true })
      mountSmall(folder)
    }),
    () => Effect.sync(() => unmount(folder))
  )

const fill = (path: string) => {
  const file = openSync(path, "w")
  const block = Buffer.alloc(64 * 1024)
  try {
    for (;;) writeSync(file, block)
  } catch {
    // Full.
  } finally {
    closeSync(file)
  }
}

const full: Scenario = {
  fault: "the disk is full",
  obstacle: cannotMount,
  run: Effect.gen(function* () {
    const root = yield* temporaryFolder
    const disk = join(root, "disk")
    yield* smallDisk(disk)
    const [music, data] = [join(disk, "music"), join(disk, "data")]
    mkdirSync(music)
    writeTracks(music, trackNames)
    const service = yield* startService(data, [music])
    const listeners = yield* threeListeners(service.url)
    yield* allHeard(listeners, before)
    const filler = join(disk, "filler")
    fill(filler)
    const begun = performance.now()
    const late = yield* listen({ url: service.url, name: "enhanced, begun during the fault", trackId: tracks.fourth })
    const heard = yield* endsOf([...listeners, late])
    const whileFull = storeProblemsOf(data, music)
    rmSync(filler)
    const backAfterMs = msSince(begun)
    // What could not be stored then is stored now.
    const after = yield* listen({ url: service.url, name: "enhanced, begun after the fault", trackId: tracks.third })
    yield* after.heard(before)
    yield* poll(async () => (readdirSync(music).includes("c third.flac.25d") ? true : undefined))
    return {
      fault: "the disk is full",
      mends: "nothing: fingerprints are kept in memory until they can be stored",
      backAfterMs,
      listeners: heard,
      storeProblems: [...whileFull, ...storeProblemsOf(data, music)],
      trackSamples
    }
  })
}

const serviceKilled: Scenario = {
  fault: "the service itself is killed (SIGKILL), and started again",
  obstacle: always,
  run: Effect.gen(function* () {
    const { data, music } = yield* makeFolders()
    const first = yield* startService(data, [music])
    const listeners = yield* threeListeners(first.url)
    yield* allHeard(listeners, before)
    const begun = performance.now()
    yield* kill(first.pid, "SIGKILL")
    yield* first.exit
    yield* startService(data, [music], ["--port", new URL(first.url).port])
    const backAfterMs = msSince(begun)
    const heard = yield* endsOf(listeners)
    return {
      fault: "the service itself is killed (SIGKILL), and started again",
      mends: "whoever runs it starts it again; players resume by their tokens",
      backAfterMs,
      listeners: heard,
      storeProblems: storeProblemsOf(data, music),
      trackSamples
    }
  })
}

/** The endless file takes three workers with it before it is refused; it is no track of the other listeners. */
const endless: Scenario = {
  fault: "a decoder loops for ever",
  obstacle: always,
  run: Effect.gen(function* () {
    const { data, music } = yield* makeFolders(["a first", "b second", "c third", "d endless"])
    const service = yield* startFaultyService(data, music, { renderWorker: [built("endlessRenderWorker")] })
    const listeners = yield* threeListeners(service.url)
    yield* allHeard(listeners, before)
    const begun = performance.now()
    const away = yield* Effect.fork(Effect.map(isBack(service, /^render-worker/, 2), () => msSince(begun)))
    const stuck = yield* listen({ url: service.url, name: "the endless file", trackId: tracks.fourth })
    const heard = yield* endsOf([...listeners, stuck])
    return {
      fault: "a decoder loops for ever",
      mends: "the worker is killed after 1 s; after three workers the file is refused",
      backAfterMs: yield* away,
      listeners: heard,
      storeProblems: storeProblemsOf(data, music),
      trackSamples
    }
  })
}

export const scenarios: ReadonlyArray<Scenario> = [
  scenario({ fault: "the fingerprint server is killed (SIGKILL)", ...server("SIGKILL") }),
  scenario({ fault: "the fingerprint server is stopped (SIGSTOP)", ...server("SIGSTOP") }),
  nonsense("the fingerprint server answers garbage", "garbage"),
  nonsense("the fingerprint server's answer breaks off", "half"),
  nonsense("the fingerprint server answers with 25 NaNs", "nan"),
  scenario({ fault: "a render worker is killed (SIGKILL)", ...renderer("SIGKILL") }),
  scenario({ fault: "a render worker is stopped (SIGSTOP)", ...renderer("SIGSTOP") }),
  endless,
  locked,
  full,
  serviceKilled
]
