import { describe, it } from "@effect/vitest"
import * as Reactivity from "@effect/experimental/Reactivity"
import { SqliteClient } from "@effect/sql-sqlite-node"
import { Effect, Either, Exit, Fiber, Logger, Scope } from "effect"
import {
  appendFileSync,
  chmodSync,
  closeSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync
} from "node:fs"
import { AV_SAMPLE_FMT_FLT, AV_SAMPLE_FMT_FLTP, AV_SAMPLE_FMT_S16, AV_SAMPLE_FMT_S16P } from "node-av/constants"
import { join } from "node:path"
import { TrackId } from "../../../src/domain/library/Track.ts"
import * as DatabaseSqlite from "../../../src/layers/database/DatabaseSqlite.ts"
import * as FingerprintRepoSqlite from "../../../src/layers/fingerprint/FingerprintRepoSqlite.ts"
import { FingerprintRepo } from "../../../src/services/FingerprintRepo.ts"
import { LibraryCatalog } from "../../../src/services/LibraryCatalog.ts"
import { TrackLibrary } from "../../../src/services/TrackLibrary.ts"
import { assert } from "../../support/assert.ts"
import { someAnalysis } from "../../support/analyses.ts"
import { lossless, lossy, temporaryFolder, writeAudioFile } from "../../support/audioFiles.ts"
import { pngPixel, tagMp3 } from "../../support/id3.ts"
import { inLibrary, libraryLayer, scan, titles, unreadableFiles, until } from "../../support/library.ts"
import { onAll, sine } from "../../support/signals.ts"

const write = (folder: string, name: string, seconds = 1, sampleRate = 44_100) =>
  writeAudioFile(folder, name, "wav16", onAll(2, sine(sampleRate, seconds, 440, -20)), { sampleRate })

/** Of a folder: it can be listed, and nothing in it looked at. */
const namesOnly = 0o444

/** As a backup does: nobody else reads or writes until the scope closes. */
const holdDatabase = (filename: string) =>
  Effect.gen(function* () {
    const sql = yield* SqliteClient.make({ filename })
    yield* sql.unsafe("BEGIN EXCLUSIVE")
  }).pipe(Effect.provide(Reactivity.layer))

const writeMp3 = (folder: string, name: string) =>
  writeAudioFile(folder, name, "mp3", onAll(1, sine(44_100, 1, 440, -20)), { sampleRate: 44_100 })

/** An ID3v1 tag: 128 bytes at the end of the file. */
const id3v1 = (title: string, artist: string, album: string): Buffer => {
  const field = (text: string, length: number) => Buffer.alloc(length, 0).fill(text, 0, text.length, "latin1")
  const rest = Buffer.alloc(35, 0)
  return Buffer.concat([Buffer.from("TAG"), field(title, 30), field(artist, 30), field(album, 30), rest])
}

