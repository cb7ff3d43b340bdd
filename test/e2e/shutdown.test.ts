/** How the service starts with settings that it cannot use, and how it ends: as a process, with real signals. */
import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { connect as connectTcp } from "node:net"
import { join } from "node:path"
import { assert } from "../support/assert.ts"
import { temporaryFolder, writeAudioFile } from "../support/audioFiles.ts"
import { built } from "../support/built.ts"
import { trackWith } from "../support/loudTrack.ts"
import { startService } from "../support/service.ts"
import { connect } from "../support/StreamClient.ts"

const sampleRate = 44_100
const cli = built("cli")

const setUp = Effect.gen(function* () {
  const root = yield* temporaryFolder
  const folder = join(root, "music")
  const data = join(root, "data")
  mkdirSync(folder)
  writeAudioFile(folder, "a", "flac24", trackWith({ sampleRate, seconds: 20, lufs: -14, crestDb: 12 }), { sampleRate })
  return { root, folder, data }
})

const isRefused = (url: string) =>
  Effect.promise(() =>
    fetch(url).then(
      () => false,
      () => true
    )
  )

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

describe("A service that is told to end", () => {
  it.scopedLive(
    "says goodbye to its streams, stops its fingerprint server, and closes its database",
    () =>
      Effect.gen(function* () {
        const { folder, data } = yield* setUp
        const service = yield* startService(data, [folder], ["--log-format", "json"])
        const fingerprintServer = yield* service.fingerprintServer
        const client = yield* connect(service.url, () => false)
        client.send("play_enhanced", { track_id: 1, credits: 4 })
        yield* client.until(() => client.packets.length === 4)
        process.kill(service.pid, "SIGTERM")
        yield* client.until(
          () => client.ofType("audio_stream_end").length + client.ofType("audio_stream_error").length === 1
        )
        assert.deepStrictEqual(yield* service.exit, { code: 0, signal: null })
        assert.isTrue(yield* isRefused(service.url))
        assert.isFalse(isAlive(fingerprintServer))
        assert.excludes(readdirSync(data), "lathe.db-wal")
        assert.isTrue(readdirSync(folder).every((name) => !name.endsWith(".tmp")))
        for (const line of service.log().trim().split("\n")) {
          const entry = JSON.parse(line)
          assert.isString(entry.time, line)
          assert.includes(["debug", "info", "warning"], entry.level, line)
        }
      }),
    180_000
  )

  it.scopedLive(
    "ends in time with clients that do not let go, by 130 where Ctrl-C ended it",
    () =>
      Effect.gen(function* () {
        const { folder, data } = yield* setUp
        const service = yield* startService(data, [folder])
        const port = Number(new URL(service.url).port)
        const holdOn = (request: string) =>
          Effect.acquireRelease(
            Effect.async<ReturnType<typeof connectTcp>>((resume) => {
              const socket = connectTcp({ port, host: "127.0.0.1", allowHalfOpen: true }, () => socket.write(request))
              socket.on("error", () => undefined)
              socket.once("data", () => resume(Effect.succeed(socket)))
            }),
            (socket) => Effect.sync(() => socket.destroy())
          )
        const host = `Host: 127.0.0.1:${port}\r\n`
        // One never answers the closing handshake, one stops in the middle of a request.
        yield* holdOn(
          `GET /ws HTTP/1.1\r\n${host}Connection: Upgrade\r\nUpgrade: websocket\r\n` +
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        yield* holdOn(
          `GET /health/live HTTP/1.1\r\n${host}\r\nPOST /rpc HTTP/1.1\r\n${host}Content-Length: 100\r\n\r\n{`
        )
        process.kill(service.pid, "SIGINT")
        assert.deepStrictEqual(yield* service.exit, { code: 130, signal: null })
        assert.excludes(readdirSync(data), "lathe.db-wal")
      }),
    180_000
  )

  it.scopedLive(
    "ends at once when it is told so twice",
    () =>
      Effect.gen(function* () {
        const { folder, data } = yield* setUp
        const service = yield* startService(data, [folder])
        // Stopped, it can obey neither of the two before both have come.
        process.kill(service.pid, "SIGSTOP")
        process.kill(service.pid, "SIGTERM")
        process.kill(service.pid, "SIGCONT")
        yield* Effect.iterate(true, {
          while: () =>
            isAlive(service.pid) && !readFileSync(`/proc/${service.pid}/status`, "utf8").includes("Z (zombie)"),
          body: () =>
            Effect.as(
              Effect.delay(
                Effect.sync(() => isAlive(service.pid) && process.kill(service.pid, "SIGTERM")),
                "20 millis"
              ),
              true
            )
        })
        assert.strictEqual((yield* service.exit).signal, "SIGTERM")
      }),
    180_000
  )
})

describe("lathe serve", () => {
  const serve = (words: ReadonlyArray<string>, variables: Record<string, string> = {}) =>
    Effect.async<{ readonly code: number | null; readonly stderr: string }>((resume) => {
      const env = { ...process.env, ...variables }
      const child = spawn(process.execPath, [cli, "serve", "--port", "0", "--fingerprint-port", "0", ...words], {
        stdio: ["ignore", "ignore", "pipe"],
        env
      })
      let stderr = ""
      child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()))
      child.once("close", (code) => resume(Effect.succeed({ code, stderr })))
      return Effect.sync(() => child.kill("SIGKILL"))
    })

  it.scopedLive(
    "says in one sentence which setting it cannot start with",
    () =>
      Effect.gen(function* () {
        const { folder, data, root } = yield* setUp
        mkdirSync(join(root, "broken"))
        writeFileSync(join(root, "broken", "lathe.db"), "no database ".repeat(1000))
        const cases: ReadonlyArray<readonly [ReadonlyArray<string>, Record<string, string>, number, string]> = [
          [["--requests-per-second", "many"], {}, 2, '--requests-per-second is "many"; it must be a whole number'],
          [[], { LATHE_REQUESTS_PER_SECOND: "0" }, 2, 'LATHE_REQUESTS_PER_SECOND is "0"; it must be a whole number'],
          [[], { LATHE_LOG_LEVEL: "loud" }, 2, "LATHE_LOG_LEVEL"],
          [["--host", "0.0.0.0"], { LATHE_TOKEN: "" }, 2, "LATHE_TOKEN is needed to listen on 0.0.0.0"],
          [["--token-file", join(root, "nothing")], {}, 2, "--token-file"],
          [["--host", "203.0.113.7"], { LATHE_TOKEN: "t".repeat(24) }, 1, "cannot listen on 203.0.113.7"],
          [["--data", join(folder, "a.flac")], {}, 2, "which is a file, or below one; choose"],
          [["--data", join(root, "broken")], {}, 1, "cannot be opened (file is not a database)"]
        ]
        for (const [words, variables, code, sentence] of cases) {
          const outcome = yield* serve(
            [...(words.includes("--data") ? [] : ["--data", data]), ...words, folder],
            variables
          )
          assert.strictEqual(outcome.code, code, `${words.join(" ")} ${outcome.stderr}`)
          assert.includes(outcome.stderr, sentence)
          assert.doesNotMatch(outcome.stderr, /\n\s+at |tttttt/)
        }
      }),
    180_000
  )
})
