/**
 * Feeds one source along the timeline over a connection of its own: grants credits as the music is heard, goes on to
 * the next segment at the sample, and after a lost connection at the very sample that is missing.
 */
import type { Segment } from "./Timeline.ts"
import { type ChunkMeta, type ServerMessage, StreamConnection, type StreamStart } from "./StreamConnection.ts"

/** Packets of 250 ms that are buffered or under way: 2 s. */
const bufferedPackets = 8

export interface FeedEvents {
  /** The message that plays `segment` from a position in seconds. */
  readonly playMessage: (segment: Segment, seconds: number, credits: number) => readonly [string, object]
  /** Samples for `position` of the timeline; interleaved. */
  readonly onSamples: (position: number, interleaved: Float32Array, segment: Segment) => void
  readonly onStart: (segment: Segment, start: StreamStart) => void
  /** Of the running stream, beside its samples. */
  readonly onMessage: (segment: Segment, message: ServerMessage) => void
  /** All samples of a segment have come. `fault`: why it ends early. */
  readonly onSegmentEnd: (segment: Segment, fault: string | undefined) => void
  /** What comes after a segment, if it is known already. */
  readonly next: (segment: Segment) => Segment | undefined
  /** An `error` that does not answer a play. */
  readonly onRefused: (code: string, message: string) => void
  readonly onOpen: () => void
  readonly onClose: (retrySeconds: number) => void
}

/** A stream that has been asked for and has not started. */
interface Asked {
  readonly trackId: number
  /** Sample of the track. */
  readonly offset: number
  readonly isResume: boolean
}

export class StreamFeed {
  readonly #events: FeedEvents
  readonly #connection: StreamConnection
  #segment: Segment | undefined
  /** Next missing sample of the timeline. */
  #written = 0
  #asked: Asked | undefined
  #epoch: number | undefined
  #token: string | undefined
  /** Granted and not used up. */
  #outstanding = 0
  /** Ends of the packets that wait to be heard. */
  #waiting: Array<number> = []
  /** The segment is complete; the next one is not known. */
  #isComplete = false

