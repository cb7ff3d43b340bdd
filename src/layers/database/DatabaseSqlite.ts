/** The service's one SQLite file: opened, migrated, tuned. Everything stored goes through its client. */
import { SqlClient } from "@effect/sql"
import { SqliteClient, SqliteMigrator } from "@effect/sql-sqlite-node"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { Cause, Effect, Layer } from "effect"
import { dirname } from "node:path"
import { DatabaseUnavailable } from "../../domain/database/DatabaseUnavailable.ts"
import { algorithmVersion, dimensionNames } from "../../domain/fingerprint/Fingerprint.ts"
import { makeDataFolder } from "./dataFolder.ts"

const initial = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`
    CREATE TABLE tracks (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      folder TEXT NOT NULL,
      path TEXT NOT NULL,
      size INTEGER NOT NULL,
      mtime_ms REAL NOT NULL,
      title TEXT NOT NULL,
      artist TEXT,
      album TEXT,
      duration REAL NOT NULL,
      sample_rate INTEGER NOT NULL,
      channels INTEGER NOT NULL,
      present INTEGER NOT NULL DEFAULT 1,
      UNIQUE (folder, path)
    )`
  yield* sql`
    CREATE TABLE unreadable_files (
      folder TEXT NOT NULL,
      path TEXT NOT NULL,
      size INTEGER NOT NULL,
      mtime_ms REAL NOT NULL,
      message TEXT NOT NULL,
      PRIMARY KEY (folder, path)
    )`
  yield* sql.unsafe(`
    CREATE TABLE fingerprints (
      track_id INTEGER PRIMARY KEY REFERENCES tracks (id) ON DELETE CASCADE,
      size INTEGER NOT NULL,
      mtime_ms REAL NOT NULL,
      algorithm_version INTEGER NOT NULL,
      ${dimensionNames.map((name) => `${name} REAL NOT NULL`).join(",\n      ")},
      measurements TEXT NOT NULL,
      provenance TEXT NOT NULL
    )`)
  yield* sql`
    CREATE TABLE fingerprint_failures (
      track_id INTEGER PRIMARY KEY REFERENCES tracks (id) ON DELETE CASCADE,
      size INTEGER NOT NULL,
      mtime_ms REAL NOT NULL,
      algorithm_version INTEGER NOT NULL,
      code TEXT NOT NULL,
      message TEXT NOT NULL
    )`
})

/**
 * Albums, artists, sort keys, search, and the state of a track's fingerprint as a column, so that a page of a large
 * library needs an index only. What the files themselves have to tell, the next scan reads: it finds no file unchanged.
 */
