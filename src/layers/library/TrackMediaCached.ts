/** TrackMedia: pictures kept in memory up to a number of bytes, waveforms in their store. */
import { Effect, Layer, Option } from "effect"
import { LRUCache } from "lru-cache"
import { type TrackFile, versionText } from "../../domain/library/Track.ts"
import { type TrackArt, TrackFileReader } from "../../services/TrackFileReader.ts"
import { pathOf } from "../../services/TrackLibrary.ts"
import { TrackMedia } from "../../services/TrackMedia.ts"
import { WaveformRepo } from "../../services/WaveformRepo.ts"

export interface TrackMediaOptions {
  /** Of all pictures in memory. Default 64 MiB. */
  readonly artBytes?: number
}

/** Files that are parsed for their picture at the same time: each may hold one of the largest size twice. */
const artAtOnce = 2
/** What an entry without a picture is counted as. */
const entryBytes = 256

const make = ({ artBytes = 64 * 1024 * 1024 }: TrackMediaOptions) =>
  Effect.gen(function* () {
    const reader = yield* TrackFileReader
    const waveforms = yield* WaveformRepo
    const artTurns = yield* Effect.makeSemaphore(artAtOnce)
    const waveformTurn = yield* Effect.makeSemaphore(1)

    const pictures = new LRUCache<string, Option.Option<TrackArt>>({
      maxSize: artBytes,
      sizeCalculation: Option.match({
        onNone: () => entryBytes,
        onSome: ({ bytes }: TrackArt) => entryBytes + bytes.length
      })
    })

    const art = Effect.fn("TrackMedia.art")(function* (file: TrackFile) {
      if (!file.track.has_art) return Option.none<TrackArt>()
      const key = `${file.track.id} ${versionText(file.version)}`
      const kept = pictures.get(key)
      if (kept !== undefined) return kept
      return yield* Effect.gen(function* () {
        // Another caller may have read it while this one waited.
        const meanwhile = pictures.get(key)
        if (meanwhile !== undefined) return meanwhile
        const picture = yield* reader.art(pathOf(file))
        pictures.set(key, picture)
        return picture
      }).pipe(artTurns.withPermits(1))
    })

    const waveform = Effect.fn("TrackMedia.waveform")(function* (file: TrackFile) {
      const kept = yield* waveforms.find(file)
      if (Option.isSome(kept)) return kept.value
      return yield* Effect.gen(function* () {
        const meanwhile = yield* waveforms.find(file)
        if (Option.isSome(meanwhile)) return meanwhile.value
        const peaks = yield* reader.waveform(pathOf(file))
        yield* waveforms.store(file, peaks)
        return peaks
      }).pipe(waveformTurn.withPermits(1))
    })

    return TrackMedia.of({ art, waveform })
  })

export const layer = (options: TrackMediaOptions = {}) => Layer.effect(TrackMedia, make(options))