describe("TrackLibrary over folders", () => {
  it.scoped("removes the half-done sidecars of a writer that was killed, and nothing else", () =>
    inLibrary((folder) =>
      Effect.gen(function* () {
        write(folder, "a")
        const id = "0f8fad5b-d9cb-469f-a165-70867728950e"
        const old = [`a.wav.25d.${id}.tmp`, "a.wav.25d", "notes.tmp", `b.25d.${id}.txt`]
        for (const name of old) {
          writeFileSync(join(folder, name), "{")
          utimesSync(join(folder, name), 1_700_000_000, 1_700_000_000)
        }
        const fresh = `b.wav.25d.${id}.tmp`
        writeFileSync(join(folder, fresh), "{")
        utimesSync(join(folder, fresh), new Date(), new Date(Date.now() + 60_000))
        yield* scan
        const left = old.filter((name) => existsSync(join(folder, name)))
        assert.deepStrictEqual(left, old.slice(1))
        assert.isTrue(existsSync(join(folder, fresh)))
      })
    )
  )

  it.scoped("lists the audio files of all subfolders, by tag or by name, and nothing else", () =>
    inLibrary((folder) =>
      Effect.gen(function* () {
        mkdirSync(join(folder, "album"))
        write(folder, "untagged")
        const tagged = writeAudioFile(join(folder, "album"), "file", "mp3", onAll(1, sine(48_000, 2, 440, -20)), {
          sampleRate: 48_000
        })
        appendFileSync(tagged, id3v1("A Title", "An Artist", "An Album"))
        writeFileSync(join(folder, "cover.jpg"), "no audio")
        writeFileSync(join(folder, ".hidden.wav"), "hidden")
        assert.deepStrictEqual(yield* scan, { added: 2, updated: 0, unchanged: 0, unreadable: 0 })
        const [withTags, untagged] = yield* Effect.flatMap(TrackLibrary, (library) => library.list)
        assert.hasFields(untagged, { title: "untagged", artist: null, album: null, duration: 1, channels: 2 })
        assert.hasFields(withTags, { title: "A Title", artist: "An Artist", album: "An Album" })
        assert.hasFields(withTags, { sample_rate: 48_000, channels: 1, duration: 2 })
      })
    )
  )

  it.scoped("reads a file again only when it changed, and keeps its id", () =>
    inLibrary((folder) =>
      Effect.gen(function* () {
        const path = write(folder, "song")
        yield* scan
        assert.hasFields(yield* scan, { added: 0, unchanged: 1 })
        const library = yield* TrackLibrary
        const [before] = yield* library.list
        rmSync(path)
        write(folder, "song", 3)
        assert.hasFields(yield* scan, { updated: 1, unchanged: 0 })
        const [after] = yield* library.list
        assert.deepStrictEqual(after, { ...before!, duration: 3 })
      })
    )
  )

  it.scoped(
    "notices a file that was replaced by one of the same size and time, and counts on no fingerprint of it",
    () =>
      inLibrary((folder) =>
        Effect.gen(function* () {
          const path = write(folder, "song")
          utimesSync(path, 1_000_000_000, 1_000_000_000)
          yield* scan
          const library = yield* TrackLibrary
          const catalog = yield* LibraryCatalog
          const fingerprints = yield* FingerprintRepo
          const [track] = yield* library.list
          const before = yield* Effect.orDie(library.resolve(track!.id))
          const { provenance, ...rest } = someAnalysis()
          const { mtime_ms, size } = before.version
          yield* fingerprints.store(
            { trackId: track!.id, version: before.version },
            { ...rest, provenance: { ...provenance, file_size: size, file_mtime_ms: mtime_ms } }
          )
          assert.hasFields(yield* catalog.fingerprints, { ready: 1, pending: 0 })
          rmSync(path)
          writeAudioFile(folder, "song", "wav16", onAll(2, sine(44_100, 1, 220, -6)), { sampleRate: 44_100 })
          utimesSync(path, 1_000_000_000, 1_000_000_000)
          assert.strictEqual(statSync(path).size, size)
          assert.hasFields(yield* scan, { updated: 1, unchanged: 0 })
          assert.hasFields(yield* catalog.fingerprints, { ready: 0, pending: 1 })
          assert.hasFields(yield* scan, { updated: 0, unchanged: 1 })
          const after = yield* Effect.orDie(library.resolve(track!.id))
          assert.notDeepStrictEqual(after.version, before.version)
          assert.hasFields(after.version, { size, mtime_ms })
        }).pipe(Effect.provide(FingerprintRepoSqlite.layer))
      )
  )

  it.scoped("notices on resolving that a file was replaced since the scan", () =>
    inLibrary((folder) =>
      Effect.gen(function* () {
        const path = write(folder, "song")
        yield* scan
        const library = yield* TrackLibrary
        const [track] = yield* library.list
        const before = yield* Effect.orDie(library.resolve(track!.id))
        rmSync(path)
        write(folder, "song", 2, 22_050)
        const after = yield* Effect.orDie(library.resolve(track!.id))
        assert.notDeepStrictEqual(after.version, before.version)
        assert.hasFields(after.track, { id: track!.id, duration: 2, sample_rate: 22_050 })
        utimesSync(path, 1_000_000_000, 1_000_000_000)
        const touched = yield* Effect.orDie(library.resolve(track!.id))
        assert.strictEqual(touched.version.mtime_ms, 1_000_000_000_000)
      })
    )
  )

  it.scoped(
    "leaves out a broken file with its reason, reads it no second time, and takes it in when it is mended",
    () =>
      inLibrary((folder) =>
        Effect.gen(function* () {
          write(folder, "good")
          const path = join(folder, "bad.wav")
          writeFileSync(path, "this is no audio at all")
          assert.hasFields(yield* scan, { added: 1, unreadable: 1 })
          assert.deepStrictEqual(yield* titles, ["good"])
          const [unreadable] = yield* unreadableFiles
          assert.match(unreadable!.message, /^bad\.wav cannot be read/)
          assert.hasFields(yield* scan, { unchanged: 2 })
          rmSync(path)
          write(folder, "bad")
          yield* scan
          assert.deepStrictEqual(yield* titles, ["bad", "good"])
          assert.deepStrictEqual(yield* unreadableFiles, [])
        })
      )
  )

  it.scoped("forgets a file that is gone, and knows it by the same id when it is back", () =>
    inLibrary((folder, root) =>
      Effect.gen(function* () {
        const path = write(folder, "song")
        yield* scan
        const library = yield* TrackLibrary
        const [track] = yield* library.list
        renameSync(path, join(root, "away.wav"))
        const failure = yield* Effect.orDie(Effect.flip(library.resolve(track!.id)))
        assert.match(failure.message, /song\.wav cannot be read .*does not exist/)
        yield* scan
        assert.deepStrictEqual(yield* titles, [])
        assert.strictEqual((yield* Effect.orDie(Effect.flip(library.resolve(track!.id))))._tag, "TrackNotFound")
        renameSync(join(root, "away.wav"), path)
        yield* scan
        assert.deepStrictEqual(yield* library.list, [track!])
      })
    )
  )

  it.scoped("never follows a link out of its folders where it is told so", () =>
    inLibrary(
      (folder, root) =>
        Effect.gen(function* () {
          const path = write(folder, "song")
          yield* scan
          const library = yield* TrackLibrary
          const [track] = yield* library.list
          renameSync(path, join(root, "outside.wav"))
          symlinkSync(join(root, "outside.wav"), path)
          const result = yield* Effect.either(library.resolve(track!.id))
          assert(Either.isLeft(result))
          assert.excludes(result.left.message, root)
          // Nor into one whose name only begins alike.
          mkdirSync(join(root, "music2"))
          renameSync(join(root, "outside.wav"), join(root, "music2", "song.wav"))
          rmSync(path)
          symlinkSync(join(root, "music2", "song.wav"), path)
          assert.hasFields(yield* Effect.flip(library.resolve(track!.id)), { reason: "denied" })
          // A scan does not take it in either: the track is gone, the link is none.
          assert.hasFields(yield* scan, { added: 0, updated: 0, unchanged: 0, unreadable: 0 })
          assert.deepStrictEqual(yield* titles, [])
        }),
      { followLinks: false }
    )
  )

  it.scoped("answers an id that never was with TrackNotFound", () =>
    inLibrary(() =>
      Effect.gen(function* () {
        const library = yield* TrackLibrary
        const failure = yield* Effect.orDie(Effect.flip(library.resolve(TrackId.make(99))))
        assert.strictEqual(failure._tag, "TrackNotFound")
      })
    )
  )

  it.scoped("reads artist, album, numbers, year and whether there is a picture", () =>
    inLibrary((folder) =>
      Effect.gen(function* () {
        tagMp3(writeMp3(folder, "tagged"), {
          title: "Où sont les rêves?",
          artist: "B feat. C",
          albumArtist: "B",
          album: "Erste Reise",
          track: "3/12",
          disc: "2/2",
          year: "1987",
          picture: { mediaType: "image/png", bytes: pngPixel }
        })
        tagMp3(writeMp3(folder, "no picture"), {
          artist: "Z",
          track: "0",
          picture: { mediaType: "image/png", bytes: Buffer.from("<svg onload=alert(1)>") }
        })
        yield* scan
        const [tagged, plain] = yield* Effect.flatMap(TrackLibrary, (library) => library.list)
        assert.hasFields(tagged, {
          title: "Où sont les rêves?",
          artist: "B feat. C",
          album_artist: "B",
          album: "Erste Reise",
          track_number: 3,
          disc_number: 2,
          year: 1987,
          has_art: true
        })
        assert.hasFields(plain, { title: "no picture", track_number: null, year: null, has_art: false })
      })
    )
  )

  it.scoped(
    "keeps every id where the folder above is served instead, and that one again, and lists nothing twice",
    () =>
      Effect.gen(function* () {
        const root = yield* temporaryFolder
        const inner = join(root, "music", "jazz")
        mkdirSync(join(inner, "album"), { recursive: true })
        const changed = write(inner, "a")
        write(join(inner, "album"), "b", 2)
        const idsOf = (folder: string, keepOthers = false) =>
          Effect.gen(function* () {
            const library = yield* TrackLibrary
            yield* library.scan
            const tracks = yield* library.list
            for (const { id } of tracks) assert.hasFields(yield* library.resolve(id), { folder })
            return tracks.map(({ id, title }) => `${title} ${id}`).sort()
          }).pipe(Effect.provide(libraryLayer([folder], { keepOthers }, DatabaseSqlite.layer(join(root, "lathe.db")))))
        const before = yield* idsOf(inner)
        assert.lengthOf(before, 2)
        assert.deepStrictEqual(yield* idsOf(join(root, "music")), before)
        rmSync(changed)
        write(inner, "a", 3)
        assert.deepStrictEqual(yield* idsOf(inner), before)
        assert.deepStrictEqual(yield* idsOf(join(root, "music"), true), before)
      })
  )

  it.scoped("knows a moved or renamed file by its content, id and fingerprint included", () =>
    inLibrary((folder) =>
      Effect.gen(function* () {
        mkdirSync(join(folder, "old"))
        write(join(folder, "old"), "one")
        write(join(folder, "old"), "two", 2)
        yield* scan
        const library = yield* TrackLibrary
        const before = yield* library.list
        renameSync(join(folder, "old"), join(folder, "new"))
        renameSync(join(folder, "new", "two.wav"), join(folder, "new", "zwei.wav"))
        assert.hasFields(yield* scan, { added: 0, updated: 2, unreadable: 0 })
        const after = yield* library.list
        assert.deepStrictEqual(
          after.map(({ id, title }) => [id, title]),
          [
            [before[0]!.id, "one"],
            [before[1]!.id, "zwei"]
          ]
        )
        assert.hasFields(yield* scan, { added: 0, updated: 0, unchanged: 2 })
      })
    )
  )

  it.scoped("takes a copy for a track of its own, and never guesses between two vanished files", () =>
    inLibrary((folder) =>
      Effect.gen(function* () {
        const path = write(folder, "song")
        // To the second: what a copy keeps of a time is not always all of it.
        utimesSync(path, 1_000_000_000, 1_000_000_000)
        const copy = (name: string) => cpSync(path, join(folder, name), { preserveTimestamps: true })
        yield* scan
        copy("copy.wav")
        assert.hasFields(yield* scan, { added: 1, updated: 0, unchanged: 1 })
        copy("third.wav")
        rmSync(path)
        rmSync(join(folder, "copy.wav"))
        assert.hasFields(yield* scan, { added: 1, updated: 0 })
        assert.deepStrictEqual(yield* titles, ["third"])
      })
    )
  )

  it.scoped("keeps what it knows of a folder that it may not look into, and tells of the rest", () =>
    inLibrary((folder) =>
      Effect.gen(function* () {
        mkdirSync(join(folder, "closed"))
        write(join(folder, "closed"), "inside")
        write(folder, "outside")
        yield* scan
        rmSync(join(folder, "outside.wav"))
        yield* withoutPermission(folder, join(folder, "closed"), scan)
        assert.deepStrictEqual(yield* titles, ["inside"])
      })
    )
  )

  it.scoped("keeps what it knows of files that cannot be looked at for a moment", () =>
    inLibrary((folder) =>
      Effect.gen(function* () {
        mkdirSync(join(folder, "listed"))
        write(join(folder, "listed"), "inside")
        write(folder, "outside")
        yield* scan
        rmSync(join(folder, "outside.wav"))
        // Its names can be read, its files cannot be reached.
        yield* withoutPermission(folder, join(folder, "listed"), scan, namesOnly)
        assert.deepStrictEqual(yield* titles, ["inside"])
        rmSync(join(folder, "listed", "inside.wav"))
        yield* scan
        assert.deepStrictEqual(yield* titles, [])
      })
    )
  )

  it.scoped("gives who asks while a scan runs the report of that scan", () =>
    inLibrary((folder) =>
      Effect.gen(function* () {
        write(folder, "song")
        const library = yield* TrackLibrary
        const [first, second] = yield* Effect.all([library.scan, library.scan], { concurrency: 2 })
        assert.strictEqual(first, second)
        assert.hasFields(first, { added: 1, unchanged: 0 })
      })
    )
  )

  it.scoped("tells how a scan stands, and goes on when who started it leaves", () =>
    inLibrary((folder) =>
      Effect.gen(function* () {
        write(folder, "one")
        writeFileSync(join(folder, "bad.wav"), "this is no audio at all")
        const library = yield* TrackLibrary
        assert.hasFields(yield* library.scanStatus, { running: false, finished_at: null })
        const starter = yield* Effect.fork(library.scan)
        yield* Effect.yieldNow()
        assert.hasFields(yield* library.scanStatus, { running: true, files_read: 0 })
        yield* Fiber.interrupt(starter)
        yield* library.scan
        const { finished_at, ...status } = yield* library.scanStatus
        assert.hasFields(status, { running: false, files_found: 2, files_read: 2, added: 1, unreadable: 1 })
        assert.isString(finished_at)
      })
    )
  )

  it.scopedLive("waits with a file that is being written until it is still, and reads all of it", () =>
    inLibrary(
      (folder) =>
        Effect.gen(function* () {
          const whole = readFileSync(write(folder, "source", 4))
          rmSync(join(folder, "source.wav"))
          const file = openSync(join(folder, "growing.wav"), "w")
          writeSync(file, whole.subarray(0, 20))
          const scanning = yield* Effect.fork(scan)
          const { scanStatus } = yield* TrackLibrary
          yield* until(scanStatus, (status) => status.files_found === 1)
          writeSync(file, whole.subarray(20))
          closeSync(file)
          assert.hasFields(yield* Fiber.join(scanning), { added: 1, unreadable: 0 })
          const [track] = yield* Effect.flatMap(TrackLibrary, (library) => library.list)
          assert.strictEqual(track!.duration, 4)
        }),
      { stillness: "500 millis" }
    )
  )
})

