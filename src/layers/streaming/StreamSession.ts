/**
 * One client's stream: an actor with a mailbox, at most one run of it at a time, and credits that bound what is in
 * flight. Turns messages into stream events and back; knows neither sockets nor files.
 */
import { Cause, Effect, type Either, Queue, type Scope } from "effect"
import type { ClientMessage, InvalidMessage } from "../../contract/StreamMessages.ts"
import type { Enhancement } from "../../domain/mastering/Enhancement.ts"
import type { TrackId } from "../../domain/library/Track.ts"
import { Actors } from "../../services/Actors.ts"
import type { ResumeTokens } from "../../services/ResumeTokens.ts"
import type { TrackStreamer } from "../../services/TrackStreamer.ts"
import type { RunningStream } from "./RunningStream.ts"
import { internalSentence, say, sayError, type SessionOutlet } from "./SessionOutlet.ts"
import type { PlayRequest } from "./StreamDelivery.ts"
import * as Transport from "./StreamTransport.ts"

export interface StreamSession {
  /**
   * Puts a message, or what was none, into the mailbox: at once, to be answered in order. False where the mailbox is
   * full; it has been dropped then.
   */
  readonly receive: (message: Either.Either<ClientMessage, InvalidMessage>) => boolean
  /** Whether a stream runs, paused or not. */
  readonly isPlaying: () => boolean
  /** Ends the running stream, and waits until its end has been sent. */
  readonly end: Effect.Effect<void>
}

/** Messages waiting for the session: more than any client may send while one is handled. */
const mailboxCapacity = 2048

type Received = Either.Either<ClientMessage, InvalidMessage>

/** The session lives as long as its scope; closing it ends the running stream. */
export const makeStreamSession = (
  outlet: SessionOutlet,
  owners: Transport.StreamOwners
): Effect.Effect<StreamSession, never, TrackStreamer | ResumeTokens | Scope.Scope> =>
  Effect.gen(function* () {
    const actors = yield* Actors
    const mailbox = yield* Queue.dropping<Received>(mailboxCapacity)
    const transport = yield* Transport.makeTransport(outlet, owners)
    const answering = yield* Queue.take(mailbox).pipe(
      Effect.flatMap((received) => answer(transport, received)),
      Effect.forever,
      Effect.forkScoped
    )
    yield* actors.adopt("streaming", "session", answering)
    return {
      receive: (message) => Queue.unsafeOffer(mailbox, message),
      isPlaying: () => Transport.runningStream(transport) !== undefined,
      end: Transport.end(transport)
    }
  })

const answer = (transport: Transport.StreamTransport, received: Received) =>
  Effect.suspend(() => {
    if (received._tag === "Right") return handle(transport, received.right)
    return sayError(transport.outlet, received.left.code, received.left.message)
  }).pipe(
    Effect.catchAllCause((cause) =>
      Cause.isInterruptedOnly(cause)
        ? Effect.failCause(cause)
        : Effect.zipRight(
            Effect.logError("A message could not be handled", cause),
            sayError(transport.outlet, "internal", internalSentence)
          )
    )
  )

const handle = (
  transport: Transport.StreamTransport,
  message: ClientMessage
): Effect.Effect<void, never, TrackStreamer | ResumeTokens | Scope.Scope> => {
  const { latest, outlet } = transport
  switch (message.type) {
    case "play_enhanced":
    case "play_normal":
      return Transport.play(transport, {
        request: { ...requestOf(message), from: stateOf(transport, message.data.track_id) },
        credits: message.data.credits,
        isSeek: false
      })
    case "seek": {
      if (latest === undefined) return nothingPlays(outlet)
      const { credits, enhancement, request, state } = latest
      const from = state ?? undefined
      const startSeconds = message.data.position
      return Transport.play(transport, {
        request: { ...request, enhancement, startSeconds, from },
        credits,
        isSeek: true
      })
    }
    case "resume_stream":
      return Transport.resume(transport, message.data)
    case "set_enhancement":
      return ifRunning(transport, (stream) => enhance(outlet, stream, message.data))
    case "stop":
      return Effect.zipRight(
        Transport.end(transport),
        Effect.suspend(() => say(outlet, { type: "playback_stopped", data: { stream_epoch: transport.epoch } }))
      )
    case "pause":
      return ifRunning(transport, ({ epoch, pause }) =>
        Effect.zip(pause.close, say(outlet, { type: "playback_paused", data: { stream_epoch: epoch } }))
      )
    case "resume":
      return ifRunning(transport, ({ epoch, pause }) =>
        Effect.zip(say(outlet, { type: "playback_resumed", data: { stream_epoch: epoch } }), pause.open)
      )
    case "credit":
      return Transport.runningStream(transport)?.window.grant(message.data.frames) ?? Effect.void
    case "buffer_full":
      return Effect.asVoid(Transport.runningStream(transport)?.buffer.close ?? Effect.void)
    case "buffer_ready":
      return Effect.asVoid(Transport.runningStream(transport)?.buffer.open ?? Effect.void)
    case "ping":
      return say(outlet, { type: "pong", data: {} })
  }
}

/** A track that is played from elsewhere while it plays keeps its gains. */
const stateOf = (transport: Transport.StreamTransport, trackId: TrackId) => {
  const stream = Transport.runningStream(transport)
  return stream?.request.trackId === trackId ? (stream.state ?? undefined) : undefined
}

const ifRunning = (
  transport: Transport.StreamTransport,
  then: (stream: RunningStream) => Effect.Effect<unknown>
): Effect.Effect<void> => {
  const stream = Transport.runningStream(transport)
  return stream === undefined ? nothingPlays(transport.outlet) : Effect.asVoid(then(stream))
}

const enhance = (outlet: SessionOutlet, stream: RunningStream, change: Partial<Enhancement>) => {
  if (stream.enhancement === null) return sayError(outlet, "not_enhanced", notEnhanced)
  stream.enhancement = { ...stream.enhancement, ...change }
  return Queue.offer(stream.changes, stream.enhancement)
}

type PlayMessage = Extract<ClientMessage, { readonly type: "play_enhanced" | "play_normal" }>

const requestOf = ({ data, type }: PlayMessage): PlayRequest => ({
  trackId: data.track_id,
  startSeconds: data.start_position,
  sampleRate: data.sample_rate,
  enhancement:
    type === "play_enhanced"
      ? { preset: data.preset, intensity: data.intensity, enabled: data.enabled, bypass: data.bypass }
      : null
})

const nothingPlays = (outlet: SessionOutlet) =>
  sayError(outlet, "nothing_plays", "Nothing is playing. Start with play_enhanced or play_normal.")

const notEnhanced =
  "This stream is the file's own samples. Play it with play_enhanced, enabled false, to switch while it plays."
