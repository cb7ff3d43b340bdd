/** The command line as a user calls it, over real files. */
import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawn } from "node:child_process"
import { existsSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { dimensionNames } from "../../src/domain/fingerprint/Fingerprint.ts"
import * as AudioDecoderNodeAv from "../../src/layers/audio/AudioDecoderNodeAv.ts"
import type { ServiceStatus } from "../../src/contract/ServiceStatus.ts"
import { assert } from "../support/assert.ts"
import { decodeAll, temporaryFolder, writeAudioFile } from "../support/audioFiles.ts"
import { built } from "../support/built.ts"
import { lathe, latheWith, type Outcome, runNode } from "../support/runLathe.ts"
import { trackWith } from "../support/loudTrack.ts"
import { integratedLufs } from "../support/loudness.ts"
import { onAll, sine } from "../support/signals.ts"

const sampleRate = 44_100
const cli = built("cli")

const decoded = (path: string) =>
  decodeAll(path).pipe(
    Effect.map(({ channels }) => channels),
    Effect.provide(AudioDecoderNodeAv.layer)
  )

describe("lathe fingerprint", () => {
  it.scopedLive("prints one JSON object a file, and an error with exit status 1 for one that cannot be measured", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const signal = trackWith({ sampleRate, seconds: 4, lufs: -18, crestDb: 14 })
      const good = writeAudioFile(folder, "good", "flac24", signal, { sampleRate })
      const short = writeAudioFile(folder, "short", "wav16", onAll(1, sine(sampleRate, 0.1, 440, -20)), { sampleRate })
      const text = join(folder, "text.mp3")
      writeFileSync(text, "no audio")
      const missing = join(folder, "missing.wav")
      const { code, stdout } = yield* lathe("fingerprint", good, short, text, missing, "--json")
      assert.strictEqual(code, 1)
      const [first, ...failed] = stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line))
      assert.strictEqual(first.file, good)
      assert.deepStrictEqual(Object.keys(first.fingerprint).sort(), [...dimensionNames].sort())
      assert.closeTo(first.fingerprint.lufs, -18, 0.1)
      assert.closeTo(first.fingerprint.crest_db, 14, 0.1)
      assert.strictEqual(first.measurements.duration_seconds, 4)
      assert.match(first.provenance.content_sha256, /^[0-9a-f]{64}$/)
      assert.deepStrictEqual(
        failed.map(({ file, error }) => [file, error.code]),
        [
          [short, "TrackTooShort"],
          [text, "TrackUnreadable"],
          [missing, "TrackUnreadable"]
        ]
      )
      for (const { error } of failed) assert.excludes(error.message, folder)
    })
  )
})

