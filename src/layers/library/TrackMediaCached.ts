/** TrackMedia: pictures kept in memory up to a number of bytes, waveforms in the database. */
import { SqlClient } from "@effect/sql"
import { Effect, Layer, Option, Stream } from "effect"
import type { TrackFile } from "../../domain/library/Track.ts"
import { PeakOutline, type Peaks } from "../../dsp/Waveform.ts"
import { AudioDecoder } from "../../services/AudioDecoder.ts"
import { type TrackArt, TrackFileReader } from "../../services/TrackFileReader.ts"
import { pathOf } from "../../services/TrackLibrary.ts"
import { TrackMedia } from "../../services/TrackMedia.ts"

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
    const sql = yield* SqlClient.SqlClient
    const reader = yield* TrackFileReader
    const decoder = yield* AudioDecoder
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

    const findWaveform = ({ track, version }: TrackFile) =>
      Effect.map(
        sql<{ readonly peaks: Uint8Array }>`
          SELECT peaks FROM waveforms
          WHERE track_id = ${track.id} AND size = ${version.size} AND mtime_ms = ${version.mtime_ms}`,
        (rows) => Option.map(Option.fromNullable(rows[0]), ({ peaks }) => fromBlob(peaks))
      ).pipe(Effect.orDie)

    const storeWaveform = ({ track, version }: TrackFile, peaks: Peaks) =>
      sql`INSERT OR REPLACE INTO waveforms ${sql.insert({ track_id: track.id, ...version, peaks: toBlob(peaks) })}`.pipe(
        Effect.catchAllCause((cause) => Effect.logWarning("A waveform cannot be stored", cause))
      )

    const waveform = Effect.fn("TrackMedia.waveform")(function* (file: TrackFile) {
      const kept = yield* findWaveform(file)
      if (Option.isSome(kept)) return kept.value
      return yield* Effect.gen(function* () {
        const meanwhile = yield* findWaveform(file)
        if (Option.isSome(meanwhile)) return meanwhile.value
        const outline = new PeakOutline()
        // The decoder gives the event loop its turn after each block.
        yield* Stream.runForEach(decoder.decode(pathOf(file)), ({ channels, length }) =>
          Effect.sync(() => outline.push(channels, length))
        )
        const peaks = outline.peaks()
        yield* storeWaveform(file, peaks)
        return fromBlob(toBlob(peaks))
      }).pipe(waveformTurn.withPermits(1))
    })

    return TrackMedia.of({ art, waveform })
  })

const fullScale = 32_767

/** Minima, then maxima, 16 bits each: what is drawn needs no more. */
const toBlob = ({ min, max }: Peaks): Uint8Array => {
  const values = Int16Array.from([...min, ...max], (x) => Math.round(x * fullScale))
  return new Uint8Array(values.buffer)
}

const fromBlob = (blob: Uint8Array): Peaks => {
  const values = new Int16Array(Uint8Array.from(blob).buffer)
  const scaled = Float32Array.from(values, (x) => x / fullScale)
  const count = scaled.length / 2
  return { min: scaled.subarray(0, count), max: scaled.subarray(count) }
}

export const layer = (options: TrackMediaOptions = {}) => Layer.effect(TrackMedia, make(options))
