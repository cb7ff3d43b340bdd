/**
 * One seeded world: the service's real parts from the client's socket down to the database, over a library, a decoder, a
 * fingerprint server and a disk that fail as the seed has it, and clients that do what the seed has them do. What must
 * hold whatever happens is checked while it runs and when all have left.
 */
import { SqlClient } from "@effect/sql"
import { Cause, Context, Effect, Exit, Layer, Logger, Option, Schema, Scope, Stream, Supervisor } from "effect"
import { TrackUnreadable } from "../../src/domain/audio/AnalysisError.ts"
import { dimensionNames, type TrackAnalysis } from "../../src/domain/fingerprint/Fingerprint.ts"
import {
  FileRefused,
  type FingerprintServerError,
  ServerAnswerInvalid,
  ServerBusy,
  ServerTimedOut,
  ServerUnreachable
} from "../../src/domain/fingerprint/FingerprintServerError.ts"
import { ServerMessage } from "../../src/contract/StreamMessages.ts"
import { type TrackFile, TrackId, TrackNotFound } from "../../src/domain/library/Track.ts"
import type { Random } from "../../demo/Random.ts"
import * as DatabaseSqlite from "../../src/layers/database/DatabaseSqlite.ts"
import * as FingerprintGeneratorTiered from "../../src/layers/fingerprint/FingerprintGeneratorTiered.ts"
import * as FingerprintRepoSqlite from "../../src/layers/fingerprint/FingerprintRepoSqlite.ts"
import * as ResumeTokensHmac from "../../src/layers/streaming/ResumeTokensHmac.ts"
import { defaultLimits, makeStreamConnection } from "../../src/layers/streaming/StreamConnection.ts"
import type { Peer } from "../../src/services/WebSockets.ts"
import type { StreamOwners } from "../../src/layers/streaming/StreamTransport.ts"
import * as SupervisionTreeRoot from "../../src/layers/supervision/SupervisionTreeRoot.ts"
import * as TrackStreamerLive from "../../src/layers/streaming/TrackStreamerLive.ts"
import { ChunkMastering, type PcmPacket } from "../../src/services/ChunkMastering.ts"
import { FingerprintRepo } from "../../src/services/FingerprintRepo.ts"
import { FingerprintServerClient, type FingerprintServerEvent } from "../../src/services/FingerprintServerClient.ts"
import { FingerprintSidecar } from "../../src/services/FingerprintSidecar.ts"
import { SupervisionTree } from "../../src/services/SupervisionTree.ts"
import { pathOf, TrackLibrary } from "../../src/services/TrackLibrary.ts"
import { someAnalysis, someTrackFile } from "../support/analyses.ts"
import { makeVirtualTime, type VirtualTime } from "./virtualTime.ts"

/** Hz. Few samples make a packet: what is looked at here is their order. */
const rate = 400
const packetFrames = rate / 4
const trackSeconds = [0.1, 1.3, 4, 12]
const maximumStreams = 3

const files: ReadonlyArray<TrackFile> = trackSeconds.map((duration, n) => {
  const file = someTrackFile()
  const id = TrackId.make(n + 1)
  return { ...file, track: { ...file.track, id, duration, sample_rate: rate, channels: 1 }, relativePath: `${id}.flac` }
})
const lengthOf = (file: TrackFile) => Math.round(file.track.duration * rate)

/** Each track's own, so that one that comes to the wrong track shows. */
const analysisOf = (id: number): TrackAnalysis => someAnalysis({ lufs: -10 - id })

/** How often each fault happens, 0 to 1. A world has few of them or many. */
interface Faults {
  readonly storage: number
  readonly server: number
  readonly decoding: number
  readonly library: number
  readonly network: number
}

const makeFaults = (random: Random): Faults => {
  const often = () => (random() < 0.4 ? 0 : random() ** 2 * 0.6)
  return { storage: often(), server: often(), decoding: often() / 4, library: often(), network: often() / 2 }
}

export interface WorldReport {
  readonly streams: number
  readonly packets: number
  readonly faults: number
}

/** Is told each message of the service, with its time in ms. */
export type Trace = (at: number, message: string) => void

const silent = Logger.remove(Logger.defaultLogger)

