import { describe, it } from "@effect/vitest"
import { Cause, Effect, Either, Exit, Layer, Logger, Option } from "effect"
import { createHash } from "node:crypto"
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { FolderReadOnly } from "../../../src/domain/fingerprint/FolderReadOnly.ts"
import * as AudioDecoderNodeAv from "../../../src/layers/audio/AudioDecoderNodeAv.ts"
import * as TrackFileReaderLocal from "../../../src/layers/library/TrackFileReaderLocal.ts"
import * as FingerprintSidecarFiles from "../../../src/layers/fingerprint/FingerprintSidecarFiles.ts"
import { FingerprintSidecar } from "../../../src/services/FingerprintSidecar.ts"
import { assert } from "../../support/assert.ts"
import { someAnalysis } from "../../support/analyses.ts"
import { withoutPrivileges } from "../../support/withoutPrivileges.ts"

const versionOf = (path: string) => {
  const { size, mtimeMs } = statSync(path)
  return { size, mtime_ms: mtimeMs, inode: null, ctime_ms: null }
}

const sidecarsOf = (options: FingerprintSidecarFiles.SidecarOptions) =>
  FingerprintSidecarFiles.layerWith(options).pipe(
    Layer.provide(TrackFileReaderLocal.layer.pipe(Layer.provide(AudioDecoderNodeAv.layer)))
  )

/** A file with some bytes in a folder of its own, and the analysis that belongs to them. */
const inFolder = (
  use: (parts: {
    readonly sidecar: FingerprintSidecar["Type"]
    readonly folder: string
    readonly path: string
    readonly analysis: ReturnType<typeof someAnalysis>
  }) => Effect.Effect<void, FolderReadOnly>
) =>
  Effect.acquireUseRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "lathe-sidecar-"))),
    (folder) =>
      Effect.gen(function* () {
        const path = join(folder, "song.flac")
        writeFileSync(path, "some bytes")
        const { size, mtime_ms } = versionOf(path)
        const { provenance, ...rest } = someAnalysis()
        const content_sha256 = createHash("sha256").update("some bytes").digest("hex")
        const analysis = {
          ...rest,
          provenance: { ...provenance, file_size: size, file_mtime_ms: mtime_ms, content_sha256 }
        }
        yield* use({ sidecar: yield* FingerprintSidecar, folder, path, analysis })
      }),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
  ).pipe(Effect.provide(sidecarsOf({})))

