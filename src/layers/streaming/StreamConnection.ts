/**
 * What stands between one client's socket and its session: limits on what comes in, on what waits to go out, and on how
 * long a client may be silent. Knows the socket as a Peer only, so that all of it can be watched without one.
 */
import { Duration, Effect, Either, type Scope } from "effect"
import {
  type ClientMessage,
  decodeClientMessage,
  type ErrorCode,
  type ServerMessage
} from "../../contract/StreamMessages.ts"
import { makeTokenBucket, type TokenBucketOptions } from "../../domain/streaming/TokenBucket.ts"
import type { ResumeTokens } from "../../services/ResumeTokens.ts"
import type { TrackStreamer } from "../../services/TrackStreamer.ts"
import type { Peer, WebSocketReceiver } from "../../services/WebSockets.ts"
import { littleEndianBytes } from "../../dsp/littleEndian.ts"
import type { SessionOutlet } from "./SessionOutlet.ts"
import { makeStreamSession } from "./StreamSession.ts"
import type { StreamOwners } from "./StreamTransport.ts"

export interface ConnectionLimits {
  /** Bytes of a text message: the longest one of the protocol needs a few hundred. */
  readonly maximumMessageBytes: number
  /** What a person does: play, seek, change. And everything that is no message of the protocol. */
  readonly controlMessages: TokenBucketOptions
  /** What a program does by itself: `ping`, `credit`, `buffer_full`, `buffer_ready`. */
  readonly flowMessages: TokenBucketOptions
  /** Refusals of what exceeds these rates. Who exceeds this one too is not spoken to any longer. */
  readonly refusals: TokenBucketOptions
  /** No packet is sent while more than this waits for the client, bytes. A packet of stereo has about 90 KB. */
  readonly packetQueueBytes: number
  /** A client that asks and does not read the answers is dropped beyond this, bytes. */
  readonly queueBytes: number
  readonly pingInterval: Duration.DurationInput
  /** While a stream runs: without a pong and without a packet that leaves, the client is gone. */
  readonly stallTimeout: Duration.DurationInput
  /** While nothing plays: without a pong and without a message, the client is gone. */
  readonly idleTimeout: Duration.DurationInput
}

export const defaultLimits: ConnectionLimits = {
  maximumMessageBytes: 64 * 1024,
  controlMessages: { capacity: 20, perSecond: 20 },
  // A client that reads as fast as packets are rendered grants some hundred credits a second, one by one.
  flowMessages: { capacity: 1024, perSecond: 2000 },
  refusals: { capacity: 2000, perSecond: 200 },
  packetQueueBytes: 192 * 1024,
  queueBytes: 1024 * 1024,
  pingInterval: "10 seconds",
  stallTimeout: "30 seconds",
  idleTimeout: "2 minutes"
}

export type StreamConnection = WebSocketReceiver

// RFC 6455, 7.4.1
const policyViolation = 1008

const flowTypes: ReadonlySet<ClientMessage["type"]> = new Set(["ping", "credit", "buffer_full", "buffer_ready"])

/** Lives as long as its scope. A client that is gone is terminated, and its stream ended, before the scope closes. */
export const makeStreamConnection = (
  peer: Peer,
  limits: ConnectionLimits,
  owners: StreamOwners
): Effect.Effect<StreamConnection, never, TrackStreamer | ResumeTokens | Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock
    const now = () => clock.unsafeCurrentTimeMillis()
    const outlet = makeOutlet(peer, limits, now)
    const session = yield* makeStreamSession(outlet, owners)
    const controlMessages = makeTokenBucket(limits.controlMessages)
    const flowMessages = makeTokenBucket(limits.flowMessages)
    const refusals = makeTokenBucket(limits.refusals)
    let heardAt = now()
    let pongAt = now()

    const refuse = (code: ErrorCode, message: string) => outlet.send({ type: "error", data: { code, message } })

    const refuseTooMany = () => {
      if (!refusals.take(now())) return peer.close(policyViolation, "Too many messages.")
      return refuse("too_many_messages", tooManyMessages)
    }

    const receive = (received: string | Uint8Array): void => {
      heardAt = now()
      const fault = faultOf(received, limits.maximumMessageBytes)
      if (fault !== undefined) {
        return controlMessages.take(heardAt) ? refuse(fault.code, fault.message) : refuseTooMany()
      }
      const message = decodeClientMessage(received as string)
      const isFlow = Either.isRight(message) && flowTypes.has(message.right.type)
      const isWithin = (isFlow ? flowMessages : controlMessages).take(heardAt)
      if (!isWithin || !session.receive(message)) refuseTooMany()
    }

    const [stallMillis, idleMillis] = [limits.stallTimeout, limits.idleTimeout].map(Duration.toMillis) as [
      number,
      number
    ]
    const watch = Effect.gen(function* () {
      let idleAt = now()
      for (;;) {
        yield* Effect.sleep(limits.pingInterval)
        const isPlaying = session.isPlaying()
        if (!isPlaying) idleAt = now()
        const aliveAt = Math.max(pongAt, isPlaying ? Math.max(outlet.packetLeftAt(), idleAt) : heardAt)
        if (now() - aliveAt >= (isPlaying ? stallMillis : idleMillis)) break
        peer.ping()
      }
      yield* Effect.logInfo("A client that neither reads nor answers was dropped")
      peer.terminate()
      yield* session.end
    })
    yield* Effect.forkScoped(watch)

    return { receive, pong: () => void (pongAt = now()) }
  })

const tooManyMessages =
  "Too many messages at once; this one was not handled. A person's doing may come 20 times a second; credits may be granted several at a time."

const faultOf = (
  received: string | Uint8Array,
  maximumBytes: number
): { readonly code: ErrorCode; readonly message: string } | undefined => {
  if (typeof received !== "string") {
    return {
      code: "binary_message",
      message: "Messages are text frames of JSON; binary ones come from the server only."
    }
  }
  if (Buffer.byteLength(received) > maximumBytes) {
    return { code: "message_too_large", message: `A message has at most ${maximumBytes} bytes.` }
  }
  return undefined
}

interface Outlet extends SessionOutlet {
  /** When the last packet left this process, ms. */
  readonly packetLeftAt: () => number
}

const makeOutlet = (peer: Peer, limits: ConnectionLimits, now: () => number): Outlet => {
  const waiting = new Set<() => void>()
  let leftAt = now()
  const isReady = () => peer.queuedBytes() <= limits.packetQueueBytes
  const onFlushed = () => {
    if (isReady()) for (const goOn of waiting) goOn()
  }
  const onPacketFlushed = () => {
    leftAt = now()
    onFlushed()
  }
  const send = (message: ServerMessage) => {
    peer.send(JSON.stringify(message), onFlushed)
    if (peer.queuedBytes() > limits.queueBytes) peer.terminate()
  }
  const wait = Effect.async<void>((resume) => {
    const goOn = () => {
      waiting.delete(goOn)
      resume(Effect.void)
    }
    waiting.add(goOn)
    return Effect.sync(() => waiting.delete(goOn))
  })
  return {
    send,
    sendPacket: (meta, { samples, release }) =>
      peer.together(() => {
        send(meta)
        peer.send(littleEndianBytes(samples), () => {
          onPacketFlushed()
          release?.()
        })
      }),
    ready: Effect.suspend(() => (isReady() ? Effect.void : wait)),
    packetLeftAt: () => leftAt
  }
}
