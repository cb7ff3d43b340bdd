/**
 * Some clients that say anything at all to one service, in any order: valid messages, garbled ones, each other's tokens.
 * The same seed says the same.
 */
import { Effect, Exit, Layer, Scope, Stream, Supervisor } from "effect"
import { TrackUnreadable } from "../../src/domain/audio/AnalysisError.ts"
import { TooManyStreams } from "../../src/domain/streaming/TooManyStreams.ts"
import { TrackNotFound } from "../../src/domain/library/Track.ts"
import { layerKey } from "../../src/layers/streaming/ResumeTokensHmac.ts"
import {
  defaultLimits,
  makeStreamConnection,
  type StreamConnection
} from "../../src/layers/streaming/StreamConnection.ts"
import {
  type StreamError,
  type StreamEvent,
  type StreamRequest,
  TrackStreamer
} from "../../src/services/TrackStreamer.ts"
import { plansChanges } from "./scriptedStreams.ts"
import { makeStreamChecker, type StreamChecker } from "./streamChecker.ts"
import { makeRandom } from "./signals.ts"

export interface ProtocolFuzzOptions {
  readonly seed: number
  /** Messages in all. */
  readonly count: number
  readonly clients?: number
  /** Default: everything. */
  readonly say?: (random: () => number, tokens: ReadonlyArray<string>) => string | Uint8Array
  /** Told after every thousand messages. */
  readonly onThousand?: (messages: number) => void
}

export interface ProtocolFuzzReport {
  readonly faults: ReadonlyArray<string>
  readonly starts: number
  readonly ends: number
  readonly packets: number
  readonly errors: number
}

type Random = () => number
const integer = (random: Random, below: number): number => Math.floor(random() * below)
const choice = <A>(random: Random, among: ReadonlyArray<A>): A => among[integer(random, among.length)]!

// What the tracks do, by their ids. All others are not found.
const breaks = 8
const dies = 9
const startsLate = 10
const isFull = 11

const streamOf = (request: StreamRequest): Stream.Stream<StreamEvent, StreamError> => {
  const plays = plansChanges(request)
  switch (request.trackId as number) {
    case 7:
      return plays
    case breaks: {
      const fault = new TrackUnreadable({ file: "title.flac", stage: "decode", reason: "truncated" })
      return Stream.concat(Stream.take(plays, 5), Stream.fail(fault))
    }
    case dies:
      return Stream.concat(Stream.take(plays, 3), Stream.die(new Error("on purpose")))
    case startsLate:
      return Stream.unwrap(Effect.as(Effect.repeatN(Effect.yieldNow(), 100), plays))
    case isFull:
      return Stream.fail(new TooManyStreams({ maximum: 1 }))
    default:
      return Stream.fail(new TrackNotFound({ track_id: request.trackId }))
  }
}

const odd: ReadonlyArray<unknown> = [
  null,
  -1,
  0.5,
  1e308,
  "7",
  "",
  [],
  {},
  true,
  Number.MAX_SAFE_INTEGER,
  "\u0000",
  "💿"
]
const types = ["play_enhanced", "play_normal", "seek", "resume_stream", "set_enhancement", "pause", "resume", "stop"]
const flowTypes = ["credit", "buffer_full", "buffer_ready", "ping"]

const validData = (random: Random, type: string, tokens: ReadonlyArray<string>): Record<string, unknown> => {
  const maybe = (fields: Record<string, unknown>) =>
    Object.fromEntries(Object.entries(fields).filter(() => random() < 0.6))
  const position = choice(random, [0, 22.5, 1e6, random() * 22.5, random() * 30])
  const enhancement = maybe({
    preset: choice(random, ["adaptive", "gentle", "warm", "bright", "punchy"]),
    intensity: random(),
    enabled: random() < 0.5
  })
  const credits = choice(random, [1, 16, 256])
  const track_id = choice(random, [7, 7, 7, breaks, dies, startsLate, isFull, 99])
  switch (type) {
    case "play_enhanced":
      return { track_id, ...enhancement, ...maybe({ start_position: position, credits }) }
    case "play_normal":
      return { track_id, ...maybe({ start_position: position, credits }) }
    case "seek":
      return { position }
    case "set_enhancement":
      return enhancement
    case "resume_stream": {
      const resume_token = tokens.length === 0 ? "none" : choice(random, tokens)
      return random() < 0.5
        ? { resume_token, position, ...maybe({ credits }) }
        : { resume_token, sample_offset: integer(random, 1_100_000), ...maybe({ credits }) }
    }
    case "credit":
      return { frames: choice(random, [1, 1, 16, 256]) }
    default:
      return {}
  }
}

/** Any message, mostly a valid one. */
const anything = (random: Random, tokens: ReadonlyArray<string>): string | Uint8Array => {
  const type = choice(random, random() < 0.5 ? types : flowTypes)
  const data = validData(random, type, tokens)
  const text = JSON.stringify({ type, data })
  switch (integer(random, 20)) {
    case 0: {
      const key = choice(random, [...Object.keys(data), "position", "__proto__"])
      return JSON.stringify({ type, data: { ...data, [key]: choice(random, odd) } })
    }
    case 1:
      return text.slice(0, integer(random, text.length))
    case 2: {
      const at = integer(random, text.length)
      return text.slice(0, at) + String.fromCharCode(integer(random, 0xffff)) + text.slice(at + 1)
    }
    case 3:
      return JSON.stringify({ type: choice(random, [...odd, "dance", "constructor"]), data: choice(random, odd) })
    case 4:
      return random() < 0.5 ? new Uint8Array(integer(random, 32)) : JSON.stringify(choice(random, odd))
    default:
      return text
  }
}

