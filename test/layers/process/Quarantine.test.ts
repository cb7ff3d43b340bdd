import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { lossesToRefuse, makeQuarantine, whileOpening } from "../../../src/layers/process/Quarantine.ts"
import { assert } from "../../support/assert.ts"
import { temporaryFolder } from "../../support/audioFiles.ts"

const setUp = Effect.gen(function* () {
  const folder = yield* temporaryFolder
  const path = join(folder, "song.flac")
  writeFileSync(path, "one content")
  const quarantine = makeQuarantine()
  return { folder, path, quarantine, file: yield* quarantine.keyOf(path) }
})

describe("Quarantine", () => {
  it.scoped("refuses a file that was to blame for three losses, and keeps it apart from the first on", () =>
    Effect.gen(function* () {
      const { file, quarantine } = yield* setUp
      assert.isFalse(quarantine.isSuspect(file))
      for (let loss = 1; loss <= lossesToRefuse; loss++) {
        assert.isUndefined(quarantine.refusal(file), `after ${loss - 1}`)
        quarantine.blame(file, 61.5)
        assert.isTrue(quarantine.isSuspect(file))
      }
      assert.hasFields(quarantine.refusal(file)!, { file: "song.flac", reason: "corrupt" })
    })
  )

  it.scoped("is not forgiven by a listener in front of the bad spot, nor by one behind it", () =>
    Effect.gen(function* () {
      const { file, quarantine } = yield* setUp
      for (let loss = 0; loss < 2; loss++) quarantine.blame(file, 61.5)
      for (let at = 0; at < 61.5; at += 0.25) quarantine.forgive(file, at, at + 0.25)
      quarantine.forgive(file, 61.75, 62)
      assert.isTrue(quarantine.isSuspect(file))
      quarantine.blame(file, 61.5)
      assert.isDefined(quarantine.refusal(file))
    })
  )

  it.scoped("is forgiven by a worker that comes through the spot, and by one that opens what could not be opened", () =>
    Effect.gen(function* () {
      const { file, quarantine } = yield* setUp
      quarantine.blame(file, 61.5)
      quarantine.forgive(file, 61.5, 61.75)
      assert.isFalse(quarantine.isSuspect(file))
      quarantine.blame(file, whileOpening)
      quarantine.blame(file, 7)
      quarantine.forgive(file, 100, 100.25)
      assert.isTrue(quarantine.isSuspect(file), "the loss at 7 s")
      quarantine.forgive(file, 7, 7.25)
      assert.isFalse(quarantine.isSuspect(file))
    })
  )

  it.scoped("is about a content: a file that has changed begins anew", () =>
    Effect.gen(function* () {
      const { file, path, quarantine } = yield* setUp
      quarantine.condemn(file, "too_demanding")
      assert.strictEqual(quarantine.refusal(file)?.reason, "too_demanding")
      writeFileSync(path, "another content, of another size")
      assert.isUndefined(quarantine.refusal(yield* quarantine.keyOf(path)))
    })
  )

  it.scoped("keeps a suspect apart without refusing it, and does not forgive what was condemned", () =>
    Effect.gen(function* () {
      const { file, quarantine } = yield* setUp
      quarantine.suspect(file)
      assert.isTrue(quarantine.isSuspect(file))
      assert.isUndefined(quarantine.refusal(file))
      quarantine.condemn(file, "too_demanding")
      quarantine.forgive(file, -Infinity, Infinity)
      assert.isDefined(quarantine.refusal(file))
    })
  )

  it.scoped("opens nothing that is no regular file", () =>
    Effect.gen(function* () {
      const { folder, quarantine } = yield* setUp
      assert.hasFields(yield* Effect.flip(quarantine.keyOf(folder)), { reason: "directory" })
    })
  )
})
