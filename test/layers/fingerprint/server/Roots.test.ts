import { describe, it } from "@effect/vitest"
import { Effect, Either } from "effect"
import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { resolveBelow } from "../../../../src/layers/fingerprint/server/Roots.ts"
import { assert } from "../../../support/assert.ts"
import { temporaryFolder } from "../../../support/audioFiles.ts"

describe("The folders of the fingerprint server", () => {
  it.scoped(
    "admit what their links lead to, by its name in them, where links are followed, and nothing else outside",
    () =>
      Effect.gen(function* () {
        const root = realpathSync(yield* temporaryFolder)
        const [music, outside] = [join(root, "music"), join(root, "outside")]
        mkdirSync(music)
        mkdirSync(outside)
        writeFileSync(join(outside, "song.flac"), "")
        symlinkSync(outside, join(music, "linked"))
        const isAdmitted = (path: string, followLinks: boolean) =>
          Effect.map(Effect.either(resolveBelow([music], path, followLinks)), Either.isRight)
        const byLink = join(music, "linked", "song.flac")
        assert.isTrue(yield* isAdmitted(byLink, true))
        assert.isFalse(yield* isAdmitted(byLink, false))
        for (const path of [
          join(outside, "song.flac"),
          `${music}/linked/../outside/song.flac`,
          `${music}/../outside/song.flac`
        ]) {
          assert.isFalse(yield* isAdmitted(path, true), path)
        }
      })
  )
})
