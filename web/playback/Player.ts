/**
 * The player: queue, timeline, two feeds (enhanced and original) and one output. Says what is heard now by one readonly
 * state, and tells its listeners when it changes. Knows nothing of the page.
 */
import type { MasteringPlan, Preset } from "../../src/domain/mastering/MasteringPlan.ts"
import type { FingerprintStatus } from "../../src/domain/fingerprint/FingerprintStatus.ts"
import type { AudioOutput } from "../audio/AudioOutput.ts"
import { LoudnessMeter } from "../audio/LoudnessMeter.ts"
import type { FromProcessor } from "../audio/messages.ts"
import type { MixerState, Source } from "../audio/PlayoutMixer.ts"
import type { Track } from "../library/Track.ts"
import { linear, matchGains, type MatchGains } from "./loudnessMatch.ts"
import { Queue, type QueueEntry } from "./Queue.ts"
import { StreamFeed } from "./StreamFeed.ts"
import { type Segment, Timeline } from "./Timeline.ts"

export const stages = ["balance", "dynamics", "stereo", "loudness"] as const
export type Stage = (typeof stages)[number]
/** What a stage is left out by. */
const bypassNames: Readonly<Record<Stage, string>> = {
  balance: "balance",
  dynamics: "dynamics",
  stereo: "width",
  loudness: "gain"
}

export interface Enhancement {
  readonly preset: Preset
  /** 0 to 1. */
  readonly intensity: number
  readonly bypass: ReadonlyArray<Stage>
}

export interface PlayerState {
  /** `waiting`: sound was asked for and is not there yet, or not any more. */
  readonly status: "idle" | "waiting" | "playing" | "paused" | "ended"
  readonly entry: QueueEntry | undefined
  /** Seconds. */
  readonly position: number
  readonly duration: number
  /** What was chosen. */
  readonly source: Source
  readonly plan: MasteringPlan | undefined
  readonly fingerprint: FingerprintStatus | undefined
  readonly enhancement: Enhancement
  /** Undefined until the service has been asked. */
  readonly canGlide: boolean | undefined
  readonly canBypass: boolean | undefined
  readonly isMatched: boolean
  readonly matchGains: MatchGains
  /** 0 to 1. */
  readonly volume: number
  readonly isOnline: boolean
  /** Seconds until the next attempt, while offline. */
  readonly retrySeconds: number
  /** A sentence about what went wrong last. */
  readonly notice: string | undefined
}

export interface PlayerListeners {
  /** The state has changed, or the queue. */
  readonly onChange: () => void
  /** Samples have come, for `offset` of the track; interleaved. */
  readonly onSamples: (source: Source, track: Track, offset: number, interleaved: Float32Array) => void
  /** What is accumulated of the enhanced sound is not what will be heard. */
  readonly onSoundChanged: () => void
}

/** Seconds of music after which what was measured of both sources may match them. */
const measuredSeconds = 3
/** Seeking ends this much before the end, seconds. */
const seekMargin = 0.05
/** `previous` within this much of the beginning goes to the track before, seconds. */
const restartSeconds = 3

/** So many tracks in a row may fail. */
const mostSilent = 3

export class Player {
  readonly queue = new Queue()
  readonly meters = { enhanced: new LoudnessMeter(), original: new LoudnessMeter() }
  readonly #listeners: PlayerListeners
  readonly #output: AudioOutput
  readonly #timeline = new Timeline()
  readonly #feeds: Readonly<Record<Source, StreamFeed>>
  /** Rises with every jump: what was begun for an older one is dropped. */
  #jump = 0
  #heard: Segment | undefined
  #afterDrain: QueueEntry | undefined
  #position = 0
  #mixer: MixerState = "filling"
  #isPaused = false
  #originalLufs: number | undefined
  #state: PlayerState

