/** `lathe doctor`: looks at all that the service needs on this machine, and says what to do where something is missing. */
import { Args, Command, Options } from "@effect/cli"
import { Console, Effect, Option } from "effect"
import {
  accessSync,
  constants,
  existsSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  statfsSync,
  statSync
} from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { makeDataFolder } from "../layers/database/dataFolder.ts"
import { generated } from "../layers/process/entryPoints.ts"
import { version } from "../layers/process/version.ts"
import { latheAt } from "./portHolder.ts"
import { leftOutText } from "./leftOutText.ts"
import { givenBy, optionOf, readSetting } from "./settings.ts"
import { someFailed } from "./SomeFailed.ts"
import { colour } from "./terminal.ts"

const folders = Args.text({ name: "FOLDER" }).pipe(Args.withDescription("A music folder to look at."), Args.repeated)

const json = Options.boolean("json").pipe(Options.withDescription("The findings as one JSON object on stdout."))

interface Finding {
  readonly what: string
  readonly state: "ok" | "warning" | "fault"
  readonly detail: string
  /** What to do about it. */
  readonly advice?: string
}

/** As package.json has it. */
const oldestNode = [22, 18] as const

const node = Effect.sync((): Finding => {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)
  const isNew = major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])
  const what = "Node"
  return isNew
    ? { what, state: "ok", detail: process.versions.node }
    : {
        what,
        state: "fault",
        detail: process.versions.node,
        advice: `Install Node ${oldestNode.join(".")} or newer, or start lathe by "npm start", which brings its own on x86-64 Linux.`
      }
})

const built = (what: string, path: string) =>
  Effect.sync((): Finding => {
    const isThere = existsSync(generated(path))
    return isThere
      ? { what, state: "ok", detail: "built" }
      : { what, state: "fault", detail: "not built", advice: 'Install lathe again; in a checkout: "npm run prepare".' }
  })

const demoPieces = Effect.sync((): Finding => {
  const what = "demo pieces"
  return existsSync(generated("demo"))
    ? { what, state: "ok", detail: "built" }
    : { what, state: "warning", detail: "not built", advice: 'Name a music folder, or run "npm run prepare".' }
})

