import { describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as AudioDecoderNodeAv from "../../../src/layers/audio/AudioDecoderNodeAv.ts"
import * as TrackFileReaderLocal from "../../../src/layers/library/TrackFileReaderLocal.ts"
import { LibraryCatalog } from "../../../src/services/LibraryCatalog.ts"
import { TrackFileReader } from "../../../src/services/TrackFileReader.ts"
import { assert } from "../../support/assert.ts"
import { temporaryFolder, writeAudioFile } from "../../support/audioFiles.ts"
import { pngPixel, tagMp3 } from "../../support/id3.ts"
import { inLibrary, scan } from "../../support/library.ts"
import { onAll, sine } from "../../support/signals.ts"
import { tagFlac, tagWav } from "../../support/tags.ts"

const sampleRate = 44_100
const song = onAll(2, sine(sampleRate, 1, 440, -20))

const writeFlac = (folder: string, name: string, comments: ReadonlyArray<string>) =>
  tagFlac(writeAudioFile(folder, name, "flac24", song, { sampleRate }), comments)

const readerLayer = TrackFileReaderLocal.layer.pipe(Layer.provide(AudioDecoderNodeAv.layer))

const tagsOf = (path: string) =>
  Effect.flatMap(TrackFileReader, (reader) => Effect.orDie(reader.tags(path))).pipe(Effect.provide(readerLayer))

const artOf = (path: string) =>
  Effect.flatMap(TrackFileReader, (reader) => Effect.orDie(reader.art(path))).pipe(
    Effect.provide(readerLayer),
    Effect.map(Option.map(({ bytes, mediaType }) => ({ mediaType, bytes: Buffer.from(bytes) })))
  )

describe("What a file says of itself", () => {
  it.scoped("keeps several artists, titles, genres and composers, each of which is found", () =>
    inLibrary((folder) =>
      Effect.gen(function* () {
        writeFlac(folder, "song", [
          "TITLE=Erste Reise",
          "TITLE=First Journey",
          "ARTIST=Anna",
          "ARTIST=Bertil",
          "ARTIST=Chloé",
          "ALBUMARTIST=Anna",
          "ALBUMARTIST=Bertil",
          "ALBUM=Maps",
          "GENRE=Jazz",
          "GENRE=Dub",
          "COMPOSER=Doris",
          "COMPOSER=Emil"
        ])
        yield* scan
        const catalog = yield* LibraryCatalog
        const find = (search: string) =>
          Effect.orDie(catalog.tracks({ sort: "artist", order: "asc", limit: 10, search }))
        const [track] = (yield* find("song")).items.concat((yield* find("anna")).items)
        assert.hasFields(track, {
          title: "Erste Reise; First Journey",
          artist: "Anna; Bertil; Chloé",
          album_artist: "Anna; Bertil",
          genre: "Jazz; Dub",
          composer: "Doris; Emil"
        })
        for (const word of ["bertil", "chloe", "journey", "reise", "dub", "jazz", "emil"]) {
          assert.strictEqual((yield* find(word)).items.length, 1, word)
        }
      })
    )
  )

  it.scoped("keeps one name as it is written, whatever list of artists stands beside it", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const path = writeFlac(folder, "song", ["ARTIST=Anna feat. Bertil", "ARTISTS=Anna", "ARTISTS=Bertil"])
      assert.hasFields(yield* tagsOf(path), { artist: "Anna feat. Bertil", title: "song" })
    })
  )

  it.scoped("reads INFO of a WAV file as UTF-8 where it is that, and as Latin-1 where it is not", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const write = (name: string) => writeAudioFile(folder, name, "wav16", song, { sampleRate })
      const utf8 = tagWav(write("utf8"), { INAM: "Où sont les rêves", IART: "Björk", IPRD: "日本" })
      assert.hasFields(yield* tagsOf(utf8), { title: "Où sont les rêves", artist: "Björk", album: "日本" })
      const latin1 = tagWav(write("latin1"), { IART: "Bj\u0001rk" })
      const bytes = Buffer.from(
        yield* Effect.promise(() => import("node:fs/promises").then((fs) => fs.readFile(latin1)))
      )
      bytes[bytes.indexOf("Bj\u0001rk") + 2] = 0xf6
      writeFileSync(latin1, bytes)
      assert.hasFields(yield* tagsOf(latin1), { artist: "Björk" })
    })
  )

  it.scoped("tells codec, depth, rate, MusicBrainz' ids, ReplayGain and R128", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const id = (n: number) => `0f8fad5b-d9cb-469f-a165-70867728950${n}`
      const path = writeFlac(folder, "song", [
        `MUSICBRAINZ_TRACKID=${id(1)}`,
        `MUSICBRAINZ_ALBUMID=${id(2)}`,
        `MUSICBRAINZ_ARTISTID=${id(3)}`,
        `MUSICBRAINZ_ARTISTID=${id(4)}`,
        "REPLAYGAIN_TRACK_GAIN=-7.25 dB",
        "REPLAYGAIN_TRACK_PEAK=0.875",
        "R128_TRACK_GAIN=-512"
      ])
      const tags = yield* tagsOf(path)
      assert.hasFields(tags, {
        codec: "flac",
        bit_depth: 24,
        genre: null,
        musicbrainz_recording_id: id(1),
        musicbrainz_album_id: id(2),
        musicbrainz_artist_id: `${id(3)}; ${id(4)}`,
        replaygain_track_gain_db: -7.25,
        replaygain_album_gain_db: null,
        r128_track_gain_db: -2
      })
      assert.isAbove(tags.bit_rate!, 10_000)
      const mp3 = writeAudioFile(folder, "lossy", "mp3", song, { sampleRate })
      assert.hasFields(yield* tagsOf(mp3), { codec: "mp3", bit_depth: null })
    })
  )

  it.scoped("takes the picture beside it where it holds none, and none that is a link", () =>
    Effect.gen(function* () {
      const folder = yield* temporaryFolder
      const jpeg = Buffer.from("\xff\xd8\xff\xe0 a picture", "latin1")
      const path = writeAudioFile(folder, "song", "mp3", song, { sampleRate })
      const other = yield* temporaryFolder
      writeFileSync(join(other, "secret.jpg"), jpeg)
      symlinkSync(join(other, "secret.jpg"), join(folder, "cover.jpg"))
      assert.deepStrictEqual(yield* artOf(path), Option.none())

      const second = yield* temporaryFolder
      const beside = writeAudioFile(second, "song", "mp3", song, { sampleRate })
      writeFileSync(join(second, "Folder.JPG"), jpeg)
      writeFileSync(join(second, "cover.png"), "no picture")
      assert.hasFields(yield* tagsOf(beside), { has_art: true })
      assert.deepStrictEqual(yield* artOf(beside), Option.some({ mediaType: "image/jpeg" as const, bytes: jpeg }))
      tagMp3(beside, { picture: { mediaType: "image/png", bytes: pngPixel } })
      assert.deepStrictEqual(yield* artOf(beside), Option.some({ mediaType: "image/png" as const, bytes: pngPixel }))
    })
  )
})
