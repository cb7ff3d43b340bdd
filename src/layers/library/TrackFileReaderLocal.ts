/** TrackFileReader in this process: tags and pictures by music-metadata, everything else by the decoder. */
import { readFile, stat } from "node:fs/promises"
import { Effect, Either, Layer, Option, Stream } from "effect"
import { type IAudioMetadata, parseFile } from "music-metadata"
import { basename, extname } from "node:path"
import type { TrackAnalysis } from "../../domain/fingerprint/Fingerprint.ts"
import { largestSidecar, parseSidecar } from "../../domain/fingerprint/Sidecar.ts"
import { noDetails, type TrackTags } from "../../domain/library/Track.ts"
import { PeakOutline } from "../../dsp/Waveform.ts"
import { AudioDecoder } from "../../services/AudioDecoder.ts"
import { TrackFileReader } from "../../services/TrackFileReader.ts"
import { artOf, bitDepthOf, bitRateOf, namesAndNumbersOf, wholeBitRate } from "./fileTags.ts"
import { artBeside } from "./pictures.ts"

/** In which a bit depth means something. */
const isLossless = (codec: string): boolean =>
  /^(pcm_|dsd_|flac|alac|wavpack|tta|ape|wmalossless|mlp|truehd|shorten|tak)/.test(codec)

const make = Effect.gen(function* () {
  const decoder = yield* AudioDecoder

  /** `withTags` false: by its name and its samples alone. */
  const describe = (path: string, withTags: boolean) =>
    Effect.gen(function* () {
      const { channels, codec, sampleRate, totalFrames } = yield* decoder.probe(path)
      const parsed = withTags ? yield* parse(path) : undefined
      const duration = totalFrames / sampleRate
      const said = parsed === undefined ? undefined : namesAndNumbersOf(parsed)
      const hasArt = (parsed !== undefined && artOf(parsed) !== undefined) || (yield* beside(path)) !== undefined
      return {
        ...noDetails,
        ...said,
        title: said?.title ?? basename(path, extname(path)),
        duration,
        sample_rate: sampleRate,
        channels,
        codec,
        bit_depth: parsed !== undefined && isLossless(codec) ? bitDepthOf(parsed) : null,
        bit_rate: (parsed && bitRateOf(parsed)) ?? (yield* averageBitRate(path, duration)),
        has_art: hasArt
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
      Effect.gen(function* () {
        const parsed = yield* parse(path)
        return Option.fromNullable((parsed && artOf(parsed)) ?? (yield* beside(path)))
      })
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
    Effect.map((metadata): IAudioMetadata | undefined => metadata),
    Effect.catchAll((error) =>
      Effect.logDebug("Tags cannot be read", error).pipe(Effect.annotateLogs({ path }), Effect.as(undefined))
    )
  )

const beside = (path: string) => Effect.promise(() => artBeside(path))

/** Of all that is in the file. */
const averageBitRate = (path: string, duration: number) =>
  Effect.promise(() =>
    stat(path).then(
      ({ size }) => (duration > 0 ? wholeBitRate((8 * size) / duration) : null),
      () => null
    )
  )

/** In this process: for worker processes, and for commands that read one person's files. */
export const makeLocal = make

export const layer = Layer.effect(TrackFileReader, make)
