/** The tables, as they came to be: each migration runs once on a database, in this order. */
import { SqlClient, type SqlError } from "@effect/sql"
import { Effect } from "effect"
import { dimensionNames } from "../../domain/fingerprint/Fingerprint.ts"
import { hasSizeAndTime, haveSameVersion } from "./fileVersions.ts"

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
  yield* createGroups(run)
  yield* describeTracks(run)
  yield* indexLists(run)
  yield* createSearch(run)
  yield* followFingerprints(run)
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

/** Inode and time of change, which tell a file from one that was put in its place with the same size and time. */
const fileVersions = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const run = (text: string) => sql.unsafe(text)
  for (const table of ["tracks", "unreadable_files", "fingerprints", "fingerprint_failures", "waveforms"]) {
    yield* run(`ALTER TABLE ${table} ADD COLUMN inode INTEGER`)
    yield* run(`ALTER TABLE ${table} ADD COLUMN ctime_ms REAL`)
  }
  yield* dropFingerprintTriggers(run)
  yield* createFingerprintTriggers(run, haveSameVersion)
})

/** What else files say of themselves. The next scan reads it: it finds no file unchanged. */
const moreDetails = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  for (const column of [
    "genre TEXT",
    "composer TEXT",
    "codec TEXT",
    "bit_depth INTEGER",
    "bit_rate INTEGER",
    "musicbrainz_recording_id TEXT",
    "musicbrainz_track_id TEXT",
    "musicbrainz_album_id TEXT",
    "musicbrainz_release_group_id TEXT",
    "musicbrainz_artist_id TEXT",
    "musicbrainz_album_artist_id TEXT",
    "replaygain_track_gain_db REAL",
    "replaygain_track_peak REAL",
    "replaygain_album_gain_db REAL",
    "replaygain_album_peak REAL",
    "r128_track_gain_db REAL",
    "r128_album_gain_db REAL"
  ]) {
    yield* sql.unsafe(`ALTER TABLE tracks ADD COLUMN ${column}`)
  }
  // Not the version of any file.
  yield* sql.unsafe("UPDATE tracks SET mtime_ms = -1")
  // What was refused for damage is played and measured around it by now.
  yield* sql.unsafe("UPDATE unreadable_files SET mtime_ms = -1")
  yield* sql.unsafe("DELETE FROM fingerprint_failures WHERE code = 'TrackUnreadable'")
})

export const migrations = {
  "0001_initial": initial,
  "0002_library": library,
  "0003_file_versions": fileVersions,
  "0004_details": moreDetails
}

type Run = (text: string) => Effect.Effect<unknown, SqlError.SqlError>

const createGroups = (run: Run) =>
  Effect.gen(function* () {
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
  })

const describeTracks = (run: Run) =>
  Effect.gen(function* () {
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
  })

const indexLists = (run: Run) =>
  Effect.gen(function* () {
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
  })

const createSearch = (run: Run) =>
  Effect.gen(function* () {
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
  })

/** Keeps the state of a track's fingerprint in its row. */
const followFingerprints = (run: Run) =>
  Effect.gen(function* () {
    // One row: what counts as current, and how often a fingerprint was stored or went.
    yield* run("CREATE TABLE fingerprint_epoch (algorithm_version INTEGER NOT NULL, revision INTEGER NOT NULL)")
    yield* run("INSERT INTO fingerprint_epoch VALUES (0, 0)")
    yield* createFingerprintTriggers(run, hasSizeAndTime)
  })

/** Whether two rows, by the names of their tables, are about the same version of a file. */
type IsSame = (a: string, b: string) => string

const createFingerprintTriggers = (run: Run, isSame: IsSame) =>
  Effect.gen(function* () {
    const revise = "UPDATE fingerprint_epoch SET revision = revision + 1"
    const isOfNew = `id = new.track_id AND ${isSame("tracks", "new")}
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
    const columns = isSame === hasSizeAndTime ? ["size", "mtime_ms"] : ["size", "mtime_ms", "inode", "ctime_ms"]
    yield* run(`
      CREATE TRIGGER fingerprint_of_changed_track AFTER UPDATE OF ${columns.join(", ")} ON tracks
      WHEN ${columns.map((name) => `new.${name} IS NOT old.${name}`).join(" OR ")} BEGIN
        UPDATE tracks SET fingerprint_state = ${stateBy(isSame)} WHERE id = new.id;
        ${revise};
      END`)
  })

const dropFingerprintTriggers = (run: Run) =>
  Effect.forEach(
    [
      "fingerprint_after_insert",
      "fingerprint_after_update",
      "fingerprint_after_delete",
      "failure_after_insert",
      "failure_after_update",
      "failure_after_delete",
      "fingerprint_of_changed_track"
    ],
    (name) => run(`DROP TRIGGER ${name}`),
    { discard: true }
  )

/** What the tables of fingerprints and failures say of the track in the row at hand. */
const stateBy = (isSame: IsSame) => `CASE
  WHEN EXISTS (
    SELECT 1 FROM fingerprints f WHERE f.track_id = tracks.id AND ${isSame("f", "tracks")}
      AND f.algorithm_version = (SELECT algorithm_version FROM fingerprint_epoch)
  ) THEN 'ready'
  WHEN EXISTS (
    SELECT 1 FROM fingerprint_failures f WHERE f.track_id = tracks.id AND ${isSame("f", "tracks")}
      AND f.algorithm_version = (SELECT algorithm_version FROM fingerprint_epoch)
  ) THEN 'failed'
  ELSE 'pending' END`

export const stateOf = stateBy(haveSameVersion)
