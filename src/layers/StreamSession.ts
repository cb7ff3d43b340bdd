/**
 * One client's playback: an actor with a mailbox, at most one running stream, and credits that bound what is in
 * flight. Turns messages into stream events and back; knows neither sockets nor files.
 */
import { Cause, Effect, Exit, Fiber, Queue, type Scope, Stream } from "effect"
import type { TrackUnreadable } from "../domain/AnalysisError.ts"
import {
  chunkSeconds,
  type ClientMessage,
  decodeClientMessage,
  maximumCredits,
  type ServerMessage
} from "../domain/StreamMessages.ts"
import type { TrackNotFound } from "../domain/Track.ts"
import type { PcmFrame } from "../services/ChunkMastering.ts"
import { StreamEvent, type StreamRequest, TrackStreamer } from "../services/TrackStreamer.ts"

/** What leaves a session. A frame and its meta belong together: meta first, then the samples, no frame between. */
export interface SessionOutlet {
  readonly send: (message: ServerMessage) => Effect.Effect<void>
  readonly sendFrame: (meta: ServerMessage, samples: Float32Array<ArrayBuffer>) => Effect.Effect<void>
}

export interface StreamSession {
  /** Puts a text frame into the mailbox, at once and in order. False where the mailbox is full: it is dropped. */
  readonly receive: (text: string) => boolean
}

/** Messages waiting for the session: more than a player sends while one is handled. */
const mailboxCapacity = 256

const framesPerSecond = 4
const framesPerChunk = chunkSeconds * framesPerSecond

interface Playback {
  readonly epoch: number
  readonly request: Omit<StreamRequest, "pace">
  /** Frames granted at its start, and again at the start of each seek. */
  readonly credits: number
  readonly fiber: Fiber.RuntimeFiber<void>
  readonly window: CreditWindow
  /** Closed by the listener's pause. */
  readonly pause: Effect.Latch
  /** Closed by `buffer_full`. */
  readonly buffer: Effect.Latch
}

/** The session lives as long as its scope; closing it ends the running stream. */
export const makeStreamSession = (
  outlet: SessionOutlet
): Effect.Effect<StreamSession, never, TrackStreamer | Scope.Scope> =>
  Effect.gen(function* () {
    const streamer = yield* TrackStreamer
    const scope = yield* Effect.scope
    const mailbox = yield* Queue.dropping<string>(mailboxCapacity)
    let epoch = 0
    let latest: Playback | undefined

    const running = () => (latest !== undefined && latest.fiber.unsafePoll() === null ? latest : undefined)

    /** Ends the running stream and waits until its end has been sent. */
    const interruptRunning = Effect.suspend(() => {
      const playback = running()
      return playback === undefined ? Effect.void : Effect.asVoid(Fiber.interrupt(playback.fiber))
    })

    const start = (request: Playback["request"], credits: number, isSeek: boolean) =>
      Effect.gen(function* () {
        yield* interruptRunning
        epoch += 1
        const window = makeCreditWindow(credits)
        const pause = yield* Effect.makeLatch(true)
        const buffer = yield* Effect.makeLatch(true)
        const pace = Effect.all([pause.await, buffer.await, window.take], { discard: true })
        const events = streamer.stream({ ...request, pace })
        const fiber = yield* deliver({ outlet, epoch, request, isSeek, events }).pipe(
          Effect.annotateLogs({ track_id: request.trackId, stream_epoch: epoch }),
          Effect.forkIn(scope)
        )
        latest = { epoch, request, credits, fiber, window, pause, buffer }
      })

    const ifRunning = (then: (playback: Playback) => Effect.Effect<unknown>) =>
      Effect.suspend(() => {
        const playback = running()
        return playback === undefined ? outlet.send(nothingPlays) : Effect.asVoid(then(playback))
      })

    const handle = (message: ClientMessage): Effect.Effect<void> => {
      switch (message.type) {
        case "play_enhanced":
        case "play_normal":
          return start(requestOf(message), message.data.credits, false)
        case "seek":
          return latest === undefined
            ? outlet.send(nothingPlays)
            : start({ ...latest.request, startSeconds: message.data.position }, latest.credits, true)
        case "stop":
          return Effect.zipRight(
            interruptRunning,
            Effect.suspend(() => outlet.send({ type: "playback_stopped", data: { stream_epoch: epoch } }))
          )
        case "pause":
          return ifRunning(({ epoch, pause }) =>
            Effect.zip(pause.close, outlet.send({ type: "playback_paused", data: { stream_epoch: epoch } }))
          )
        case "resume":
          return ifRunning(({ epoch, pause }) =>
            Effect.zip(outlet.send({ type: "playback_resumed", data: { stream_epoch: epoch } }), pause.open)
          )
        case "credit":
          return Effect.suspend(() => running()?.window.grant(message.data.frames) ?? Effect.void)
        case "buffer_full":
          return Effect.suspend(() => Effect.asVoid(running()?.buffer.close ?? Effect.void))
        case "buffer_ready":
          return Effect.suspend(() => Effect.asVoid(running()?.buffer.open ?? Effect.void))
        case "ping":
          return outlet.send({ type: "pong", data: {} })
      }
    }

    const answer = (text: string) =>
      Effect.suspend(() => {
        const decoded = decodeClientMessage(text)
        if (decoded._tag === "Right") return handle(decoded.right)
        const { code, message } = decoded.left
        return outlet.send({ type: "error", data: { code, message } })
      }).pipe(
        Effect.catchAllCause((cause) =>
          Cause.isInterruptedOnly(cause)
            ? Effect.failCause(cause)
            : Effect.zipRight(Effect.logError("A message could not be handled", cause), outlet.send(internalError))
        )
      )

    yield* Queue.take(mailbox).pipe(Effect.flatMap(answer), Effect.forever, Effect.forkIn(scope))

    return { receive: (text) => Queue.unsafeOffer(mailbox, text) }
  })

