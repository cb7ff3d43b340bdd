import { describe, it } from "@effect/vitest"
import { Chunk, Effect, Fiber, Layer, Option, Stream, TestClock } from "effect"
import { TooManyStreams } from "../../../src/domain/streaming/TooManyStreams.ts"
import { TrackNotFound } from "../../../src/domain/library/Track.ts"
import * as ChunkMasteringTransparent from "../../support/layers/ChunkMasteringTransparent.ts"
import * as FingerprintGeneratorTiered from "../../../src/layers/fingerprint/FingerprintGeneratorTiered.ts"
import * as FingerprintRepoMemory from "../../support/layers/FingerprintRepoMemory.ts"
import * as Scripted from "../../support/layers/FingerprintServerClientScripted.ts"
import * as FingerprintSidecarFiles from "../../../src/layers/fingerprint/FingerprintSidecarFiles.ts"
import * as TrackStreamerLive from "../../../src/layers/streaming/TrackStreamerLive.ts"
import { FingerprintRepo } from "../../../src/services/FingerprintRepo.ts"
import { pathOf, TrackLibrary } from "../../../src/services/TrackLibrary.ts"
import { type StreamEvent, type StreamRequest, TrackStreamer } from "../../../src/services/TrackStreamer.ts"
import { assert } from "../../support/assert.ts"
import { someAnalysis, someTrackFile } from "../../support/analyses.ts"
import * as AudioDecoderMemory from "../../support/AudioDecoderMemory.ts"
import { whiteNoise } from "../../support/signals.ts"

const file = someTrackFile()
const key = { trackId: file.track.id, version: file.version }
const sampleRate = 44_100
const signal = [whiteNoise(sampleRate, 2.6, -6, 1), whiteNoise(sampleRate, 2.6, -12, 2)]

const library = Layer.succeed(TrackLibrary, {
  folders: [file.folder],
  list: Effect.succeed([file.track]),
  resolve: (id) => (id === file.track.id ? Effect.succeed(file) : new TrackNotFound({ track_id: id })),
  scan: Effect.dieMessage("not part of this test"),
  scanStatus: Effect.dieMessage("not part of this test")
})

const enhanced: StreamRequest = {
  trackId: file.track.id,
  enhancement: { preset: "adaptive", intensity: 1, enabled: true, bypass: [] },
  startSeconds: 0,
  pace: Effect.void
}

/** The streamer over a signal in memory, a transparent renderer and a scripted server. */
const withScript = <A, E>(
  script: Scripted.ScriptedClientOptions["script"],
  use: (parts: {
    readonly streamer: TrackStreamer["Type"]
    readonly repo: FingerprintRepo["Type"]
    readonly recorded: ReadonlyArray<ChunkMasteringTransparent.RecordedPlan>
    readonly requests: ReadonlyArray<unknown>
  }) => Effect.Effect<A, E>,
  options: Partial<TrackStreamerLive.TrackStreamerOptions> = {}
) =>
  Effect.suspend(() => {
    const client = Scripted.make({ script, analysis: someAnalysis(), slowBy: "1 second" })
    const layer = TrackStreamerLive.layerWith(options).pipe(
      Layer.provideMerge(ChunkMasteringTransparent.layer),
      Layer.provide([FingerprintGeneratorTiered.layer, library]),
      Layer.provideMerge(FingerprintRepoMemory.layer),
      Layer.provide([
        FingerprintSidecarFiles.layerNone,
        client.layer,
        AudioDecoderMemory.layer({ [pathOf(file)]: { sampleRate, signal } })
      ])
    )
    return Effect.gen(function* () {
      return yield* use({
        streamer: yield* TrackStreamer,
        repo: yield* FingerprintRepo,
        recorded: yield* ChunkMasteringTransparent.RecordedPlans,
        requests: client.requests
      })
    }).pipe(Effect.provide(layer))
  })

const collect = (stream: Stream.Stream<StreamEvent, unknown>) =>
  Effect.map(Stream.runCollect(stream), Chunk.toReadonlyArray)

const ofTag = <Tag extends StreamEvent["_tag"]>(events: ReadonlyArray<StreamEvent>, tag: Tag) =>
  events.filter((event): event is Extract<StreamEvent, { _tag: Tag }> => event._tag === tag)

/** All samples of the track from `startFrame` on, each at its place. */
const assertWholeFrom = (events: ReadonlyArray<StreamEvent>, startFrame: number) => {
  let position = startFrame
  for (const { packet } of ofTag(events, "Pcm")) {
    assert.strictEqual(packet.sampleOffset, position)
    for (let n = 0; n < packet.sampleCount; n += 97) {
      assert.strictEqual(packet.samples[2 * n], signal[0]![position + n])
      assert.strictEqual(packet.samples[2 * n + 1], signal[1]![position + n])
    }
    position += packet.sampleCount
  }
  assert.strictEqual(position, signal[0]!.length)
}