interface Client {
  readonly connection: StreamConnection
  readonly checker: StreamChecker
  readonly setReading: (isReading: boolean) => void
}

/** The protocol's rates are set aside: every message is to be handled. */
const limits = {
  ...defaultLimits,
  controlMessages: { capacity: Infinity, perSecond: 1 },
  flowMessages: { capacity: Infinity, perSecond: 1 },
  queueBytes: Infinity,
  pingInterval: "1 days"
} as const

const makeClient = (owners: Parameters<typeof makeStreamConnection>[2]) =>
  Effect.gen(function* () {
    const checker = makeStreamChecker()
    const waiting: Array<() => void> = []
    let [isReading, queued] = [true, 0]
    const flush = () => {
      queued = 0
      for (const onFlushed of waiting.splice(0)) onFlushed()
    }
    const connection = yield* makeStreamConnection(
      {
        send: (data, onFlushed) => {
          if (typeof data === "string") checker.text(data)
          else checker.binary(data)
          queued += data.length
          waiting.push(onFlushed)
          if (isReading) flush()
        },
        together: (sends) => sends(),
        ping: () => undefined,
        close: () => undefined,
        terminate: () => undefined,
        queuedBytes: () => queued
      },
      limits,
      owners
    )
    const setReading = (reading: boolean) => {
      isReading = reading
      if (isReading) flush()
    }
    return { connection, checker, setReading } satisfies Client
  })

const tokensKept = 50

/** Says it all, then stops, asks whether anyone is there, and looks for what was left behind. */
export const fuzzProtocol = (options: ProtocolFuzzOptions): Effect.Effect<ProtocolFuzzReport> =>
  Effect.gen(function* () {
    const random = makeRandom(options.seed)
    const say = options.say ?? anything
    const faults: Array<string> = []
    const [supervisor, owners] = [yield* Supervisor.track, new Map()]
    let streams = 0
    const stream = (request: StreamRequest) =>
      Stream.unwrapScoped(
        Effect.acquireRelease(
          Effect.sync(() => void (streams += 1)),
          () => Effect.sync(() => void (streams -= 1))
        ).pipe(Effect.as(streamOf(request)))
      )
    const services = Layer.merge(Layer.succeed(TrackStreamer, { stream }), layerKey(new Uint8Array(32)))
    const scope = yield* Scope.make()
    const clients: ReadonlyArray<Client> = yield* Effect.all(
      Array.from({ length: options.clients ?? 3 }, () => makeClient(owners))
    ).pipe(Scope.extend(scope), Effect.provide(services), Effect.supervised(supervisor))

    const tokens: Array<string> = []
    for (let n = 1; n <= options.count; n++) {
      const { checker, connection, setReading } = choice(random, clients)
      connection.receive(say(random, tokens))
      if (random() < 0.02) setReading(random() < 0.6)
      const token = checker.token()
      if (token !== undefined && token !== tokens.at(-1)) tokens.push(token)
      if (tokens.length > tokensKept) tokens.shift()
      // Sometimes nothing of it has been handled before the next one comes, sometimes all.
      if (random() < 0.3 || n % 500 === 0) yield* Effect.repeatN(Effect.yieldNow(), integer(random, 40))
      if (streams > clients.length) faults.push(`after ${n} messages ${streams} streams run`)
      if (n % 1000 === 0) options.onThousand?.(n)
    }

    for (const { connection, setReading } of clients) {
      setReading(true)
      connection.receive('{"type":"stop"}')
    }
    yield* Effect.repeatN(Effect.yieldNow(), 2000)
    const pongs = clients.map(({ checker }) => checker.counts.pongs)
    for (const { connection } of clients) connection.receive('{"type":"ping"}')
    yield* Effect.repeatN(Effect.yieldNow(), 2000)
    const haveAnswered = clients.every(({ checker }, n) => checker.counts.pongs === pongs[n]! + 1)
    if (!haveAnswered) faults.push("a session no longer answers")
    if (streams !== 0) faults.push(`${streams} streams run on after all were stopped`)
    for (const { checker } of clients) {
      faults.push(...checker.faults)
      const { ends, starts } = checker.counts
      if (starts !== ends) faults.push(`${starts} starts and ${ends} ends`)
    }
    yield* Scope.close(scope, Exit.void)
    yield* Effect.repeatN(Effect.yieldNow(), 200)
    const left = (yield* supervisor.value).length
    if (left > 0) faults.push(`${left} fibers are left`)
    if (owners.size > 0) faults.push(`${owners.size} streams are left`)

    const sum = (name: keyof StreamChecker["counts"]) =>
      clients.reduce((total, { checker }) => total + checker.counts[name], 0)
    return { faults, starts: sum("starts"), ends: sum("ends"), packets: sum("packets"), errors: sum("errors") }
  })
