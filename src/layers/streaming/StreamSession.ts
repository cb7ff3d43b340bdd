/**
 * One client's stream: an actor with a mailbox, at most one run of it at a time, and credits that bound what is in
 * flight. Turns messages into stream events and back; knows neither sockets nor files.
 */
import { Cause, Effect, type Either, Exit, Fiber, Queue, type Scope, Stream } from "effect"
import { randomUUID } from "node:crypto"
import type { Enhancement } from "../../domain/mastering/Enhancement.ts"
import {
  chunkSeconds,
  type ClientMessage,
  type ErrorCode,
  type InvalidMessage,
  maximumCredits,
  type ServerMessage
} from "../../contract/StreamMessages.ts"
import { Actors } from "../../services/Actors.ts"
import type { AudioLoss } from "../../services/AudioDecoder.ts"
import type { PcmPacket } from "../../services/ChunkMastering.ts"
import { ResumeTokens } from "../../services/ResumeTokens.ts"
import { type StreamError, StreamEvent, type StreamRequest, TrackStreamer } from "../../services/TrackStreamer.ts"

/** What leaves a session, at once and in order. Both calls return before the client has it, and never fail. */
export interface SessionOutlet {
  readonly send: (message: ServerMessage) => void
  /** A packet and its meta belong together: meta first, then the samples, nothing between. */
  readonly sendPacket: (meta: ServerMessage, packet: PcmPacket) => void
  /** Waits for as long as the client has too much still to read. Awaited before each packet. */
  readonly ready: Effect.Effect<void>
}

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

/** The session that has a listener's stream: it moves from one connection to another. */
interface StreamOwner {
  /** Ends the stream, for it goes on elsewhere. Gives the epoch it had; 0: it is not that stream's owner any more. */
  readonly takeOver: (streamId: string) => Effect.Effect<number>
}

/** Who has which stream, by its id, which resume tokens hold as `line`. One for all sessions of a service. */
export type StreamOwners = Map<string, StreamOwner>

/** Messages waiting for the session: more than any client may send while one is handled. */
const mailboxCapacity = 2048

const packetsPerSecond = 4
const packetsPerChunk = chunkSeconds * packetsPerSecond

type PlayRequest = Pick<StreamRequest, "trackId" | "enhancement" | "sampleRate" | "startSeconds">

interface RunningStream {
  readonly epoch: number
  readonly request: PlayRequest
  /** What the listener wants now; null on a normal stream. */
  enhancement: Enhancement | null
  readonly changes: Queue.Enqueue<Enhancement>
  /** Packets granted at its start, and again at the start of each seek. */
  readonly credits: number
  readonly fiber: Fiber.RuntimeFiber<void>
  readonly window: CreditWindow
  /** Closed by the listener's pause. */
  readonly pause: Effect.Latch
  /** Closed by `buffer_full`. */
  readonly buffer: Effect.Latch
}

interface Start {
  readonly request: PlayRequest
  readonly credits: number
  readonly isSeek: boolean
}

