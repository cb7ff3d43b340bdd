/** The messages of the WebSocket endpoint `/ws`, both ways: JSON text frames `{ type, data? }`. See docs/protocol.md. */
import { Either, ParseResult, Schema } from "effect"
import { Enhancement } from "../domain/mastering/Enhancement.ts"
import { FingerprintStatus } from "../domain/fingerprint/FingerprintStatus.ts"
import { Intensity, MasteringPlan, Preset } from "../domain/mastering/MasteringPlan.ts"
import { TrackId } from "../domain/library/Track.ts"
import { Bypass, enhancement } from "./EnhancementRequest.ts"
import { expecting, sentenceOfIssues } from "./expectations.ts"
import { Seconds } from "./Numbers.ts"
import { playRequest } from "./PlayRequest.ts"

/** Seconds of one chunk: the unit of progress. The last chunk of a track is shorter. */
export const chunkSeconds = 10

/** Packets in flight that a client may grant at most, and what it grants by saying nothing. */
export const maximumCredits = 256
const defaultCredits = 16

const exactly = { exact: true } as const

const Credits = expecting(Schema.Int.pipe(Schema.between(1, maximumCredits)))

const credits = Schema.optionalWith(Credits, { default: () => defaultCredits })

const play = { ...playRequest, credits }

/** Characters; what the service issues has about 400, or 1300 while gains are on their way. */
const maximumTokenLength = 2048

/** The data of what a client may send, by type. */
export const clientData = {
  play_enhanced: Schema.Struct({
    ...play,
    ...enhancement,
    enabled: Schema.optionalWith(expecting(Schema.Boolean), { default: () => true })
  }),
  play_normal: Schema.Struct(play),
  /** What is left out stays as it is. */
  set_enhancement: Schema.Struct({
    preset: Schema.optionalWith(expecting(Preset), exactly),
    intensity: Schema.optionalWith(expecting(Intensity), exactly),
    enabled: Schema.optionalWith(expecting(Schema.Boolean), exactly),
    bypass: Schema.optionalWith(Bypass, exactly)
  }),
  seek: Schema.Struct({ position: expecting(Seconds) }),
  resume_stream: Schema.Struct({
    resume_token: expecting(Schema.String.pipe(Schema.maxLength(maximumTokenLength))),
    /** Samples per channel from the start of the track: the first one that the client does not have. */
    sample_offset: Schema.optionalWith(expecting(Schema.NonNegativeInt), exactly),
    position: Schema.optionalWith(expecting(Seconds), exactly),
    credits
  }).pipe(
    Schema.filter(
      ({ position, sample_offset }) =>
        (position === undefined) !== (sample_offset === undefined) || "Expected either sample_offset or position"
    )
  ),
  credit: Schema.Struct({ frames: Credits }),
  pause: Schema.Struct({}),
  resume: Schema.Struct({}),
  stop: Schema.Struct({}),
  buffer_full: Schema.Struct({}),
  buffer_ready: Schema.Struct({}),
  ping: Schema.Struct({})
}

type ClientData = typeof clientData

export type ClientMessage = {
  readonly [Type in keyof ClientData]: { readonly type: Type; readonly data: ClientData[Type]["Type"] }
}[keyof ClientData]

/** What `error` and `audio_stream_error` tell a program; the sentence beside it is for a person. */
export const ErrorCode = Schema.Literal(
  "invalid_json",
  "unknown_type",
  "invalid_data",
  "nothing_plays",
  "not_enhanced",
  "invalid_resume_token",
  "resumed_elsewhere",
  "track_not_found",
  "track_unreadable",
  "too_many_streams",
  "too_many_messages",
  "message_too_large",
  "binary_message",
  "internal"
)
export type ErrorCode = typeof ErrorCode.Type

/** A text frame that is no message of the protocol. Answered with `error`; the connection lives on. */
export class InvalidMessage extends Schema.TaggedError<InvalidMessage>()("InvalidMessage", {
  code: Schema.Literal("invalid_json", "unknown_type", "invalid_data"),
  detail: Schema.String
}) {
  override get message(): string {
    return this.detail
  }
}

const Envelope = Schema.parseJson(Schema.Struct({ type: Schema.String, data: Schema.optional(Schema.Unknown) }))
const decodeEnvelope = Schema.decodeUnknownEither(Envelope)
const isClientType = (type: string): type is keyof ClientData => Object.hasOwn(clientData, type)

