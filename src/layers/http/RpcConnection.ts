/**
 * What stands between one client's socket and the server of the RPC: limits on what comes in, on the calls at a time, on
 * what waits to go out, and on how long a client may be silent. Knows the socket as a Peer only.
 */
import { RpcSerialization } from "@effect/rpc"
import type { FromClientEncoded, FromServerEncoded, RequestEncoded } from "@effect/rpc/RpcMessage"
import { Duration, Effect, Either, Option, Schema, type Scope } from "effect"
import { makeTokenBucket, type TokenBucketOptions } from "../../domain/streaming/TokenBucket.ts"
import type { Peer, WebSocketReceiver } from "../../services/WebSockets.ts"
import { InvalidMsgPack, readMsgPack } from "./MsgPackReader.ts"

export interface RpcLimits {
  /** Bytes of a message: the longest call has a few hundred. */
  readonly maximumMessageBytes: number
  /** Messages of the protocol in one of the WebSocket. Effect's client puts in one. */
  readonly valuesPerMessage: number
  /** Calls, and everything that is no message of the protocol. */
  readonly calls: TokenBucketOptions
  /** What a client's library does by itself: acknowledge, ping, interrupt. */
  readonly flowMessages: TokenBucketOptions
  /** Refusals of what exceeds these rates. Who exceeds this one too is not spoken to any longer. */
  readonly refusals: TokenBucketOptions
  /** Calls that have not been answered, or whose answer has not left this process; streams among them. */
  readonly callsAtOnce: number
  readonly streamsAtOnce: number
  /** While more than this waits for the client, no call is begun and no part of a stream sent, bytes. */
  readonly queueBytes: number
  /** Refusals, pongs and the like that wait for the client; one that asks and does not read is dropped beyond, bytes. */
  readonly refusalBytes: number
  readonly pingInterval: Duration.DurationInput
  /** While calls are open: without a pong, a message, or anything that leaves, the client is gone. */
  readonly stallTimeout: Duration.DurationInput
  /** While none is: without a pong and without a message, the client is gone. */
  readonly idleTimeout: Duration.DurationInput
}

export const defaultRpcLimits: RpcLimits = {
  maximumMessageBytes: 64 * 1024,
  valuesPerMessage: 64,
  // As many as one address may make by HTTP.
  calls: { capacity: 200, perSecond: 100 },
  flowMessages: { capacity: 1024, perSecond: 2000 },
  refusals: { capacity: 2000, perSecond: 200 },
  callsAtOnce: 64,
  streamsAtOnce: 16,
  queueBytes: 192 * 1024,
  refusalBytes: 1024 * 1024,
  pingInterval: "10 seconds",
  stallTimeout: "30 seconds",
  idleTimeout: "2 minutes"
}

/** What can be called, by its name. */
export type RpcKind =
  /** Answered at once, from what is stored. One after the other, as fast as the client reads. */
  | "quick"
  /** Answered when something has been measured, shortly. */
  | "slow"
  | "stream"

export interface RpcConnectionOptions {
  readonly limits: RpcLimits
  readonly kinds: ReadonlyMap<string, RpcKind>
  /** Hands a message to the server. */
  readonly deliver: (message: FromClientEncoded) => void
}

export interface RpcConnection extends WebSocketReceiver {
  /** What the server answers; waits for as long as the client has too much still to read. */
  readonly send: (response: FromServerEncoded) => Effect.Effect<void>
}

// RFC 6455, 7.4.1
const policyViolation = 1008
const messageTooBig = 1009

interface Call {
  readonly request: RequestEncoded
  readonly kind: RpcKind
}

// As the server has it, which counts by bigint: it answers "01" as "1", and nobody would know whose that is.
const RequestId = Schema.String.pipe(Schema.pattern(/^(0|[1-9]\d{0,19})$/))
const ofCall = { requestId: RequestId }