/** Two seconds of a tone, encoded, decoded and measured, as any file is. */
const decoder = Effect.promise(async (): Promise<Finding> => {
  const what = "decoder and engine"
  const folder = mkdtempSync(join(tmpdir(), "lathe-doctor-"))
  try {
    const [{ engine }, { TrackAnalyzer }, { AudioEncoder }, { Stream }] = await Promise.all([
      import("./engine.ts"),
      import("../services/TrackAnalyzer.ts"),
      import("../services/AudioEncoder.ts"),
      import("effect")
    ])
    const path = join(folder, "tone.flac")
    const rate = 44_100
    const tone = Float32Array.from({ length: 2 * rate }, (_, n) => 0.1 * Math.sin((2 * Math.PI * 997 * n) / rate))
    const measured = await Effect.gen(function* () {
      const encoder = yield* AudioEncoder
      const format = {
        sampleRate: rate,
        channels: 1,
        encoding: { container: "flac", sampleFormat: "int24" }
      } as const
      yield* encoder.write(path, format, Stream.succeed([tone]))
      return yield* Effect.flatMap(TrackAnalyzer, ({ analyze }) => analyze(path))
    }).pipe(Effect.provide(engine), Effect.runPromise)
    const { decoder, decoder_version } = measured.provenance
    return { what, state: "ok", detail: `${decoder} ${decoder_version}` }
  } catch (error) {
    return {
      what,
      state: "fault",
      detail: error instanceof Error ? error.message : String(error),
      advice: "Install lathe again: its FFmpeg library is missing or is for another machine."
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

const isFree = (port: number) =>
  Effect.async<boolean>((resume) => {
    const probe = createServer()
    probe.once("error", () => resume(Effect.succeed(false)))
    probe.listen(port, "127.0.0.1", () => probe.close(() => resume(Effect.succeed(true))))
  })

const servicePort = (port: number) =>
  Effect.gen(function* () {
    const what = `port ${port}`
    if (yield* isFree(port)) return { what, state: "ok", detail: "free" } satisfies Finding
    const holder = yield* latheAt("127.0.0.1", port)
    if (Option.contains(holder, "service" as const))
      return { what, state: "ok", detail: "a service of lathe answers" } satisfies Finding
    const advice = "Start with --port and another number, or end the program that has this one."
    return { what, state: "fault", detail: "taken by another program", advice } satisfies Finding
  })

const fingerprintPort = (port: number) =>
  Effect.map(isFree(port), (free): Finding => {
    const what = `port ${port}`
    return free
      ? { what, state: "ok", detail: "free" }
      : {
          what,
          state: "warning",
          detail: "taken",
          advice: "The fingerprint server takes another one; its log says which."
        }
  })

const lowMb = 200

const dataFolder = (folder: string) =>
  Effect.sync((): Finding => {
    const what = "data folder"
    try {
      makeDataFolder(folder)
      const { bavail, bsize } = statfsSync(folder)
      const freeMb = (bavail * bsize) / 1e6
      if (freeMb < lowMb) {
        const detail = `${folder}, ${freeMb.toFixed(0)} MB free`
        return { what, state: "warning", detail, advice: "Make room: fingerprints are not kept on a full disk." }
      }
      return { what, state: "ok", detail: `${folder}, ${(freeMb / 1000).toFixed(1)} GB free` }
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : String(error)
      const advice = `Make ${dirname(folder)} writable for this user, or name another folder with --data.`
      return { what, state: "fault", detail: `${folder} cannot be written (${code})`, advice }
    }
  })

/** What a scan would find, in words; no file is read. */
const contentsOf = (path: string) =>
  Effect.gen(function* () {
    const [{ makeLinks }, { makeScanCounter }, { walk }] = yield* Effect.promise(() =>
      Promise.all([
        import("../layers/library/links.ts"),
        import("../layers/library/scanCounter.ts"),
        import("../layers/library/walk.ts")
      ])
    )
    const counter = makeScanCounter()
    const folder = realpathSync(path)
    const ignore = () => Effect.void
    yield* counter.begin
    yield* walk(folder, "", makeLinks([folder], true), {
      onDirectory: ignore,
      onNames: ignore,
      onFile: () => Effect.sync(counter.found),
      onUnreadableDirectory: ignore,
      onUnseenFile: ignore,
      onLeftOut: counter.leftOut
    })
    yield* counter.end
    const { files_found, left_out } = yield* counter.status
    const rest = left_out.length === 0 ? "" : `; left out: ${leftOutText(left_out)}`
    return `${files_found} audio ${files_found === 1 ? "file" : "files"}${rest}`
  })

const musicFolder = (folder: string) =>
  Effect.flatMap(accessTo(folder), (finding) =>
    finding.state === "fault"
      ? Effect.succeed(finding)
      : Effect.map(contentsOf(resolve(folder)), (contents) => ({
          ...finding,
          detail: `${finding.detail}: ${contents}`
        }))
  )

const accessTo = (folder: string) =>
  Effect.sync((): Finding => {
    const what = "music folder"
    const path = resolve(folder)
    try {
      if (!statSync(path).isDirectory()) throw new Error("it is no folder")
      const entries = readdirSync(path).length
      if (entries === 0)
        return { what, state: "warning", detail: `${path} is empty`, advice: "Name the folder that holds the music." }
      try {
        accessSync(path, constants.W_OK)
      } catch {
        const advice = "Fingerprints are kept in the database only, not beside the files."
        return { what, state: "warning", detail: `${path} is read-only`, advice }
      }
      return { what, state: "ok", detail: path }
    } catch (error) {
      const detail = `${path} cannot be read (${error instanceof Error && "code" in error ? String(error.code) : String(error)})`
      return { what, state: "fault", detail, advice: "Name a folder that is there and that this user may read." }
    }
  })

const marks = { ok: ["green", "ok"], warning: ["yellow", "note"], fault: ["red", "fault"] } as const

const toText = (findings: ReadonlyArray<Finding>): string =>
  findings
    .map(({ advice, detail, state, what }) => {
      const [hue, mark] = marks[state]
      const line = `${colour(hue, mark.padEnd(7))}${what}: ${detail}`
      return advice === undefined ? line : `${line}\n       ${advice}`
    })
    .join("\n")

export const doctor = Command.make(
  "doctor",
  {
    folders,
    port: optionOf("port"),
    fingerprintPort: optionOf("fingerprintPort"),
    dataFolder: optionOf("dataFolder"),
    json
  },
  ({ folders, json, ...options }) =>
    Effect.gen(function* () {
      const given = givenBy(options)
      const findings = yield* Effect.all([
        node,
        built("kernels", "kernels.wasm"),
        built("page", "web/index.html"),
        demoPieces,
        decoder,
        servicePort(yield* readSetting("port", given)),
        fingerprintPort(yield* readSetting("fingerprintPort", given)),
        dataFolder(yield* readSetting("dataFolder", given)),
        ...folders.map(musicFolder)
      ])
      yield* Console.log(json ? JSON.stringify({ version, findings }) : toText(findings))
      const count = findings.filter(({ state }) => state === "fault").length
      if (count > 0) return yield* someFailed(count, "fault found", "faults found")
    })
).pipe(
  Command.withDescription(
    "Look at all that lathe needs on this machine, and say what to do where something is missing."
  )
)