const library = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const run = (text: string) => sql.unsafe(text)
  yield* run(`
    CREATE TABLE artists (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      key TEXT NOT NULL UNIQUE,
      name TEXT NOT NULL,
      name_sort TEXT NOT NULL,
      search_text TEXT NOT NULL,
      albums INTEGER NOT NULL DEFAULT 0,
      tracks INTEGER NOT NULL DEFAULT 0
    )`)
  yield* run(`
    CREATE TABLE albums (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      key TEXT NOT NULL UNIQUE,
      title TEXT NOT NULL,
      title_sort TEXT NOT NULL,
      title_text TEXT NOT NULL,
      artist_id INTEGER REFERENCES artists (id),
      artist_sort TEXT NOT NULL DEFAULT '',
      search_text TEXT NOT NULL DEFAULT '',
      year INTEGER,
      year_sort INTEGER NOT NULL DEFAULT 0,
      tracks INTEGER NOT NULL DEFAULT 0,
      duration REAL NOT NULL DEFAULT 0,
      art_track_id INTEGER,
      added_at INTEGER NOT NULL DEFAULT 0
    )`)
  for (const column of [
    "album_artist TEXT",
    "track_number INTEGER",
    "disc_number INTEGER",
    "year INTEGER",
    "has_art INTEGER NOT NULL DEFAULT 0",
    // Milliseconds since 1970.
    "added_at INTEGER NOT NULL DEFAULT 0",
    "album_id INTEGER REFERENCES albums (id)",
    "artist_id INTEGER REFERENCES artists (id)",
    "title_sort TEXT NOT NULL DEFAULT ''",
    "artist_sort TEXT NOT NULL DEFAULT ''",
    "album_sort TEXT NOT NULL DEFAULT ''",
    "search_text TEXT NOT NULL DEFAULT ''",
    "fingerprint_state TEXT NOT NULL DEFAULT 'pending'"
  ]) {
    yield* run(`ALTER TABLE tracks ADD COLUMN ${column}`)
  }
  for (const columns of [
    "artist_sort, id",
    "album_sort, id",
    "title_sort, id",
    "added_at, id",
    "duration, id",
    "album_id",
    "artist_id, album_id",
    "fingerprint_state, id"
  ]) {
    const name = columns.replaceAll(/\W+/g, "_")
    yield* run(`CREATE INDEX tracks_by_${name} ON tracks (${columns}) WHERE present = 1`)
  }
  // Where a moved file may come from.
  yield* run("CREATE INDEX tracks_by_version ON tracks (size, mtime_ms)")
  for (const column of ["title_sort", "artist_sort", "year_sort", "added_at"]) {
    yield* run(`CREATE INDEX albums_by_${column} ON albums (${column}, id) WHERE tracks > 0`)
  }
  yield* run("CREATE INDEX artists_by_name_sort ON artists (name_sort, id) WHERE tracks > 0")

  // Its text is folded (SearchText): only spaces separate words.
  yield* run(`
    CREATE VIRTUAL TABLE track_search USING fts5 (
      text, content = '', contentless_delete = 1, tokenize = 'ascii', prefix = '1 2 3'
    )`)
  yield* run(`
    CREATE TRIGGER search_new_track AFTER INSERT ON tracks WHEN new.present = 1 BEGIN
      INSERT INTO track_search (rowid, text) VALUES (new.id, new.search_text);
    END`)
  yield* run(`
    CREATE TRIGGER search_changed_track AFTER UPDATE OF search_text, present ON tracks
    WHEN new.search_text <> old.search_text OR new.present <> old.present BEGIN
      DELETE FROM track_search WHERE rowid = old.id;
      INSERT INTO track_search (rowid, text) SELECT new.id, new.search_text WHERE new.present = 1;
    END`)
  yield* run(`
    CREATE TRIGGER search_deleted_track AFTER DELETE ON tracks BEGIN
      DELETE FROM track_search WHERE rowid = old.id;
    END`)

  // One row: what counts as current, and how often a fingerprint was stored or went.
  yield* run("CREATE TABLE fingerprint_epoch (algorithm_version INTEGER NOT NULL, revision INTEGER NOT NULL)")
  yield* run("INSERT INTO fingerprint_epoch VALUES (0, 0)")
  const revise = "UPDATE fingerprint_epoch SET revision = revision + 1"
  const isOfNew = `id = new.track_id AND size = new.size AND mtime_ms = new.mtime_ms
    AND new.algorithm_version = (SELECT algorithm_version FROM fingerprint_epoch)`
  for (const event of ["INSERT", "UPDATE"]) {
    yield* run(`
      CREATE TRIGGER fingerprint_after_${event.toLowerCase()} AFTER ${event} ON fingerprints BEGIN
        UPDATE tracks SET fingerprint_state = 'ready' WHERE ${isOfNew};
        ${revise};
      END`)
    yield* run(`
      CREATE TRIGGER failure_after_${event.toLowerCase()} AFTER ${event} ON fingerprint_failures BEGIN
        UPDATE tracks SET fingerprint_state = 'failed' WHERE ${isOfNew};
      END`)
  }
  yield* run(`
    CREATE TRIGGER fingerprint_after_delete AFTER DELETE ON fingerprints BEGIN
      UPDATE tracks SET fingerprint_state = 'pending' WHERE id = old.track_id AND fingerprint_state = 'ready';
      ${revise};
    END`)
  yield* run(`
    CREATE TRIGGER failure_after_delete AFTER DELETE ON fingerprint_failures BEGIN
      UPDATE tracks SET fingerprint_state = 'pending' WHERE id = old.track_id AND fingerprint_state = 'failed';
    END`)
  yield* run(`
    CREATE TRIGGER fingerprint_of_changed_track AFTER UPDATE OF size, mtime_ms ON tracks
    WHEN new.size <> old.size OR new.mtime_ms <> old.mtime_ms BEGIN
      UPDATE tracks SET fingerprint_state = ${stateOf} WHERE id = new.id;
      ${revise};
    END`)

  // Not the version of any file.
  yield* run(`
    UPDATE tracks SET mtime_ms = -1, title_sort = lower(title), artist_sort = lower(coalesce(artist, '')),
      added_at = CAST(1000.0 * (julianday('now') - 2440587.5) * 86400.0 AS INTEGER)`)
  yield* run(`
    CREATE TABLE waveforms (
      track_id INTEGER PRIMARY KEY REFERENCES tracks (id) ON DELETE CASCADE,
      size INTEGER NOT NULL,
      mtime_ms REAL NOT NULL,
      peaks BLOB NOT NULL
    )`)
})

