/** The HTTP API through its real routes, as a web handler: over a folder of files, and over 100 000 rows. */
import { HttpLayerRouter, HttpServer } from "@effect/platform"
import { describe, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { createHash } from "node:crypto"
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { dimensionNames } from "../../../src/domain/fingerprint/Fingerprint.ts"
import { decide } from "../../../src/domain/mastering/MasteringDecision.ts"
import type { TrackTags } from "../../../src/domain/library/Track.ts"
import * as FingerprintGeneratorTiered from "../../../src/layers/fingerprint/FingerprintGeneratorTiered.ts"
import * as FingerprintRepoSqlite from "../../../src/layers/fingerprint/FingerprintRepoSqlite.ts"
import * as Scripted from "../../support/layers/FingerprintServerClientScripted.ts"
import * as LatheApiRoutes from "../../../src/layers/http/LatheApiRoutes.ts"
import * as TrackMediaCached from "../../../src/layers/library/TrackMediaCached.ts"
import { FingerprintRepo } from "../../../src/services/FingerprintRepo.ts"
import { FingerprintSidecar } from "../../../src/services/FingerprintSidecar.ts"
import { TrackLibrary } from "../../../src/services/TrackLibrary.ts"
import { TrackRepo } from "../../../src/services/TrackRepo.ts"
import { assert } from "../../support/assert.ts"
import { someAnalysis } from "../../support/analyses.ts"
import { temporaryFolder, writeAudioFile } from "../../support/audioFiles.ts"
import { someScanned } from "../../support/catalog.ts"
import { pngPixel, tagMp3 } from "../../support/id3.ts"
import { libraryLayer, until } from "../../support/library.ts"
import { fillLibrary } from "../../support/largeLibrary.ts"
import { layer } from "../../support/sharedLayer.ts"
import { onAll, sine } from "../../support/signals.ts"

const sidecar = Layer.succeed(FingerprintSidecar, { find: () => Effect.succeedNone, store: () => Effect.void })

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly bytes: Uint8Array
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly json: any
}

/** Asks the API: a path, or a path and what a request has beside it. */
class Api extends Context.Tag("Api")<Api, (path: string, init?: RequestInit) => Effect.Effect<Answer>>() {}

const apiOver = (folders: ReadonlyArray<string>, script: Scripted.ScriptedClientOptions["script"] = ["ok"]) => {
  const library = libraryLayer(folders)
  const client = Scripted.make({ script, analysis: someAnalysis() })
  const services = Layer.mergeAll(FingerprintGeneratorTiered.layer, TrackMediaCached.layer({ artBytes: 100_000 })).pipe(
    Layer.provideMerge(FingerprintRepoSqlite.layer),
    Layer.provideMerge(library),
    Layer.provide([client.layer, sidecar])
  )
  const handler = Layer.scoped(
    Api,
    Effect.gen(function* () {
      const context = yield* Effect.context<Layer.Layer.Success<typeof services>>()
      const routes = LatheApiRoutes.layer.pipe(Layer.provide(Layer.succeedContext(context)))
      const { handler } = yield* Effect.acquireRelease(
        Effect.sync(() =>
          HttpLayerRouter.toWebHandler(Layer.provideMerge(routes, HttpServer.layerContext), { disableLogger: true })
        ),
        ({ dispose }) => Effect.promise(() => dispose())
      )
      return (path, init) =>
        Effect.promise(async () => {
          const response = await handler(new Request(`http://localhost${path}`, init))
          const bytes = new Uint8Array(await response.arrayBuffer())
          const text = Buffer.from(bytes).toString()
          const isJson = response.headers.get("content-type")?.includes("json") === true
          return {
            status: response.status,
            headers: response.headers,
            text,
            bytes,
            json: isJson ? JSON.parse(text) : undefined
          }
        })
    })
  )
  return Layer.provideMerge(handler, services)
}

const get = (path: string, init?: RequestInit) => Effect.flatMap(Api, (ask) => ask(path, init))

/** All items of a list, page by page. */
const getAll = (path: string, limit: number) =>
  Effect.gen(function* () {
    const items: Array<Record<string, unknown>> = []
    let pages = 0
    for (let cursor: string | null = ""; cursor !== null; pages++) {
      const { json, text }: Answer = yield* get(
        `${path}${path.includes("?") ? "&" : "?"}limit=${limit}${cursor && `&cursor=${cursor}`}`
      )
      if (json?.items === undefined) return yield* Effect.dieMessage(text)
      items.push(...json.items)
      cursor = json.next_cursor
    }
    return { items, pages }
  })