/** Runs one world to its end; rejects with what did not hold. */
export const simulate = async (seed: number, trace?: Trace): Promise<WorldReport> => {
  const time = makeVirtualTime(seed)
  const exit = await time.run(Effect.provide(world(time, trace), trace === undefined ? silent : Layer.empty))
  if (Exit.isSuccess(exit)) return exit.value
  throw new Error(`seed ${seed}: ${Cause.pretty(exit.cause)}`)
}

const pick = <A>(random: Random, values: ReadonlyArray<A>): A => values[Math.floor(random() * values.length)]!

const require = (holds: boolean, what: string): void => {
  if (!holds) throw new Error(what)
}

const world = (time: VirtualTime, trace: Trace | undefined): Effect.Effect<WorldReport, unknown> =>
  Effect.gen(function* () {
    const { random } = time
    const faults = makeFaults(random)
    let faultCount = 0
    let isCalm = false
    const happens = (share: number) => {
      const does = !isCalm && random() < share
      if (does) faultCount++
      return does
    }
    const delay = (most: number) => Effect.suspend(() => Effect.sleep(random() < 0.5 ? 0 : random() * most))

    const renderings = { opened: 0, closed: 0 }
    const library = Layer.succeed(TrackLibrary, {
      folders: ["/music"],
      list: Effect.succeed(files.map(({ track }) => track)),
      scan: Effect.dieMessage("not part of this world"),
      scanStatus: Effect.dieMessage("not part of this world"),
      resolve: (id) =>
        Effect.gen(function* () {
          yield* delay(30)
          const file = files.find(({ track }) => track.id === id)
          if (file === undefined) return yield* new TrackNotFound({ track_id: id })
          if (happens(faults.library)) {
            if (random() < 0.5) return yield* Effect.die(new Error("SQLITE_BUSY: database is locked"))
            return yield* new TrackUnreadable({ file: file.relativePath, stage: "open", reason: "missing" })
          }
          return file
        })
    })

    /** Sample n of every track is n. */
    const ramp = Float32Array.from({ length: Math.max(...files.map(lengthOf)) }, (_, n) => n)
    const mastering = Layer.succeed(ChunkMastering, {
      open: ({ path, startFrame }) =>
        Effect.gen(function* () {
          const file = files.find((file) => pathOf(file) === path)!
          yield* delay(50)
          if (happens(faults.decoding)) {
            return yield* new TrackUnreadable({ file: file.relativePath, stage: "open", reason: "corrupt" })
          }
          yield* Effect.acquireRelease(
            Effect.sync(() => renderings.opened++),
            () => Effect.sync(() => renderings.closed++)
          )
          const totalFrames = lengthOf(file)
          let position = Math.max(0, Math.round(startFrame))
          const next = Effect.gen(function* () {
            if (position >= totalFrames) return yield* Effect.fail(Option.none<TrackUnreadable>())
            yield* delay(20)
            if (happens(faults.decoding)) {
              if (random() < 0.3) return yield* Effect.die(new Error("a defect of the renderer"))
              return yield* Effect.fail(
                Option.some(new TrackUnreadable({ file: file.relativePath, stage: "decode", reason: "truncated" }))
              )
            }
            const end = Math.min(totalFrames, (Math.floor(position / packetFrames) + 1) * packetFrames)
            const sampleOffset = position
            position = end
            const sampleCount = end - sampleOffset
            return {
              sampleOffset,
              sampleCount,
              samples: ramp.slice(sampleOffset, end),
              state: null
            } satisfies PcmPacket
          })
          const packets = Stream.repeatEffectOption(next)
          return { sampleRate: rate, channels: 1, totalFrames, packets, setPlan: () => delay(5) }
        })
    })

    const serverFault = (): FingerprintServerError =>
      pick<() => FingerprintServerError>(random, [
        () => new ServerUnreachable({ detail: "ECONNREFUSED" }),
        () => new ServerBusy(),
        () => new ServerTimedOut({ seconds: 60 }),
        () => new ServerAnswerInvalid({ detail: "garbage" }),
        () => new FileRefused({ code: "TrackSilent", reason: "The track is silent." })
      ])()
    const computations = { begun: 0, ended: 0 }
    const server = Layer.succeed(FingerprintServerClient, {
      isServerAvailable: Effect.sync(() => !happens(faults.server)),
      compute: ({ trackId }) =>
        Stream.unwrapScoped(
          Effect.gen(function* () {
            yield* Effect.acquireRelease(
              Effect.sync(() => computations.begun++),
              () => Effect.sync(() => computations.ended++)
            )
            yield* delay(2000)
            const progress = Stream.fromIterable<FingerprintServerEvent>([
              { _tag: "Progress", progress: { stage: "decoding", percent: 40 } },
              { _tag: "Progress", progress: { stage: "finishing", percent: 100 } }
            ]).pipe(Stream.tap(() => delay(500)))
            if (happens(faults.server)) {
              if (random() < 0.2) return Stream.concat(progress, Stream.never)
              if (random() < 0.2) return progress
              // About another content of the file than the one that was asked for.
              if (random() < 0.2) {
                const { provenance, ...rest } = analysisOf(Number(trackId))
                const analysis = { ...rest, provenance: { ...provenance, file_size: 1 } }
                return Stream.succeed<FingerprintServerEvent>({ _tag: "Result", analysis })
              }
              return Stream.concat(random() < 0.5 ? progress : Stream.empty, Stream.fail(serverFault()))
            }
            const result: FingerprintServerEvent = { _tag: "Result", analysis: analysisOf(Number(trackId)) }
            return Stream.concat(progress, Stream.succeed(result))
          })
        )
    })

    const beside = new Map<string, TrackAnalysis>()
    const sidecar = Layer.succeed(FingerprintSidecar, {
      find: (path) =>
        Effect.suspend(() =>
          happens(faults.storage)
            ? Effect.die(new Error("EIO: input/output error"))
            : Effect.succeed(Option.fromNullable(beside.get(path)))
        ),
      store: (path, analysis) =>
        Effect.suspend(() =>
          happens(faults.storage)
            ? Effect.die(new Error("ENOSPC: no space left on device"))
            : Effect.sync(() => void beside.set(path, analysis))
        )
    })

    const faulty =
      <Args extends ReadonlyArray<unknown>, A>(use: (...args: Args) => Effect.Effect<A>) =>
      (...args: Args): Effect.Effect<A> =>
        Effect.suspend(() =>
          happens(faults.storage)
            ? Effect.zipRight(delay(100), Effect.die(new Error("SQLITE_FULL: database or disk is full")))
            : use(...args)
        )
    const repo = Layer.effect(
      FingerprintRepo,
      Effect.map(FingerprintRepo, (real) => ({
        find: faulty(real.find),
        findUnverified: faulty(real.findUnverified),
        drop: faulty(real.drop),
        store: faulty(real.store),
        findFailure: faulty(real.findFailure),
        storeFailure: faulty(real.storeFailure)
      }))
    ).pipe(Layer.provideMerge(FingerprintRepoSqlite.layer), Layer.provideMerge(DatabaseSqlite.layerMemory))

    const violations: Array<string> = []
    const services = TrackStreamerLive.layerWith({ maximumStreams }).pipe(
      Layer.provide([library, mastering]),
      Layer.provide(FingerprintGeneratorTiered.layer.pipe(Layer.provide([server, sidecar]))),
      Layer.provideMerge(repo),
      Layer.merge(ResumeTokensHmac.layerKey(new Uint8Array(32).fill(7))),
      Layer.provideMerge(
        SupervisionTreeRoot.layer({
          children: [],
          onEscalation: (reason) => Effect.sync(() => violations.push(reason))
        })
      )
    )

    const supervisor = yield* Supervisor.track
    const totals = { streams: 0, packets: 0 }
    yield* Effect.gen(function* () {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(services, scope)
      const sql = Context.get(context, SqlClient.SqlClient)
      for (const file of files) {
        const { id, title, artist, album, duration, sample_rate, channels } = file.track
        const { size, mtime_ms } = file.version
        yield* sql`INSERT INTO tracks ${sql.insert({ id, folder: file.folder, path: file.relativePath, size, mtime_ms, title, artist, album, duration, sample_rate, channels })}`
      }
      const owners: StreamOwners = new Map()
      const connect = makeConnect({ time, owners, totals, violations, trace })
      const clients = 1 + Math.floor(random() * 4)
      yield* Effect.all(
        Array.from({ length: clients }, () => client(time, faults, happens, connect)),
        { concurrency: "unbounded" }
      ).pipe(Effect.provide(context))

      require(violations.length === 0, violations.slice(0, 3).join("; "))
      // Calm again: as many streams as there may be play to their end, so no place was lost.
      isCalm = true
      yield* Effect.all(
        Array.from({ length: maximumStreams }, () => playsToItsEnd(connect)),
        { concurrency: "unbounded" }
      ).pipe(Effect.provide(context))
      require(violations.length === 0, violations.slice(0, 3).join("; "))
      require(owners.size === 0, `${owners.size} streams are left`)
      // A supervisor hears of an end a moment later.
      yield* Effect.sleep("1 second")
      yield* Effect.provide(checkTree, context)

      for (const file of files) yield* checkStored(file).pipe(Effect.provide(context))
      yield* Scope.close(scope, Exit.void)
    }).pipe(Effect.supervised(supervisor))

    const left = yield* supervisor.value
    const alive = left.filter((fiber) => fiber.unsafePoll() === null)
    require(alive.length === 0, `${alive.length} fibers are left`)
    require(renderings.opened ===
      renderings.closed, `${renderings.opened - renderings.closed} renderings are left open`)
    require(computations.begun === computations.ended, "an analysis goes on that nobody waits for")
    return { ...totals, faults: faultCount }
  })

