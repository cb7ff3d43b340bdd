import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Layer } from "effect"
import { afterAll, describe, it } from "vitest"
import * as AudioDecoderNodeAv from "../../src/layers/audio/AudioDecoderNodeAv.ts"
import * as TrackFileReaderLocal from "../../src/layers/library/TrackFileReaderLocal.ts"
import { TrackFileReader } from "../../src/services/TrackFileReader.ts"
import { assert } from "../support/assert.ts"
import { encodeFile } from "../support/containers.ts"
import { faultsInWords } from "../support/mutantRuns.ts"
import { makeRandom } from "../support/signals.ts"
import { mutateStructure } from "../support/structuredMutations.ts"
import { makeTrees, runStructured } from "../support/structuredRuns.ts"

// More of them, and larger ones, are in structuredFiles.heavy.ts; `npm run fuzz -- --structured` takes any number and seed.
const seed = 21
const count = 200
const largest = 2 ** 16

const folder = mkdtempSync(join(tmpdir(), "lathe-trees-"))
afterAll(() => rmSync(folder, { recursive: true }))
const originals = makeTrees(folder)

describe("a file whose structure is damaged", () => {
  it("gives tags and an analysis, or typed errors, and the next file is read", { timeout: 240_000 }, async () => {
    const { faults, outcomes } = await runStructured({ seed, count, largest })
    assert.strictEqual(faultsInWords(seed, faults, `--structured --largest ${largest}`), "")
    assert.strictEqual(outcomes.get("art: done"), count)
    // Damage that no longer reaches all of these proves nothing.
    assert.includesMembers(
      [...outcomes.keys()],
      [
        "tags: done",
        "tags: TrackUnreadable (open: not_audio)",
        "tags: TrackUnreadable (open: corrupt)",
        "tags: TrackUnreadable (open: truncated)",
        "analysis: done",
        "analysis: TrackTooShort",
        "analysis: TrackUnreadable (open: corrupt)",
        "analysis: TrackUnreadable (decode: truncated)"
      ]
    )
  })
})

describe("the tree of a file", () => {
  /** Of these the tags are not read. */
  const untitled = ["w64", "caf"]

  it.each(originals)("is written as a valid one: $format", async ({ extension, format, root }) => {
    const path = join(folder, `whole ${format}.${extension}`)
    writeFileSync(path, encodeFile(root))
    const tags = await Effect.runPromise(
      Effect.flatMap(TrackFileReader, (reader) => reader.tags(path)).pipe(
        Effect.provide(TrackFileReaderLocal.layer.pipe(Layer.provide(AudioDecoderNodeAv.layer)))
      )
    )
    assert.strictEqual(tags.title.startsWith("Title"), !untitled.includes(format))
  })

  it("is damaged the same way by the same seed, and stays as it was", () => {
    for (const { root } of originals) {
      const before = encodeFile(root)
      const [one, other] = [1, 1].map((seed) => mutateStructure(root, makeRandom(seed), largest))
      assert.deepStrictEqual(one, other)
      assert.isTrue(before.equals(encodeFile(root)))
    }
  })
})
