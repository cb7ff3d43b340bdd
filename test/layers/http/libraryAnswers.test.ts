/** The answers that HTTP and RPC have in common: by themselves, and through the routes of both. */
import { HttpLayerRouter, HttpServer } from "@effect/platform"
import { describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, type Option, Stream, TestClock } from "effect"
import { LibrarySpread } from "../../../src/domain/fingerprint/LibrarySpread.ts"
import { noScanYet } from "../../../src/domain/library/Library.ts"
import { TrackNotFound } from "../../../src/domain/library/Track.ts"
import { fallbackPlan } from "../../../src/domain/mastering/FallbackPlan.ts"
import { decide } from "../../../src/domain/mastering/MasteringDecision.ts"
import { libraryAnswers } from "../../../src/layers/http/libraryAnswers.ts"
import * as LatheApiRoutes from "../../../src/layers/http/LatheApiRoutes.ts"
import * as RpcRoutes from "../../../src/layers/http/RpcRoutes.ts"
import * as WebSocketsBounded from "../../../src/layers/http/WebSocketsBounded.ts"
import { FingerprintGenerator } from "../../../src/services/FingerprintGenerator.ts"
import { FingerprintRepo } from "../../../src/services/FingerprintRepo.ts"
import { LibraryCatalog } from "../../../src/services/LibraryCatalog.ts"
import { TrackLibrary } from "../../../src/services/TrackLibrary.ts"
import { TrackMedia } from "../../../src/services/TrackMedia.ts"
import { TrackStreamer } from "../../../src/services/TrackStreamer.ts"
import { assert } from "../../support/assert.ts"
import { someAnalysis, someTrackFile } from "../../support/analyses.ts"

const analysis = someAnalysis()
const file = someTrackFile()
const { id } = file.track
const listed = { ...file.track, fingerprint: "pending" } as const
const page = <T>(item: T) => Effect.succeed({ items: [item], next_cursor: "more", total: 7 })
const spread = LibrarySpread.make({ tracks: 0, dimensions: {} })

/** A library of one track, whose fingerprint comes as `generation` does. */
const servicesWith = (generation: Effect.Effect<Option.Option<typeof analysis>>) =>
  Layer.mergeAll(
    Layer.succeed(TrackLibrary, {
      folders: ["/music"],
      list: Effect.succeed([file.track]),
      resolve: (asked) => (asked === id ? Effect.succeed(file) : new TrackNotFound({ track_id: asked })),
      scan: Effect.succeed({ added: 0, updated: 0, unchanged: 1, unreadable: 0 }),
      scanStatus: Effect.succeed(noScanYet)
    }),
    Layer.succeed(FingerprintGenerator, {
      getOrGenerate: () => generation,
      getCached: () => Effect.succeedSome(analysis),
      events: () => Stream.empty,
      isServerAvailable: Effect.succeed(true),
      owed: Effect.succeed({ count: 2, isFull: false }),
      running: Effect.succeed(new Set([id]))
    }),
    Layer.succeed(LibraryCatalog, {
      tracks: () => page(listed),
      track: () => Effect.succeed(listed),
      albums: () =>
        page({ id: 1, title: "Album", artist: null, year: 1999, tracks: 1, duration: 1.5, art_track_id: null }),
      artists: () => page({ id: 1, name: "Artist", albums: 1, tracks: 1 }),
      unreadable: () => page({ file: "broken.flac", path: "broken.flac", message: "It cannot be read." }),
      count: Effect.succeed(1),
      fingerprints: Effect.succeed({ ready: 3, pending: 2, failed: 1 }),
      pending: () => Effect.succeed([]),
      spread: Effect.succeed(spread)
    })
  )

const enhancement = { preset: "warm", intensity: 0.5, bypass: ["width"] } as const

describe("The plan of a track", () => {
  const planAfter = (generation: Effect.Effect<Option.Option<typeof analysis>>, patience?: "2 seconds") =>
    Effect.flatMap(libraryAnswers, (answers) => answers.plan(id, enhancement, patience)).pipe(
      Effect.provide(servicesWith(generation))
    )
  const slow = Effect.delay(Effect.succeedSome(analysis), "30 seconds")

  it.effect("is by the fingerprint, waited for where it is not there yet", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(planAfter(slow))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* Fiber.join(fiber), decide({ analysis, ...enhancement }))
    })
  )

  it.effect("is the fallback where there is no fingerprint to be had", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* planAfter(Effect.succeedNone), fallbackPlan(enhancement))
    })
  )

  it.effect("is the fallback for who cannot wait so long, and not where the fingerprint comes in time", () =>
    Effect.gen(function* () {
      const bounded = yield* Effect.fork(planAfter(slow, "2 seconds"))
      const soonEnough = yield* Effect.fork(
        planAfter(Effect.delay(Effect.succeedSome(analysis), "1 second"), "2 seconds")
      )
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(yield* Fiber.join(bounded), fallbackPlan(enhancement))
      assert.deepStrictEqual(yield* Fiber.join(soonEnough), decide({ analysis, ...enhancement }))
    })
  )

  it.effect("does not wait for a generation that cannot be interrupted", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(planAfter(Effect.uninterruptible(slow), "2 seconds"))
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(yield* Fiber.join(fiber), fallbackPlan(enhancement))
      yield* TestClock.adjust("1 minute")
    })
  )
})