/** Actors that live as long as the service. */
const lasting: ReadonlySet<string> = new Set(["owed writes"])

/** Nothing is supervised that has ended, and no group had to start again. */
const checkTree = Effect.gen(function* () {
  const { children } = yield* Effect.flatMap(SupervisionTree, (tree) => tree.snapshot)
  for (const { children: actors, id, restarts } of children) {
    const left = actors.filter(({ id }) => !lasting.has(id))
    require(left.length === 0, `the group ${id} still has ${left.map((actor) => actor.id).join(", ")}`)
    require(restarts === 0, `the group ${id} was started again`)
  }
})

/** What is stored of a track is its own, whole and valid, or nothing. */
const checkStored = (file: TrackFile) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const rows = yield* sql<Record<string, number>>`SELECT * FROM fingerprints WHERE track_id = ${file.track.id}`
    const [row] = rows
    if (row === undefined) return
    const expected = analysisOf(file.track.id).fingerprint
    for (const name of dimensionNames) {
      require(row[name] === expected[name], `track ${file.track.id} has ${name} ${row[name]} stored`)
    }
  })

interface Connected {
  readonly say: (text: string) => void
  /** Where it got to, to go on from elsewhere. */
  readonly resumePoint: () => { readonly token: string; readonly sampleOffset: number } | undefined
  readonly log: ConnectionLog
  readonly setReading: (isReading: boolean) => void
  /** As a network that breaks. */
  readonly cut: Effect.Effect<void>
  /** Whether the near end has ended it. */
  readonly isEnded: () => boolean
}