const ClientMessage = Schema.Union(
  Schema.TaggedStruct("Request", {
    id: RequestId,
    tag: Schema.String,
    payload: Schema.optional(Schema.Unknown),
    traceId: Schema.optional(Schema.Unknown),
    spanId: Schema.optional(Schema.Unknown),
    sampled: Schema.optional(Schema.Unknown)
  }),
  Schema.TaggedStruct("Ack", ofCall),
  Schema.TaggedStruct("Interrupt", ofCall),
  Schema.TaggedStruct("Ping", {}),
  Schema.TaggedStruct("Eof", {})
)
type ClientMessage = typeof ClientMessage.Type

const decodeClientMessage = Schema.decodeUnknownOption(ClientMessage)

/** A peer that knows when this side has ended the connection. */
const endingPeer = (peer: Peer) => {
  let isEnded = false
  const ends =
    <Args extends ReadonlyArray<unknown>>(end: (...args: Args) => void) =>
    (...args: Args) => {
      isEnded = true
      end(...args)
    }
  return { ...peer, close: ends(peer.close), terminate: ends(peer.terminate), isEnded: () => isEnded }
}

/** Lives as long as its scope. */
export const makeRpcConnection = (
  clientsPeer: Peer,
  { deliver, kinds, limits }: RpcConnectionOptions
): Effect.Effect<RpcConnection, never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock
    const peer = endingPeer(clientsPeer)
    const now = () => clock.unsafeCurrentTimeMillis()
    const outlet = makeOutlet(peer, limits, now)
    const calls = makeCalls(limits, kinds, outlet, deliver)
    const rates = makeRates(peer, limits, outlet)
    let heardAt = now()
    let pongAt = now()

    const take = (received: unknown): void => {
      const message = decodeClientMessage(received)
      if (Option.isNone(message)) {
        if (rates.call(heardAt)) outlet.say(defect("invalid_message", notOfTheProtocol))
        else rates.refuse(heardAt, defect("too_many_messages", tooManyMessages))
      } else if (message.value._tag === "Request") {
        const request = requestOf(message.value)
        if (rates.call(heardAt)) calls.begin(request)
        else rates.refuse(heardAt, refusalOf(request, "too_many_calls", tooManyMessages))
      } else if (rates.flow(heardAt)) takeFlow(message.value)
      else rates.refuse(heardAt, defect("too_many_messages", tooManyMessages))
    }

    const takeFlow = (message: Exclude<ClientMessage, { readonly _tag: "Request" }>): void => {
      switch (message._tag) {
        case "Ping":
          return outlet.say({ _tag: "Pong" })
        case "Ack":
          return calls.acknowledge(message.requestId)
        case "Interrupt":
          return calls.interrupt(message.requestId)
        case "Eof":
          // Whoever has nothing more to ask closes the connection.
          return undefined
      }
    }

    const receive = (received: string | Uint8Array): void => {
      if (peer.isEnded()) return
      heardAt = now()
      if (Buffer.byteLength(received) > limits.maximumMessageBytes) {
        outlet.say(defect("message_too_large", `A message has at most ${limits.maximumMessageBytes} bytes.`))
        return peer.close(messageTooBig, "A message is too large.")
      }
      const values = messagesIn(received, limits.valuesPerMessage)
      if (Either.isRight(values)) {
        for (const value of values.right) if (!peer.isEnded()) take(value)
      } else if (rates.call(heardAt)) outlet.say(defect("invalid_message", values.left))
      else rates.refuse(heardAt, defect("too_many_messages", tooManyMessages))
    }

    yield* Effect.forkScoped(
      watch(peer, limits, now, () => ({
        isBusy: calls.areOpen(),
        aliveAt: Math.max(pongAt, heardAt, outlet.leftAt())
      }))
    )
    return { receive, pong: () => void (pongAt = now()), send: (response) => calls.answer(response) }
  })

const messagesIn = (
  received: string | Uint8Array,
  maximumValues: number
): Either.Either<ReadonlyArray<unknown>, string> => {
  if (typeof received === "string") return Either.left("Messages are binary frames of MessagePack.")
  return Either.try({
    try: () => readMsgPack(received, maximumValues),
    catch: (error) =>
      error instanceof InvalidMsgPack ? `This is no MessagePack: ${error.message}.` : "This is no MessagePack."
  })
}

