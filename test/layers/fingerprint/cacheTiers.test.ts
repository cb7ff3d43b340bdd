import { describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { createHash } from "node:crypto"
import { chmodSync, statSync, utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { TrackFile } from "../../../src/domain/library/Track.ts"
import { findCached, makeCacheTiers } from "../../../src/layers/fingerprint/cacheTiers.ts"
import * as FingerprintSidecarFiles from "../../../src/layers/fingerprint/FingerprintSidecarFiles.ts"
import { versionOf } from "../../../src/layers/library/audioFiles.ts"
import { FingerprintRepo } from "../../../src/services/FingerprintRepo.ts"
import { someAnalysis, someTrackFile } from "../../support/analyses.ts"
import { assert } from "../../support/assert.ts"
import { temporaryFolder } from "../../support/audioFiles.ts"
import * as FingerprintRepoMemory from "../../support/layers/FingerprintRepoMemory.ts"

/** The track whose file this is, as it is now. */
const trackAt = (folder: string, relativePath: string): Effect.Effect<TrackFile> =>
  Effect.map(
    Effect.promise(() => versionOf(join(folder, relativePath))),
    (version) => someTrackFile({ folder, relativePath, version })
  )

/** A file whose analysis is stored, and what becomes of it after something was done to the file. */
const afterwards = (change: (path: string) => void) =>
  Effect.gen(function* () {
    const folder = yield* temporaryFolder
    const path = join(folder, "song.flac")
    writeFileSync(path, "some bytes")
    utimesSync(path, 1_700_000_000, 1_700_000_000)
    const repo = yield* FingerprintRepo
    const before = yield* trackAt(folder, "song.flac")
    const some = someAnalysis()
    const analysis = {
      ...some,
      provenance: {
        ...some.provenance,
        file_size: before.version.size,
        file_mtime_ms: before.version.mtime_ms,
        content_sha256: createHash("sha256").update("some bytes").digest("hex")
      }
    }
    yield* repo.store({ trackId: before.track.id, version: before.version }, analysis)
    change(path)
    const after = yield* trackAt(folder, "song.flac")
    const found = yield* findCached(yield* makeCacheTiers, after)
    const stored = yield* repo.find({ trackId: after.track.id, version: after.version })
    return { before, after, analysis, found, stored }
  }).pipe(Effect.provide(Layer.merge(FingerprintRepoMemory.layer, FingerprintSidecarFiles.layerNone)))

describe("A stored analysis", () => {
  it.scoped("is not believed of a file that was replaced by one of the same size and time", () =>
    Effect.gen(function* () {
      const { after, before, found, stored } = yield* afterwards((path) => {
        const { mtimeMs, size } = statSync(path)
        writeFileSync(path, "same bytes")
        utimesSync(path, mtimeMs / 1000, mtimeMs / 1000)
        assert.strictEqual(statSync(path).size, size)
      })
      assert.strictEqual(after.version.mtime_ms, before.version.mtime_ms)
      assert.deepStrictEqual([found, stored], [Option.none(), Option.none()])
    })
  )

  it.scoped("holds for a file that was given other rights, and is stored as what it is now", () =>
    Effect.gen(function* () {
      const { after, analysis, before, found, stored } = yield* afterwards((path) => chmodSync(path, 0o600))
      assert.notStrictEqual(after.version.ctime_ms, before.version.ctime_ms)
      assert.deepStrictEqual(found, Option.some({ analysis, source: "database" }))
      assert.deepStrictEqual(stored, Option.some(analysis))
    })
  )
})