interface ConnectionLog {
  /** Epochs that have started and not ended. */
  readonly open: () => ReadonlyArray<number>
  readonly completed: () => number
  readonly pongs: () => number
}

const decode = Schema.decodeUnknownSync(Schema.parseJson(ServerMessage))

interface FarEnd {
  readonly time: VirtualTime
  readonly owners: StreamOwners
  readonly totals: { streams: number; packets: number }
  readonly violations: Array<string>
  readonly trace: Trace | undefined
}

/** A connection whose far end checks each message and each sample as it comes. */
const makeConnect = ({
  owners,
  time,
  totals,
  trace,
  violations
}: FarEnd): Effect.Effect<
  Connected,
  never,
  Exclude<Effect.Effect.Context<ReturnType<typeof makeStreamConnection>>, Scope.Scope>
> =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    // Thrown here, it would be a fault of the service's outlet.
    const check = (holds: boolean, what: string): void => {
      if (!holds) violations.push(`${what}, at ${time.now().toFixed(0)} ms`)
    }
    let isReading = true
    let isEnded = false
    let queued = 0
    const queue: Array<readonly [number, () => void]> = []
    const flush = () => {
      if (!isReading && !isEnded) return
      for (const [bytes, onFlushed] of queue.splice(0)) {
        queued -= bytes
        onFlushed()
      }
    }

    // What the far end knows of the stream.
    let epoch = 0
    const openEpochs = new Set<number>()
    let position = 0
    let delivered = 0
    let seq = 0
    let meta: Extract<ServerMessage, { type: "audio_chunk_meta" }>["data"] | undefined
    let token: string | undefined
    let pongs = 0
    let completed = 0
    let trackLength = 0

    const onMessage = (message: ServerMessage): void => {
      check(meta === undefined, `${message.type} came between a meta and its packet`)
      if ("stream_epoch" in message.data && !message.type.startsWith("playback_")) {
        check(
          message.data.stream_epoch === epoch || message.type === "audio_stream_start",
          `${message.type} of epoch ${message.data.stream_epoch} in ${epoch}`
        )
      }
      switch (message.type) {
        case "audio_stream_start": {
          const { data } = message
          check(data.stream_epoch > epoch, `epoch ${data.stream_epoch} after ${epoch}`)
          check(openEpochs.size === 0, "a stream started before the one before had ended")
          epoch = data.stream_epoch
          openEpochs.add(epoch)
          position = Math.round(data.seek_position * data.sample_rate)
          delivered = 0
          seq = 0
          token = data.resume_token
          trackLength = lengthOf(files[data.track_id - 1]!)
          totals.streams++
          return
        }
        case "audio_chunk_meta":
          check(openEpochs.has(epoch), "a packet of a stream that has ended")
          check(message.data.seq === seq++, `seq ${message.data.seq} instead of ${seq - 1}`)
          check(message.data.sample_offset === position, `sample ${message.data.sample_offset} instead of ${position}`)
          meta = message.data
          return
        case "audio_stream_end":
          check(openEpochs.delete(epoch), `two ends of epoch ${epoch}`)
          check(
            message.data.total_samples === delivered,
            `${message.data.total_samples} samples told, ${delivered} came`
          )
          if (message.data.reason !== "completed") return
          check(position >= trackLength, `completed at ${position} of ${trackLength}`)
          completed++
          return
        case "audio_stream_error":
          // Of a stream that could not start as well.
          openEpochs.delete(epoch)
          return
        case "pong":
          pongs++
      }
    }
    const onPacket = (bytes: Uint8Array): void => {
      check(meta !== undefined, "a packet without its meta")
      const samples = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
      const { sample_count, sample_offset } = meta!
      check(samples.length === sample_count, `${samples.length} samples instead of ${sample_count}`)
      check(
        samples[0] === sample_offset && samples.at(-1) === sample_offset + sample_count - 1,
        "other samples than told"
      )
      meta = undefined
      position += sample_count
      delivered += sample_count
      totals.packets++
    }

    const peer: Peer = {
      together: (sends) => sends(),
      send: (data, onFlushed) => {
        if (isEnded) return
        if (typeof data === "string") {
          const message = decode(data)
          trace?.(time.now(), data)
          // Starts of streams that fail before their start are told by an error of a new epoch.
          if (message.type === "audio_stream_error" && message.data.stream_epoch > epoch)
            epoch = message.data.stream_epoch
          else if (message.type === "fingerprint_progress" && message.data.stream_epoch > epoch) return
          onMessage(message)
        } else onPacket(data)
        const bytes = typeof data === "string" ? data.length : data.byteLength
        queue.push([bytes, onFlushed])
        queued += bytes
        flush()
      },
      ping: () => {
        if (isReading && !isEnded) connection.pong()
      },
      close: () => void (isEnded = true),
      terminate: () => {
        isEnded = true
        flush()
      },
      queuedBytes: () => queued
    }
    const connection = yield* makeStreamConnection(peer, defaultLimits, owners).pipe(Scope.extend(scope))
    return {
      say: (text) => {
        if (!isEnded) connection.receive(text)
      },
      resumePoint: () => (token === undefined ? undefined : { token, sampleOffset: position }),
      log: { open: () => [...openEpochs], completed: () => completed, pongs: () => pongs },
      setReading: (reading) => {
        isReading = reading
        flush()
      },
      cut: Effect.suspend(() => {
        isEnded = true
        flush()
        return Scope.close(scope, Exit.void)
      }),
      isEnded: () => isEnded
    }
  })

