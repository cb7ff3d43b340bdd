import { SqlClient } from "@effect/sql"
import { describe, it } from "@effect/vitest"
import { SqliteClient, SqliteMigrator } from "@effect/sql-sqlite-node"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { Effect, Layer } from "effect"
import { mkdirSync, statSync } from "node:fs"
import { join } from "node:path"
import { algorithmVersion, dimensionNames } from "../../../src/domain/fingerprint/Fingerprint.ts"
import * as AudioDecoderNodeAv from "../../../src/layers/audio/AudioDecoderNodeAv.ts"
import * as DatabaseSqlite from "../../../src/layers/database/DatabaseSqlite.ts"
import { toRecord } from "../../../src/layers/fingerprint/FingerprintRepoSqlite.ts"
import * as LibraryCatalogSqlite from "../../../src/layers/library/LibraryCatalogSqlite.ts"
import * as TrackFileReaderLocal from "../../../src/layers/library/TrackFileReaderLocal.ts"
import * as TrackLibraryFolders from "../../../src/layers/library/TrackLibraryFolders.ts"
import * as TrackRepoSqlite from "../../../src/layers/library/TrackRepoSqlite.ts"
import { TrackId } from "../../../src/domain/library/Track.ts"
import { LibraryCatalog } from "../../../src/services/LibraryCatalog.ts"
import { TrackLibrary } from "../../../src/services/TrackLibrary.ts"
import { DatabaseUnavailable } from "../../../src/domain/database/DatabaseUnavailable.ts"
import { assert } from "../../support/assert.ts"
import { someAnalysis } from "../../support/analyses.ts"
import { temporaryFolder, writeAudioFile } from "../../support/audioFiles.ts"
import { onAll, sine } from "../../support/signals.ts"

/** The tables as the first version made them. */
const firstVersion = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql.unsafe(`
    CREATE TABLE tracks (
      id INTEGER PRIMARY KEY AUTOINCREMENT, folder TEXT NOT NULL, path TEXT NOT NULL, size INTEGER NOT NULL,
      mtime_ms REAL NOT NULL, title TEXT NOT NULL, artist TEXT, album TEXT, duration REAL NOT NULL,
      sample_rate INTEGER NOT NULL, channels INTEGER NOT NULL, present INTEGER NOT NULL DEFAULT 1, UNIQUE (folder, path)
    )`)
  yield* sql.unsafe(`
    CREATE TABLE unreadable_files (
      folder TEXT NOT NULL, path TEXT NOT NULL, size INTEGER NOT NULL, mtime_ms REAL NOT NULL, message TEXT NOT NULL,
      PRIMARY KEY (folder, path)
    )`)
  yield* sql.unsafe(`
    CREATE TABLE fingerprints (
      track_id INTEGER PRIMARY KEY REFERENCES tracks (id) ON DELETE CASCADE, size INTEGER NOT NULL,
      mtime_ms REAL NOT NULL, algorithm_version INTEGER NOT NULL,
      ${dimensionNames.map((name) => `${name} REAL NOT NULL`).join(", ")},
      measurements TEXT NOT NULL, provenance TEXT NOT NULL
    )`)
  yield* sql.unsafe(`
    CREATE TABLE fingerprint_failures (
      track_id INTEGER PRIMARY KEY REFERENCES tracks (id) ON DELETE CASCADE, size INTEGER NOT NULL,
      mtime_ms REAL NOT NULL, algorithm_version INTEGER NOT NULL, code TEXT NOT NULL, message TEXT NOT NULL
    )`)
})

/** A database of the first version with one track, whose fingerprint is of `algorithm`. */
const inOldDatabase = (algorithm: number) =>
  Effect.gen(function* () {
    const root = yield* temporaryFolder
    const folder = join(root, "music")
    mkdirSync(folder)
    const path = writeAudioFile(folder, "song", "wav16", onAll(1, sine(44_100, 1, 440, -20)), { sampleRate: 44_100 })
    const { size, mtimeMs } = statSync(path)
    const version = { size, mtime_ms: mtimeMs }
    const filename = join(root, "lathe.db")
    yield* Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const track = {
        id: 17,
        folder,
        path: "song.wav",
        ...version,
        title: "song",
        duration: 1,
        sample_rate: 44_100,
        channels: 1
      }
      yield* sql`INSERT INTO tracks ${sql.insert(track)}`
      const record = {
        ...toRecord(
          { trackId: TrackId.make(17), version: { ...version, inode: null, ctime_ms: null } },
          someAnalysis()
        ),
        algorithm_version: algorithm
      }
      const { inode: _inode, ctime_ms: _ctime, ...first } = record
      yield* sql`INSERT INTO fingerprints ${sql.insert(first)}`
    }).pipe(
      Effect.provide(
        SqliteMigrator.layer({ loader: SqliteMigrator.fromRecord({ "0001_initial": firstVersion }) }).pipe(
          Layer.provide(NodeContext.layer),
          Layer.provideMerge(SqliteClient.layer({ filename }))
        )
      )
    )
    return { folder, filename }
  }).pipe(Effect.orDie)

const libraryIn = (old: { readonly folder: string; readonly filename: string }) =>
  TrackLibraryFolders.layer([old.folder]).pipe(
    Layer.provideMerge(Layer.merge(TrackRepoSqlite.layer, LibraryCatalogSqlite.layer)),
    Layer.provide(DatabaseSqlite.layer(old.filename)),
    Layer.provide(TrackFileReaderLocal.layer.pipe(Layer.provide(AudioDecoderNodeAv.layer)))
  )

describe("The database", () => {
  it.scoped(
    "takes over the tracks of its first version, with their ids and fingerprints, and reads their tags once",
    () =>
      Effect.gen(function* () {
        const old = yield* inOldDatabase(algorithmVersion)
        yield* Effect.gen(function* () {
          const library = yield* TrackLibrary
          const catalog = yield* LibraryCatalog
          assert.strictEqual(yield* catalog.count, 1)
          assert.hasFields(yield* library.scan, { added: 0, updated: 1 })
          assert.hasFields(yield* library.scan, { unchanged: 1 })
          const { items } = yield* Effect.orDie(
            catalog.tracks({ sort: "artist", order: "asc", limit: 10, search: "song" })
          )
          assert.hasFields(items[0], { id: TrackId.make(17), title: "song", fingerprint: "ready" })
          assert.isAbove(Date.parse(items[0]!.added_at), Date.parse("2020-01-01"))
        }).pipe(Effect.provide(libraryIn(old)))
      })
  )

  it.scoped("does not count a fingerprint of another algorithm", () =>
    Effect.gen(function* () {
      const old = yield* inOldDatabase(algorithmVersion + 1)
      yield* Effect.gen(function* () {
        yield* Effect.flatMap(TrackLibrary, (library) => library.scan)
        const catalog = yield* LibraryCatalog
        assert.deepStrictEqual(yield* catalog.fingerprints, { ready: 0, pending: 1, failed: 0 })
      }).pipe(Effect.provide(libraryIn(old)))
    })
  )
})

describe("A database that cannot be opened", () => {
  it("is to be moved away where it is damaged, and to be made writable where it may not be touched", () => {
    const said = (detail: string) => new DatabaseUnavailable({ filename: "/data/lathe.db", detail }).message
    assert.includes(said("file is not a database"), "Move it away")
    for (const detail of ["attempt to write a readonly database", "unable to open database file", "EACCES"]) {
      assert.includes(said(detail), "Make it and its folder writable for this user, or choose another")
      assert.excludes(said(detail), "Move it away")
    }
  })
})
