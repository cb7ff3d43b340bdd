import { assert, describe, it } from "@effect/vitest"
import { Effect, Either, Layer } from "effect"
import { appendFileSync, mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { TrackId } from "../../src/domain/Track.ts"
import * as AudioDecoderNodeAv from "../../src/layers/AudioDecoderNodeAv.ts"
import * as DatabaseSqlite from "../../src/layers/DatabaseSqlite.ts"
import * as TrackLibraryFolders from "../../src/layers/TrackLibraryFolders.ts"
import * as TrackRepoSqlite from "../../src/layers/TrackRepoSqlite.ts"
import { TrackLibrary } from "../../src/services/TrackLibrary.ts"
import { TrackRepo } from "../../src/services/TrackRepo.ts"
import { temporaryFolder, writeAudioFile } from "../support/audioFiles.ts"
import { onAll, sine } from "../support/signals.ts"

const write = (folder: string, name: string, seconds = 1, sampleRate = 44_100) =>
  writeAudioFile(folder, name, "wav16", onAll(2, sine(sampleRate, seconds, 440, -20)), { sampleRate })

/** An ID3v1 tag: 128 bytes at the end of the file. */
const id3v1 = (title: string, artist: string, album: string): Buffer => {
  const field = (text: string, length: number) => Buffer.alloc(length, 0).fill(text, 0, text.length, "latin1")
  const rest = Buffer.alloc(35, 0)
  return Buffer.concat([Buffer.from("TAG"), field(title, 30), field(artist, 30), field(album, 30), rest])
}

type Services = TrackLibrary | TrackRepo

/** A library over the folder `music` in a temporary folder. */
const inLibrary = (use: (folder: string, root: string) => Effect.Effect<void, never, Services>) =>
  Effect.gen(function* () {
    const root = yield* temporaryFolder
    const folder = join(root, "music")
    mkdirSync(folder)
    const layer = TrackLibraryFolders.layer([folder]).pipe(
      Layer.provideMerge(TrackRepoSqlite.layer),
      Layer.provide([DatabaseSqlite.layerMemory, AudioDecoderNodeAv.layer])
    )
    yield* Effect.provide(use(folder, root), layer)
  })

const titles = Effect.flatMap(TrackLibrary, (library) => library.list).pipe(
  Effect.map((tracks) => tracks.map((track) => track.title))
)

const scan = Effect.flatMap(TrackLibrary, (library) => library.scan)

describe("TrackLibrary over folders", () => {
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
        const [untagged, withTags] = yield* Effect.flatMap(TrackLibrary, (library) => library.list)
        assert.deepInclude(untagged, { title: "untagged", artist: null, album: null, duration: 1, channels: 2 })
        assert.deepInclude(withTags, { title: "A Title", artist: "An Artist", album: "An Album" })
        assert.deepInclude(withTags, { sample_rate: 48_000, channels: 1, duration: 2 })
      })
    )
  )

  it.scoped("reads a file again only when it changed, and keeps its id", () =>
    inLibrary((folder) =>
      Effect.gen(function* () {
        const path = write(folder, "song")
        yield* scan
        assert.deepInclude(yield* scan, { added: 0, unchanged: 1 })
        const library = yield* TrackLibrary
        const [before] = yield* library.list
        rmSync(path)
        write(folder, "song", 3)
        assert.deepInclude(yield* scan, { updated: 1, unchanged: 0 })
        const [after] = yield* library.list
        assert.deepStrictEqual(after, { ...before!, duration: 3 })
      })
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
        assert.notDeepEqual(after.version, before.version)
        assert.deepInclude(after.track, { id: track!.id, duration: 2, sample_rate: 22_050 })
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
          assert.deepInclude(yield* scan, { added: 1, unreadable: 1 })
          assert.deepStrictEqual(yield* titles, ["good"])
          const repo = yield* TrackRepo
          const [unreadable] = yield* repo.listUnreadable
          assert.match(unreadable!.message, /^bad\.wav cannot be read/)
          assert.deepInclude(yield* scan, { unchanged: 2 })
          rmSync(path)
          write(folder, "bad")
          yield* scan
          assert.deepStrictEqual(yield* titles, ["bad", "good"])
          assert.deepStrictEqual(yield* repo.listUnreadable, [])
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

  it.scoped("never follows a link out of its folders", () =>
    inLibrary((folder, root) =>
      Effect.gen(function* () {
        const path = write(folder, "song")
        yield* scan
        const library = yield* TrackLibrary
        const [track] = yield* library.list
        renameSync(path, join(root, "outside.wav"))
        symlinkSync(join(root, "outside.wav"), path)
        const result = yield* Effect.either(library.resolve(track!.id))
        assert(Either.isLeft(result))
        assert.notInclude(result.left.message, root)
      })
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
})
