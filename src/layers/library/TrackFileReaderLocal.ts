/** TrackFileReader in this process: tags and pictures by music-metadata, everything else by the decoder. */
import { readFile, stat } from "node:fs/promises"
import { Effect, Either, Layer, Option, Stream } from "effect"
import { type IAudioMetadata, parseFile, selectCover } from "music-metadata"
import { basename, extname } from "node:path"
import type { TrackAnalysis } from "../../domain/fingerprint/Fingerprint.ts"
import { largestSidecar, parseSidecar } from "../../domain/fingerprint/Sidecar.ts"
import type { TrackTags } from "../../domain/library/Track.ts"
import { PeakOutline } from "../../dsp/Waveform.ts"
import { AudioDecoder } from "../../services/AudioDecoder.ts"
import { type TrackArt, TrackFileReader } from "../../services/TrackFileReader.ts"

/** Bytes. A larger picture is none: nobody waits for it. */
const largestArt = 10 * 1024 * 1024

const make = Effect.gen(function* () {
  const decoder = yield* AudioDecoder

  /** `withTags` false: by its name and its samples alone. */
  const describe = (path: string, withTags: boolean) =>
    Effect.gen(function* () {
      const info = yield* decoder.probe(path)
      const common = withTags ? yield* parse(path) : undefined
      return {
        title: textOf(common?.title) ?? basename(path, extname(path)),
        artist: textOf(common?.artist),
        album: textOf(common?.album),
        album_artist: textOf(common?.albumartist),
        track_number: wholeOf(common?.track.no),
        disc_number: wholeOf(common?.disk.no),
        year: wholeOf(common?.year),
        duration: info.totalFrames / info.sampleRate,
        sample_rate: info.sampleRate,
        channels: info.channels,
        has_art: artOf(common) !== undefined
      } satisfies TrackTags
    })

  const waveform = Effect.fn("TrackFileReader.waveform")(function* (path: string) {
    const outline = new PeakOutline()
    // The decoder gives the event loop its turn after each block.
    yield* Stream.runForEach(decoder.decode(path), ({ channels, length }) =>
      Effect.sync(() => outline.push(channels, length))
    )
    return outline.peaks()
  })

  return {
    tags: Effect.fn("TrackFileReader.tags")((path: string) => describe(path, true)),
    tagsByName: (path: string) => describe(path, false),
    art: Effect.fn("TrackFileReader.art")((path: string) =>
      Effect.map(parse(path), (common) => Option.fromNullable(artOf(common)))
    ),
    waveform,
    sidecar: readSidecar
  }
})

const readSidecar = (path: string): Effect.Effect<Either.Either<TrackAnalysis, string>> =>
  Effect.tryPromise(async () => {
    if ((await stat(path)).size > largestSidecar) return Either.left("it is larger than any sidecar")
    return parseSidecar(await readFile(path, "utf8"))
  }).pipe(Effect.orDie)

/** Tags are a courtesy: a file whose tags cannot be read is listed by its name. */
const parse = (path: string) =>
  Effect.tryPromise(() => parseFile(path, { duration: false })).pipe(
    Effect.map(({ common }): IAudioMetadata["common"] | undefined => common),
    Effect.catchAll((error) =>
      Effect.logDebug("Tags cannot be read", error).pipe(Effect.annotateLogs({ path }), Effect.as(undefined))
    )
  )

/** Characters. No name is longer, and a list of names that is, is cut. */
const longestText = 1000

const textOf = (tag: string | undefined): string | null =>
  tag?.slice(0, longestText).replaceAll("\0", " ").trim() || null

const wholeOf = (tag: number | null | undefined): number | null =>
  tag !== undefined && Number.isInteger(tag) && tag! > 0 && tag! < 100_000 ? tag! : null

const artOf = (common: IAudioMetadata["common"] | undefined): TrackArt | undefined => {
  const picture = selectCover(common?.picture)
  if (!picture || picture.data.length > largestArt) return undefined
  const mediaType = mediaTypeOf(picture.data)
  return mediaType === undefined ? undefined : { mediaType, bytes: new Uint8Array(picture.data) }
}

/** By its first bytes: what a tag says of a picture is not to be trusted, least of all by a browser. */
const mediaTypeOf = (bytes: Uint8Array): TrackArt["mediaType"] | undefined => {
  const start = Buffer.from(bytes.subarray(0, 12)).toString("latin1")
  if (start.startsWith("\xff\xd8\xff")) return "image/jpeg"
  if (start.startsWith("\x89PNG\r\n\x1a\n")) return "image/png"
  if (start.startsWith("GIF87a") || start.startsWith("GIF89a")) return "image/gif"
  if (start.startsWith("RIFF") && start.endsWith("WEBP")) return "image/webp"
  return undefined
}

/** In this process: for worker processes, and for commands that read one person's files. */
export const makeLocal = make

export const layer = Layer.effect(TrackFileReader, make)