describe("lathe master", () => {
  it.scopedLive(
    "writes as many samples as there are, the same for any chunk, and reports plan and result",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const signal = trackWith({ sampleRate, seconds: 8, lufs: -24, crestDb: 15 })
        const input = writeAudioFile(folder, "in", "flac24", signal, { sampleRate })
        const [whole, pieces, report] = ["whole.wav", "pieces.wav", "report.json"].map((name) =>
          join(folder, name)
        ) as [string, string, string]
        const first = yield* lathe("master", input, whole, "--preset", "gentle", "--report", report)
        assert.hasFields(first, { code: 0 }, first.stderr)
        const second = yield* lathe("master", input, pieces, "--preset", "gentle", "--chunk-seconds", "0.37")
        assert.hasFields(second, { code: 0 }, second.stderr)
        assert.isTrue(readFileSync(whole).equals(readFileSync(pieces)))
        const mastered = yield* decoded(whole)
        assert.strictEqual(mastered[0]!.length, signal[0]!.length)
        const { input: before, plan, output } = JSON.parse(readFileSync(report, "utf8"))
        assert.strictEqual(before.fingerprint.lufs < -23.9, true)
        assert.strictEqual(plan.class, "quiet_or_moderate")
        assert.isAbove(output.fingerprint.lufs, before.fingerprint.lufs + 3)
        assert.closeTo(output.fingerprint.lufs, plan.predicted.lufs, 0.5)
        assert.closeTo(integratedLufs(mastered, sampleRate), output.fingerprint.lufs, 0.05)
        assert.isAtMost(output.measurements.true_peak_dbtp, -0.95)
        assert.strictEqual(output.samples, signal[0]!.length)
        assert.deepStrictEqual(output.result, {
          lufs: output.fingerprint.lufs,
          true_peak_dbtp: output.measurements.true_peak_dbtp,
          crest_db: output.fingerprint.crest_db,
          loudness_range_lu: output.measurements.loudness_range_lu
        })
      }),
    60_000
  )

  it.scopedLive("writes another rate where that is asked for, and leaves out the stages it is told to", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const signal = trackWith({ sampleRate, seconds: 4, lufs: -24, crestDb: 18 })
      const input = writeAudioFile(folder, "in", "flac24", signal, { sampleRate })
      const [output, report] = [join(folder, "out.wav"), join(folder, "report.json")]
      const words = ["--rate", "96000", "--bypass", "gain", "--bypass", "dynamics", "--from", "0.5", "--report", report]
      const { code, stderr } = yield* lathe("master", input, output, ...words)
      assert.strictEqual(code, 0, stderr)
      const frames = 3.5 * 96_000
      assert.strictEqual((yield* decoded(output))[0]!.length, frames)
      const written = JSON.parse(readFileSync(report, "utf8"))
      assert.deepStrictEqual(written.plan.bypassed, ["dynamics", "gain"])
      assert.strictEqual(written.plan.settings.gain_db, 0)
      assert.hasFields(written.output, { sample_rate: 96_000, samples: frames })
      assert.closeTo(written.output.result.lufs, written.plan.predicted.lufs, 0.5)
    })
  )

  it.scopedLive("starts where it is told to, leaves every sample as it is at intensity 0, and writes FLAC", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const signal = trackWith({ sampleRate, seconds: 3, lufs: -20, crestDb: 12 })
      const input = writeAudioFile(folder, "in", "flac24", signal, { sampleRate })
      const output = join(folder, "out.flac")
      const { code } = yield* lathe("master", input, output, "--intensity", "0", "--from", "1.5")
      assert.strictEqual(code, 0)
      const [original, mastered] = [yield* decoded(input), yield* decoded(output)]
      assert.deepStrictEqual(
        mastered.map((channel) => [...channel]),
        original.map((channel) => [...channel.subarray(1.5 * sampleRate)])
      )
    })
  )

  it.scopedLive(
    "says in a sentence what is wrong with its words, with status 2, before it begins",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const signal = onAll(2, sine(sampleRate, 1, 440, -20))
        const input = writeAudioFile(folder, "in", "wav16", signal, { sampleRate })
        const before = readFileSync(input)
        const out = join(folder, "out.wav")
        const faults: ReadonlyArray<readonly [ReadonlyArray<string>, RegExp]> = [
          [[input, join(folder, "out.mp3")], /out\.mp3 cannot be written: lathe writes \.wav and \.flac/],
          [[input, join(folder, "nowhere", "out.wav")], /its folder does not exist/],
          [[input, input], /OUT in\.wav cannot be written: it is the same file as IN/],
          [[input, input, "--force"], /the same file as IN/],
          [[input, out, "--report", input], /--report in\.wav cannot be written: lathe writes \.json/],
          [[input, out, "--report", join(folder, "nowhere", "a.json")], /--report a\.json .*folder does not exist/],
          [[input, out, "--preset", "loud"], /--preset is "loud"; it must be one of adaptive, .*punchy/],
          [[input, out, "--intensity", "1.5"], /--intensity is "1\.5"; it must be a number from 0 to 1/],
          [[input, out, "--rate", "32000"], /--rate is "32000"; it must be one of 44100, 48000, 96000/],
          [[input, out, "--from", "1"], /--from is "1"; it must be less than 1\.00, the seconds of in\.wav/],
          [[input], /OUT missing/]
        ]
        for (const [words, sentence] of faults) {
          const { code, stderr, stdout } = yield* lathe("master", ...words)
          assert.strictEqual(code, 2, `${words.join(" ")} ${stderr}`)
          assert.match(stderr, sentence)
          assert.strictEqual(stdout, "")
          assert.lengthOf(stderr.trim().split("\n"), 1)
        }
        assert.deepStrictEqual(readdirSync(folder), ["in.wav"])
        assert.isTrue(readFileSync(input).equals(before))
      }),
    60_000
  )

  it.scopedLive(
    "says in a sentence what is wrong with a file, leaves nothing behind, and ends with status 1",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const out = join(folder, "out.wav")
        for (const [input, sentence] of [
          [join(folder, "no.wav"), /no\.wav cannot be read/],
          [folder, /cannot be read \(open\): it is a directory/]
        ] as const) {
          const { code, stderr } = yield* lathe("master", input, out)
          assert.strictEqual(code, 1)
          assert.match(stderr, sentence)
          assert.doesNotMatch(stderr, /\n\s+at /)
        }
        assert.deepStrictEqual(readdirSync(folder), [])
      }),
    60_000
  )

  it.scopedLive(
    "replaces files that are there by force only, and writes FLAC of 32 bits",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const signal = onAll(1, sine(sampleRate, 1, 440, -20))
        const input = writeAudioFile(folder, "in", "wav16", signal, { sampleRate })
        const [output, report] = [join(folder, "out.flac"), join(folder, "report.json")]
        for (const path of [output, report]) writeFileSync(path, "kept")
        const words = ["master", input, output, "--report", report, "--bits", "32", "--intensity", "0"]
        const refused = yield* lathe(...words)
        assert.strictEqual(refused.code, 2)
        assert.match(refused.stderr, /OUT out\.flac .* --force/)
        for (const path of [output, report]) assert.strictEqual(readFileSync(path, "utf8"), "kept")
        const forced = yield* lathe(...words, "--force")
        assert.strictEqual(forced.code, 0, forced.stderr)
        assert.strictEqual(JSON.parse(readFileSync(report, "utf8")).output.samples, sampleRate)
        assert.deepStrictEqual((yield* decoded(output))[0], (yield* decoded(input))[0])
      }),
    60_000
  )
})