/** What the tables of fingerprints and failures say of the track in the row at hand. */
const stateOf = `CASE
  WHEN EXISTS (
    SELECT 1 FROM fingerprints f WHERE f.track_id = tracks.id AND f.size = tracks.size AND f.mtime_ms = tracks.mtime_ms
      AND f.algorithm_version = (SELECT algorithm_version FROM fingerprint_epoch)
  ) THEN 'ready'
  WHEN EXISTS (
    SELECT 1 FROM fingerprint_failures f WHERE f.track_id = tracks.id AND f.size = tracks.size
      AND f.mtime_ms = tracks.mtime_ms AND f.algorithm_version = (SELECT algorithm_version FROM fingerprint_epoch)
  ) THEN 'failed'
  ELSE 'pending' END`

/** After a change of the algorithm no stored fingerprint counts any more. */
const enterEpoch = Layer.effectDiscard(
  Effect.flatMap(SqlClient.SqlClient, (sql) =>
    Effect.gen(function* () {
      const rows = yield* sql<{ readonly algorithm_version: number }>`SELECT algorithm_version FROM fingerprint_epoch`
      if (rows[0]?.algorithm_version === algorithmVersion) return
      yield* sql`UPDATE fingerprint_epoch SET algorithm_version = ${algorithmVersion}, revision = revision + 1`
      yield* sql.unsafe(`UPDATE tracks SET fingerprint_state = ${stateOf}`)
    }).pipe(sql.withTransaction)
  )
)

// A locked database blocks the event loop for as long as SQLite waits, so it waits for less than one frame of audio.
const busyTimeoutMilliseconds = 100

const tune = Layer.effectDiscard(
  Effect.flatMap(SqlClient.SqlClient, (sql) => sql.unsafe(`PRAGMA busy_timeout = ${busyTimeoutMilliseconds}`))
)

const migrate = SqliteMigrator.layer({
  loader: SqliteMigrator.fromRecord({ "0001_initial": initial, "0002_library": library })
}).pipe(Layer.provide(NodeContext.layer))

/**
 * `filename` is a path whose folder is made when missing, or `:memory:`. Closing it writes what is in the log back into
 * the file.
 */
export const layer = (filename: string): Layer.Layer<SqlClient.SqlClient, DatabaseUnavailable> =>
  Layer.unwrapEffect(
    Effect.sync(() => {
      if (filename !== ":memory:") makeDataFolder(dirname(filename))
      return Layer.mergeAll(tune, Layer.provide(enterEpoch, migrate)).pipe(
        Layer.provideMerge(SqliteClient.layer({ filename }))
      )
    })
  ).pipe(Layer.catchAllCause((cause) => Layer.fail(unavailable(filename, cause))))

const unavailable = (filename: string, cause: Cause.Cause<unknown>): DatabaseUnavailable => {
  let detail = Cause.squash(cause)
  while (detail instanceof Error && detail.cause !== undefined) detail = detail.cause
  return new DatabaseUnavailable({ filename, detail: detail instanceof Error ? detail.message : String(detail) })
}

export const layerMemory = layer(":memory:").pipe(Layer.orDie)