const titlesOf = (items: ReadonlyArray<Record<string, unknown>>) => items.map(({ title }) => title)

const store = (...tags: ReadonlyArray<Partial<TrackTags>>) =>
  Effect.flatMap(TrackRepo, (repo) => repo.store(tags.map(someScanned)))

/** No folder: what is stored is all there is. */
const inCatalog = <A, E>(use: Effect.Effect<A, E, Layer.Layer.Success<ReturnType<typeof apiOver>>>) =>
  use.pipe(Effect.provide(apiOver([])))

describe("GET /api/tracks", () => {
  it.effect("gives pages that together are the whole list, in order, each track once", () =>
    inCatalog(
      Effect.gen(function* () {
        // Many of the same name: ties must not be lost between pages.
        yield* store(
          ...Array.from({ length: 25 }, (_, n) => ({ title: `${n}`, artist: n % 2 ? "Same" : "same", album: "A" }))
        )
        for (const sort of ["artist", "album", "title", "added", "duration"]) {
          for (const order of ["asc", "desc"]) {
            const { items, pages } = yield* getAll(`/api/tracks?sort=${sort}&order=${order}`, 4)
            assert.strictEqual(pages, 7)
            assert.lengthOf(new Set(items.map(({ id }) => id)), 25, `${sort} ${order}`)
          }
        }
        const { json } = yield* get("/api/tracks?limit=3")
        assert.strictEqual(json.total, 25)
      })
    )
  )

  it.effect("sorts as people do: case and accents apart, numbers by value, The left out, unknown last", () =>
    inCatalog(
      Effect.gen(function* () {
        yield* store(
          { title: "Track 10", artist: "The Zebras", duration: 1 },
          { title: "Track 9", artist: "Ärzte", duration: 3 },
          { title: "ábel", artist: null, duration: 2 },
          { title: "Zoo", artist: "beta", album_artist: "Alpha", duration: 4 }
        )
        const sorted = (query: string) => Effect.map(getAll(`/api/tracks?${query}`, 2), ({ items }) => titlesOf(items))
        assert.deepStrictEqual(yield* sorted("sort=title"), ["ábel", "Track 9", "Track 10", "Zoo"])
        assert.deepStrictEqual(yield* sorted("sort=artist"), ["Zoo", "Track 9", "Track 10", "ábel"])
        assert.deepStrictEqual(yield* sorted("sort=duration&order=desc"), ["Zoo", "Track 9", "ábel", "Track 10"])
      })
    )
  )

  it.effect("keeps the tracks of an album in the order of its discs and numbers", () =>
    inCatalog(
      Effect.gen(function* () {
        const on = { album: "Album", artist: "A" }
        yield* store(
          { ...on, title: "d", disc_number: 2, track_number: 1 },
          { ...on, title: "b", disc_number: 1, track_number: 2 },
          { ...on, title: "c", disc_number: 1, track_number: 10 },
          { ...on, title: "a", disc_number: 1, track_number: 1 },
          { title: "other", album: "Other", artist: "A" }
        )
        const { json: albums } = yield* get("/api/albums")
        assert.hasFields(albums.items[0], { title: "Album", artist: "A", tracks: 4, duration: 4 * 200.5 })
        const { items } = yield* getAll(`/api/tracks?sort=album&album_id=${albums.items[0].id}`, 3)
        assert.deepStrictEqual(titlesOf(items), ["a", "b", "c", "d"])
        const { json: artists } = yield* get("/api/artists")
        assert.hasFields(artists.items[0], { name: "A", albums: 2, tracks: 5 })
        const byArtist = yield* get(`/api/tracks?artist_id=${artists.items[0].id}&search=other`)
        assert.deepStrictEqual([titlesOf(byArtist.json.items), byArtist.json.total], [["other"], 1])
      })
    )
  )

  it.effect("neither repeats nor skips what is there throughout, while tracks come and go between pages", () =>
    inCatalog(
      Effect.gen(function* () {
        const repo = yield* TrackRepo
        const names = ["b", "d", "f", "h", "j", "l"]
        yield* store(...names.map((title) => ({ title })))
        const first = yield* get("/api/tracks?sort=title&limit=3")
        // Before the cursor, behind it, and the cursor's own track.
        yield* store({ title: "a" }, { title: "e" }, { title: "i" })
        yield* repo.forget(["b", "f"].map((relativePath) => ({ folder: "/music", relativePath })))
        const second = yield* get(`/api/tracks?sort=title&limit=10&cursor=${first.json.next_cursor}`)
        assert.deepStrictEqual(titlesOf(first.json.items), ["b", "d", "f"])
        assert.deepStrictEqual(titlesOf(second.json.items), ["h", "i", "j", "l"])
        assert.isNull(second.json.next_cursor)
      })
    )
  )

  it.effect("finds the words that are asked for, however they are written, and takes no character for a command", () =>
    inCatalog(
      Effect.gen(function* () {
        yield* store(
          { title: "Où sont les rêves?", artist: "Björk" },
          { title: 'Say "yes" (100%)', artist: "AC/DC", album: "O'Neill_s" },
          { title: "東京の夜", artist: "椎名林檎" },
          { title: "Straße", artist: "Ölmühle", album_artist: "Various" },
          { title: "Yesterday", artist: "The Beatles" }
        )
        const found = (search: string) =>
          Effect.map(get(`/api/tracks?search=${encodeURIComponent(search)}`), ({ json, status, text }) => {
            assert.strictEqual(status, 200, text)
            assert.lengthOf(json.items, json.total)
            return titlesOf(json.items).map((title) => String(title).slice(0, 3))
          })
        assert.deepStrictEqual(yield* found("REVES bjork"), ["Où "])
        assert.deepStrictEqual(yield* found('"yes"'), ["Say", "Yes"])
        assert.deepStrictEqual(yield* found("100%"), ["Say"])
        assert.deepStrictEqual(yield* found("ac/dc o'neill"), ["Say"])
        assert.deepStrictEqual(yield* found("京"), ["東京の"])
        assert.deepStrictEqual(yield* found("夜 東京"), ["東京の"])
        assert.deepStrictEqual(yield* found("various olm"), ["Str"])
        assert.deepStrictEqual(yield* found("esterday"), [])
        assert.deepStrictEqual(yield* found("yes beatles"), ["Yes"])
        for (const search of [
          "%",
          "_",
          '"',
          "'; DROP TABLE tracks; --",
          "NEAR(a b)",
          "title:yes*",
          "(",
          "\0",
          "😀",
          "-"
        ]) {
          assert.deepStrictEqual(yield* found(search), [], search)
        }
        assert.lengthOf(yield* found("   "), 5)
        const artists = yield* get("/api/artists?search=beat")
        assert.deepStrictEqual(
          artists.json.items.map(({ name }: { name: string }) => name),
          ["The Beatles"]
        )
        const albums = yield* get("/api/albums?search=o%27n")
        assert.deepStrictEqual(titlesOf(albums.json.items), ["O'Neill_s"])
      })
    )
  )

  it.effect("refuses what is no request, with a status and a sentence", () =>
    inCatalog(
      Effect.gen(function* () {
        yield* store({ title: "a" }, { title: "b" })
        const { json: page } = yield* get("/api/tracks?sort=title&limit=1")
        for (const query of [
          "limit=0",
          "limit=501",
          "limit=x",
          "limit=1.5",
          "sort=path",
          "order=up",
          "album_id=x",
          "cursor=nonsense",
          `cursor=${Buffer.from('["tracks title asc",null,1]').toString("base64url")}`,
          `cursor=${page.next_cursor}`,
          `sort=title&order=desc&cursor=${page.next_cursor}`,
          `search=${"x".repeat(201)}`
        ]) {
          const { json, status } = yield* get(`/api/tracks?${query}`)
          assert.strictEqual(status, 400, query)
          assert.deepStrictEqual(Object.keys(json).sort(), ["_tag", "code", "message"], query)
          assert.strictEqual(json._tag, "BadRequest", query)
          assert.isString(json.message, query)
        }
        for (const [path, status] of [
          ["/api/tracks/99", 404],
          ["/api/tracks/x", 400],
          ["/api/tracks/0", 400],
          ["/api/tracks/1.5", 400],
          ["/api/tracks/99/art", 404],
          ["/api/tracks/99/fingerprint", 404],
          ["/api/tracks/99/plan", 404],
          ["/api/tracks/99/waveform", 404],
          ["/api/nothing", 404]
        ] as const) {
          assert.strictEqual((yield* get(path)).status, status, path)
        }
        for (const [path, sentence] of [
          ["/api/tracks?limit=x", 'at limit: Expected a whole number from 1 to 500, actual "x".'],
          ["/api/tracks?limit=1&limit=2", 'at limit: Expected a whole number from 1 to 500, actual ["1","2"].'],
          [
            "/api/tracks?sort=path",
            'at sort: Expected "artist", "album", "title", "added" or "duration", actual "path".'
          ],
          ["/api/tracks?order=up", 'at order: Expected "asc" or "desc", actual "up".'],
          ["/api/albums?sort=path", 'at sort: Expected "title", "artist", "year" or "added", actual "path".'],
          [`/api/artists?search=${"x".repeat(201)}`, "at search: Expected a text of at most 200 characters, actual "],
          ["/api/tracks/x", 'at id: Expected a whole number above 0, actual "x".'],
          ["/api/tracks/1/waveform?points=0", 'at points: Expected a whole number from 1 to 2000, actual "0".'],
          [
            "/api/tracks/1/plan?preset=loud",
            'at preset: Expected "adaptive", "gentle", "warm", "bright" or "punchy", actual "loud".'
          ],
          ["/api/tracks/1/plan?intensity=2", 'at intensity: Expected a number from 0 to 1, actual "2".'],
          [
            "/api/tracks/1/plan?bypass=gain,x",
            'at bypass: Expected a list of "balance", "dynamics", "width" or "gain", actual "gain,x".'
          ]
        ] as const) {
          const { json } = yield* get(path)
          assert.strictEqual(json.code, "invalid_parameter", path)
          assert.includes(json.message, sentence, path)
        }
        const { json } = yield* get("/api/tracks/99")
        assert.hasFields(json, { _tag: "NotFound", code: "track_not_found" })
      })
    )
  )
})