/** Headers are for servers behind servers: no call reads any. A trace goes on where it is one. */
const requestOf = ({ id, payload, sampled, spanId, tag, traceId }: ClientMessage & { readonly _tag: "Request" }) => {
  const request: RequestEncoded = { _tag: "Request", id, tag, payload, headers: [] }
  const isTrace = isHexadecimal(traceId, 32) && isHexadecimal(spanId, 16)
  return isTrace ? { ...request, traceId, spanId, sampled: sampled === true } : request
}

const isHexadecimal = (id: unknown, digits: number): id is string =>
  typeof id === "string" && id.length === digits && /^[0-9a-f]+$/.test(id)

type Outlet = ReturnType<typeof makeOutlet>

/** Counts what waits for the client. */
const makeOutlet = (peer: Peer, limits: RpcLimits, now: () => number) => {
  const encoder = RpcSerialization.msgPack.unsafeMake()
  const waiting = new Set<() => void>()
  let leftAt = now()
  let owed = 0
  const isReady = () => peer.queuedBytes() <= limits.queueBytes
  const send = (response: FromServerEncoded, onFlushed: () => void = () => undefined): number => {
    const data = encoder.encode(response)!
    peer.send(data, () => {
      leftAt = now()
      onFlushed()
      // Who goes on may wait again.
      const before = Array.from(waiting)
      if (isReady()) for (const goOn of before) goOn()
    })
    return data.length
  }
  const wait = Effect.async<void>((resume) => {
    const goOn = () => {
      waiting.delete(goOn)
      resume(Effect.void)
    }
    waiting.add(goOn)
    return Effect.sync(() => waiting.delete(goOn))
  })
  const ready: Effect.Effect<void> = Effect.suspend(() => (isReady() ? Effect.void : Effect.zipRight(wait, ready)))
  /** What nobody has to wait for, because a client that does not read it is dropped. */
  const say = (response: FromServerEncoded): void => {
    let bytes = 0
    bytes = send(response, () => void (owed -= bytes))
    owed += bytes
    if (owed > limits.refusalBytes) peer.terminate()
  }
  return {
    send,
    say,
    ready,
    isReady,
    /** Calls it once, as soon as the client has read enough. */
    whenReady: (goOn: () => void) => {
      const once = () => {
        waiting.delete(once)
        goOn()
      }
      waiting.add(once)
    },
    leftAt: () => leftAt
  }
}

const makeRates = (peer: Peer, limits: RpcLimits, outlet: Outlet) => {
  const [calls, flow, refusals] = [limits.calls, limits.flowMessages, limits.refusals].map(makeTokenBucket) as [
    ReturnType<typeof makeTokenBucket>,
    ReturnType<typeof makeTokenBucket>,
    ReturnType<typeof makeTokenBucket>
  ]
  return {
    call: calls.take,
    flow: flow.take,
    refuse: (nowMs: number, response: FromServerEncoded): void =>
      refusals.take(nowMs) ? outlet.say(response) : peer.close(policyViolation, "Too many messages.")
  }
}

