/** Turns one stream's events into messages and packets, from its start to its one end. */
import { Cause, Effect, Exit, Stream } from "effect"
import { chunkSeconds, type ErrorCode, type ServerMessage } from "../../contract/StreamMessages.ts"
import type { RenderSettings } from "../../domain/mastering/MasteringPlan.ts"
import type { RenderState } from "../../domain/mastering/RenderState.ts"
import type { AudioLoss } from "../../services/AudioDecoder.ts"
import type { PcmPacket } from "../../services/ChunkMastering.ts"
import type { StreamError, StreamEvent, StreamRequest } from "../../services/TrackStreamer.ts"
import { internalSentence, say, sayError, type SessionOutlet } from "./SessionOutlet.ts"

const packetsPerSecond = 4
const packetsPerChunk = chunkSeconds * packetsPerSecond

export type PlayRequest = Pick<StreamRequest, "trackId" | "enhancement" | "sampleRate" | "startSeconds" | "from">

interface Delivery {
  readonly outlet: SessionOutlet
  readonly epoch: number
  readonly request: PlayRequest
  readonly isSeek: boolean
  readonly events: Stream.Stream<StreamEvent, StreamError>
  /** For what the listener wants by now; sample offsets count at this rate, Hz. */
  readonly issueToken: (sampleRate: number) => Effect.Effect<string>
  /** From here on its end is told. */
  readonly onStarted: () => void
  /** Told of each packet, before it is sent: tokens bear it from then on. */
  readonly onState: (state: RenderState | null) => void
}

type ChunkMeta = Extract<ServerMessage, { readonly type: "audio_chunk_meta" }>["data"]
type Started = Extract<StreamEvent, { readonly _tag: "Started" }>

/** What has been sent. */
interface Sent {
  started: Started | undefined
  /** Whether the gains were on their way behind the latest packet. */
  isMoving: boolean
  /** What the plan is that was told last. */
  settings: RenderSettings | undefined
  /** Whether gains at rest are to move, and no packet has come yet in which they do. */
  isAboutToMove: boolean
  isDamageTold: boolean
  packets: number
  frames: number
}

/** Sends one stream from its start to its one end, whatever ends it. */
export const deliver = (delivery: Delivery): Effect.Effect<void> =>
  Effect.suspend(() => {
    const sent: Sent = {
      started: undefined,
      isMoving: false,
      settings: undefined,
      isAboutToMove: false,
      isDamageTold: false,
      packets: 0,
      frames: 0
    }
    return Stream.runForEach(delivery.events, (event) => deliverEvent(delivery, sent, event)).pipe(
      Effect.onExit((exit) => deliverEnd(delivery, sent, exit)),
      Effect.ignore,
      Effect.catchAllDefect(() => Effect.void)
    )
  })

const deliverEvent = (delivery: Delivery, sent: Sent, event: StreamEvent) => {
  const { epoch, issueToken, onStarted, outlet } = delivery
  const stream_epoch = epoch
  const afterStart = (then: (started: Started) => Effect.Effect<void>) =>
    sent.started === undefined ? Effect.dieMessage("not after its start") : then(sent.started)
  switch (event._tag) {
    case "Started":
      sent.started = event
      onStarted()
      return Effect.flatMap(issueToken(event.sampleRate), (token) => say(outlet, startMessage(event, delivery, token)))
    case "Fingerprint":
      return say(outlet, { type: "fingerprint_progress", data: { stream_epoch, ...event.status } })
    case "Planned": {
      const { plan, enhancement } = event
      const { settings } = sent
      if (settings !== undefined && !sent.isMoving) {
        sent.isAboutToMove = true
        delivery.onState({ position: null, settings, glide: null, follow: null })
      }
      sent.settings = plan.settings
      return afterStart(({ sampleRate }) =>
        Effect.flatMap(issueToken(sampleRate), (resume_token) =>
          say(outlet, {
            type: "mastering_plan",
            data: { stream_epoch, enabled: enhancement.enabled, plan, resume_token }
          })
        )
      )
    }
    case "Pcm": {
      const { packet } = event
      return afterStart((started) => {
        if (packet.loss !== undefined && !sent.isDamageTold) {
          sent.isDamageTold = true
          outlet.send(damageMessage(epoch, started.sampleRate, packet.loss))
        }
        const meta = metaMessage(started, epoch, sent.packets, packet)
        sent.packets += 1
        sent.frames += packet.sampleCount
        if (packet.state !== null) sent.isAboutToMove = false
        if (!sent.isAboutToMove) delivery.onState(packet.state)
        const isNews = packet.state !== null || sent.isMoving
        sent.isMoving = packet.state !== null
        const send = (data: ChunkMeta) =>
          Effect.sync(() => outlet.sendPacket({ type: "audio_chunk_meta", data }, packet))
        if (!isNews) return send(meta)
        return Effect.flatMap(issueToken(started.sampleRate), (resume_token) => send({ ...meta, resume_token }))
      })
    }
  }
}

const deliverEnd = ({ epoch, outlet }: Delivery, { frames, started }: Sent, exit: Exit.Exit<void, StreamError>) => {
  const stream_epoch = epoch
  if (Exit.isFailure(exit) && !Cause.isInterruptedOnly(exit.cause)) {
    const { code, message } = faultOf(exit.cause)
    const logged = code === "internal" ? Effect.logError("A stream died", exit.cause) : Effect.void
    if (started === undefined) return Effect.zipRight(logged, sayError(outlet, code, message))
    const recovery_position = (started.startFrame + frames) / started.sampleRate
    const data = { stream_epoch, code, error: message, recovery_position }
    return Effect.zipRight(logged, say(outlet, { type: "audio_stream_error", data }))
  }
  if (started === undefined) return Effect.void
  const reason = Exit.isSuccess(exit) ? "completed" : "stopped"
  const data = { stream_epoch, reason, total_samples: frames, duration: frames / started.sampleRate } as const
  return say(outlet, { type: "audio_stream_end", data })
}

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
  { epoch: stream_epoch, isSeek: is_seek, request: { enhancement } }: Delivery,
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
): ChunkMeta => {
  // Packet k of the track covers the samples [round(k * rate / 4), round((k + 1) * rate / 4)).
  const packetAt = (sample: number) => Math.ceil(((sample + 0.5) * packetsPerSecond) / sampleRate) - 1
  const packet = packetAt(sampleOffset)
  const chunk_index = Math.floor(packet / packetsPerChunk)
  const firstPacket = chunk_index * packetsPerChunk
  const packetsInTrack = packetAt(Math.max(totalFrames, sampleOffset + sampleCount) - 1) + 1
  return {
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