describe("The words of lathe", () => {
  it.scopedLive(
    "that are wrong start nothing: one sentence, and status 2",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const token = join(folder, "token")
        writeFileSync(token, "t".repeat(32))
        const file = join(folder, "song.wav")
        writeFileSync(file, "")
        const cases: ReadonlyArray<readonly [ReadonlyArray<string>, RegExp]> = [
          [
            ["serve", "--prot", "1", "--port", "2", "--data", folder, folder],
            /--prot is no option .* did you mean --port/
          ],
          [["serve", "--port", "0", "--port", "0", folder], /--port is given twice/],
          [["serve", "--data", "--port", "0"], /--data needs a value/],
          [["serve", join(folder, "nowhere")], /nowhere is no folder: it does not exist/],
          [["serve", file, "--token-file", token], /song\.wav is no folder: it is a file/],
          [["scan", join(folder, "nowhere")], /nowhere is no folder/],
          [["fingerprint-server", "--root", file], /--root: .*song\.wav is no folder/],
          [["fingerprint"], /FILE\.\.\. missing/],
          [["sevre"], /did you mean `lathe serve`/]
        ]
        for (const [words, sentence] of cases) {
          const { code, stderr, stdout } = yield* lathe(...words)
          assert.strictEqual(code, 2, `${words.join(" ")} ${stderr}`)
          assert.match(stderr, sentence)
          assert.strictEqual(stdout, "")
        }
      }),
    60_000
  )

  it.scopedLive(
    "ask for JSON of errors too, in the shape of /api",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const missing = join(folder, "missing.wav")
        const cases: ReadonlyArray<readonly [ReadonlyArray<string>, number, string, string]> = [
          [["scan", join(folder, "nowhere")], 2, "UsageError", "invalid_folder"],
          [["scan", folder, "--data", "/dev/null"], 2, "InvalidSetting", "invalid_setting"],
          [["status", "--port", "nine"], 2, "InvalidSetting", "invalid_setting"],
          [["compare", missing, missing], 1, "TrackUnreadable", "track_unreadable"],
          [["doctor", "--bogus"], 2, "UsageError", "unknown_option"],
          [["fingerprint"], 2, "UsageError", "missing_argument"]
        ]
        for (const [words, status, _tag, problem] of cases) {
          const { code, stderr, stdout } = yield* lathe(...words, "--json")
          assert.strictEqual(code, status, `${words.join(" ")} ${stderr}`)
          const answer = JSON.parse(stdout)
          assert.hasFields(answer, { _tag, code: problem })
          assert.deepStrictEqual(Object.keys(answer), ["_tag", "code", "message"])
          assert.strictEqual(stderr, `${answer.message}\n`)
        }
      }),
    60_000
  )

  it.scopedLive("ask for help, which has defaults, and colours on a terminal only", () =>
    Effect.gen(function* () {
      const help = yield* lathe("master", "--help")
      assert.strictEqual(help.code, 0)
      assert.excludes(help.stdout, "\u001b")
      assert.includes(help.stdout, "$ lathe master [--bits 24 | 32]")
      assert.match(help.stdout, /--chunk-seconds SECONDS[^]*Default: 10\.[^]*--preset adaptive[^]*Default: adaptive\./)
      assert.includes((yield* lathe("serve", "--help")).stdout, "LATHE_PORT; default: 8765.")
    })
  )

  it.scopedLive("ask for completions, which call lathe by its name", () =>
    Effect.gen(function* () {
      const last = { bash: /^complete -F \S+ .* lathe$/, zsh: /^ *compdef \S+ lathe$/, fish: /^complete -c lathe / }
      for (const [shell, call] of Object.entries(last)) {
        const { code, stdout } = yield* lathe("--completions", shell)
        assert.strictEqual(code, 0)
        assert.isTrue(
          stdout.split("\n").some((line) => call.test(line)),
          shell
        )
        assert.excludes(stdout, cli)
        assert.excludes(stdout, process.execPath)
      }
    })
  )

  it.scopedLive("are answered without a complaint where nobody reads the answer to its end", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const files = Array.from({ length: 200 }, (_, n) => join(folder, `${n}.wav`))
      const { code, stderr } = yield* Effect.async<Outcome>((resume) => {
        const child = spawn(process.execPath, [cli, "fingerprint", "--json", ...files], {
          stdio: ["ignore", "pipe", "pipe"]
        })
        let stderr = ""
        child.stdout.once("data", () => child.stdout.destroy())
        child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()))
        child.once("close", (code) => resume(Effect.succeed({ code, stdout: "", stderr })))
        return Effect.sync(() => child.kill("SIGKILL"))
      })
      assert.hasFields({ code, stderr }, { code: 0, stderr: "" })
    })
  )

  it.scopedLive.runIf(existsSync("/dev/full"))("say so where the answer cannot be written", () =>
    Effect.gen(function* () {
      const { code, stderr } = yield* Effect.async<Outcome>((resume) => {
        const full = openSync("/dev/full", "w")
        const child = spawn(process.execPath, [cli, "--help"], { stdio: ["ignore", full, "pipe"] })
        let stderr = ""
        child.stderr?.on("data", (chunk: Buffer) => (stderr += chunk.toString()))
        child.once("close", (code) => resume(Effect.succeed({ code, stdout: "", stderr })))
        return Effect.sync(() => child.kill("SIGKILL"))
      })
      assert.strictEqual(code, 1)
      assert.includes(stderr, "What is printed cannot be written (ENOSPC)")
    })
  )
})