/** Keys that are not of the protocol are ignored; a message without data counts as one with empty data. */
export const decodeClientMessage = (text: string): Either.Either<ClientMessage, InvalidMessage> =>
  Either.gen(function* () {
    const { type, data = {} } = yield* Either.mapLeft(
      decodeEnvelope(text),
      () => new InvalidMessage({ code: "invalid_json", detail: 'A message is JSON of the form { "type", "data"? }.' })
    )
    if (!isClientType(type)) {
      const known = Object.keys(clientData).join(", ")
      const detail = `There is no message of the type ${JSON.stringify(type.slice(0, 40))}. There are: ${known}.`
      return yield* Either.left(new InvalidMessage({ code: "unknown_type", detail }))
    }
    const schema: Schema.Schema<unknown, never> = clientData[type] as never
    const decoded = yield* Either.mapLeft(Schema.decodeUnknownEither(schema)(data), (error) => {
      const issues = ParseResult.ArrayFormatter.formatErrorSync(error)
      const detail = `The data of ${type} is not valid ${sentenceOfIssues(issues)}.`
      return new InvalidMessage({ code: "invalid_data", detail })
    })
    return { type, data: decoded } as ClientMessage
  })

const streamed = { stream_epoch: Schema.Int }

const message = <Type extends string, Fields extends Schema.Struct.Fields>(type: Type, fields: Fields) =>
  Schema.Struct({ type: Schema.Literal(type), data: Schema.Struct(fields) })

/** What the server sends as text. Each `audio_chunk_meta` is followed by its packet: one binary frame of the WebSocket. */
export const ServerMessage = Schema.Union(
  message("audio_stream_start", {
    ...streamed,
    track_id: TrackId,
    stream_type: Schema.Literal("enhanced", "normal"),
    preset: Schema.NullOr(Preset),
    intensity: Schema.NullOr(Intensity),
    /** null for normal. */
    enabled: Schema.NullOr(Enhancement.fields.enabled),
    sample_rate: Schema.Int,
    channels: Schema.Int,
    total_chunks: Schema.Int,
    /** Seconds. */
    chunk_duration: Schema.Finite,
    /** Seconds. */
    total_duration: Schema.Finite,
    /** True for streams that `seek` or `resume_stream` started. */
    is_seek: Schema.Boolean,
    /** Seconds: the position that is really used, that of a sample. */
    seek_position: Schema.Finite,
    resume_token: Schema.String
  }),
  message("fingerprint_progress", { ...streamed, ...FingerprintStatus.fields }),
  message("mastering_plan", {
    ...streamed,
    /** Whether the listener wants it heard; the plan is that of intensity 0 where not. */
    enabled: Enhancement.fields.enabled,
    plan: MasteringPlan,
    /** The one to keep from here on: it knows of the change. */
    resume_token: Schema.String
  }),
  message("audio_chunk_meta", {
    ...streamed,
    /** From 0, never repeated within an epoch. */
    seq: Schema.Int,
    chunk_index: Schema.Int,
    chunk_count: Schema.Int,
    /** Index of this packet in its chunk. */
    frame_index: Schema.Int,
    frame_count: Schema.Int,
    /** Samples per channel from the start of the track. */
    sample_offset: Schema.Int,
    /** Samples per channel. */
    sample_count: Schema.Int,
    /** The one to keep from here on, where the gains are on their way: it knows how far. */
    resume_token: Schema.optionalWith(Schema.String, exactly)
  }),
  message("audio_stream_end", {
    ...streamed,
    reason: Schema.Literal("completed", "stopped", "errored"),
    /** Samples per channel delivered in this epoch. */
    total_samples: Schema.Int,
    /** The same in seconds. */
    duration: Schema.Finite
  }),
  message("audio_stream_error", {
    ...streamed,
    code: ErrorCode,
    /** A sentence for a person. */
    error: Schema.String,
    /** Seconds: where to play on from. */
    recovery_position: Schema.Finite
  }),
  /** At most once in an epoch: the file is damaged there, and silent for so long. It plays on behind it. */
  message("audio_damaged", {
    ...streamed,
    /** A sentence for a person. */
    message: Schema.String,
    /** Seconds. */
    position: Schema.Finite,
    /** Seconds. */
    duration: Schema.Finite
  }),
  message("playback_paused", streamed),
  message("playback_resumed", streamed),
  message("playback_stopped", streamed),
  message("error", { code: ErrorCode, message: Schema.String }),
  message("pong", {})
)
export type ServerMessage = typeof ServerMessage.Type