describe("TrackStreamer", () => {
  it.effect("plays by a cached fingerprint from the first sample, without a call to the server", () =>
    withScript(["unreachable"], ({ streamer, repo, recorded, requests }) =>
      Effect.gen(function* () {
        yield* repo.store(key, someAnalysis())
        const events = yield* collect(streamer.stream(enhanced))
        assert.deepStrictEqual(
          events.slice(0, 4).map((event) => event._tag),
          ["Started", "Fingerprint", "Planned", "Pcm"]
        )
        assert.strictEqual(ofTag(events, "Fingerprint")[0]!.status.status, "cached")
        assert.deepStrictEqual(
          ofTag(events, "Planned").map(({ plan }) => plan.source),
          ["fingerprint"]
        )
        assertWholeFrom(events, 0)
        assert.lengthOf(recorded, 1)
        assert.lengthOf(requests, 0)
      })
    )
  )

  it.effect("starts with the fallback after 150 ms and glides when the fingerprint arrives", () =>
    withScript(["slow"], ({ streamer, recorded }) =>
      Effect.gen(function* () {
        // Each packet takes as long as it plays: the fingerprint arrives in the middle.
        const request = { ...enhanced, pace: Effect.sleep("250 millis") }
        const fiber = yield* Effect.fork(collect(streamer.stream(request)))
        yield* TestClock.adjust("150 millis")
        yield* TestClock.adjust("10 seconds")
        const events = yield* Fiber.join(fiber)
        const tags = events.map((event) => event._tag)
        assert.deepStrictEqual(
          ofTag(events, "Planned").map(({ plan }) => plan.source),
          ["fallback", "fingerprint"]
        )
        const pcmBefore = tags.slice(0, tags.lastIndexOf("Planned")).filter((tag) => tag === "Pcm").length
        assert.isAtLeast(pcmBefore, 2)
        assert.isAtMost(pcmBefore, 5)
        assertWholeFrom(events, 0)
        assert.deepStrictEqual(
          recorded.map((record) => (record.call === "open" ? record.request.plan?.source : record.glideSeconds)),
          ["fallback", 2]
        )
        assert.strictEqual(ofTag(events, "Fingerprint").at(-1)!.status.status, "complete")
      })
    )
  )

  it.effect("glides to what the listener changes over 0.5 s, and a fingerprint that comes later obeys it", () =>
    withScript(["slow"], ({ streamer, recorded }) =>
      Effect.gen(function* () {
        const off = { preset: "warm", intensity: 0.5, enabled: false, bypass: [] } as const
        const on = { ...off, enabled: true, bypass: ["width", "balance"] as const }
        const changes = Stream.make(off).pipe(
          Stream.concat(Stream.fromEffect(Effect.as(Effect.sleep("2 seconds"), on))),
          Stream.tap((change) => (change === off ? Effect.sleep("500 millis") : Effect.void))
        )
        const request = { ...enhanced, enhancementChanges: changes, pace: Effect.sleep("250 millis") }
        const fiber = yield* Effect.fork(collect(streamer.stream(request)))
        yield* TestClock.adjust("150 millis")
        yield* TestClock.adjust("10 seconds")
        const events = yield* Fiber.join(fiber)
        const planned = ofTag(events, "Planned")
        assert.deepStrictEqual(
          planned.map(({ enhancement, plan }) => [plan.source, plan.preset, plan.intensity, enhancement.enabled]),
          [
            ["fallback", "adaptive", 1, true],
            ["fallback", "warm", 0, false],
            ["fingerprint", "warm", 0, false],
            ["fingerprint", "warm", 0.5, true]
          ]
        )
        assert.isTrue(planned[2]!.plan.settings.bypass)
        assert.deepStrictEqual(planned[3]!.plan.bypassed, ["balance", "width"])
        assert.deepStrictEqual(
          recorded.slice(1).map((record) => (record.call === "open" ? null : [record.plan, record.glideSeconds])),
          [
            [planned[1]!.plan, 0.5],
            [planned[2]!.plan, 2],
            [planned[3]!.plan, 0.5]
          ]
        )
        assertWholeFrom(events, 0)
      })
    )
  )

  it.effect("refuses more streams than it may play, and gives the place of each back however it ends", () =>
    withScript(
      ["ok"],
      ({ streamer }) =>
        Effect.gen(function* () {
          const held = { ...enhanced, enhancement: null, pace: Effect.never }
          const first = yield* Effect.fork(collect(streamer.stream(held)))
          const second = yield* Effect.fork(collect(streamer.stream(held)))
          yield* Effect.repeatN(Effect.yieldNow(), 50)
          const refused = yield* Effect.flip(collect(streamer.stream({ ...enhanced, enhancement: null })))
          assert.deepStrictEqual(refused, new TooManyStreams({ maximum: 2 }))
          yield* Fiber.interrupt(first)
          const unknown = { ...enhanced, trackId: 8 as typeof enhanced.trackId }
          yield* Effect.flip(collect(streamer.stream(unknown)))
          assertWholeFrom(yield* collect(streamer.stream({ ...enhanced, enhancement: null })), 0)
          assertWholeFrom(yield* collect(streamer.stream({ ...enhanced, enhancement: null })), 0)
          yield* Fiber.interrupt(second)
        }),
      { maximumStreams: 2 }
    )
  )

  it.effect("completes without a sample where it starts at the end, past it, and further than any file", () =>
    withScript(["ok"], ({ streamer }) =>
      Effect.gen(function* () {
        for (const startSeconds of [signal[0]!.length / sampleRate, 1000, 1e300, Number.MAX_VALUE]) {
          for (const enhancement of [null, enhanced.enhancement]) {
            const events = yield* collect(streamer.stream({ ...enhanced, enhancement, startSeconds }))
            assert.isTrue(Number.isSafeInteger(ofTag(events, "Started")[0]!.startFrame))
            assert.isEmpty(ofTag(events, "Pcm"))
          }
        }
      })
    )
  )

  for (const step of ["unreachable", "hanging", "timed_out", "refused"] as const) {
    it.effect(`plays the whole track by the fallback where the server is ${step}`, () =>
      withScript([step], ({ streamer, recorded }) =>
        Effect.gen(function* () {
          const fiber = yield* Effect.fork(collect(streamer.stream(enhanced)))
          yield* TestClock.adjust("1 second")
          const events = yield* Fiber.join(fiber)
          assert.deepStrictEqual(
            ofTag(events, "Planned").map(({ plan }) => plan.source),
            ["fallback"]
          )
          assertWholeFrom(events, 0)
          assert.lengthOf(recorded, 1)
        })
      )
    )
  }

  it.effect("keeps generating for the next play when this one ends early", () =>
    withScript(["slow"], ({ streamer, repo }) =>
      Effect.gen(function* () {
        const fiber = yield* Effect.fork(Stream.runHead(streamer.stream(enhanced)))
        yield* TestClock.adjust("200 millis")
        yield* Fiber.join(fiber)
        yield* TestClock.adjust("2 seconds")
        assert.isTrue(Option.isSome(yield* repo.find(key)))
      })
    )
  )

  it.effect("plays the original bit for bit, from any sample, without looking for a fingerprint", () =>
    withScript(["ok"], ({ streamer, recorded, requests }) =>
      Effect.gen(function* () {
        const events = yield* collect(streamer.stream({ ...enhanced, enhancement: null, startSeconds: 1.00001 }))
        const [started] = ofTag(events, "Started")
        assert.strictEqual(started!.startFrame, 44_100)
        assertWholeFrom(events, 44_100)
        assert.deepStrictEqual([...new Set(events.map((event) => event._tag))], ["Started", "Pcm"])
        assert.hasFields(recorded[0], { call: "open" })
        assert.lengthOf(requests, 0)
      })
    )
  )

  it.effect("delivers at the rate that was asked for, and counts its positions at it", () =>
    withScript(["ok"], ({ streamer, recorded }) =>
      Effect.gen(function* () {
        const request = { ...enhanced, enhancement: null, sampleRate: 96_000, startSeconds: 1.00001 } as const
        const events = yield* collect(streamer.stream(request))
        assert.hasFields(ofTag(events, "Started")[0], { sampleRate: 96_000, startFrame: 96_001 })
        const packets = ofTag(events, "Pcm").map(({ packet }) => packet)
        assert.strictEqual(packets[0]!.sampleOffset, 96_001)
        const { sampleCount, sampleOffset } = packets.at(-1)!
        assert.strictEqual(sampleOffset + sampleCount, Math.ceil((signal[0]!.length * 96_000) / sampleRate))
        assert.hasFields(recorded[0], { call: "open" })
      })
    )
  )

  it.effect("fails before it starts for a track that is not there", () =>
    withScript(["ok"], ({ streamer }) =>
      Effect.gen(function* () {
        const unknown = { ...enhanced, trackId: 8 as typeof enhanced.trackId }
        assert.strictEqual((yield* Effect.flip(collect(streamer.stream(unknown)))) instanceof TrackNotFound, true)
      })
    )
  )
})
