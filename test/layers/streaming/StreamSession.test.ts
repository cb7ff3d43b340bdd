import { describe, it } from "@effect/vitest"
import { Effect, Exit, Layer, Scope, Stream } from "effect"
import { TrackUnreadable } from "../../../src/domain/audio/AnalysisError.ts"
import { decodeClientMessage } from "../../../src/contract/StreamMessages.ts"
import { TrackNotFound } from "../../../src/domain/library/Track.ts"
import type { RenderState } from "../../../src/domain/mastering/RenderState.ts"
import { layerKey } from "../../../src/layers/streaming/ResumeTokensHmac.ts"
import { makeStreamSession } from "../../../src/layers/streaming/StreamSession.ts"
import type { StreamOwners } from "../../../src/layers/streaming/StreamTransport.ts"
import {
  type StreamError,
  StreamEvent,
  type StreamRequest,
  TrackStreamer
} from "../../../src/services/TrackStreamer.ts"
import { assert } from "../../support/assert.ts"
import { makeRecordedOutlet } from "../../support/recordedOutlet.ts"
import { neutralSettings } from "../../support/renderChain.ts"
import {
  packetLength,
  packetsInTrack,
  pcm,
  plansChanges,
  playsThrough,
  settle,
  startOf
} from "../../support/scriptedStreams.ts"

type Script = (request: StreamRequest) => Stream.Stream<StreamEvent, StreamError>

/** A session on a scripted streamer, with everything that it sent, and a way to wait for a message. */
const makeSession = (stream: Script, owners: StreamOwners = new Map()) =>
  Effect.gen(function* () {
    const outlet = makeRecordedOutlet()
    const session = yield* makeStreamSession(outlet, owners).pipe(
      Effect.provide([Layer.succeed(TrackStreamer, { stream }), layerKey(new Uint8Array(32))])
    )
    const receive = (text: string) => session.receive(decodeClientMessage(text))
    const say = (type: string, data?: unknown) => receive(JSON.stringify({ type, data }))
    return { ...outlet, session, say, receive }
  })

const gainsAt = (position: number): RenderState => ({
  position,
  settings: neutralSettings,
  glide: null,
  follow: { gain_db: 3, wanted_db: 4, long_term: 0.01, long_term_weight: 0.5 }
})