describe("lathe fingerprint-server", () => {
  it.scopedLive("ends where its port is taken, and says whose it is", () =>
    Effect.gen(function* () {
      const server = createServer((_, response) => response.end())
      yield* Effect.addFinalizer(() => Effect.sync(() => server.close()))
      const port = yield* Effect.async<string>((resume) => {
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed(String((server.address() as AddressInfo).port))))
      })
      const { code, stderr } = yield* lathe("fingerprint-server", "--port", port, "--root", yield* temporaryFolder)
      assert.strictEqual(code, 1)
      assert.match(stderr, /The fingerprint server cannot listen on \S+: another program has the port\. .*--port/)
    })
  )
})

describe("Examples", () => {
  it.scopedLive(
    "end with a sentence and an error status where no service answers",
    () =>
      Effect.gen(function* () {
        const examples: ReadonlyArray<ReadonlyArray<string>> = [
          ["play.mjs", "1", "http://127.0.0.1:1"],
          ["websocket-client.ts", "1", "http://127.0.0.1:1"],
          ["rpc-client.ts", "ws://127.0.0.1:1/rpc"]
        ]
        for (const [name = "", ...words] of examples) {
          const path = fileURLToPath(new URL(`../../examples/${name}`, import.meta.url))
          const { code, stderr } = yield* runNode(path, ...words)
          assert.strictEqual(code, 1, stderr)
          assert.match(stderr, /^No lathe service answers at \S+127\.0\.0\.1:1\S*\. Start one with: npm start\n$/, name)
        }
      }),
    60_000
  )
})