const message = (type: string, data: object = {}) => JSON.stringify({ type, data })

const garbage = [
  "",
  "{",
  "null",
  "[]",
  '{"type":7}',
  '{"type":"play_enhanced","data":{"track_id":"x"}}',
  "\u0000\uffff"
]

/** What a listener, or a program gone wrong, does next. */
const nextMessage = (random: Random): string => {
  const track_id = 1 + Math.floor(random() * (files.length + 0.3))
  const start_position = random() < 0.5 ? 0 : random() * 30
  const credits = pick(random, [1, 2, 16, 256])
  const preset = pick(random, ["adaptive", "gentle", "warm", "bright", "punchy"])
  return pick<() => string>(random, [
    () => message("play_enhanced", { track_id, start_position, credits, preset, intensity: random() }),
    () => message("play_enhanced", { track_id, credits }),
    () => message("play_normal", { track_id, start_position, credits }),
    () => message("seek", { position: random() * 30 }),
    () => message("set_enhancement", { preset, intensity: random(), enabled: random() < 0.7 }),
    () => message("pause"),
    () => message("resume"),
    () => message("stop"),
    () => message("credit", { frames: 1 + Math.floor(random() * 64) }),
    () => message("credit", { frames: 4 }),
    () => message("buffer_full"),
    () => message("buffer_ready"),
    () => message("ping"),
    () => pick(random, garbage)
  ])()
}