/** The session lives as long as its scope; closing it ends the running stream. */
export const makeStreamSession = (
  outlet: SessionOutlet,
  owners: StreamOwners
): Effect.Effect<StreamSession, never, TrackStreamer | ResumeTokens | Scope.Scope> =>
  Effect.gen(function* () {
    const streamer = yield* TrackStreamer
    const tokens = yield* ResumeTokens
    const actors = yield* Actors
    const scope = yield* Effect.scope
    const mailbox = yield* Queue.dropping<Parameters<StreamSession["receive"]>[0]>(mailboxCapacity)
    const transport = yield* Effect.makeSemaphore(1)
    let epoch = 0
    let latest: RunningStream | undefined
    let streamId: string = randomUUID()

    const say = (message: ServerMessage) => Effect.sync(() => outlet.send(message))
    const running = () => (latest !== undefined && latest.fiber.unsafePoll() === null ? latest : undefined)

    const interruptRunning = Effect.suspend(() => {
      const stream = running()
      return stream === undefined ? Effect.void : Effect.asVoid(Fiber.interrupt(stream.fiber))
    })

    /** Only while it holds `transport`. */
    const start = ({ credits, isSeek, request }: Start) =>
      Effect.gen(function* () {
        yield* interruptRunning
        epoch += 1
        claim(streamId)
        const window = makeCreditWindow(credits)
        // Open for each new stream: a pause that outlived its stream would hold the next one for ever.
        const pause = yield* Effect.makeLatch(true)
        const buffer = yield* Effect.makeLatch(true)
        // Of several changes at once, only the last is heard.
        const changes = yield* Queue.sliding<Enhancement>(1)
        // The pause last: what is rendered already does not leave after it either.
        const pace = Effect.all([window.take, outlet.ready, buffer.await, pause.await], { discard: true })
        const enhancementChanges = Stream.fromQueue(changes, { maxChunkSize: 1 })
        const { enhancement, trackId: track_id } = request
        const [stream_epoch, line] = [epoch, streamId]
        const stream = { epoch, request, enhancement, changes, credits, window, pause, buffer }
        const issueToken = (sample_rate: number) =>
          tokens.issue({
            line,
            stream_epoch,
            track_id,
            enhancement: stream.enhancement,
            asked_sample_rate: request.sampleRate ?? null,
            sample_rate
          })
        const events = streamer.stream({ ...request, enhancementChanges, pace })
        const fiber = yield* deliver({ outlet, epoch, request, isSeek, events, issueToken }).pipe(
          Effect.annotateLogs({ track_id, stream_epoch }),
          Effect.forkIn(scope)
        )
        latest = Object.assign(stream, { fiber })
      })

    const play = (options: Start) => transport.withPermits(1)(start(options))

    const thisOwner: StreamOwner = {
      takeOver: (taken) =>
        Effect.suspend(() => (taken === streamId ? Effect.as(interruptRunning, true) : Effect.succeed(false))).pipe(
          Effect.map((isTaken) => {
            if (!isTaken) return 0
            streamId = randomUUID()
            latest = undefined
            return epoch
          }),
          transport.withPermits(1)
        )
    }
    /** Streams that this session has, or is about to have. */
    const claimed = new Set<string>()
    const claim = (id: string) => {
      claimed.add(id)
      owners.set(id, thisOwner)
    }
    const releaseAllBut = (kept?: string) => {
      for (const id of claimed) {
        if (id === kept) continue
        claimed.delete(id)
        if (owners.get(id) === thisOwner) owners.delete(id)
      }
    }
    yield* Effect.addFinalizer(() => Effect.sync(() => releaseAllBut()))

    const resumeStream = ({ credits, position, resume_token, sample_offset }: MessageData<"resume_stream">) =>
      Effect.gen(function* () {
        const point = yield* tokens.redeem(resume_token)
        // Claimed before the stream that may still run elsewhere is ended: of two that resume at once, one gets it.
        const previous = owners.get(point.line)
        claim(point.line)
        const reached = previous === undefined || previous === thisOwner ? 0 : yield* previous.takeOver(point.line)
        yield* Effect.suspend(() => {
          if (owners.get(point.line) !== thisOwner) return say(resumedElsewhere)
          streamId = point.line
          releaseAllBut(streamId)
          epoch = Math.max(epoch, point.stream_epoch, reached)
          const startSeconds = sample_offset === undefined ? (position ?? 0) : sample_offset / point.sample_rate
          const { asked_sample_rate, enhancement, track_id } = point
          const sampleRate = asked_sample_rate ?? undefined
          return start({ request: { trackId: track_id, enhancement, sampleRate, startSeconds }, credits, isSeek: true })
        }).pipe(transport.withPermits(1))
      }).pipe(
        Effect.catchTag("InvalidResumeToken", ({ message }) => say(errorMessage("invalid_resume_token", message)))
      )

    const end = transport.withPermits(1)(interruptRunning)

    const ifRunning = (then: (stream: RunningStream) => Effect.Effect<unknown>) =>
      Effect.suspend(() => {
        const stream = running()
        return stream === undefined ? say(nothingPlays) : Effect.asVoid(then(stream))
      })

    const enhance = (change: Partial<Enhancement>) =>
      ifRunning((stream) => {
        if (stream.enhancement === null) return say(notEnhanced)
        stream.enhancement = { ...stream.enhancement, ...change }
        return Queue.offer(stream.changes, stream.enhancement)
      })

    const handle = (message: ClientMessage): Effect.Effect<void> => {
      switch (message.type) {
        case "play_enhanced":
        case "play_normal":
          return play({ request: requestOf(message), credits: message.data.credits, isSeek: false })
        case "seek": {
          if (latest === undefined) return say(nothingPlays)
          const { credits, enhancement, request } = latest
          const startSeconds = message.data.position
          return play({ request: { ...request, enhancement, startSeconds }, credits, isSeek: true })
        }
        case "resume_stream":
          return resumeStream(message.data)
        case "set_enhancement":
          return enhance(message.data)
        case "stop":
          return Effect.zipRight(
            end,
            Effect.suspend(() => say({ type: "playback_stopped", data: { stream_epoch: epoch } }))
          )
        case "pause":
          return ifRunning(({ epoch, pause }) =>
            Effect.zip(pause.close, say({ type: "playback_paused", data: { stream_epoch: epoch } }))
          )
        case "resume":
          return ifRunning(({ epoch, pause }) =>
            Effect.zip(say({ type: "playback_resumed", data: { stream_epoch: epoch } }), pause.open)
          )
        case "credit":
          return Effect.suspend(() => running()?.window.grant(message.data.frames) ?? Effect.void)
        case "buffer_full":
          return Effect.suspend(() => Effect.asVoid(running()?.buffer.close ?? Effect.void))
        case "buffer_ready":
          return Effect.suspend(() => Effect.asVoid(running()?.buffer.open ?? Effect.void))
        case "ping":
          return say({ type: "pong", data: {} })
      }
    }

    const answer = (received: Either.Either<ClientMessage, InvalidMessage>) =>
      Effect.suspend(() => {
        if (received._tag === "Right") return handle(received.right)
        const { code, message } = received.left
        return say({ type: "error", data: { code, message } })
      }).pipe(
        Effect.catchAllCause((cause) =>
          Cause.isInterruptedOnly(cause)
            ? Effect.failCause(cause)
            : Effect.zipRight(Effect.logError("A message could not be handled", cause), say(internalError))
        )
      )

    const answering = yield* Queue.take(mailbox).pipe(Effect.flatMap(answer), Effect.forever, Effect.forkIn(scope))
    yield* actors.adopt("streaming", "session", answering)

    return {
      receive: (message) => Queue.unsafeOffer(mailbox, message),
      isPlaying: () => running() !== undefined,
      end
    }
  })