describe("What a scan takes in and leaves out", () => {
  const leftOut = Effect.flatMap(TrackLibrary, ({ scanStatus }) => scanStatus).pipe(
    Effect.map(({ left_out }) => left_out.map(({ ending, files, reason }) => `${files} ${ending} ${reason}`))
  )

  it.scoped("takes in every format that the decoder reads", () =>
    inLibrary((folder) =>
      Effect.gen(function* () {
        const signal = onAll(2, sine(48_000, 1, 440, -20))
        const formats = [
          lossless("wv", "wavpack", AV_SAMPLE_FMT_S16P),
          lossless("tta", "tta", AV_SAMPLE_FMT_S16),
          lossless("mka", "flac", AV_SAMPLE_FMT_S16),
          lossless("caf", "pcm_s16be", AV_SAMPLE_FMT_S16),
          lossless("au", "pcm_s16be", AV_SAMPLE_FMT_S16),
          lossless("w64", "pcm_s16le", AV_SAMPLE_FMT_S16),
          lossless("aifc", "pcm_s16be", AV_SAMPLE_FMT_S16),
          lossy("wma", "wmav2", AV_SAMPLE_FMT_FLTP),
          lossy("ac3", "ac3", AV_SAMPLE_FMT_FLTP),
          lossy("mp2", "mp2", AV_SAMPLE_FMT_S16),
          lossy("webm", "libopus", AV_SAMPLE_FMT_FLT),
          lossy("m4b", "aac", AV_SAMPLE_FMT_FLTP),
          lossy("oga", "libopus", AV_SAMPLE_FMT_FLT)
        ]
        for (const format of formats) writeAudioFile(folder, format.extension, format, signal, { sampleRate: 48_000 })
        assert.hasFields(yield* scan, { added: formats.length, unreadable: 0 })
        assert.sameMembers(
          yield* titles,
          formats.map(({ extension }) => extension)
        )
      })
    )
  )

  it.scoped("counts what it leaves out by ending and reason, but not what lathe wrote", () =>
    inLibrary((folder) =>
      Effect.gen(function* () {
        write(folder, "song")
        for (const name of ["a.JPG", "b.jpg", "notes.txt", ".hidden.wav", "README", "song.wav.25d"]) {
          writeFileSync(join(folder, name), "x")
        }
        symlinkSync("nowhere.wav", join(folder, "broken.wav"))
        symlinkSync("self.wav", join(folder, "self.wav"))
        yield* scan
        assert.deepStrictEqual(yield* titles, ["song"])
        assert.sameMembers(yield* leftOut, [
          "2 jpg no_audio",
          "1 txt no_audio",
          "1 wav hidden",
          "1  no_audio",
          "2 wav link_broken"
        ])
      })
    )
  )

  it.scoped("tells of a name that is not UTF-8, of a file and of a folder", () =>
    inLibrary((folder) =>
      Effect.gen(function* () {
        const named = (bytes: ReadonlyArray<number>, ending: string) =>
          Buffer.concat([Buffer.from(`${folder}/caf`), Buffer.from(bytes), Buffer.from(ending)])
        copyFileSync(write(folder, "song"), named([0xe9], ".wav"))
        mkdirSync(named([0xc3, 0xa9, 0xff], ""))
        yield* scan
        assert.sameMembers(
          (yield* unreadableFiles).map(({ message }) => message),
          [
            "caf\\xe9.wav cannot be read: its name is not UTF-8. Rename the file.",
            "What is in the folder café\\xff cannot be read: its name is not UTF-8. Rename the folder."
          ]
        )
        assert.sameMembers(yield* leftOut, ["1 wav name", "1  name"])
        assert.hasFields(yield* scan, { added: 0, unreadable: 0, unchanged: 3 })
      })
    )
  )

  /** Music outside the folder, and links to it, to itself and back. */
  const withLinks = (folder: string, root: string) => {
    const outside = join(root, "outside")
    mkdirSync(join(outside, "deep"), { recursive: true })
    write(join(outside, "deep"), "far")
    write(root, "single")
    write(folder, "near")
    mkdirSync(join(folder, ".store"))
    write(join(folder, ".store"), "stored")
    symlinkSync(outside, join(folder, "linked"))
    symlinkSync(outside, join(folder, "linked again"))
    symlinkSync(folder, join(outside, "back"))
    symlinkSync(outside, join(outside, "deep", "loop"))
    symlinkSync("..", join(folder, "up"))
    symlinkSync(join(root, "single.wav"), join(folder, "one.wav"))
    symlinkSync(join(root, "single.wav"), join(folder, "two.wav"))
    symlinkSync("near.wav", join(folder, "same.wav"))
    symlinkSync(join(".store", "stored.wav"), join(folder, "kept.wav"))
  }

  it.scoped("follows links to folders and files once each, through loops, and plays what they lead to", () =>
    inLibrary((folder, root) =>
      Effect.gen(function* () {
        withLinks(folder, root)
        yield* scan
        const library = yield* TrackLibrary
        assert.sameMembers(yield* titles, ["near", "far", "one", "kept"])
        const tracks = yield* library.list
        const far = tracks.find(({ title }) => title === "far")
        const file = yield* Effect.orDie(library.resolve(far!.id))
        assert.strictEqual(file.relativePath, "linked/deep/far.wav")
        assert.hasFields(yield* scan, { added: 0, updated: 0, unchanged: 4 })
        rmSync(join(folder, "linked"))
        rmSync(join(folder, "linked again"))
        yield* scan
        assert.sameMembers(yield* titles, ["near", "one", "kept"])
      })
    )
  )

  it.scoped("follows no link out of the folder where it is told so", () =>
    inLibrary(
      (folder, root) =>
        Effect.gen(function* () {
          withLinks(folder, root)
          yield* scan
          assert.sameMembers(yield* titles, ["near", "kept"])
          assert.includesMembers(yield* leftOut, ["3  link", "2 wav link", "1 wav same_file"])
        }),
      { followLinks: false }
    )
  )

  it.scoped("lists a folder that is in another one once", () =>
    Effect.gen(function* () {
      const root = yield* temporaryFolder
      mkdirSync(join(root, "album"))
      write(join(root, "album"), "song")
      yield* Effect.gen(function* () {
        assert.hasFields(yield* scan, { added: 1 })
        assert.deepStrictEqual(yield* titles, ["song"])
      }).pipe(Effect.provide(libraryLayer([join(root, "album"), root, root])))
    })
  )
})