type PlayMessage = Extract<ClientMessage, { readonly type: "play_enhanced" | "play_normal" }>

const requestOf = (message: PlayMessage): Playback["request"] => ({
  trackId: message.data.track_id,
  startSeconds: message.data.start_position,
  enhancement:
    message.type === "play_enhanced" ? { preset: message.data.preset, intensity: message.data.intensity } : null
})

const nothingPlays: ServerMessage = {
  type: "error",
  data: { code: "nothing_plays", message: "Nothing is playing. Start with play_enhanced or play_normal." }
}

const internalSentence = "The service could not do this. Its log says why; try again."
const internalError: ServerMessage = { type: "error", data: { code: "internal", message: internalSentence } }

interface CreditWindow {
  /** Waits for a credit and uses it up. */
  readonly take: Effect.Effect<void>
  /** Adds credits, up to `maximumCredits` unused ones. */
  readonly grant: (frames: number) => Effect.Effect<void>
}

const makeCreditWindow = (initial: number): CreditWindow => {
  const semaphore = Effect.unsafeMakeSemaphore(initial)
  let unused = initial
  return {
    take: Effect.tap(Effect.asVoid(semaphore.take(1)), () => Effect.sync(() => void (unused -= 1))),
    grant: (frames) =>
      Effect.suspend(() => {
        const added = Math.min(frames, maximumCredits - unused)
        unused += added
        return Effect.asVoid(semaphore.release(added))
      })
  }
}

interface Delivery {
  readonly outlet: SessionOutlet
  readonly epoch: number
  readonly request: Playback["request"]
  readonly isSeek: boolean
  readonly events: Stream.Stream<StreamEvent, TrackNotFound | TrackUnreadable>
}

type Started = Extract<StreamEvent, { readonly _tag: "Started" }>