const unused = Layer.mergeAll(
  Layer.succeed(FingerprintRepo, {} as never),
  Layer.succeed(TrackMedia, {} as never),
  Layer.succeed(TrackStreamer, {} as never)
)

/** What both APIs answer, as JSON. */
const askBoth = (generation: Effect.Effect<Option.Option<typeof analysis>>) =>
  Effect.gen(function* () {
    const routes = Layer.merge(LatheApiRoutes.layer, RpcRoutes.layer).pipe(
      Layer.provide([servicesWith(generation), unused, WebSocketsBounded.layer])
    )
    const { handler } = yield* Effect.acquireRelease(
      Effect.sync(() =>
        HttpLayerRouter.toWebHandler(Layer.provideMerge(routes, HttpServer.layerContext), { disableLogger: true })
      ),
      ({ dispose }) => Effect.promise(() => dispose())
    )
    const ask = (path: string, init?: RequestInit) =>
      Effect.promise(async () => (await handler(new Request(`http://localhost${path}`, init))).json())
    const get = (path: string) => ask(`/api${path}`)
    const call = (tag: string, payload: object | null = null) => {
      const body = JSON.stringify({ _tag: "Request", id: "1", tag, payload, headers: [] })
      const headers = { "content-type": "application/json" }
      return Effect.map(ask("/rpc", { method: "POST", headers, body }), ([answer]) => answer.exit.value)
    }
    return { get, call, post: (path: string) => ask(`/api${path}`, { method: "POST" }) }
  })

describe("HTTP and RPC", () => {
  it.scopedLive("answer the same question alike", () =>
    Effect.gen(function* () {
      const { call, get, post } = yield* askBoth(Effect.succeedSome(analysis))
      const track = { track_id: id }
      const searching = { search: "some", limit: 20, cursor: "more" }
      for (const [path, tag, payload] of [
        [`/tracks/${id}`, "GetTrack", track],
        [`/tracks/${id}/fingerprint`, "GetFingerprint", track],
        [`/tracks/${id}/plan`, "GetMasteringPlan", track],
        [
          `/tracks/${id}/plan?preset=warm&intensity=0.5&bypass=width,balance`,
          "GetMasteringPlan",
          { ...track, preset: "warm", intensity: 0.5, bypass: ["width", "balance"] }
        ],
        ["/tracks?search=some&limit=20&cursor=more", "FindTracks", searching],
        ["/tracks?sort=added&order=desc&album_id=3", "FindTracks", { sort: "added", order: "desc", album_id: 3 }],
        ["/albums?sort=year", "FindAlbums", { sort: "year" }],
        ["/artists?search=some&limit=20&cursor=more", "FindArtists", searching],
        ["/unreadable?limit=5", "ListUnreadable", { limit: 5 }],
        ["/library/spread", "GetLibrarySpread", null],
        ["/scan", "GetScanStatus", null],
        ["/status", "GetStatus", null]
      ] as const) {
        const byHttp = yield* get(path)
        assert.isUndefined(byHttp._tag, `${path}: ${JSON.stringify(byHttp)}`)
        assert.deepStrictEqual(byHttp, yield* call(tag, payload), path)
      }
      assert.deepStrictEqual(yield* post("/scan"), yield* call("StartScan"))
    })
  )

  it.scopedLive("say what is being measured at the moment, which is not stored", () =>
    Effect.gen(function* () {
      const { call, get } = yield* askBoth(Effect.succeedNone)
      assert.strictEqual((yield* get(`/tracks/${id}`)).fingerprint, "analyzing")
      assert.strictEqual((yield* get("/tracks")).items[0].fingerprint, "analyzing")
      assert.strictEqual((yield* call("GetTrack", { track_id: id })).fingerprint, "analyzing")
      assert.hasFields(yield* call("GetStatus"), {
        tracks: 6,
        fingerprints: { ready: 3, pending: 1, analyzing: 1, failed: 1, owed: 2 }
      })
    })
  )

  it.scopedLive("differ in patience: HTTP has a plan also while the fingerprint does not come", () =>
    Effect.gen(function* () {
      const { get } = yield* askBoth(Effect.never)
      assert.deepStrictEqual(
        yield* get(`/tracks/${id}/plan`),
        fallbackPlan({ preset: "adaptive", intensity: 1, bypass: [] })
      )
    })
  )
})