describe("TrackLibrary over watched folders", () => {
  const watched = (use: Parameters<typeof inLibrary>[0]) => inLibrary(use, { watch: true, stillness: "100 millis" })

  it.scopedLive("takes in what appears, folders included, without a scan", () =>
    watched((folder, root) =>
      Effect.gen(function* () {
        yield* scan
        write(folder, "first")
        yield* until(titles, (list) => list.includes("first"))
        mkdirSync(join(root, "album", "disc"), { recursive: true })
        write(join(root, "album", "disc"), "second")
        cpSync(join(root, "album"), join(folder, "album"), { recursive: true })
        yield* until(titles, (list) => list.includes("second"))
        write(join(folder, "album", "disc"), "third")
        assert.deepStrictEqual(yield* until(titles, (list) => list.length === 3), ["first", "second", "third"])
      })
    )
  )

  it.scopedLive("tells a folder from one whose name begins alike", () =>
    Effect.gen(function* () {
      const root = yield* temporaryFolder
      const folders = ["music", "music2"].map((name) => join(root, name))
      for (const folder of folders) mkdirSync(folder)
      const settings = { watch: true, stillness: "100 millis" } as const
      yield* Effect.gen(function* () {
        const library = yield* TrackLibrary
        yield* library.scan
        write(folders[1]!, "song")
        const [track] = yield* until(library.list, (list) => list.length === 1)
        assert.hasFields(yield* library.resolve(track!.id), { folder: folders[1], relativePath: "song.wav" })
      }).pipe(Effect.provide(libraryLayer(folders, settings)))
    })
  )

  it.scopedLive("follows what is replaced, moved and removed", () =>
    watched((folder) =>
      Effect.gen(function* () {
        mkdirSync(join(folder, "album"))
        write(folder, "replaced")
        const path = write(join(folder, "album"), "moved", 2)
        yield* scan
        const library = yield* TrackLibrary
        const before = yield* library.list
        const idOf = (title: string) => before.find((track) => track.title === title)!.id
        rmSync(join(folder, "replaced.wav"))
        write(folder, "replaced", 3)
        renameSync(path, join(folder, "elsewhere.wav"))
        const after = yield* until(
          library.list,
          (list) => list.some(({ duration }) => duration === 3) && list.some(({ title }) => title === "elsewhere")
        )
        assert.sameMembers(
          after.map(({ id, title, duration }) => ({ id, title, duration })),
          [
            { id: idOf("replaced"), title: "replaced", duration: 3 },
            { id: idOf("moved"), title: "elsewhere", duration: 2 }
          ]
        )
        write(join(folder, "album"), "last")
        yield* until(titles, (list) => list.includes("last"))
        rmSync(join(folder, "album"), { recursive: true })
        rmSync(join(folder, "replaced.wav"))
        assert.deepStrictEqual(yield* until(titles, (list) => list.length === 1), ["elsewhere"])
      })
    )
  )

  it.scopedLive("notices a picture that is put beside its files, and one that goes", () =>
    watched((folder) =>
      Effect.gen(function* () {
        mkdirSync(join(folder, "album"))
        write(join(folder, "album"), "song")
        write(folder, "other")
        yield* scan
        const library = yield* TrackLibrary
        const withArt = Effect.map(library.list, (tracks) =>
          tracks.filter(({ has_art }) => has_art).map(({ title }) => title)
        )
        writeFileSync(join(folder, "album", "cover.png"), pngPixel)
        assert.deepStrictEqual(yield* until(withArt, (list) => list.length > 0), ["song"])
        rmSync(join(folder, "album", "cover.png"))
        yield* until(withArt, (list) => list.length === 0)
      })
    )
  )

  it.scopedLive("follows a linked folder that is renamed, and what comes into it", () =>
    watched((folder, root) =>
      Effect.gen(function* () {
        const outside = join(root, "outside")
        mkdirSync(outside)
        write(outside, "far")
        symlinkSync(outside, join(folder, "linked"))
        yield* scan
        renameSync(join(folder, "linked"), join(folder, "renamed"))
        const library = yield* TrackLibrary
        const places = Effect.flatMap(library.list, (tracks) =>
          Effect.forEach(tracks, ({ id }) =>
            library.resolve(id).pipe(
              Effect.map(({ relativePath }) => relativePath),
              Effect.orElseSucceed(() => "gone")
            )
          )
        )
        yield* until(places, (list) => list.includes("renamed/far.wav") && list.length === 1)
        write(outside, "new")
        yield* until(places, (list) => list.includes("renamed/new.wav"))
      })
    )
  )

  it.scopedLive("follows a link to a file that is renamed, and a folder below a linked one", () =>
    watched((folder, root) =>
      Effect.gen(function* () {
        const outside = join(root, "outside")
        mkdirSync(join(outside, "album"), { recursive: true })
        const far = write(root, "far")
        write(join(outside, "album"), "deep", 2)
        symlinkSync(far, join(folder, "link.wav"))
        symlinkSync(outside, join(folder, "linked"))
        assert.hasFields(yield* scan, { added: 2 })
        renameSync(join(folder, "link.wav"), join(folder, "other.wav"))
        renameSync(join(outside, "album"), join(outside, "disc"))
        const library = yield* TrackLibrary
        const places = Effect.flatMap(library.list, (tracks) =>
          Effect.forEach(tracks, ({ id }) => Effect.either(library.resolve(id))).pipe(
            Effect.map((found) =>
              found.flatMap(Either.match({ onLeft: () => [], onRight: (file) => [file.relativePath] }))
            )
          )
        )
        const isFollowed = (list: ReadonlyArray<string>) =>
          list.length === 2 && list.includes("other.wav") && list.includes("linked/disc/deep.wav")
        yield* until(places, isFollowed)
        renameSync(join(folder, "other.wav"), join(folder, "link.wav"))
        yield* until(places, (list) => list.length === 2 && list.includes("link.wav"))
      })
    )
  )

  it.scopedLive("does not take a file for broken while it is being written", () =>
    watched((folder, root) =>
      Effect.gen(function* () {
        yield* scan
        const whole = readFileSync(write(root, "source", 4))
        const file = openSync(join(folder, "growing.wav"), "w")
        writeSync(file, whole.subarray(0, 20))
        // Another file, finished later, is read first.
        write(folder, "other")
        const keepBusy = yield* Effect.fork(
          Effect.sync(() => writeSync(file, whole, 20, 1, 20)).pipe(Effect.delay("20 millis"), Effect.forever)
        )
        yield* until(titles, (list) => list.includes("other"))
        assert.deepStrictEqual(yield* unreadableFiles, [])
        yield* Fiber.interrupt(keepBusy)
        writeSync(file, whole, 20, whole.length - 20, 20)
        closeSync(file)
        assert.deepStrictEqual(yield* until(titles, (list) => list.length === 2), ["growing", "other"])
        assert.deepStrictEqual(yield* unreadableFiles, [])
      })
    )
  )

  it.scopedLive("keeps a file whose change it cannot look at, and follows the change when it can", () =>
    watched((folder) =>
      Effect.gen(function* () {
        mkdirSync(join(folder, "listed"))
        const path = write(join(folder, "listed"), "inside")
        yield* scan
        rmSync(path)
        write(join(folder, "listed"), "inside", 3)
        write(folder, "other")
        yield* withoutPermission(
          folder,
          join(folder, "listed"),
          until(titles, (list) => list.includes("other")),
          namesOnly
        )
        assert.includesMembers(yield* titles, ["inside"])
        const library = yield* TrackLibrary
        yield* until(library.list, (list) => list.some(({ title, duration }) => title === "inside" && duration === 3))
      })
    )
  )

  it.scopedLive("keeps what it has seen and read while another program holds the database", () =>
    Effect.gen(function* () {
      const root = yield* temporaryFolder
      const folder = join(root, "music")
      mkdirSync(folder)
      const filename = join(root, "lathe.db")
      const told = yield* Effect.makeLatch(false)
      const logger = Logger.make(({ message }) => {
        if (/database|change/.test(String(message))) told.unsafeOpen()
      })
      const settings = { watch: true, stillness: "100 millis" } as const
      yield* Effect.gen(function* () {
        yield* scan
        const held = yield* Scope.make()
        yield* Scope.extend(holdDatabase(filename), held)
        write(folder, "seen")
        yield* told.await
        yield* Scope.close(held, Exit.void)
        yield* until(titles, (list) => list.includes("seen"))

        yield* told.close
        const heldAgain = yield* Scope.make()
        yield* Scope.extend(holdDatabase(filename), heldAgain)
        write(folder, "scanned")
        const scanning = yield* Effect.fork(scan)
        yield* told.await
        yield* Scope.close(heldAgain, Exit.void)
        yield* Fiber.join(scanning)
        yield* until(titles, (list) => list.includes("scanned"))
      }).pipe(
        Effect.provide(libraryLayer([folder], settings, DatabaseSqlite.layer(filename))),
        Effect.provide(Logger.replace(Logger.defaultLogger, logger))
      )
    })
  )

  it.scopedLive("finds by its regular scan what no watch told of", () =>
    inLibrary(
      (folder, root) =>
        Effect.gen(function* () {
          yield* scan
          const path = write(root, "song")
          rmSync(folder, { recursive: true })
          // A folder that is made anew is another one than that which is watched.
          mkdirSync(folder)
          copyFileSync(path, join(folder, "song.wav"))
          yield* until(titles, (list) => list.length === 1)
        }),
      { watch: true, stillness: "50 millis", rescanEvery: "200 millis" }
    )
  )
})

