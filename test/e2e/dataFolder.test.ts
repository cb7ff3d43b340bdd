/** Commands that meet a running service in its data folder. */
import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { assert } from "../support/assert.ts"
import { temporaryFolder, writeAudioFile } from "../support/audioFiles.ts"
import { lathe } from "../support/runLathe.ts"
import { startService } from "../support/service.ts"
import { onAll, sine } from "../support/signals.ts"

const sampleRate = 44_100

describe("A data folder in use", () => {
  it.scopedLive(
    "keeps its library when a second service or a scan of other music comes, and is scanned by the one that holds it",
    () =>
      Effect.gen(function* () {
        const root = yield* temporaryFolder
        const [music, other, data] = [join(root, "music"), join(root, "other"), join(root, "data")]
        for (const folder of [music, other]) mkdirSync(folder)
        const tone = onAll(1, sine(sampleRate, 1, 440, -20))
        for (const folder of [music, other]) writeAudioFile(folder, "first", "wav16", tone, { sampleRate })
        const { pid, url } = yield* startService(data, [music])

        const second = yield* lathe("serve", other, "--data", data, "--port", "0", "--fingerprint-port", "0")
        assert.strictEqual(second.code, 1)
        assert.includes(second.stderr, `The data folder ${data} is in use by the lathe that runs at ${url}/`)
        assert.includes(second.stderr, `(process ${pid})`)

        const foreign = yield* lathe("scan", other, "--data", data, "--json")
        assert.strictEqual(foreign.code, 1)
        assert.includes(foreign.stderr, "is in no music folder of the service")

        writeAudioFile(music, "second", "wav16", tone, { sampleRate })
        const own = yield* lathe("scan", music, "--data", data, "--json")
        assert.deepStrictEqual([own.code, own.stderr], [0, ""])
        assert.strictEqual(JSON.parse(own.stdout).unreadable, 0)
        const tracks = yield* Effect.promise(
          async () => (await (await fetch(`${url}/api/tracks`)).json()) as { items: ReadonlyArray<{ title: string }> }
        )
        assert.deepStrictEqual(
          tracks.items.map(({ title }) => title),
          ["first", "second"]
        )
      }),
    60_000
  )
})