type MessageData<Type extends ClientMessage["type"]> = Extract<ClientMessage, { readonly type: Type }>["data"]
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

const errorMessage = (code: ErrorCode, message: string): ServerMessage => ({ type: "error", data: { code, message } })

const nothingPlays = errorMessage("nothing_plays", "Nothing is playing. Start with play_enhanced or play_normal.")
const notEnhanced = errorMessage(
  "not_enhanced",
  "This stream is the file's own samples. Play it with play_enhanced, enabled false, to switch while it plays."
)
const resumedElsewhere = errorMessage("resumed_elsewhere", "Another connection has resumed this stream.")
const internalSentence = "The service could not do this. Its log says why; try again."
const internalError = errorMessage("internal", internalSentence)
interface CreditWindow {
  /** Waits for a credit and uses it up. */
  readonly take: Effect.Effect<void>
  /** Adds credits, up to `maximumCredits` unused ones. */
  readonly grant: (packets: number) => Effect.Effect<void>
}

const makeCreditWindow = (initial: number): CreditWindow => {
  const semaphore = Effect.unsafeMakeSemaphore(initial)
  let unused = initial
  return {
    take: Effect.tap(Effect.asVoid(semaphore.take(1)), () => Effect.sync(() => void (unused -= 1))),
    grant: (packets) =>
      Effect.suspend(() => {
        const added = Math.min(packets, maximumCredits - unused)
        unused += added
        return Effect.asVoid(semaphore.release(added))
      })
  }
}

interface Delivery {
  readonly outlet: SessionOutlet
  readonly epoch: number
  readonly request: PlayRequest
  readonly isSeek: boolean
  readonly events: Stream.Stream<StreamEvent, StreamError>
  /** For what the listener wants by now; sample offsets count at this rate, Hz. */
  readonly issueToken: (sampleRate: number) => Effect.Effect<string>
}

type Started = Extract<StreamEvent, { readonly _tag: "Started" }>