describe("LibraryCatalog over a scanned library", () => {
  it.scoped("adds up albums and artists, and follows what changes in them", () =>
    inLibrary((folder) =>
      Effect.gen(function* () {
        const song = (path: string, tags: Parameters<typeof tagMp3>[1]) => {
          mkdirSync(join(folder, path), { recursive: true })
          return tagMp3(writeMp3(join(folder, path), tags.title!), tags)
        }
        song("x/cd1", { title: "A", artist: "Björk", album: "Reise", year: "2001" })
        song("x/cd2", { title: "B", artist: "BJORK", album: "reise", year: "1999" })
        const guest = song("mix", { title: "C", artist: "Björk", album: "Mix" })
        song("mix", { title: "D", artist: "Zed", album: "Mix", picture: { mediaType: "image/png", bytes: pngPixel } })
        song("elsewhere", { title: "E", artist: "Zed", album: "Mix" })
        yield* scan
        const catalog = yield* LibraryCatalog
        const albums = Effect.map(catalog.albums({ sort: "title", limit: 10 }), ({ items }) =>
          items.map(({ title, artist, year, tracks, art_track_id }) => [
            title,
            artist,
            year,
            tracks,
            art_track_id !== null
          ])
        )
        const artists = Effect.map(catalog.artists({ limit: 10 }), ({ items }) =>
          items.map(({ name, albums, tracks }) => [name.toUpperCase(), albums, tracks])
        )
        assert.sameMembers(yield* albums, [
          ["Mix", null, null, 2, true],
          ["Mix", "Zed", null, 1, false],
          ["reise", "BJORK", 1999, 2, false]
        ])
        assert.deepStrictEqual(yield* artists, [
          ["BJORK", 2, 3],
          ["ZED", 2, 2]
        ])
        rmSync(guest)
        rmSync(join(folder, "elsewhere"), { recursive: true })
        yield* scan
        assert.sameMembers(yield* albums, [
          ["Mix", "Zed", null, 1, true],
          ["reise", "BJORK", 1999, 2, false]
        ])
        assert.deepStrictEqual(yield* artists, [
          ["BJORK", 1, 2],
          ["ZED", 1, 1]
        ])
      }).pipe(Effect.orDie)
    )
  )
})

/** As a user whom a folder is closed to: root may read everything, so it steps down for as long. */
const withoutPermission = <A, R>(folder: string, closed: string, effect: Effect.Effect<A, never, R>, mode = 0) => {
  const isRoot = process.geteuid!() === 0
  const nobody = 65_534
  return Effect.acquireUseRelease(
    Effect.sync(() => {
      const { mode: before } = statSync(closed)
      chmodSync(join(folder, ".."), 0o755)
      chmodSync(closed, mode)
      if (isRoot) process.seteuid!(nobody)
      return before
    }),
    () => effect,
    (before) =>
      Effect.sync(() => {
        if (isRoot) process.seteuid!(0)
        chmodSync(closed, before)
      })
  )
}
