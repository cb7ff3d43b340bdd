/** TrackFileReader in this process: tags and pictures by music-metadata, everything else by the decoder. */
import { Effect, Layer, Option } from "effect"
import { type IAudioMetadata, parseFile, selectCover } from "music-metadata"
import { basename, extname } from "node:path"
import type { TrackTags } from "../../domain/library/Track.ts"
import { AudioDecoder } from "../../services/AudioDecoder.ts"
import { type TrackArt, TrackFileReader } from "../../services/TrackFileReader.ts"

/** Bytes. A larger picture is none: nobody waits for it. */
export const largestArt = 10 * 1024 * 1024

const make = Effect.gen(function* () {
  const decoder = yield* AudioDecoder

  const tags = Effect.fn("TrackFileReader.tags")(function* (path: string) {
    const info = yield* decoder.probe(path)
    const common = yield* parse(path)
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

  const art = Effect.fn("TrackFileReader.art")((path: string) =>
    Effect.map(parse(path), (common) => Option.fromNullable(artOf(common)))
  )

  return TrackFileReader.of({ tags, art })
})

/** Tags are a courtesy: a file whose tags cannot be read is listed by its name. */
const parse = (path: string) =>
  Effect.tryPromise(() => parseFile(path, { duration: false })).pipe(
    Effect.map(({ common }): IAudioMetadata["common"] | undefined => common),
    Effect.catchAll((error) =>
      Effect.logDebug("Tags cannot be read", error).pipe(Effect.annotateLogs({ path }), Effect.as(undefined))
    )
  )

const textOf = (tag: string | undefined): string | null => tag?.replaceAll("\0", " ").trim() || null

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

export const layer = Layer.effect(TrackFileReader, make)