describe("GET /api/albums", () => {
  it.effect("sorts by title, artist, year and addition, in pages, with what is unknown last", () =>
    inCatalog(
      Effect.gen(function* () {
        yield* store({ title: "1", album: "C", artist: "The A", year: 2000 })
        yield* store({ title: "2", album: "A", artist: "C", year: 1980 })
        yield* store({ title: "3", album: "B", artist: null, year: null })
        const sorted = (sort: string) =>
          Effect.map(getAll(`/api/albums?sort=${sort}`, 1), ({ items }) => titlesOf(items))
        assert.deepStrictEqual(yield* sorted("title"), ["A", "B", "C"])
        assert.deepStrictEqual(yield* sorted("artist"), ["C", "A", "B"])
        assert.deepStrictEqual(yield* sorted("year"), ["A", "C", "B"])
        assert.sameMembers(yield* sorted("added"), ["A", "B", "C"])
      })
    )
  )
})

describe("The fingerprints of the API", () => {
  const stored = Effect.gen(function* () {
    const fingerprints = yield* FingerprintRepo
    const repo = yield* TrackRepo
    yield* store({ title: "a" }, { title: "b" }, { title: "c" }, { title: "d" })
    const ids = (yield* repo.list).map(({ id }) => id)
    const key = (n: number) => ({ trackId: ids[n]!, version: someScanned().version })
    yield* fingerprints.store(key(0), someAnalysis({ lufs: -10, tempo: 100 }))
    yield* fingerprints.store(key(1), someAnalysis({ lufs: -20, tempo: 100 }))
    yield* fingerprints.storeFailure(key(2), { code: "TrackSilent", message: "c is silent." })
    return key
  })

  it.effect("says of each track how its fingerprint stands, and counts them", () =>
    inCatalog(
      Effect.gen(function* () {
        yield* stored
        const { items } = yield* getAll("/api/tracks?sort=title", 10)
        assert.deepStrictEqual(
          items.map(({ fingerprint }) => fingerprint),
          ["ready", "ready", "failed", "pending"]
        )
        const { json } = yield* get("/api/status")
        assert.hasFields(json, { tracks: 4, fingerprint_server: "available", streams_active: 0 })
        assert.deepStrictEqual(json.fingerprints, { ready: 2, pending: 1, analyzing: 0, failed: 1, owed: 0 })
        assert.match(json.version, /^\d+\.\d+\.\d+/)
      })
    )
  )

  it.effect("tells how the library spreads over all 25 dimensions, and takes up what is new", () =>
    inCatalog(
      Effect.gen(function* () {
        assert.deepStrictEqual((yield* get("/api/library/spread")).json, { tracks: 0, dimensions: {} })
        const key = yield* stored
        const { json } = yield* get("/api/library/spread")
        assert.strictEqual(json.tracks, 2)
        assert.sameMembers(Object.keys(json.dimensions), [...dimensionNames])
        assert.deepStrictEqual(json.dimensions.lufs, { p10: -19, p50: -15, p90: -11, min: -20, max: -10 })
        assert.deepStrictEqual(json.dimensions.tempo, { p10: 100, p50: 100, p90: 100, min: 100, max: 100 })
        const fingerprints = yield* FingerprintRepo
        yield* fingerprints.store(key(3), someAnalysis({ lufs: -30 }))
        const more = yield* get("/api/library/spread")
        assert.hasFields(more.json.dimensions.lufs, { p50: -20, min: -30, max: -10 })
        yield* fingerprints.store(key(3), someAnalysis({ lufs: -15 }))
        assert.strictEqual((yield* get("/api/library/spread")).json.dimensions.lufs.min, -20)
      })
    )
  )
})