describe("A .25d sidecar", () => {
  it.effect("gives back what was stored, and leaves no other file behind", () =>
    inFolder(({ sidecar, folder, path, analysis }) =>
      Effect.gen(function* () {
        yield* sidecar.store(path, analysis)
        assert.deepStrictEqual(yield* sidecar.find(path, versionOf(path)), Option.some(analysis))
        assert.deepStrictEqual(readdirSync(folder).sort(), ["song.flac", "song.flac.25d"])
      })
    )
  )

  it.effect("belongs to a copy of its file with another time, by content", () =>
    inFolder(({ sidecar, path, analysis }) =>
      Effect.gen(function* () {
        yield* sidecar.store(path, analysis)
        utimesSync(path, 1_000_000_000, 1_000_000_000)
        assert.deepStrictEqual(yield* sidecar.find(path, versionOf(path)), Option.some(analysis))
      })
    )
  )

  it.effect("does not belong to a replaced file, of another size or of the same", () =>
    inFolder(({ sidecar, path, analysis }) =>
      Effect.gen(function* () {
        yield* sidecar.store(path, analysis)
        for (const content of ["some bytes more", "same bytes"]) {
          writeFileSync(path, content)
          utimesSync(path, 1_000_000_000, 1_000_000_000)
          assert.deepStrictEqual(yield* sidecar.find(path, versionOf(path)), Option.none())
        }
      })
    )
  )

  it.effect("does not belong to a file that was put in place of another with the same size and time", () =>
    inFolder(({ sidecar, path, analysis }) =>
      Effect.gen(function* () {
        utimesSync(path, 1_000_000_000, 1_000_000_000)
        const ofFile = { ...analysis, provenance: { ...analysis.provenance, file_mtime_ms: 1_000_000_000_000 } }
        yield* sidecar.store(path, ofFile)
        assert.deepStrictEqual(yield* sidecar.find(path, versionOf(path)), Option.some(ofFile))
        writeFileSync(path, "same bytes")
        utimesSync(path, 1_000_000_000, 1_000_000_000)
        assert.deepStrictEqual(yield* sidecar.find(path, versionOf(path)), Option.none())
      })
    )
  )

  it.effect("does not belong to a file of another size, even with the time of the one before", () =>
    inFolder(({ sidecar, path, analysis }) =>
      Effect.gen(function* () {
        yield* sidecar.store(path, analysis)
        const { mtime } = statSync(path)
        utimesSync(path, mtime, mtime)
        const same = { ...analysis, provenance: { ...analysis.provenance, file_mtime_ms: versionOf(path).mtime_ms } }
        yield* sidecar.store(path, same)
        assert.deepStrictEqual(yield* sidecar.find(path, versionOf(path)), Option.some(same))
        writeFileSync(path, "some bytes more")
        utimesSync(path, mtime, mtime)
        assert.deepStrictEqual(yield* sidecar.find(path, versionOf(path)), Option.none())
      })
    )
  )

  it.effect("is none where it is missing, cut, garbage, of another algorithm, or with an impossible value", () =>
    inFolder(({ sidecar, path, analysis }) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* sidecar.find(path, versionOf(path)), Option.none())
        yield* sidecar.store(path, analysis)
        const sidecarPath = FingerprintSidecarFiles.sidecarPath(path)
        const good = readFileSync(sidecarPath, "utf8")
        const spoilt = [
          good.slice(0, 300),
          "",
          "garbage",
          good.replace('"format":"lathe.25d"', '"format":"lathe.26d"'),
          good.replace('"algorithm_version":1', '"algorithm_version":2'),
          good.replace('"lufs":-14.5', '"lufs":null'),
          good.replace('"lufs":-14.5', '"lufs":-100'),
          good.replace('"tempo":121.3,', "")
        ]
        for (const text of spoilt) {
          assert.notStrictEqual(text, good)
          writeFileSync(sidecarPath, text)
          assert.deepStrictEqual(yield* sidecar.find(path, versionOf(path)), Option.none())
        }
        writeFileSync(sidecarPath, good)
        assert.deepStrictEqual(yield* sidecar.find(path, versionOf(path)), Option.some(analysis))
      })
    )
  )

  it.effect("that is a large file of something else is not read", () =>
    inFolder(({ sidecar, path }) =>
      Effect.gen(function* () {
        writeFileSync(FingerprintSidecarFiles.sidecarPath(path), "")
        truncateSync(FingerprintSidecarFiles.sidecarPath(path), 8 * 1024 ** 3)
        assert.deepStrictEqual(yield* sidecar.find(path, versionOf(path)), Option.none())
      })
    )
  )

  it.effect("is not written into a read-only folder, which says so, and where those that are there are read", () =>
    inFolder(({ sidecar, folder, path, analysis }) =>
      Effect.gen(function* () {
        yield* sidecar.store(path, analysis)
        chmodSync(folder, 0o555)
        const other = join(folder, "other.flac")
        const refused = yield* withoutPrivileges(Effect.either(sidecar.store(other, analysis)))
        assert.instanceOf(Option.getOrUndefined(Either.getLeft(refused)), FolderReadOnly)
        assert.deepStrictEqual(yield* withoutPrivileges(sidecar.find(path, versionOf(path))), Option.some(analysis))
        assert.deepStrictEqual(readdirSync(folder).sort(), ["song.flac", "song.flac.25d"])
        chmodSync(folder, 0o755)
      })
    )
  )

  it.effect("is kept in a folder of its own where that is asked for, and nothing beside the music", () =>
    inFolder(({ analysis, folder, path }) =>
      Effect.gen(function* () {
        const own = join(folder, "data", "sidecars")
        const sidecar = yield* Effect.provide(FingerprintSidecar, sidecarsOf({ folder: own }))
        const other = join(folder, "other.flac")
        writeFileSync(other, "some bytes")
        yield* sidecar.store(path, analysis)
        assert.deepStrictEqual(yield* sidecar.find(path, versionOf(path)), Option.some(analysis))
        assert.deepStrictEqual(yield* sidecar.find(other, versionOf(other)), Option.none())
        assert.deepStrictEqual(readdirSync(folder).sort(), ["data", "other.flac", "song.flac"])
      })
    )
  )

  it.effect("costs one line where the names of a folder are too long for it, and is there where it just fits", () => {
    const lines: Array<unknown> = []
    const listen = Logger.replace(
      Logger.defaultLogger,
      Logger.make(({ message }) => void lines.push(message))
    )
    return inFolder(({ analysis, folder, sidecar }) =>
      Effect.gen(function* () {
        // The longest name has 255 bytes.
        for (const name of ["a", "b", "c"]) {
          const path = join(folder, `${name.repeat(250)}.flac`)
          writeFileSync(path, "some bytes")
          const refused = yield* Effect.either(sidecar.store(path, analysis))
          assert.hasFields(Option.getOrThrow(Either.getLeft(refused)), { reason: "name_too_long" })
          assert.deepStrictEqual(yield* sidecar.find(path, versionOf(path)), Option.none())
        }
        assert.lengthOf(lines, 1)
        const fits = join(folder, `${"d".repeat(246)}.flac`)
        writeFileSync(fits, "some bytes")
        yield* sidecar.store(fits, analysis)
        assert.deepStrictEqual(yield* sidecar.find(fits, versionOf(fits)), Option.some(analysis))
      })
    ).pipe(Effect.provide(listen))
  })

  it.effect("that cannot be read or written is a defect, and leaves nothing half-written", () =>
    inFolder(({ sidecar, folder, path, analysis }) =>
      Effect.gen(function* () {
        // A folder in its place: that even root cannot read or replace.
        mkdirSync(FingerprintSidecarFiles.sidecarPath(path))
        assert.isTrue(isDefect(yield* Effect.exit(sidecar.find(path, versionOf(path)))))
        assert.isTrue(isDefect(yield* Effect.exit(sidecar.store(path, analysis))))
        assert.isTrue(isDefect(yield* Effect.exit(sidecar.store(join(folder, "gone", "song.flac"), analysis))))
        assert.deepStrictEqual(readdirSync(folder).sort(), ["song.flac", "song.flac.25d"])
      })
    )
  )
})

const isDefect = (exit: Exit.Exit<unknown, unknown>) => Exit.isFailure(exit) && Cause.isDie(exit.cause)
