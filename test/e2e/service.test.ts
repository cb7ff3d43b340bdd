/** The real service, as `lathe serve` starts it, over real files, sockets and processes. */
import { Context, Effect, Layer, Schedule, Schema } from "effect"
import { execFile } from "node:child_process"
import { existsSync, mkdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { SupervisorSnapshot } from "../../src/domain/supervision/SupervisorSnapshot.ts"
import { assert } from "../support/assert.ts"
import { temporaryFolder, writeAudioFile } from "../support/audioFiles.ts"
import { trackWith } from "../support/loudTrack.ts"
import { parsePrometheus } from "../support/prometheus.ts"
import { layer } from "../support/sharedLayer.ts"
import { startService } from "../support/service.ts"
import { connect, type StreamClient } from "../support/StreamClient.ts"

const sampleRate = 44_100
const run = promisify(execFile)
const example = fileURLToPath(new URL("../../examples/rpc-client.ts", import.meta.url))

const writeTrack = (folder: string, name: string, lufs: number, crestDb: number, seconds = 12) => {
  const signal = trackWith({ sampleRate, seconds, lufs, crestDb })
  writeAudioFile(folder, name, "flac24", signal, { sampleRate })
  return signal
}

/** The tracks by their ids, which a first scan gives in the order of their names. */
const tracks = { loud: 1, louder: 2, killed: 3, replaced: 4 }

/** One service for all: over a folder with a track for each. */
const setup = Effect.gen(function* () {
  const root = yield* temporaryFolder
  const folder = join(root, "music")
  mkdirSync(folder)
  const loud = writeTrack(folder, "a loud", -11, 12)
  writeTrack(folder, "b louder", -8.2, 8.5)
  writeTrack(folder, "c killed", -16, 13)
  writeTrack(folder, "d replaced", -11, 12)
  const service = yield* startService(join(root, "data"), [folder])
  return { root, folder, loud, service }
})

class Setup extends Context.Tag("Setup")<Setup, Effect.Effect.Success<typeof setup>>() {}

const play = (client: StreamClient, trackId: number, data: object = {}) => {
  client.send("play_enhanced", { track_id: trackId, ...data })
  return client.until(() => client.ofType("audio_stream_end").length + client.ofType("audio_stream_error").length > 0)
}

const assertWhole = (client: StreamClient, samples: number) => {
  let position = 0
  for (const { meta, samples } of client.packets) {
    assert.strictEqual(meta.sample_offset, position)
    assert.strictEqual(samples.length, 2 * meta.sample_count)
    assert.isTrue(samples.every(Number.isFinite))
    position += meta.sample_count
  }
  assert.strictEqual(position, samples)
  const { reason, total_samples } = client.ofType("audio_stream_end")[0]!.data
  assert.deepStrictEqual({ reason, total_samples }, { reason: "completed", total_samples: samples })
}

const statuses = (client: StreamClient) => client.ofType("fingerprint_progress").map(({ data }) => data.status)

const planOf = (client: StreamClient) => client.ofType("mastering_plan").at(-1)!.data.plan

const expansionOf = (plan: ReturnType<typeof planOf>) =>
  plan.moves.find((move) => move.parameter === "expansion")?.amount

/** Plays, without listening further, until the fingerprint of the track is there. */
/** Plays it until a play ends with its fingerprint: a server that starts again may be longer away than one is patient. */
const fingerprinted = (url: string, trackId: number) =>
  Effect.scoped(
    Effect.gen(function* () {
      const client = yield* connect(url, () => false)
      const latest = () => statuses(client).at(-1)
      client.send("play_enhanced", { track_id: trackId })
      yield* client.until(() => ["complete", "cached", "unavailable", "failed"].includes(latest() ?? ""))
      return latest()
    })
  ).pipe(
    Effect.repeat({
      until: (status) => status === "complete" || status === "cached",
      schedule: Schedule.spaced("500 millis")
    })
  )

layer(Layer.scoped(Setup, setup), { timeoutMs: 60_000 })("The service", (it) => {
  it.scoped(
    "masters by class: crest 12.0 at -11.0 LUFS expands by 0.1, 8.5 at -8.2 by 0.45; cold, then warm",
    () =>
      Effect.gen(function* () {
        const { folder, loud, service } = yield* Setup
        const cold = yield* connect(service.url)
        yield* play(cold, tracks.loud)
        assertWhole(cold, loud[0]!.length)
        assert.excludes(statuses(cold), "cached")
        assert.strictEqual(cold.ofType("mastering_plan")[0]!.data.plan.source, "fallback")

        yield* fingerprinted(service.url, tracks.loud)
        yield* fingerprinted(service.url, tracks.louder)
        assert.isTrue(existsSync(join(folder, "a loud.flac.25d")))

        // No server can be asked now: what is said to be cached is.
        process.kill(yield* service.fingerprintServer, "SIGKILL")
        for (const [trackId, expansion] of [
          [tracks.loud, 0.1],
          [tracks.louder, 0.45]
        ] as const) {
          const warm = yield* connect(service.url)
          yield* play(warm, trackId)
          assertWhole(warm, loud[0]!.length)
          assert.deepStrictEqual(statuses(warm), ["cached"])
          const plan = planOf(warm)
          assert.strictEqual(plan.class, "compressed_loud")
          assert.closeTo(expansionOf(plan)!, expansion, 0.005)
          for (const move of plan.moves) assert.isNotEmpty(move.causes, move.parameter)
        }
      }),
    60_000
  )

  it.scoped(
    "plays on, to the last sample, when the fingerprint server is killed, and has it back for the next",
    () =>
      Effect.gen(function* () {
        const { loud, service } = yield* Setup
        const client = yield* connect(service.url)
        const before = yield* service.fingerprintServer
        client.send("play_enhanced", { track_id: tracks.killed, credits: 4 })
        yield* client.until(() => client.packets.length >= 2)
        process.kill(before, "SIGKILL")
        yield* client.until(() => client.ofType("audio_stream_end").length === 1)
        assertWhole(client, loud[0]!.length)
        assert.isEmpty(client.ofType("audio_stream_error"))
        yield* fingerprinted(service.url, tracks.killed)
        assert.notStrictEqual(yield* service.fingerprintServer, before)
      }),
    60_000
  )

  it.scoped(
    "seeks to the sample, plays the original bit for bit, and notices a replaced file",
    () =>
      Effect.gen(function* () {
        const { folder, loud, service } = yield* Setup
        const client = yield* connect(service.url)
        client.send("play_normal", { track_id: tracks.replaced, credits: 2 })
        yield* client.until(() => client.packets.length === 2)
        client.send("seek", { position: 10.00001 })
        yield* client.until(() => client.ofType("audio_stream_end").some(({ data }) => data.reason === "completed"))
        const after = client.packets.filter(({ meta }) => meta.stream_epoch === 2)
        assert.strictEqual(after[0]!.meta.sample_offset, 441_000)
        const scale = 2 ** 23
        for (const [n, value] of after[0]!.samples.entries()) {
          const expected = Math.round(loud[n % 2]![441_000 + (n >> 1)]! * scale) / scale
          assert.closeTo(value, expected, 1 / scale)
        }

        yield* fingerprinted(service.url, tracks.replaced)
        rmSync(join(folder, "d replaced.flac"))
        writeTrack(folder, "d replaced", -20, 16, 5)
        const replaced = yield* connect(service.url)
        yield* play(replaced, tracks.replaced)
        assertWhole(replaced, 5 * sampleRate)
        assert.excludes(statuses(replaced), "cached")
        yield* fingerprinted(service.url, tracks.replaced)
        const again = yield* connect(service.url)
        yield* play(again, tracks.replaced)
        assert.strictEqual(planOf(again).class, "quiet_or_moderate")
      }),
    60_000
  )

  it.scoped("shows all that runs in one tree, down to the workers of the fingerprint server", () =>
    Effect.gen(function* () {
      const { service } = yield* Setup
      const client = yield* connect(service.url)
      client.send("play_enhanced", { track_id: tracks.loud, credits: 2 })
      yield* client.until(() => client.packets.length === 2)
      const read = (path: string) => Effect.promise(async () => (await fetch(service.url + path)).text())
      const tree = Schema.decodeSync(Schema.parseJson(SupervisorSnapshot))(yield* read("/api/supervision"))
      const pathsOf = ({ children, id, status }: SupervisorSnapshot): ReadonlyArray<string> => [
        `${id.replace(/ #\d+$/, "")}: ${status}`,
        ...children.flatMap((child) => pathsOf(child).map((path) => `${id}/${path}`))
      ]
      const paths = pathsOf(tree)
      for (const path of [
        "lathe/rendering/render-worker-1: running",
        "lathe/fingerprinting/fingerprint-server/analysis/analysis-worker-1: running",
        "lathe/library/watcher: running",
        "lathe/library/scanner: running",
        "lathe/streaming/session: running",
        `lathe/streaming/stream of track ${tracks.loud}: running`
      ]) {
        assert.includes(paths, path)
      }
      const streaming = /^lathe_supervisor_children\{.*state="running".*supervisor="streaming".*\} (\d+)$/m
      assert.isAtLeast(Number(streaming.exec(yield* read("/metrics"))?.[1]), 2)
    })
  )

  it.scoped(
    "answers HTTP, RPC over HTTP, and the example client over WebSocket",
    () =>
      Effect.gen(function* () {
        const { loud, root, service } = yield* Setup
        const get = (path: string, headers: Record<string, string> = {}) =>
          Effect.promise(() => fetch(service.url + path, { headers }))
        const text = (response: Response) => Effect.promise(() => response.text())

        const page = JSON.parse(yield* Effect.flatMap(get("/api/tracks?sort=title"), text))
        assert.hasFields(page.items[0], {
          id: 1,
          title: "a loud",
          duration: 12,
          sample_rate: sampleRate,
          channels: 2
        })
        assert.strictEqual((yield* get("/api/tracks/2")).status, 200)
        assert.strictEqual((yield* get("/api/tracks/99")).status, 404)
        assert.strictEqual((yield* get("/api/tracks/x")).status, 400)
        assert.strictEqual((yield* get("/health/live")).status, 200)
        const ready = JSON.parse(yield* Effect.flatMap(get("/health/ready"), text))
        const { database, library, rendering, status } = ready
        assert.deepStrictEqual(
          { database, library, rendering, status },
          { database: "answers", library: "loaded", rendering: "possible", status: "ready" }
        )
        const metrics = parsePrometheus(yield* Effect.flatMap(get("/metrics"), text))
        for (const tier of ["memory", "database", "sidecar", "server"]) {
          const samples = metrics.get("lathe_fingerprint_lookups_total")!.samples
          assert.isTrue(
            samples.some(({ labels }) => labels["tier"] === tier),
            tier
          )
        }
        assert.isAbove(metrics.get("lathe_http_requests_total")!.samples[0]!.value, 0)
        assert.strictEqual((yield* get("/")).status, 200)
        assert.strictEqual((yield* get("/nothing")).status, 404)
        assert.strictEqual((yield* get("/ws")).status, 426)
        assert.strictEqual((yield* get("/..%2fpackage.json")).status, 404)
        const foreign = yield* get("/api/tracks", { origin: "https://example.org" })
        assert.strictEqual(foreign.status, 403)
        assert.excludes(yield* text(foreign), root)

        const call = { _tag: "Request", id: "1", tag: "GetTrack", payload: { track_id: 2 }, headers: [] }
        const post = (body: unknown) =>
          Effect.promise(async () => {
            const headers = { "content-type": "application/json" }
            return (await fetch(`${service.url}/rpc`, { method: "POST", headers, body: JSON.stringify(body) })).text()
          })
        assert.includes(yield* post(call), '"b louder"')
        const found = yield* post({ ...call, tag: "FindTracks", payload: { search: "louder" } })
        assert.match(found, /"b louder".*"next_cursor":null,"total":1/)
        assert.includes(yield* post({ ...call, tag: "GetStatus", payload: null }), '"tracks":4')
        assert.includes(yield* post({ ...call, tag: "FindTracks", payload: { cursor: "x" } }), "invalid_cursor")
        assert.excludes(yield* post({ ...call, tag: "StreamMastered" }), "pcm")

        const { stdout } = yield* Effect.promise(() =>
          run(process.execPath, [example, `${service.url.replace("http", "ws")}/rpc`])
        )
        assert.includes(stdout, "2: b louder, 12.0 s")
        assert.includes(stdout, "Loud and compressed")
        assert.includes(stdout, `${loud[0]!.length} samples per channel received`)
      }),
    60_000
  )
})