/** A library of four files: tagged with a picture, plain, broken, and gone since the scan. */
class Files extends Context.Tag("Files")<Files, { readonly root: string; readonly folder: string }>() {}

const files = Layer.scoped(
  Files,
  Effect.gen(function* () {
    const root = yield* temporaryFolder
    const folder = join(root, "music")
    mkdirSync(join(folder, "sub"), { recursive: true })
    const mp3 = writeAudioFile(folder, "picture", "mp3", onAll(1, sine(44_100, 1, 440, -20)), { sampleRate: 44_100 })
    tagMp3(mp3, { title: "a picture", album: "Album", picture: { mediaType: "image/svg+xml", bytes: pngPixel } })
    const left = sine(44_100, 4, 50, -6)
    const right = sine(44_100, 4, 50, -12).map((x, n) => (n < 88_200 ? 0 : x))
    writeAudioFile(join(folder, "sub"), "b plain", "wav16", [left, right], { sampleRate: 44_100 })
    writeFileSync(join(folder, "sub", "broken.flac"), "this is no audio at all")
    writeAudioFile(folder, "c gone", "wav16", onAll(1, sine(44_100, 1, 440, -20)), { sampleRate: 44_100 })
    return { root, folder }
  })
)

const overFiles = Layer.unwrapEffect(Effect.map(Files, ({ folder }) => apiOver([folder]))).pipe(
  Layer.provideMerge(files)
)