/** One client from its first connection to its last. */
const client = (
  time: VirtualTime,
  faults: Faults,
  happens: (share: number) => boolean,
  connect: ReturnType<typeof makeConnect>
) =>
  Effect.gen(function* () {
    const { random } = time
    let connected = yield* connect
    const actions = 3 + Math.floor(random() * 25)
    for (let n = 0; n < actions; n++) {
      yield* Effect.sleep(random() < 0.3 ? 0 : random() * (random() < 0.1 ? 20_000 : 700))
      const text = nextMessage(random)
      if (happens(faults.network)) {
        const fault = pick(random, ["drop", "twice", "late", "garbled", "cut", "stall", "storm"] as const)
        if (fault === "twice") connected.say(text)
        if (fault === "late") yield* Effect.sleep(random() * 3000)
        if (fault === "garbled") connected.say(text.slice(0, Math.floor(random() * text.length)))
        if (fault === "storm") for (let i = 0; i < 40; i++) connected.say(nextMessage(random))
        if (fault === "stall") {
          connected.setReading(false)
          yield* Effect.sleep(random() * 90_000)
          connected.setReading(true)
        }
        if (fault === "cut" || connected.isEnded()) {
          const point = connected.resumePoint()
          yield* connected.cut
          connected = yield* connect
          if (point !== undefined && random() < 0.8) {
            const { sampleOffset, token } = point
            connected.say(message("resume_stream", { resume_token: token, sample_offset: sampleOffset }))
          }
        }
        if (fault !== "twice" && fault !== "late") continue
      }
      connected.say(text)
    }
    if (connected.isEnded()) return yield* connected.cut
    // It lets go of what holds its stream, or stops it: either way there is one end, and it is still answered.
    connected.setReading(true)
    yield* Effect.sleep("2 seconds")
    for (const type of ["resume", "buffer_ready", random() < 0.5 ? "stop" : "ping"]) connected.say(message(type))
    connected.say(message("credit", { frames: 256 }))
    yield* Effect.sleep("5 minutes")
    require(connected.isEnded() || connected.log.open().length === 0, `epoch ${connected.log.open()[0]} has not ended`)
    const pongs = connected.log.pongs()
    connected.say(message("ping"))
    yield* Effect.sleep("1 second")
    require(connected.isEnded() || connected.log.pongs() > pongs, "a session that answers no more")
    yield* connected.cut
  })

const playsToItsEnd = (connect: ReturnType<typeof makeConnect>) =>
  Effect.gen(function* () {
    const connected = yield* connect
    connected.say(message("play_normal", { track_id: 3, credits: 256 }))
    yield* Effect.sleep("1 minute")
    require(connected.log.completed() === 1, "a stream of the calm after the storm did not complete")
    yield* connected.cut
  })