  constructor(url: string, events: FeedEvents) {
    this.#events = events
    this.#connection = new StreamConnection(url, {
      onOpen: () => {
        events.onOpen()
        if (this.#segment !== undefined && !this.#isComplete) this.#ask()
      },
      onClose: (retrySeconds) => {
        this.#epoch = undefined
        this.#asked = undefined
        this.#outstanding = 0
        events.onClose(retrySeconds)
      },
      onMessage: (message) => this.#receive(message),
      onPacket: (meta, samples) => this.#receivePacket(meta, samples)
    })
  }

  get isOpen(): boolean {
    return this.#connection.isOpen
  }
  get segment(): Segment | undefined {
    return this.#segment
  }
  get written(): number {
    return this.#written
  }
  get isComplete(): boolean {
    return this.#isComplete
  }

  /** Drops what it has; plays `segment` from its start. */
  begin(segment: Segment): void {
    this.#waiting = []
    this.#goOn(segment)
  }

  /** Forgets what came after `segment`, which is complete, and asks again what is next. */
  rejoin(segment: Segment): void {
    const end = segment.end ?? this.#written
    this.#waiting = this.#waiting.filter((position) => position <= end)
    if (this.#segment !== segment) this.#connection.send("stop")
    this.#segment = segment
    this.#written = Math.min(this.#written, end)
    this.#epoch = undefined
    this.#asked = undefined
    this.#isComplete = true
    this.advance()
  }

  /** On to the next segment, where this one is complete and the next is known. */
  advance(): void {
    if (!this.#isComplete || this.#segment === undefined) return
    const next = this.#events.next(this.#segment)
    if (next !== undefined) this.#goOn(next)
  }

  /** The rest of the segment anew, from the first sample that has not come: with other settings, say. */
  askAgain(): void {
    this.#token = undefined
    if (this.#segment !== undefined && !this.#isComplete) this.#ask()
  }

  stop(): void {
    this.#connection.send("stop")
    this.#segment = undefined
    this.#epoch = undefined
    this.#asked = undefined
    this.#waiting = []
    this.#isComplete = false
  }

  send(type: string, data: object): void {
    this.#connection.send(type, data)
  }

  /** Everything before `position` has been heard. */
  played(position: number): void {
    while (this.#waiting.length > 0 && this.#waiting[0]! <= position) this.#waiting.shift()
    this.#grant()
  }

  #goOn(segment: Segment): void {
    this.#segment = segment
    this.#written = segment.start
    this.#isComplete = false
    this.#token = undefined
    this.#ask()
  }

  #ask(): void {
    const segment = this.#segment
    this.#epoch = undefined
    this.#asked = undefined
    if (segment === undefined || !this.#connection.isOpen) return
    const credits = Math.max(1, bufferedPackets - this.#waiting.length)
    const offset = segment.offset + this.#written - segment.start
    this.#outstanding = credits
    const { id: trackId, sample_rate } = segment.entry.track
    this.#asked = { trackId, offset, isResume: this.#token !== undefined }
    if (this.#token !== undefined) {
      this.#connection.send("resume_stream", { resume_token: this.#token, sample_offset: offset, credits })
    } else {
      const [type, data] = this.#events.playMessage(segment, offset / sample_rate, credits)
      this.#connection.send(type, data)
    }
  }

  #grant(): void {
    if (this.#epoch === undefined) return
    const packets = bufferedPackets - this.#waiting.length - this.#outstanding
    if (packets <= 0) return
    this.#outstanding += packets
    this.#connection.send("credit", { frames: packets })
  }

  #receive(message: ServerMessage): void {
    const segment = this.#segment
    if (message.type === "audio_stream_start") return this.#start(message.data)
    if (message.type === "error") return this.#refuse(message.data.code, message.data.message)
    if (segment === undefined || !("stream_epoch" in message.data) || message.data.stream_epoch !== this.#epoch) return
    if (message.type === "audio_stream_end") {
      if (message.data.reason === "completed") this.#complete(segment, undefined)
    } else if (message.type === "audio_stream_error") this.#complete(segment, message.data.error)
    else {
      if (message.type === "mastering_plan") this.#token = message.data.resume_token
      this.#events.onMessage(segment, message)
    }
  }

  #start(start: StreamStart): void {
    const asked = this.#asked
    const segment = this.#segment
    if (asked === undefined || segment === undefined || start.track_id !== asked.trackId) return
    const first = Math.round(start.seek_position * start.sample_rate)
    const last = Math.round(start.total_duration * start.sample_rate)
    // Where two plays have crossed, the start of the first is not that of the second.
    if (!asked.isResume && first !== Math.min(asked.offset, last)) return
    this.#asked = undefined
    this.#epoch = start.stream_epoch
    this.#token = start.resume_token
    this.#events.onStart(segment, start)
  }

  #receivePacket(meta: ChunkMeta, samples: Float32Array): void {
    const segment = this.#segment
    if (segment === undefined || meta.stream_epoch !== this.#epoch) return
    this.#outstanding = Math.max(0, this.#outstanding - 1)
    this.#token = meta.resume_token ?? this.#token
    const position = segment.start + meta.sample_offset - segment.offset
    const known = this.#written - position
    if (known < 0) return this.askAgain()
    if (known < meta.sample_count) {
      const channels = samples.length / meta.sample_count
      this.#events.onSamples(this.#written, known === 0 ? samples : samples.slice(known * channels), segment)
      this.#written = position + meta.sample_count
      this.#waiting.push(this.#written)
    }
    this.#grant()
  }

  #complete(segment: Segment, fault: string | undefined): void {
    this.#epoch = undefined
    this.#token = undefined
    this.#isComplete = true
    this.#events.onSegmentEnd(segment, fault)
    this.advance()
  }

  /** An `error` names no message: what it can only have been about is told by its code. */
  #refuse(code: string, message: string): void {
    const segment = this.#segment
    // A service that cannot resume, or not this: it plays from there instead.
    if (this.#asked?.isResume === true) return this.askAgain()
    if (this.#asked === undefined || segment === undefined || codesOfControls.has(code)) {
      return this.#events.onRefused(code, message)
    }
    this.#asked = undefined
    this.#complete(segment, message)
  }
}

const codesOfControls: ReadonlySet<string> = new Set(["unknown_type", "invalid_data", "invalid_json", "nothing_plays"])