layer(overFiles)("The API over files", (it) => {
  const ids = { picture: 1, plain: 2, gone: 3 }

  it.scoped("starts a scan, tells how it stands, and what could not be read", () =>
    Effect.gen(function* () {
      assert.hasFields((yield* get("/api/scan")).json, { running: false, files_found: 0, finished_at: null })
      const started = yield* get("/api/scan", { method: "POST" })
      assert.strictEqual(started.status, 202)
      assert.strictEqual(started.json.running, true)
      const { json } = yield* until(get("/api/scan"), ({ json }) => !json.running)
      assert.hasFields(json, { files_found: 4, files_read: 4, added: 3, updated: 0, unreadable: 1 })
      assert.isNumber(json.rate_per_second)
      assert.isFalse(Number.isNaN(Date.parse(json.finished_at)))
      const unreadable = yield* get("/api/unreadable")
      assert.strictEqual(unreadable.json.total, 1)
      assert.hasFields(unreadable.json.items[0], { file: "broken.flac", path: "sub/broken.flac" })
      assert.match(unreadable.json.items[0].message, /^broken\.flac cannot be read/)
      const { items } = yield* getAll("/api/tracks?sort=title", 10)
      const byTitle = new Map(items.map(({ id, title }) => [title, id as number]))
      Object.assign(ids, {
        picture: byTitle.get("a picture"),
        plain: byTitle.get("b plain"),
        gone: byTitle.get("c gone")
      })
      rmSync(join((yield* Files).folder, "c gone.wav"))
    })
  )

  it.scoped("gives the picture of a track as what it is, with an ETag that saves sending it again", () =>
    Effect.gen(function* () {
      const art = yield* get(`/api/tracks/${ids.picture}/art`)
      assert.strictEqual(art.status, 200)
      assert.strictEqual(art.headers.get("content-type"), "image/png")
      assert.strictEqual(art.headers.get("x-content-type-options"), "nosniff")
      assert.deepStrictEqual(Buffer.from(art.bytes), pngPixel)
      const etag = art.headers.get("etag")!
      const again = yield* get(`/api/tracks/${ids.picture}/art`, { headers: { "if-none-match": `"other", ${etag}` } })
      assert.strictEqual(again.status, 304)
      assert.lengthOf(again.bytes, 0)
      const none = yield* get(`/api/tracks/${ids.plain}/art`, { headers: { "if-none-match": etag } })
      assert.strictEqual(none.status, 404)
      assert.strictEqual(none.json.code, "no_art")
      assert.hasFields((yield* get(`/api/tracks/${ids.picture}`)).json, { has_art: true })
      assert.hasFields((yield* get("/api/albums")).json.items[0], { art_track_id: ids.picture })
    })
  )

  it.scoped("draws the waveform of the original over all channels, in as many points as are asked for", () =>
    Effect.gen(function* () {
      const peak = (dbfs: number) => 10 ** (dbfs / 20)
      const { json } = yield* get(`/api/tracks/${ids.plain}/waveform?points=8`)
      assert.strictEqual(json.points, 8)
      for (const [n, max] of json.max.entries()) {
        assert.closeTo(max, peak(-6), 0.01, `point ${n}`)
        assert.closeTo(json.min[n], -peak(-6), 0.01, `point ${n}`)
      }
      const fine = yield* get(`/api/tracks/${ids.plain}/waveform`)
      assert.lengthOf(fine.json.min, 1000)
      assert.isTrue(fine.json.max.every((x: number, n: number) => x <= 1 && x >= fine.json.min[n]))
      assert.strictEqual((yield* get(`/api/tracks/${ids.plain}/waveform?points=2001`)).status, 400)
    })
  )

  it.scoped("gives fingerprint and plan where a track is measured, and says so where it is not", () =>
    Effect.gen(function* () {
      const none = yield* get(`/api/tracks/${ids.picture}/fingerprint`)
      assert.hasFields(none.json, { _tag: "NotFound", code: "not_analysed" })
      assert.strictEqual(none.status, 404)
      assert.strictEqual((yield* get(`/api/tracks/${ids.picture}/plan`)).json.source, "fallback")
      const library = yield* TrackLibrary
      const fingerprints = yield* FingerprintRepo
      const file = yield* Effect.orDie(library.resolve(ids.plain as never))
      const some = someAnalysis()
      const { mtime_ms, size } = file.version
      const analysis = { ...some, provenance: { ...some.provenance, file_size: size, file_mtime_ms: mtime_ms } }
      yield* fingerprints.store({ trackId: file.track.id, version: file.version }, analysis)
      assert.deepStrictEqual((yield* get(`/api/tracks/${ids.plain}/fingerprint`)).json, analysis)
      const { json } = yield* get(`/api/tracks/${ids.plain}/plan?preset=warm&intensity=0.5`)
      assert.deepStrictEqual(json, decide({ analysis, preset: "warm", intensity: 0.5 }))
      assert.strictEqual((yield* get(`/api/tracks/${ids.plain}/plan?intensity=2`)).status, 400)
      assert.strictEqual((yield* get(`/api/tracks/${ids.plain}/plan?preset=loud`)).status, 400)
      yield* fingerprints.storeFailure({ trackId: file.track.id, version: file.version }, { code: "X", message: "Y." })
    })
  )

  it.scoped("describes itself in OpenAPI, and on a page that asks nobody else", () =>
    Effect.gen(function* () {
      const { json } = yield* get("/openapi.json")
      assert.strictEqual(json.info.title, "lathe")
      assert.includesMembers(Object.keys(json.paths), ["/api/tracks", "/api/tracks/{id}/art", "/api/scan"])
      assert.includesMembers(Object.keys(json.paths["/api/tracks/{id}"].get.responses), ["200", "400", "404", "410"])
      assert.includesMembers(Object.keys(json.paths["/api/scan"].post.responses), ["202"])
      assert.deepStrictEqual(json.components.schemas.HttpApiDecodeError, json.components.schemas.BadRequest)
      assert.deepStrictEqual(json.components.schemas.BadRequest.required, ["code", "message", "_tag"])
      const { headers, text } = yield* get("/docs")
      const policy = headers.get("content-security-policy") ?? ""
      assert.includes(policy, "default-src 'none'; script-src 'sha256-")
      const [, script] = /<script>([\s\S]*?)<\/script>/.exec(text) ?? []
      assert.includes(policy, createHash("sha256").update(script!).digest("base64"))
      assert.doesNotMatch(policy, /unsafe-eval|script-src[^;]*unsafe-inline|https?:/)
      assert.includes(headers.get("content-type"), "text/html")
      assert.doesNotMatch(text, /<(script|link|img)[^>]*(src|href)="?https?:/)
    })
  )

  it.scoped("lets no path of the disk out, in no answer", () =>
    Effect.gen(function* () {
      const { folder, root } = yield* Files
      const gone = yield* get(`/api/tracks/${ids.gone}`)
      assert.strictEqual(gone.status, 410)
      assert.hasFields(gone.json, { _tag: "Gone", code: "track_unreadable" })
      const lists = ["/api/tracks", "/api/albums", "/api/artists", "/api/unreadable"]
      const pages = yield* Effect.forEach(lists, (path) => get(`${path}?limit=1`))
      const nexts = pages.flatMap(({ json }, n) =>
        json.next_cursor === null ? [] : [`${lists[n]}?limit=1&cursor=${json.next_cursor}`]
      )
      const ofTracks = [ids.plain, ids.picture, ids.gone, 99].flatMap((id) =>
        ["", "/art", "/fingerprint", "/plan", "/waveform"].map((part) => `/api/tracks/${id}${part}`)
      )
      const others = ["/api/scan", "/api/status", "/api/library/spread", "/openapi.json", "/api/tracks?cursor=x"]
      for (const path of [...lists, ...nexts, ...ofTracks, ...others]) {
        const { headers, text } = yield* get(path)
        const cursors = [...text.matchAll(/"next_cursor":"([^"]+)"/g)].map(([, cursor]) =>
          Buffer.from(cursor!, "base64url").toString()
        )
        for (const answer of [text, JSON.stringify([...headers]), ...cursors]) {
          assert.excludes(answer, root, path)
          assert.excludes(answer, folder, path)
          // Below the music folder, for people to find the file.
          if (!path.startsWith("/api/unreadable")) assert.excludes(answer, "sub/", path)
        }
      }
    })
  )
})