/** The calls of one client: which are open, and whose turn it is. */
const makeCalls = (
  limits: RpcLimits,
  kinds: ReadonlyMap<string, RpcKind>,
  outlet: Outlet,
  deliver: (message: FromClientEncoded) => void
) => {
  const open = new Map<string, Call>()
  const line: Array<Call> = []
  let atWork: string | undefined
  let isWaiting = false
  let streams = 0

  const next = (): void => {
    while (atWork === undefined && line.length > 0) {
      if (!outlet.isReady()) {
        if (!isWaiting) outlet.whenReady(goOn)
        isWaiting = true
        return
      }
      const { request } = line.shift()!
      atWork = request.id
      deliver(request)
    }
  }
  const goOn = () => {
    isWaiting = false
    next()
  }
  const close = (id: string): void => {
    if (open.get(id)?.kind === "stream") streams -= 1
    open.delete(id)
  }

  const begin = (request: RequestEncoded): void => {
    const kind = kinds.get(request.tag)
    if (open.has(request.id)) return outlet.say(defect("invalid_message", "A call of this id is still open."))
    if (kind === undefined) return outlet.say(refusalOf(request, "unknown_call", unknownCall(kinds)))
    if (open.size >= limits.callsAtOnce) {
      const sentence = `At most ${limits.callsAtOnce} calls are open at a time, up to where their answers are read.`
      return outlet.say(refusalOf(request, "too_many_calls", sentence))
    }
    if (kind === "stream" && streams >= limits.streamsAtOnce) {
      const sentence = `At most ${limits.streamsAtOnce} streams are open at a time on one connection.`
      return outlet.say(refusalOf(request, "too_many_streams", sentence))
    }
    open.set(request.id, { request, kind })
    if (kind === "stream") streams += 1
    if (kind !== "quick") return deliver(request)
    line.push({ request, kind })
    next()
  }

  const interrupt = (id: string): void => {
    const place = line.findIndex(({ request }) => request.id === id)
    if (place === -1) {
      if (open.has(id)) deliver({ _tag: "Interrupt", requestId: id })
      return
    }
    line.splice(place, 1)
    close(id)
    outlet.say({ _tag: "Exit", requestId: id, exit: interrupted })
  }

  const finish = (response: FromServerEncoded & { readonly _tag: "Exit" }): void => {
    const id = response.requestId
    outlet.send(response, () => close(id))
    if (id !== atWork) return
    atWork = undefined
    next()
  }

  return {
    begin,
    interrupt,
    acknowledge: (id: string): void => {
      if (open.has(id)) deliver({ _tag: "Ack", requestId: id })
    },
    answer: (response: FromServerEncoded): Effect.Effect<void> => {
      if (response._tag === "Chunk") return Effect.tap(outlet.ready, () => void outlet.send(response))
      return Effect.sync(() => (response._tag === "Exit" ? finish(response) : outlet.say(response)))
    },
    areOpen: () => open.size > 0
  }
}

/** Pings the client, and ends with the connection of one that is gone. */
const watch = (
  peer: Peer,
  { idleTimeout, pingInterval, stallTimeout }: RpcLimits,
  now: () => number,
  look: () => { readonly isBusy: boolean; readonly aliveAt: number }
) =>
  Effect.gen(function* () {
    let progressAt = now()
    let queued = 0
    for (;;) {
      yield* Effect.sleep(pingInterval)
      if (peer.queuedBytes() < queued) progressAt = now()
      queued = peer.queuedBytes()
      const { aliveAt, isBusy } = look()
      const patience = Duration.toMillis(isBusy ? stallTimeout : idleTimeout)
      if (now() - Math.max(aliveAt, progressAt) >= patience) break
      peer.ping()
    }
    yield* Effect.logInfo("A client of the RPC that neither reads nor answers was dropped")
    peer.terminate()
  })

const interrupted = { _tag: "Failure", cause: { _tag: "Interrupt", fiberId: { _tag: "None" } } } as const

/** As Effect's client makes an Error of it. */
const told = (name: string, message: string) => ({ name, message })

/** What cannot be told to one call: the client's library ends all that are open. */
const defect = (code: string, message: string): FromServerEncoded => ({ _tag: "Defect", defect: told(code, message) })

/** Nothing has begun; to that one call. */
const refusalOf = ({ id }: RequestEncoded, code: string, message: string): FromServerEncoded => ({
  _tag: "Exit",
  requestId: id,
  exit: { _tag: "Failure", cause: { _tag: "Die", defect: told(code, message) } }
})

const notOfTheProtocol =
  "This is no message of the RPC: Request, Ack, Interrupt or Ping, with ids that are numbers as text."
const tooManyMessages = "Too many messages at once; this one was not handled. A connection may make 100 calls a second."
const unknownCall = (kinds: ReadonlyMap<string, RpcKind>) =>
  `There is no call of this name. There are: ${[...kinds.keys()].join(", ")}.`