describe("lathe scan", () => {
  it.scopedLive(
    "reads a folder into the database, tells what it found, and exits with 1 where a file is broken",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const music = join(folder, "music")
        mkdirSync(music)
        writeAudioFile(music, "song", "wav16", onAll(1, sine(sampleRate, 1, 440, -20)), { sampleRate })
        const scan = (...words: ReadonlyArray<string>) => lathe("scan", music, "--data", join(folder, "data"), ...words)
        const first = yield* scan()
        assert.hasFields(first, { code: 0, stdout: `${music}: 1 added, 0 updated, 0 unchanged, 0 cannot be read.\n` })
        assert.excludes(first.stderr, "\u001b[")
        writeFileSync(join(music, "broken.flac"), "no audio")
        const second = yield* scan("--json")
        assert.strictEqual(second.code, 1)
        assert.hasFields(JSON.parse(second.stdout), { added: 0, updated: 0, unchanged: 1, unreadable: 1 })
        assert.includes(second.stderr, "1 file cannot be read.")
        const none = yield* lathe("scan", join(folder, "nothing"), "--data", join(folder, "data"))
        assert.strictEqual(none.code, 2)
        assert.includes(none.stderr, "is no folder")
      }),
    60_000
  )
})

describe("lathe status", () => {
  it.scopedLive(
    "shows what a running service says, and how to start one where none answers",
    () =>
      Effect.gen(function* () {
        const answer: ServiceStatus = {
          version: "1.2.3",
          tracks: 12,
          fingerprints: { ready: 7, pending: 3, analyzing: 1, failed: 1, owed: 0 },
          left_out: [],
          fingerprint_server: "unavailable",
          streams_active: 0
        }
        const token = "a token that nobody guesses".replaceAll(" ", "-")
        let isOpen = true
        const server = createServer((request, response) => {
          response.statusCode = isOpen || request.headers.authorization === `Bearer ${token}` ? 200 : 401
          response.end(JSON.stringify(response.statusCode === 200 ? answer : {}))
        })
        yield* Effect.addFinalizer(() => Effect.sync(() => server.close()))
        const port = yield* Effect.async<string>((resume) => {
          server.listen(0, "127.0.0.1", () => resume(Effect.succeed(String((server.address() as AddressInfo).port))))
        })
        const text = yield* lathe("status", "--port", port)
        assert.strictEqual(text.code, 0)
        assert.match(
          text.stdout,
          /running, version 1\.2\.3[\s\S]*7 ready, 3 pending, 1 being measured, 1 cannot be measured/
        )
        assert.excludes(text.stdout, "\u001b[")
        assert.deepStrictEqual(JSON.parse((yield* lathe("status", "--port", port, "--json")).stdout), answer)
        isOpen = false
        const strange = yield* lathe("status", "--port", port)
        assert.strictEqual(strange.code, 1)
        assert.includes(strange.stderr, "asks for its token. Set LATHE_TOKEN or LATHE_TOKEN_FILE")
        const known = yield* latheWith({ LATHE_TOKEN: token }, "status", "--port", port, "--json")
        assert.deepStrictEqual(JSON.parse(known.stdout), answer)
        server.close()
        const none = yield* lathe("status", "--port", port)
        assert.strictEqual(none.code, 1)
        assert.includes(none.stderr, "lathe serve")
      }),
    60_000
  )
})