  constructor(
    url: string,
    makeOutput: (onMessage: (message: FromProcessor) => void) => AudioOutput,
    initial: Pick<PlayerState, "enhancement" | "isMatched" | "volume">,
    listeners: PlayerListeners
  ) {
    this.#listeners = listeners
    this.#state = {
      status: "idle",
      entry: undefined,
      position: 0,
      duration: 0,
      source: "enhanced",
      plan: undefined,
      fingerprint: undefined,
      canGlide: undefined,
      canBypass: undefined,
      matchGains: { enhanced: 0, original: 0 },
      isOnline: false,
      retrySeconds: 0,
      notice: undefined,
      ...initial
    }
    this.#output = makeOutput((message) => this.#hear(message))
    this.#output.setVolume(loudnessOf(initial.volume))
    this.#feeds = { enhanced: this.#feedEnhanced(url), original: this.#feedOriginal(url) }
  }

  get state(): PlayerState {
    return this.#state
  }

  get analysers(): AudioOutput["analysers"] {
    return this.#output.analysers
  }

  // --- What the listener asks for

  /** Replaces the queue and plays its track `index`. */
  playTracks(tracks: ReadonlyArray<Track>, index: number): void {
    this.queue.replace(tracks)
    this.#playEntry(this.queue.entries[index], 0)
  }

  playKey(key: number): void {
    this.#playEntry(this.queue.entries[this.queue.indexOf(key)], 0)
  }

  enqueue(tracks: ReadonlyArray<Track>): void {
    this.queue.append(tracks)
    this.#queueChanged()
  }

  playNext(tracks: ReadonlyArray<Track>): void {
    this.queue.insertAfter(this.#heard?.entry.key, tracks)
    this.#queueChanged()
  }

  move(key: number, by: number): void {
    this.queue.move(key, by)
    this.#queueChanged()
  }

  remove(key: number): void {
    const isHeard = this.#heard?.entry.key === key
    const next = this.queue.after(key)
    this.queue.remove(key)
    if (isHeard && next !== undefined) this.#playEntry(next, 0)
    else if (isHeard) this.stop()
    else this.#queueChanged()
  }

  clearQueue(): void {
    const key = this.#heard?.entry.key
    for (const entry of this.queue.entries) if (entry.key !== key) this.queue.remove(entry.key)
    this.#queueChanged()
  }

  toggle(): void {
    const { status, entry } = this.#state
    if (status === "idle" || status === "ended") {
      const next = entry === undefined ? undefined : (this.queue.after(entry.key) ?? entry)
      this.#playEntry(next ?? this.queue.entries[0], 0)
      return
    }
    this.#isPaused = !this.#isPaused
    void (this.#isPaused ? this.#output.pause() : this.#output.resume())
    this.#update({ status: this.#status() })
  }

  pause(): void {
    if (!this.#isPaused && (this.#state.status === "playing" || this.#state.status === "waiting")) this.toggle()
  }

  resume(): void {
    if (this.#state.status === "paused") this.toggle()
  }

  stop(): void {
    this.#jump += 1
    this.#feeds.enhanced.stop()
    this.#feeds.original.stop()
    this.#output.begin()
    this.#timeline.clear()
    this.#heard = undefined
    this.#update({
      status: "idle",
      entry: undefined,
      position: 0,
      duration: 0,
      plan: undefined,
      fingerprint: undefined
    })
  }

  next(): void {
    const next = this.#heard && this.queue.after(this.#heard.entry.key)
    if (next !== undefined) this.#playEntry(next, 0)
  }

  previous(): void {
    const heard = this.#heard
    if (heard === undefined) return
    const before = this.#state.position < restartSeconds ? this.queue.before(heard.entry.key) : undefined
    this.#playEntry(before ?? heard.entry, 0)
  }

  get hasNext(): boolean {
    return this.#heard !== undefined && this.queue.after(this.#heard.entry.key) !== undefined
  }

  /** To a place of the track that is heard, in seconds. */
  seek(seconds: number): void {
    const { entry, duration } = this.#state
    if (entry !== undefined) this.#playEntry(entry, Math.max(0, Math.min(duration - seekMargin, seconds)))
  }

  /** Enhanced or original, from the same sample on. */
  select(source: Source): void {
    this.#output.select(source)
    this.#update({ source })
  }

  toggleSource(): void {
    this.select(this.#state.source === "enhanced" ? "original" : "enhanced")
  }

  setVolume(volume: number): void {
    const clamped = Math.max(0, Math.min(1, volume))
    this.#output.setVolume(loudnessOf(clamped))
    this.#update({ volume: clamped })
  }

  setMatched(isMatched: boolean): void {
    this.#update({ isMatched })
    this.#match()
  }

  /** Glides to other settings while it plays, where the service can; where not, the next samples have them. */
  setEnhancement(change: Partial<Enhancement>): void {
    const enhancement = { ...this.#state.enhancement, ...change }
    this.#update({ enhancement })
    const feed = this.#feeds.enhanced
    if (feed.segment === undefined) return
    this.#restartMeters()
    this.#listeners.onSoundChanged()
    if (this.#state.canGlide === false) feed.askAgain()
    else if (!feed.isComplete) this.#sendEnhancement()
  }

  /** Integrated loudness of the original that is heard now, by its fingerprint. */
  setOriginalLufs(lufs: number | undefined): void {
    this.#originalLufs = lufs
    this.#match()
  }

  dismissNotice(): void {
    this.#update({ notice: undefined })
  }

  // --- Feeding

  #feedEnhanced(url: string): StreamFeed {
    return new StreamFeed(url, {
      playMessage: ({ entry }, start_position, credits) => {
        const { intensity, preset } = this.#state.enhancement
        return ["play_enhanced", { track_id: entry.track.id, start_position, credits, preset, intensity }]
      },
      onSamples: (position, samples, segment) => this.#feedSamples("enhanced", position, samples, segment),
      onStart: (segment, start) => {
        segment.duration = start.total_duration
        const { channels, sample_rate } = start
        if (!this.#output.fits({ channels, sampleRate: sample_rate })) {
          this.stop()
          this.#update({ notice: `${segment.entry.track.title} has changed on the disk. Play it again.` })
          return
        }
        if (this.#state.enhancement.bypass.length > 0 && this.#state.canBypass !== false) this.#sendEnhancement()
        if (segment === this.#heard) this.#update({ duration: segment.duration })
      },
      onMessage: (segment, message) => {
        if (message.type === "fingerprint_progress") segment.fingerprint = message.data
        else if (message.type === "mastering_plan") {
          segment.plan = message.data.plan
          if (this.#state.canGlide === undefined && this.#isGlideAsked) this.#update({ canGlide: true })
        } else if (message.type === "audio_damaged") return this.#update({ notice: message.data.message })
        else return
        if (segment === this.#heard) this.#showSegment(segment)
      },
      onSegmentEnd: (segment, fault) => {
        segment.end = this.#feeds.enhanced.written
        if (fault !== undefined) this.#update({ notice: fault })
      },
      next: (segment) => this.#nextSegment(segment),
      onRefused: (code, message) => this.#refuse(code, message),
      onOpen: () => this.#update({ isOnline: true }),
      onClose: (retrySeconds) => this.#update({ isOnline: false, retrySeconds })
    })
  }

  /** Follows the segments that the enhanced one opens; its faults are heard when it is chosen, and shown by the other. */
  #feedOriginal(url: string): StreamFeed {
    const ignore = () => {}
    return new StreamFeed(url, {
      playMessage: ({ entry }, start_position, credits) => [
        "play_normal",
        { track_id: entry.track.id, start_position, credits }
      ],
      onSamples: (position, samples, segment) => this.#feedSamples("original", position, samples, segment),
      onStart: ignore,
      onMessage: ignore,
      onSegmentEnd: ignore,
      next: (segment) => this.#timeline.after(segment),
      onRefused: ignore,
      onOpen: ignore,
      onClose: ignore
    })
  }

  #isGlideAsked = false

  #sendEnhancement(): void {
    const { bypass, intensity, preset } = this.#state.enhancement
    const isBypassSent = this.#state.canBypass !== false && (bypass.length > 0 || this.#state.canBypass === true)
    if (bypass.length > 0) this.#update({ canBypass: this.#state.canBypass ?? true })
    this.#isGlideAsked = true
    this.#feeds.enhanced.send("set_enhancement", {
      preset,
      intensity,
      ...(isBypassSent ? { bypass: bypass.map((stage) => bypassNames[stage]) } : {})
    })
  }

  #refuse(code: string, message: string): void {
    if (code === "unknown_type" && this.#isGlideAsked) {
      // The rest is asked for anew, with the settings: heard as soon, but without a glide.
      this.#update({
        canGlide: false,
        canBypass: false,
        enhancement: { ...this.#state.enhancement, bypass: [] }
      })
      this.#feeds.enhanced.askAgain()
    } else if (code !== "nothing_plays") this.#update({ notice: message })
  }

  #feedSamples(source: Source, position: number, samples: Float32Array, segment: Segment): void {
    this.#listeners.onSamples(source, segment.entry.track, segment.offset + position - segment.start, samples)
    this.#output.write(source, position, samples)
  }

  #nextSegment(segment: Segment): Segment | undefined {
    const known = this.#timeline.after(segment)
    if (known !== undefined) return known
    const entry = this.#hasGivenUp() ? undefined : this.queue.after(segment.entry.key)
    if (entry === undefined || !this.#output.fits(formatOf(entry.track))) {
      this.#afterDrain = entry
      this.#output.setEnd(segment.end)
      return undefined
    }
    this.#output.setEnd(undefined)
    const next = this.#timeline.append(entry)
    // Once this one has gone on.
    queueMicrotask(() => this.#feeds.original.advance())
    return next
  }

  /** One track after another without a sample: it is not the tracks. */
  #hasGivenUp(): boolean {
    const last = this.#timeline.segments.slice(-mostSilent)
    return last.length === mostSilent && last.every(({ end, start }) => end === start)
  }

  #playEntry(entry: QueueEntry | undefined, seconds: number): void {
    if (entry === undefined) return
    this.#jump += 1
    const jump = this.#jump
    const { track } = entry
    const isSameTrack = this.#heard?.entry.key === entry.key
    const kept = isSameTrack ? this.#heard : undefined
    this.#feeds.enhanced.stop()
    this.#feeds.original.stop()
    this.#output.begin()
    this.#afterDrain = undefined
    this.#isPaused = false
    this.#mixer = "filling"
    const segment = this.#timeline.begin(entry, Math.round(seconds * track.sample_rate))
    segment.plan = kept?.plan
    segment.fingerprint = kept?.fingerprint
    segment.duration = kept?.duration ?? track.duration
    this.#position = 0
    if (!isSameTrack) this.#originalLufs = undefined
    this.#restartMeters()
    this.#heard = segment
    this.#update({ status: "waiting", notice: undefined })
    this.#showSegment(segment)
    void this.#output.prepare(formatOf(track)).then(
      () => {
        if (jump !== this.#jump) return
        this.#output.begin()
        this.#feeds.enhanced.begin(segment)
        this.#feeds.original.begin(segment)
        return this.#output.resume()
      },
      () => {
        if (jump !== this.#jump) return
        this.stop()
        this.#update({ notice: `This browser cannot play ${track.sample_rate} Hz in ${track.channels} channels.` })
      }
    )
  }

  /** What was fed ahead of a change of the queue is taken back where it is not what follows now. */
  #queueChanged(): void {
    const { status } = this.#state
    // What has ended does not begin again by itself.
    if (status === "idle" || status === "ended") return this.#listeners.onChange()
    const { segments } = this.#timeline
    const from = this.#heard === undefined ? -1 : segments.indexOf(this.#heard)
    for (let i = from; i >= 0 && i < segments.length; i++) {
      const segment = segments[i]!
      const fed = segments[i + 1]
      const isLast = fed === undefined
      if (isLast && !this.#feeds.enhanced.isComplete) break
      if (!isLast && fed.entry.key === this.queue.after(segment.entry.key)?.key) continue
      this.#timeline.dropAfter(segment)
      if (segment.end !== undefined) this.#output.truncate(segment.end)
      this.#feeds.enhanced.rejoin(segment)
      if (this.#feeds.original.segment !== segment && !isLast) this.#feeds.original.rejoin(segment)
      break
    }
    this.#listeners.onChange()
  }

  // --- Hearing

  #hear(message: FromProcessor): void {
    if (message.type === "loudness") {
      this.meters[message.source].push(message.block)
      if (this.#state.plan?.predicted === null) this.#match()
      return
    }
    if (message.type !== "position") return
    this.#position = message.position
    this.#mixer = message.state
    this.#feeds.enhanced.played(message.position)
    this.#feeds.original.played(message.position)
    const segment = this.#timeline.at(Math.max(0, message.position - 1))
    if (segment !== undefined && segment !== this.#heard) {
      this.#timeline.dropBefore(segment)
      this.#heard = segment
      this.#originalLufs = undefined
      this.#restartMeters()
    }
    if (message.state === "drained") return this.#drained()
    if (segment !== undefined) this.#showSegment(segment)
  }

  #drained(): void {
    const next = this.#afterDrain
    this.#afterDrain = undefined
    if (next !== undefined) return this.#playEntry(next, 0)
    if (this.#state.status !== "ended") this.#update({ status: "ended", position: this.#state.duration })
  }

  #showSegment(segment: Segment): void {
    const position = (segment.offset + this.#position - segment.start) / segment.entry.track.sample_rate
    const { duration, entry, fingerprint, plan } = segment
    this.#update({ status: this.#status(), position, duration, entry, fingerprint, plan })
    this.#match()
  }

  #status(): PlayerState["status"] {
    if (this.#heard === undefined) return "idle"
    if (this.#isPaused) return "paused"
    return this.#mixer === "playing" ? "playing" : "waiting"
  }

  #restartMeters(): void {
    this.meters.enhanced.clear()
    this.meters.original.clear()
  }

  /** By the plan's promise; without one, by what both have measured so far. */
  #match(): void {
    const gains = this.#state.isMatched ? this.#wantedGains() : matchGains(undefined, undefined)
    const old = this.#state.matchGains
    if (gains.enhanced === old.enhanced && gains.original === old.original) return
    this.#output.setGain("enhanced", linear(gains.enhanced))
    this.#output.setGain("original", linear(gains.original))
    this.#update({ matchGains: gains })
  }

  #wantedGains(): MatchGains {
    const { plan } = this.#state
    if (plan?.predicted) return matchGains(plan.predicted.lufs, this.#originalLufs ?? lufsOf(plan))
    const enhanced = this.meters.enhanced.reading()
    const original = this.meters.original.reading()
    if (Math.min(enhanced.seconds, original.seconds) < measuredSeconds) return this.#state.matchGains
    return matchGains(enhanced.integrated, original.integrated)
  }

  #update(change: Partial<PlayerState>): void {
    const old = this.#state
    const isChanged = Object.entries(change).some(([name, value]) => old[name as keyof PlayerState] !== value)
    if (!isChanged) return
    this.#state = { ...old, ...change }
    this.#listeners.onChange()
  }
}

const formatOf = ({ channels, sample_rate }: Track) => ({ channels, sampleRate: sample_rate })

/** What a plan was decided from stands among the causes of its moves. */
const lufsOf = ({ moves }: MasteringPlan): number | undefined =>
  moves.flatMap(({ causes }) => causes).find(({ name }) => name === "lufs")?.value

/** Volume as the ear takes it: half way is about half as loud. */
const loudnessOf = (volume: number): number => volume ** 2