describe("A stream session", () => {
  it.scoped("refuses to leave out a stage that there is not, and goes on as it was", () =>
    Effect.gen(function* () {
      const { ofType, say, until } = yield* makeSession(playsThrough)
      say("play_enhanced", { track_id: 7, credits: 2 })
      yield* until(() => ofType("audio_chunk_meta").length === 2)
      say("set_enhancement", { bypass: ["width", "reverb"] })
      say("play_enhanced", { track_id: 7, bypass: "width" })
      yield* until(() => ofType("error").length === 2)
      for (const { data } of ofType("error")) {
        assert.strictEqual(data.code, "invalid_data")
        assert.includes(data.message, "bypass")
      }
      assert.lengthOf(ofType("audio_stream_start"), 1)
      assert.lengthOf(ofType("audio_stream_end"), 0)
    })
  )

  it.scoped("plays a track: start, contiguous packets with rising numbers, one end", () =>
    Effect.gen(function* () {
      const { until, ofType, say, packets, sent } = yield* makeSession(playsThrough)
      say("play_enhanced", { track_id: 7, credits: 256, preset: "warm", intensity: 0.5 })
      yield* until(() => ofType("audio_stream_end").length === 1)
      const [start] = ofType("audio_stream_start")
      assert.hasFields(start!.data, {
        stream_type: "enhanced",
        preset: "warm",
        intensity: 0.5,
        total_chunks: 3,
        chunk_duration: 10,
        total_duration: 22.5,
        is_seek: false,
        seek_position: 0
      })
      const metas = ofType("audio_chunk_meta").map((message) => message.data)
      assert.deepStrictEqual(
        metas.map((meta) => meta.seq),
        Array.from({ length: packetsInTrack }, (_, n) => n)
      )
      let position = 0
      for (const meta of metas) {
        assert.strictEqual(meta.sample_offset, position)
        position += meta.sample_count
      }
      assert.hasFields(metas[40], { chunk_index: 1, chunk_count: 3, frame_index: 0, frame_count: 40 })
      assert.hasFields(metas[89], { chunk_index: 2, frame_index: 9, frame_count: 10 })
      assert.deepStrictEqual(
        packets.map((samples) => samples[0]),
        metas.map((meta) => meta.seq)
      )
      assert.hasFields(ofType("audio_stream_end")[0]!.data, {
        reason: "completed",
        total_samples: position,
        duration: 22.5
      })
      assert.strictEqual(sent.at(-1)!.type, "audio_stream_end")
    })
  )

  it.scoped("says once that the file is damaged, and plays on", () =>
    Effect.gen(function* () {
      const damaged: Script = (request) =>
        Stream.map(playsThrough(request), (event) =>
          event._tag === "Pcm" && event.packet.sampleOffset >= packetLength
            ? StreamEvent.Pcm({ packet: { ...event.packet, loss: { from: 66_150, frames: 4410 } } })
            : event
        )
      const { ofType, say, sent, until } = yield* makeSession(damaged)
      say("play_normal", { track_id: 7, credits: 256 })
      yield* until(() => ofType("audio_stream_end").length === 1)
      const [told, ...others] = ofType("audio_damaged")
      assert.lengthOf(others, 0)
      assert.hasFields(told!.data, { stream_epoch: 1, position: 1.5, duration: 0.1 })
      assert.includes(told!.data.message, "damaged at 1.5 s")
      assert.strictEqual(sent.indexOf(told!), 2)
      assert.lengthOf(ofType("audio_chunk_meta"), packetsInTrack)
      say("seek", { position: 0 })
      yield* until(() => ofType("audio_damaged").length === 2)
    })
  )

  it.scoped("has no more packets in flight than were granted", () =>
    Effect.gen(function* () {
      const { ofType, say } = yield* makeSession(playsThrough)
      say("play_normal", { track_id: 7 })
      yield* settle
      assert.strictEqual(ofType("audio_chunk_meta").length, 16)
      say("credit", { frames: 3 })
      yield* settle
      assert.strictEqual(ofType("audio_chunk_meta").length, 19)
      assert.strictEqual(ofType("audio_stream_end").length, 0)
    })
  )

  it.scoped("holds unused credits to 256, however many are granted", () =>
    Effect.gen(function* () {
      const longer = (request: StreamRequest) =>
        Stream.concat(Stream.succeed(startOf(request)), pcm(request).pipe(Stream.take(1), Stream.forever))
      const { ofType, say } = yield* makeSession(longer)
      say("play_normal", { track_id: 7, credits: 1 })
      yield* settle
      say("pause")
      for (let n = 0; n < 5; n++) say("credit", { frames: 256 })
      yield* settle
      say("resume")
      yield* Effect.repeatN(settle, 20)
      // One of the first grant, one taken before the pause was noticed at most, and the limit.
      assert.isAtMost(ofType("audio_chunk_meta").length, 1 + 1 + 256)
      assert.isAtLeast(ofType("audio_chunk_meta").length, 1 + 256)
    })
  )

  it.scoped("delivers nothing while paused, goes on at the very next sample when resumed", () =>
    Effect.gen(function* () {
      const { ofType, say, until } = yield* makeSession(playsThrough)
      say("play_normal", { track_id: 7, credits: 4 })
      yield* settle
      say("pause")
      say("credit", { frames: 200 })
      yield* settle
      const before = ofType("audio_chunk_meta").length
      assert.isAtMost(before, 5)
      assert.strictEqual(ofType("playback_paused").length, 1)
      say("resume")
      yield* until(() => ofType("audio_stream_end").length === 1)
      const offsets = ofType("audio_chunk_meta").map((message) => message.data.sample_offset)
      assert.deepStrictEqual(
        offsets,
        offsets.map((_, n) => n * packetLength)
      )
      assert.strictEqual(offsets.length, packetsInTrack)
    })
  )

  it.scoped("understands buffer_full and buffer_ready", () =>
    Effect.gen(function* () {
      const { ofType, say, until } = yield* makeSession(playsThrough)
      say("play_normal", { track_id: 7, credits: 2 })
      yield* settle
      say("buffer_full")
      say("credit", { frames: 100 })
      yield* settle
      assert.isAtMost(ofType("audio_chunk_meta").length, 3)
      say("buffer_ready")
      yield* until(() => ofType("audio_stream_end").length === 1)
    })
  )

  it.scoped("ends the old stream before a new one starts, and gives it a new epoch", () =>
    Effect.gen(function* () {
      const { sent, say, until, ofType } = yield* makeSession(playsThrough)
      say("play_normal", { track_id: 7, credits: 4 })
      yield* settle
      say("seek", { position: 20 })
      yield* settle
      const kinds = sent.map((message) =>
        "stream_epoch" in message.data ? [message.type, message.data.stream_epoch] : []
      )
      const end = kinds.findIndex(([type]) => type === "audio_stream_end")
      assert.deepStrictEqual(kinds[end], ["audio_stream_end", 1])
      assert.deepStrictEqual(kinds[end + 1], ["audio_stream_start", 2])
      assert.isTrue(kinds.slice(end + 1).every(([, epoch]) => epoch === 2))
      assert.hasFields(ofType("audio_stream_end")[0]!.data, { reason: "stopped", total_samples: 4 * packetLength })
      assert.hasFields(ofType("audio_stream_start")[1]!.data, { is_seek: true, seek_position: 20 })
      say("credit", { frames: 100 })
      yield* until(() => ofType("audio_stream_end").length === 2)
      assert.hasFields(ofType("audio_stream_end")[1]!.data, { reason: "completed", total_samples: 10 * packetLength })
    })
  )

  it.scoped("reports the end that a seek past the end is: completed, with no samples", () =>
    Effect.gen(function* () {
      const { say, until, ofType } = yield* makeSession(playsThrough)
      say("play_normal", { track_id: 7, credits: 4 })
      say("seek", { position: 22.5 })
      yield* until(() => ofType("audio_stream_end").length === 2)
      say("seek", { position: 1000 })
      yield* until(() => ofType("audio_stream_end").length === 3)
      for (const epoch of [2, 3]) {
        const end = ofType("audio_stream_end").find(({ data }) => data.stream_epoch === epoch)
        assert.hasFields(end!.data, { reason: "completed", total_samples: 0 })
      }
      say("seek", { position: 22 })
      yield* until(() => ofType("audio_stream_end").length === 4)
      assert.hasFields(ofType("audio_stream_end")[3]!.data, { reason: "completed", total_samples: 2 * packetLength })
    })
  )

  it.scoped("changes what is heard while it plays, without a restart, and keeps it for the seek that follows", () =>
    Effect.gen(function* () {
      const { say, ofType, until } = yield* makeSession(plansChanges)
      say("play_enhanced", { track_id: 7, credits: 4, preset: "warm", intensity: 0.5 })
      yield* settle
      say("set_enhancement", { enabled: false })
      yield* until(() => ofType("mastering_plan").length === 1)
      say("set_enhancement", { preset: "bright" })
      yield* until(() => ofType("mastering_plan").length === 2)
      say("set_enhancement", { enabled: true, intensity: 0.25 })
      yield* until(() => ofType("mastering_plan").length === 3)
      assert.deepStrictEqual(
        ofType("mastering_plan").map(({ data: { enabled, plan } }) => [enabled, plan.preset, plan.intensity]),
        [
          [false, "warm", 0],
          [false, "bright", 0],
          [true, "bright", 0.25]
        ]
      )
      assert.lengthOf(ofType("audio_stream_start"), 1)
      say("set_enhancement", { enabled: false })
      say("seek", { position: 5 })
      yield* until(() => ofType("audio_stream_start").length === 2)
      assert.hasFields(ofType("audio_stream_start")[1]!.data, { preset: "bright", intensity: 0.25, enabled: false })
    })
  )

  it.scoped("tells that nothing can be changed where nothing plays, and on a stream of the original", () =>
    Effect.gen(function* () {
      const { say, ofType, until } = yield* makeSession(plansChanges)
      say("set_enhancement", { enabled: false })
      say("play_normal", { track_id: 7 })
      say("set_enhancement", { enabled: true })
      say("credit", { frames: 256 })
      yield* until(() => ofType("audio_stream_end").length === 1)
      say("set_enhancement", { enabled: true })
      yield* until(() => ofType("error").length === 3)
      assert.deepStrictEqual(
        ofType("error").map((message) => message.data.code),
        ["nothing_plays", "not_enhanced", "nothing_plays"]
      )
    })
  )

  it.scoped("stops on request, with one end", () =>
    Effect.gen(function* () {
      const { say, until, ofType } = yield* makeSession(playsThrough)
      say("play_normal", { track_id: 7, credits: 4 })
      yield* settle
      say("stop")
      say("stop")
      yield* until(() => ofType("playback_stopped").length === 2)
      assert.deepStrictEqual(
        ofType("audio_stream_end").map((message) => message.data.reason),
        ["stopped"]
      )
    })
  )

  it.scoped("tells of a file that fails while it plays where to go on, and never its path", () =>
    Effect.gen(function* () {
      const breaks = (request: StreamRequest) =>
        Stream.concat(
          Stream.concat(Stream.succeed(startOf(request)), Stream.take(pcm(request), 8)),
          Stream.fail(new TrackUnreadable({ file: "title.flac", stage: "decode", reason: "truncated" }))
        )
      const { say, until, ofType } = yield* makeSession(breaks)
      say("play_normal", { track_id: 7, start_position: 5 })
      yield* until(() => ofType("audio_stream_error").length === 1)
      const { data } = ofType("audio_stream_error")[0]!
      assert.hasFields(data, { code: "track_unreadable", recovery_position: 5 + 2 })
      assert.match(data.error, /title\.flac .* it ends before its audio does/)
      assert.strictEqual(ofType("audio_stream_end").length, 0)
    })
  )

  it.scoped("answers an unknown track with an error and lives on", () =>
    Effect.gen(function* () {
      const unknown = (request: StreamRequest) =>
        request.trackId === 7 ? playsThrough(request) : Stream.fail(new TrackNotFound({ track_id: request.trackId }))
      const { say, until, ofType } = yield* makeSession(unknown)
      say("play_enhanced", { track_id: 8 })
      yield* until(() => ofType("error").length === 1)
      assert.strictEqual(ofType("error")[0]!.data.code, "track_not_found")
      assert.strictEqual(ofType("audio_stream_start").length, 0)
      say("play_enhanced", { track_id: 7, credits: 256 })
      yield* until(() => ofType("audio_stream_end").length === 1)
    })
  )

  it.scoped("answers a defect in the streamer with one error that tells nothing of its inside", () =>
    Effect.gen(function* () {
      const dies = (request: StreamRequest) =>
        Stream.concat(Stream.succeed(startOf(request)), Stream.die(new Error("secret at /home/someone")))
      const { say, until, ofType, sent } = yield* makeSession(dies)
      say("play_enhanced", { track_id: 7 })
      yield* until(() => ofType("audio_stream_error").length === 1)
      assert.excludes(JSON.stringify(sent), "secret")
    })
  )

  it.scoped("answers what is no message of the protocol with an error and lives on", () =>
    Effect.gen(function* () {
      const { say, receive, until, ofType } = yield* makeSession(playsThrough)
      receive("{")
      receive("[]")
      receive("null")
      receive('{"type":5}')
      say("dance")
      say("__proto__")
      say("play_enhanced")
      say("play_enhanced", { track_id: "7" })
      say("play_enhanced", { track_id: 7, intensity: 2 })
      say("play_enhanced", { track_id: 7, start_position: -1 })
      say("play_normal", { track_id: 7, credits: 0 })
      receive('{"type":"seek","data":{"position":1e999}}')
      say("seek", { position: 1 })
      say("pause")
      say("ping", { unknown: "key" })
      yield* until(() => ofType("pong").length === 1)
      assert.deepStrictEqual(
        ofType("error").map((message) => message.data.code),
        [
          Array<string>(4).fill("invalid_json"),
          Array<string>(2).fill("unknown_type"),
          Array<string>(6).fill("invalid_data"),
          Array<string>(2).fill("nothing_plays")
        ].flat()
      )
    })
  )

  it.effect("ends its stream when its scope closes", () =>
    Effect.gen(function* () {
      let isReleased = false
      const watched = (request: StreamRequest) =>
        playsThrough(request).pipe(Stream.ensuring(Effect.sync(() => void (isReleased = true))))
      const scope = yield* Scope.make()
      const { say, ofType } = yield* Scope.extend(makeSession(watched), scope)
      say("play_normal", { track_id: 7 })
      yield* settle
      assert.strictEqual(ofType("audio_chunk_meta").length, 16)
      assert.isFalse(isReleased)
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(isReleased)
    })
  )

  it.effect("goes on elsewhere at the very sample, as it was, after its connection or its service has ended", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const before = yield* Scope.extend(makeSession(plansChanges), scope)
      before.say("play_enhanced", { track_id: 7, credits: 4, preset: "warm", intensity: 0.5 })
      before.say("seek", { position: 1 })
      before.say("set_enhancement", { enabled: false, intensity: 0.75 })
      yield* before.until(() => before.ofType("mastering_plan").length === 1)
      const { resume_token } = before.ofType("mastering_plan")[0]!.data
      yield* Scope.close(scope, Exit.void)

      const after = yield* makeSession(plansChanges)
      after.say("play_normal", { track_id: 7, credits: 1 })
      after.say("resume_stream", { resume_token, sample_offset: 123_457, credits: 256 })
      yield* after.until(() => after.ofType("audio_stream_end").length === 2)
      assert.hasFields(after.ofType("audio_stream_start")[1]!.data, {
        stream_epoch: 3,
        stream_type: "enhanced",
        preset: "warm",
        intensity: 0.75,
        enabled: false,
        is_seek: true,
        seek_position: 123_457 / 44_100
      })
      const metas = after.ofType("audio_chunk_meta").filter(({ data }) => data.stream_epoch === 3)
      assert.hasFields(metas[0]!.data, { seq: 0, sample_offset: 123_457, sample_count: 12 * packetLength - 123_457 })
      assert.strictEqual(
        after.ofType("audio_stream_end")[1]!.data.total_samples,
        packetsInTrack * packetLength - 123_457
      )
      after.say("resume_stream", { resume_token, position: 22 })
      yield* after.until(() => after.ofType("audio_stream_end").length === 3)
      assert.hasFields(after.ofType("audio_stream_start")[2]!.data, { stream_epoch: 4, seek_position: 22 })
    }).pipe(Effect.scoped)
  )

  it.scoped(
    "goes on with the gains where they were, by a seek, by another start of the same track, and by a token",
    () =>
      Effect.gen(function* () {
        const asked: Array<StreamRequest["from"]> = []
        const moving = (request: StreamRequest) => {
          asked.push(request.from)
          return Stream.map(playsThrough(request), (event) => {
            if (event._tag !== "Pcm") return event
            const { packet } = event
            return StreamEvent.Pcm({ packet: { ...packet, state: gainsAt(packet.sampleOffset + packet.sampleCount) } })
          })
        }
        const { ofType, say, until } = yield* makeSession(moving)
        const untilStarts = (count: number) =>
          until(() => ofType("audio_chunk_meta").filter(({ data }) => data.seq === 0).length === count)
        say("play_enhanced", { track_id: 7, credits: 1 })
        yield* untilStarts(1)
        say("seek", { position: 10 })
        yield* untilStarts(2)
        say("play_enhanced", { track_id: 7, credits: 1, start_position: 20 })
        yield* untilStarts(3)
        const { resume_token } = ofType("audio_chunk_meta")[1]!.data
        say("resume_stream", { resume_token: resume_token!, position: 5, credits: 1 })
        yield* untilStarts(4)
        say("play_enhanced", { track_id: 8, credits: 1 })
        yield* untilStarts(5)
        const behindTen = gainsAt(10 * 44_100 + packetLength)
        assert.deepStrictEqual(asked, [undefined, gainsAt(packetLength), behindTen, behindTen, undefined])
      })
  )

  it.scoped("goes on from the gains that were heard where a change was asked for and nothing came of it yet", () =>
    Effect.gen(function* () {
      const asked: Array<StreamRequest["from"]> = []
      const { ofType, say, until } = yield* makeSession((request) => {
        asked.push(request.from)
        return plansChanges(request)
      })
      say("play_enhanced", { track_id: 7, credits: 1, preset: "warm" })
      say("set_enhancement", { intensity: 0.5 })
      yield* until(() => ofType("mastering_plan").length === 1)
      say("set_enhancement", { intensity: 0.25 })
      yield* until(() => ofType("mastering_plan").length === 2)
      const [first, second] = ofType("mastering_plan")
      say("resume_stream", { resume_token: second!.data.resume_token, position: 1, credits: 1 })
      yield* until(() => ofType("audio_stream_start").length === 2)
      const settings = first!.data.plan.settings
      assert.deepStrictEqual(asked, [undefined, { position: null, settings, glide: null, follow: null }])
    })
  )

  it.scoped("belongs to one connection: resuming it elsewhere ends it here", () =>
    Effect.gen(function* () {
      const owners: StreamOwners = new Map()
      const first = yield* makeSession(playsThrough, owners)
      const second = yield* makeSession(playsThrough, owners)
      first.say("play_normal", { track_id: 7, credits: 4 })
      yield* first.until(() => first.ofType("audio_stream_start").length === 1)
      const { resume_token } = first.ofType("audio_stream_start")[0]!.data
      // The token of the first epoch, as if the start of the second had been lost with the connection.
      first.say("seek", { position: 10 })
      yield* first.until(() => first.ofType("audio_stream_start").length === 2)
      second.say("resume_stream", { resume_token, position: 12, credits: 1 })
      yield* second.until(() => second.ofType("audio_chunk_meta").length === 1)
      assert.deepStrictEqual(
        first.ofType("audio_stream_end").map(({ data }) => [data.stream_epoch, data.reason]),
        [
          [1, "stopped"],
          [2, "stopped"]
        ]
      )
      assert.strictEqual(second.ofType("audio_stream_start")[0]!.data.stream_epoch, 3)
      first.say("seek", { position: 1 })
      first.say("play_normal", { track_id: 7, credits: 1 })
      yield* first.until(() => first.ofType("audio_stream_start").length === 3)
      assert.deepStrictEqual(
        first.ofType("error").map(({ data }) => data.code),
        ["nothing_plays"]
      )
      yield* settle
      assert.isEmpty(second.ofType("audio_stream_end"))
    })
  )

  it.scoped("gives a stream that two resume at once to one of them", () =>
    Effect.gen(function* () {
      const owners: StreamOwners = new Map()
      const first = yield* makeSession(playsThrough, owners)
      first.say("play_normal", { track_id: 7, credits: 4 })
      yield* first.until(() => first.ofType("audio_stream_start").length === 1)
      const { resume_token } = first.ofType("audio_stream_start")[0]!.data
      const others = [yield* makeSession(playsThrough, owners), yield* makeSession(playsThrough, owners)]
      for (const { say } of others) say("resume_stream", { resume_token, position: 2, credits: 1 })
      yield* settle
      yield* settle
      const running = [first, ...others].filter(({ session }) => session.isPlaying())
      assert.lengthOf(running, 1)
      for (const { ofType } of others) {
        const [starts, ends] = [ofType("audio_stream_start").length, ofType("audio_stream_end").length]
        const refused = ofType("error").filter(({ data }) => data.code === "resumed_elsewhere").length
        assert.strictEqual(starts + refused, 1)
        assert.isAtMost(ends, starts)
      }
    })
  )

  it.scoped("tells each of 20 that resume one stream what became of it, and one has it", () =>
    Effect.gen(function* () {
      // Some are overtaken while they wait for the one before, some before their stream begins, some behind that.
      for (const pause of [0, 3, 20, 60, 120]) {
        const owners: StreamOwners = new Map()
        const startsLate: Script = (request) =>
          Stream.unwrap(Effect.as(Effect.repeatN(Effect.yieldNow(), 50), playsThrough(request)))
        const first = yield* makeSession(startsLate, owners)
        first.say("play_normal", { track_id: 7, credits: 4 })
        yield* first.until(() => first.ofType("audio_stream_start").length === 1)
        const { resume_token } = first.ofType("audio_stream_start")[0]!.data
        const others = yield* Effect.all(Array.from({ length: 20 }, () => makeSession(startsLate, owners)))
        for (const { say } of others) {
          say("resume_stream", { resume_token, position: 2, credits: 1 })
          yield* Effect.repeatN(Effect.yieldNow(), pause)
        }
        for (let n = 0; n < 40; n++) yield* settle
        const all = [first, ...others]
        assert.lengthOf(
          all.filter(({ session }) => session.isPlaying()),
          1
        )
        const fates = others.map(({ ofType, session }) => {
          const refused = ofType("error").filter(({ data }) => data.code === "resumed_elsewhere").length
          const stopped = ofType("audio_stream_end").filter(({ data }) => data.reason === "stopped").length
          return [refused, stopped, Number(session.isPlaying())]
        })
        for (const fate of fates) assert.strictEqual(fate[0]! + fate[1]! + fate[2]!, 1, `${pause}: ${fate.join(" ")}`)
        const epochs = all.flatMap(({ ofType }) => ofType("audio_stream_start").map(({ data }) => data.stream_epoch))
        assert.deepStrictEqual([...epochs].sort((a, b) => a - b).length, new Set(epochs).size, `epochs ${epochs}`)
      }
    })
  )

  it.scoped("refuses a token that is not one, and plays on", () =>
    Effect.gen(function* () {
      const { ofType, say, session, until } = yield* makeSession(playsThrough)
      say("play_normal", { track_id: 7, credits: 4 })
      yield* until(() => ofType("audio_stream_start").length === 1)
      const { resume_token } = ofType("audio_stream_start")[0]!.data
      say("resume_stream", { resume_token: `${resume_token.slice(0, -2)}AA`, position: 0 })
      say("resume_stream", { resume_token })
      say("resume_stream", { resume_token, position: 0, sample_offset: 0 })
      say("resume_stream", { resume_token, sample_offset: 0.5 })
      yield* until(() => ofType("error").length === 4)
      assert.deepStrictEqual(
        ofType("error").map(({ data }) => data.code),
        ["invalid_resume_token", "invalid_data", "invalid_data", "invalid_data"]
      )
      assert.isTrue(session.isPlaying())
    })
  )

  it.effect("leaves no stream behind when its connection ends", () =>
    Effect.gen(function* () {
      const owners: StreamOwners = new Map()
      const scope = yield* Scope.make()
      const { ofType, say, until } = yield* Scope.extend(makeSession(playsThrough, owners), scope)
      say("play_normal", { track_id: 7, credits: 4 })
      yield* until(() => ofType("audio_stream_start").length === 1)
      assert.strictEqual(owners.size, 1)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(owners.size, 0)
    })
  )

  it.scoped("keeps the rate that was asked for through seeks and a resume", () =>
    Effect.gen(function* () {
      const asked: Array<number | undefined> = []
      const { ofType, say, until } = yield* makeSession((request) => {
        asked.push(request.sampleRate)
        return playsThrough(request)
      })
      say("play_normal", { track_id: 7, sample_rate: 96_000 })
      say("seek", { position: 1 })
      yield* until(() => ofType("audio_stream_start").some(({ data }) => data.is_seek))
      const { resume_token } = ofType("audio_stream_start").at(-1)!.data
      say("play_normal", { track_id: 7 })
      say("resume_stream", { resume_token, position: 2 })
      say("play_normal", { track_id: 7, sample_rate: 22_050 })
      yield* until(() => ofType("error").length === 1)
      assert.deepStrictEqual(asked, [96_000, 96_000, undefined, 96_000])
      assert.strictEqual(ofType("error")[0]!.data.code, "invalid_data")
    })
  )

  it.scoped("lifts a pause by a seek", () =>
    Effect.gen(function* () {
      const { ofType, say, until } = yield* makeSession(playsThrough)
      say("play_normal", { track_id: 7, credits: 100 })
      say("pause")
      say("seek", { position: 20 })
      yield* until(() => ofType("audio_stream_end").some(({ data }) => data.reason === "completed"))
      assert.hasFields(ofType("audio_stream_end").at(-1)!.data, { stream_epoch: 2, total_samples: 10 * packetLength })
    })
  )

  it.scoped("says nothing of a play that is overtaken before it has started", () =>
    Effect.gen(function* () {
      let opened = 0
      const neverStarts = (request: StreamRequest) => {
        opened += 1
        return request.startSeconds === 1 ? Stream.never : playsThrough(request)
      }
      const { ofType, say, sent, until } = yield* makeSession(neverStarts)
      say("play_normal", { track_id: 7, start_position: 1 })
      say("play_normal", { track_id: 7, start_position: 1 })
      yield* settle
      say("play_normal", { track_id: 7, credits: 100 })
      yield* until(() => ofType("audio_stream_end").length === 1)
      assert.strictEqual(opened, 3)
      assert.hasFields(sent[0]!, { type: "audio_stream_start" })
      assert.strictEqual(ofType("audio_stream_start")[0]!.data.stream_epoch, 3)
      assert.lengthOf(ofType("audio_stream_start"), 1)
    })
  )
})
