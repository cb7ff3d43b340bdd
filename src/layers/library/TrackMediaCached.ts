/** TrackMedia: pictures kept in memory up to a number of bytes, waveforms in their store. */
import { Effect, Layer, Option } from "effect"
import type { TrackFile } from "../../domain/library/Track.ts"
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

    /** In the order of their last use. */
    const pictures = new Map<string, Option.Option<TrackArt>>()
    let bytes = 0
    const sizeOf = Option.match({
      onNone: () => entryBytes,
      onSome: ({ bytes }: TrackArt) => entryBytes + bytes.length
    })

    const recall = (key: string) => {
      const picture = pictures.get(key)
      if (picture === undefined) return undefined
      pictures.delete(key)
      pictures.set(key, picture)
      return picture
    }
    const keep = (key: string, picture: Option.Option<TrackArt>) => {
      const before = pictures.get(key)
      pictures.set(key, picture)
      bytes += sizeOf(picture) - (before === undefined ? 0 : sizeOf(before))
      for (const [oldest, old] of pictures) {
        if (bytes <= artBytes) break
        pictures.delete(oldest)
        bytes -= sizeOf(old)
      }
    }

    const art = Effect.fn("TrackMedia.art")(function* (file: TrackFile) {
      if (!file.track.has_art) return Option.none<TrackArt>()
      const key = `${file.track.id} ${file.version.size} ${file.version.mtime_ms}`
      const kept = recall(key)
      if (kept !== undefined) return kept
      return yield* Effect.gen(function* () {
        // Another caller may have read it while this one waited.
        const meanwhile = recall(key)
        if (meanwhile !== undefined) return meanwhile
        const picture = yield* reader.art(pathOf(file))
        keep(key, picture)
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
