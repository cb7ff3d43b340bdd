/** What a collector of OpenTelemetry gets of a running service. */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { mkdirSync } from "node:fs"
import { describe, it } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { assert } from "../support/assert.ts"
import { temporaryFolder, writeAudioFile } from "../support/audioFiles.ts"
import { trackWith } from "../support/loudTrack.ts"
import { startService } from "../support/service.ts"
import { connect } from "../support/StreamClient.ts"

const collector = Effect.acquireRelease(
  Effect.async<{ readonly url: string; readonly got: Map<string, string>; readonly close: () => void }>((resume) => {
    const got = new Map<string, string>()
    const server = createServer((request, response) => {
      let body = ""
      request.on("data", (chunk: Buffer) => (body += chunk.toString()))
      request.on("end", () => {
        got.set(request.url ?? "", (got.get(request.url ?? "") ?? "") + body)
        response.end("{}")
      })
    })
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo
      resume(Effect.succeed({ url: `http://127.0.0.1:${port}`, got, close: () => server.close() }))
    })
  }),
  ({ close }) => Effect.sync(close)
)

describe("A service with a collector", () => {
  it.scopedLive(
    "sends it its traces, metrics and logs; with one that is away it plays all the same",
    () =>
      Effect.gen(function* () {
        const root = yield* temporaryFolder
        const music = join(root, "music")
        mkdirSync(music)
        const sampleRate = 44_100
        const signal = trackWith({ sampleRate, seconds: 2, lufs: -14, crestDb: 12 })
        writeAudioFile(music, "a", "flac24", signal, { sampleRate })
        const play = (endpoint: string, data: string) =>
          Effect.scoped(
            Effect.gen(function* () {
              yield* Effect.acquireRelease(
                Effect.sync(() => (process.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = endpoint)),
                () => Effect.sync(() => delete process.env["OTEL_EXPORTER_OTLP_ENDPOINT"])
              )
              const service = yield* startService(join(root, data), [music])
              const client = yield* connect(service.url)
              client.send("play_enhanced", { track_id: 1 })
              yield* client.until(() => client.ofType("audio_stream_end").length === 1)
            })
          )
        const { got, url } = yield* collector
        yield* play(url, "data")
        yield* Effect.sync(() => got.size).pipe(
          Effect.repeat({ until: (size) => size === 3, schedule: Schedule.spaced("50 millis") }),
          Effect.timeout("10 seconds")
        )
        assert.includes(got.get("/v1/traces"), '"ChunkMastering.open"')
        assert.includes(got.get("/v1/metrics"), '"lathe_streams_active"')
        assert.includes(got.get("/v1/logs"), "lathe serves ")
        assert.includes(got.get("/v1/logs"), "Scanned the music folders")
        // The address of nobody: discard is not listened on.
        yield* play("http://127.0.0.1:9", "other data")
      }),
    60_000
  )
})