describe("lathe compare", () => {
  it.scopedLive(
    "shows what differs, as a table, as JSON, and as a picture",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const quiet = trackWith({ sampleRate, seconds: 4, lufs: -24, crestDb: 14 })
        const loud = trackWith({ sampleRate, seconds: 4, lufs: -18, crestDb: 12 })
        const a = writeAudioFile(folder, "quiet & plain", "flac24", quiet, { sampleRate })
        const b = writeAudioFile(folder, "loud", "flac24", loud, { sampleRate })
        const picture = join(folder, "both.svg")
        const text = yield* lathe("compare", a, b, "--picture", picture)
        assert.strictEqual(text.code, 0, text.stderr)
        assert.match(text.stdout, /loudness, LUFS +-24\.0\d +-18\.0\d +\+(5\.9|6\.0)\d/)
        assert.match(text.stdout, /crest, dB +14\.0\d +12\.0\d +-(1\.9|2\.0)\d/)
        assert.excludes(text.stdout, "\u001b[")
        const svg = readFileSync(picture, "utf8")
        assert.includes(svg, "quiet &amp; plain.flac: -24.0 LUFS, crest 14.0 dB")
        assert.doesNotMatch(svg, /NaN|undefined|Infinity/)
        const { difference } = JSON.parse((yield* lathe("compare", a, b, "--json")).stdout)
        assert.closeTo(difference.lufs, 6, 0.05)
        assert.deepStrictEqual(Object.keys(difference).sort(), [...dimensionNames].sort())
        const missing = yield* lathe("compare", a, join(folder, "missing.flac"))
        assert.strictEqual(missing.code, 1)
        assert.includes(missing.stderr, "missing.flac")
        assert.excludes(missing.stderr, folder)
        const nowhere = yield* lathe("compare", a, b, "--picture", join(folder, "no such folder", "both.svg"))
        assert.hasFields(nowhere, { code: 2, stdout: "" })
        assert.match(nowhere.stderr, /--picture both\.svg cannot be written: its folder does not exist/)
        for (const [path, sentence] of [
          [a, /lathe writes \.svg there/],
          [picture, /both\.svg .* --force/]
        ] as const) {
          const refused = yield* lathe("compare", a, b, "--picture", path)
          assert.strictEqual(refused.code, 2)
          assert.match(refused.stderr, sentence)
        }
      }),
    60_000
  )
})

describe("lathe doctor", () => {
  it.scopedLive(
    "finds what is missing, says what to do, and tells a service of its own from another program on the port",
    () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const server = createServer((request, response) => {
          response.statusCode = request.url === "/health/live" ? 404 : 200
          response.end()
        })
        yield* Effect.addFinalizer(() => Effect.sync(() => server.close()))
        const port = yield* Effect.async<string>((resume) => {
          server.listen(0, "127.0.0.1", () => resume(Effect.succeed(String((server.address() as AddressInfo).port))))
        })
        const words = ["doctor", "--data", join(folder, "data"), "--fingerprint-port", "0"]
        const well = yield* lathe(...words, "--port", "0", "--json")
        const { findings } = JSON.parse(well.stdout)
        const faults = findings.filter(({ state }: { state: string }) => state === "fault")
        assert.deepStrictEqual(faults, [])
        assert.strictEqual(well.code, 0)
        const ill = yield* lathe(...words, "--port", port, join(folder, "nowhere"))
        assert.strictEqual(ill.code, 1)
        assert.match(ill.stdout, new RegExp(`fault +port ${port}: taken by another program\\n +Start with --port`))
        assert.match(ill.stdout, /fault +music folder: .*nowhere cannot be read \(ENOENT\)/)
        assert.includes(ill.stderr, "2 faults found.")
      }),
    60_000
  )
})