/** Sends one stream from its start to its one end, whatever ends it. */
const deliver = ({ outlet, epoch, request, isSeek, events, issueToken }: Delivery): Effect.Effect<void> =>
  Effect.suspend(() => {
    const stream_epoch = epoch
    const say = (message: ServerMessage) => Effect.sync(() => outlet.send(message))
    let started: Started | undefined
    let seq = 0
    let delivered = 0
    let isDamageTold = false

    const afterStart = (then: (started: Started) => Effect.Effect<void>) =>
      Effect.suspend(() => (started === undefined ? Effect.dieMessage("not after its start") : then(started)))

    const onEvent = StreamEvent.$match({
      Started: (event) => {
        started = event
        return Effect.flatMap(issueToken(event.sampleRate), (token) =>
          say(startMessage(event, epoch, request, isSeek, token))
        )
      },
      Fingerprint: ({ status }) => say({ type: "fingerprint_progress", data: { stream_epoch, ...status } }),
      Planned: ({ enhancement: { enabled }, plan }) =>
        afterStart(({ sampleRate }) =>
          Effect.flatMap(issueToken(sampleRate), (resume_token) =>
            say({ type: "mastering_plan", data: { stream_epoch, enabled, plan, resume_token } })
          )
        ),
      Pcm: ({ packet }) =>
        afterStart((started) =>
          Effect.sync(() => {
            if (packet.loss !== undefined && !isDamageTold) {
              isDamageTold = true
              outlet.send(damageMessage(epoch, started.sampleRate, packet.loss))
            }
            outlet.sendPacket(metaMessage(started, epoch, seq, packet), packet)
            seq += 1
            delivered += packet.sampleCount
          })
        )
    })

    const finish = (exit: Exit.Exit<void, StreamError>) => {
      const fault = Exit.isFailure(exit) && !Cause.isInterruptedOnly(exit.cause) ? faultOf(exit.cause) : undefined
      const logged =
        fault?.code === "internal" && Exit.isFailure(exit) ? Effect.logError("A stream died", exit.cause) : Effect.void
      if (started === undefined) {
        if (fault === undefined) return Effect.void
        return Effect.zipRight(logged, say({ type: "error", data: fault }))
      }
      const { sampleRate, startFrame } = started
      if (fault !== undefined) {
        const recovery_position = (startFrame + delivered) / sampleRate
        const data = { stream_epoch, code: fault.code, error: fault.message, recovery_position }
        return Effect.zipRight(logged, say({ type: "audio_stream_error", data }))
      }
      const reason = Exit.isSuccess(exit) ? "completed" : "stopped"
      const data = { stream_epoch, reason, total_samples: delivered, duration: delivered / sampleRate } as const
      return say({ type: "audio_stream_end", data })
    }

    return Stream.runForEach(events, onEvent).pipe(
      Effect.onExit(finish),
      Effect.ignore,
      Effect.catchAllDefect(() => Effect.void)
    )
  })

const faultCodes = {
  TrackNotFound: "track_not_found",
  TrackUnreadable: "track_unreadable",
  TooManyStreams: "too_many_streams"
} as const satisfies Record<StreamError["_tag"], ErrorCode>

const faultOf = (cause: Cause.Cause<StreamError>): { readonly code: ErrorCode; readonly message: string } => {
  const failure = Cause.failureOption(cause)
  if (failure._tag === "None") return { code: "internal", message: internalSentence }
  return { code: faultCodes[failure.value._tag], message: failure.value.message }
}

const startMessage = (
  { track, sampleRate, channels, totalFrames, startFrame }: Started,
  stream_epoch: number,
  { enhancement }: PlayRequest,
  is_seek: boolean,
  resume_token: string
): ServerMessage => ({
  type: "audio_stream_start",
  data: {
    stream_epoch,
    track_id: track.id,
    stream_type: enhancement === null ? "normal" : "enhanced",
    preset: enhancement?.preset ?? null,
    intensity: enhancement?.intensity ?? null,
    enabled: enhancement?.enabled ?? null,
    sample_rate: sampleRate,
    channels,
    total_chunks: Math.ceil(totalFrames / (chunkSeconds * sampleRate)),
    chunk_duration: chunkSeconds,
    total_duration: totalFrames / sampleRate,
    is_seek,
    seek_position: startFrame / sampleRate,
    resume_token
  }
})

const damageMessage = (stream_epoch: number, sampleRate: number, { frames, from }: AudioLoss): ServerMessage => {
  const [position, duration] = [from / sampleRate, frames / sampleRate]
  const message = `The file is damaged at ${position.toFixed(1)} s: ${duration.toFixed(2)} s of it are silent. Copy or download it again.`
  return { type: "audio_damaged", data: { stream_epoch, message, position, duration } }
}

const metaMessage = (
  { sampleRate, totalFrames }: Started,
  stream_epoch: number,
  seq: number,
  { sampleOffset, sampleCount }: PcmPacket
): ServerMessage => {
  // Packet k of the track covers the samples [round(k * rate / 4), round((k + 1) * rate / 4)).
  const packetAt = (sample: number) => Math.ceil(((sample + 0.5) * packetsPerSecond) / sampleRate) - 1
  const packet = packetAt(sampleOffset)
  const chunk_index = Math.floor(packet / packetsPerChunk)
  const firstPacket = chunk_index * packetsPerChunk
  const packetsInTrack = packetAt(Math.max(totalFrames, sampleOffset + sampleCount) - 1) + 1
  return {
    type: "audio_chunk_meta",
    data: {
      stream_epoch,
      seq,
      chunk_index,
      chunk_count: Math.ceil(packetsInTrack / packetsPerChunk),
      frame_index: packet - firstPacket,
      frame_count: Math.min(packetsPerChunk, packetsInTrack - firstPacket),
      sample_offset: sampleOffset,
      sample_count: sampleCount
    }
  }
}