const many = Layer.effectDiscard(fillLibrary(2000))

layer(Layer.provideMerge(many, apiOver([])), { timeoutMs: 300_000 })("The API over 100 000 tracks", (it) => {
  it.scoped(
    "counts and pages them, far in as well, and finds few among many",
    () =>
      Effect.gen(function* () {
        const first = yield* get("/api/tracks?sort=artist&limit=500")
        assert.strictEqual(first.json.total, 100_000)
        assert.strictEqual(first.json.items[0].title, "Song 0 of 0")
        assert.lengthOf(first.json.items, 500)
        const last = yield* get("/api/tracks?sort=artist&order=desc&limit=1")
        assert.strictEqual(last.json.items[0].title, "Song 49 of 1999")
        assert.strictEqual((yield* get("/api/albums")).json.total, 10_000)
        assert.strictEqual((yield* get("/api/artists")).json.total, 2000)
        const few = yield* get("/api/tracks?search=song%20artist%201234")
        assert.strictEqual(few.json.total, 50)
        const broad = yield* get("/api/tracks?search=so&sort=title&order=desc&limit=2")
        assert.strictEqual(broad.json.total, 100_000)
        assert.deepStrictEqual(titlesOf(broad.json.items), ["Song 49 of 1999", "Song 49 of 1998"])
      }),
    60_000
  )

  it.scoped(
    "walks a broad search by pages without losing or repeating one",
    () =>
      Effect.gen(function* () {
        const { items } = yield* getAll("/api/tracks?search=song%2049&sort=artist", 500)
        const matching = items.filter(({ title }) => /Song 49|of 49/.test(String(title)))
        assert.lengthOf(new Set(items.map(({ id }) => id)), items.length)
        assert.isAtLeast(matching.length, 2000)
        const { json } = yield* get("/api/tracks?search=song%2049")
        assert.strictEqual(json.total, items.length)
      }),
    60_000
  )
})