/** Sends one stream from its start to its one end, whatever ends it. */
const deliver = ({ outlet, epoch, request, isSeek, events }: Delivery): Effect.Effect<void> =>
  Effect.suspend(() => {
    const stream_epoch = epoch
    let started: Started | undefined
    let seq = 0
    let delivered = 0

    const onEvent = StreamEvent.$match({
      Started: (event) => {
        started = event
        return outlet.send(startMessage(event, epoch, request, isSeek))
      },
      Fingerprint: ({ status }) => outlet.send({ type: "fingerprint_progress", data: { stream_epoch, ...status } }),
      Planned: ({ plan }) => outlet.send({ type: "mastering_plan", data: { stream_epoch, plan } }),
      Pcm: ({ frame }) =>
        started === undefined
          ? Effect.dieMessage("a frame came before the start of its stream")
          : Effect.uninterruptible(
              Effect.tap(outlet.sendFrame(metaMessage(started, epoch, seq, frame), frame.samples), () =>
                Effect.sync(() => {
                  seq += 1
                  delivered += frame.sampleCount
                })
              )
            )
    })

    const finish = (exit: Exit.Exit<void, TrackNotFound | TrackUnreadable>) => {
      const fault = Exit.isFailure(exit) && !Cause.isInterruptedOnly(exit.cause) ? faultOf(exit.cause) : undefined
      const logged =
        fault?.code === "internal" && Exit.isFailure(exit) ? Effect.logError("A stream died", exit.cause) : Effect.void
      if (started === undefined) {
        if (fault === undefined) return Effect.void
        return Effect.zipRight(logged, outlet.send({ type: "error", data: fault }))
      }
      const { sampleRate, startFrame } = started
      if (fault !== undefined) {
        const recovery_position = (startFrame + delivered) / sampleRate
        const data = { stream_epoch, code: fault.code, error: fault.message, recovery_position }
        return Effect.zipRight(logged, outlet.send({ type: "audio_stream_error", data }))
      }
      const reason = Exit.isSuccess(exit) ? "completed" : "stopped"
      const data = { stream_epoch, reason, total_samples: delivered, duration: delivered / sampleRate } as const
      return outlet.send({ type: "audio_stream_end", data })
    }

    return Stream.runForEach(events, onEvent).pipe(
      Effect.onExit(finish),
      Effect.ignore,
      Effect.catchAllDefect(() => Effect.void)
    )
  })

const faultOf = (cause: Cause.Cause<TrackNotFound | TrackUnreadable>): { code: string; message: string } => {
  const failure = Cause.failureOption(cause)
  if (failure._tag === "None") return { code: "internal", message: internalSentence }
  const code = failure.value._tag === "TrackNotFound" ? "track_not_found" : "track_unreadable"
  return { code, message: failure.value.message }
}

const startMessage = (
  { track, sampleRate, channels, totalFrames, startFrame }: Started,
  stream_epoch: number,
  { enhancement }: Playback["request"],
  is_seek: boolean
): ServerMessage => ({
  type: "audio_stream_start",
  data: {
    stream_epoch,
    track_id: track.id,
    stream_type: enhancement === null ? "normal" : "enhanced",
    preset: enhancement?.preset ?? null,
    intensity: enhancement?.intensity ?? null,
    sample_rate: sampleRate,
    channels,
    total_chunks: Math.ceil(totalFrames / (chunkSeconds * sampleRate)),
    chunk_duration: chunkSeconds,
    total_duration: totalFrames / sampleRate,
    is_seek,
    seek_position: startFrame / sampleRate
  }
})

const metaMessage = (
  { sampleRate, totalFrames }: Started,
  stream_epoch: number,
  seq: number,
  { sampleOffset, sampleCount }: PcmFrame
): ServerMessage => {
  // Frame k of the track covers the samples [round(k * rate / 4), round((k + 1) * rate / 4)).
  const frameAt = (sample: number) => Math.ceil(((sample + 0.5) * framesPerSecond) / sampleRate) - 1
  const frame = frameAt(sampleOffset)
  const chunk_index = Math.floor(frame / framesPerChunk)
  const firstFrame = chunk_index * framesPerChunk
  const framesInTrack = frameAt(Math.max(totalFrames, sampleOffset + sampleCount) - 1) + 1
  return {
    type: "audio_chunk_meta",
    data: {
      stream_epoch,
      seq,
      chunk_index,
      chunk_count: Math.ceil(framesInTrack / framesPerChunk),
      frame_index: frame - firstFrame,
      frame_count: Math.min(framesPerChunk, framesInTrack - firstFrame),
      sample_offset: sampleOffset,
      sample_count: sampleCount
    }
  }
}
